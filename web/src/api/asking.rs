//! What waits for a person, for all who tell of it: the navigation, the dashboard and the inbox.

use contracts::{execution::ExecutionSummary, page::Page};

use super::query::{Query, use_get};

/// Executions that wait for a person, the newest first.
pub(crate) const ASKING: &str = "/executions?asks=true&limit=50";

pub(crate) fn use_asking() -> Query<Page<ExecutionSummary>> {
    use_get(ASKING.into())
}

/// How much is asked; `+` where there is more than was read.
pub(crate) fn count(page: &Page<ExecutionSummary>) -> Option<String> {
    let asks: u32 = page.items.iter().map(|execution| execution.asks).sum();
    let more = if page.next.is_some() { "+" } else { "" };
    (asks > 0).then(|| format!("{asks}{more}"))
}
