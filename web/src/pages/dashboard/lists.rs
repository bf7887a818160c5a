//! Executions in progress, and those that failed lately.

use contracts::{execution::ExecutionSummary, page::Page as ListPage};
use dioxus::prelude::*;

use crate::{
    api::{
        names::{Names, use_names},
        query::{Query, View},
    },
    format,
    routes::Route,
    ui::{
        badge::StateBadge,
        icon::Icon,
        problem::{ProblemView, sentence},
        skeleton::Skeleton,
        time::Ago,
    },
};

#[component]
pub(super) fn InProgress(
    running: Query<ListPage<ExecutionSummary>>,
    waiting: Query<ListPage<ExecutionSummary>>,
) -> Element {
    let names = use_names();
    let pages = [running.data(), waiting.data()];
    let executions: Vec<_> = pages
        .iter()
        .flatten()
        .flat_map(|page| page.items.iter())
        .collect();
    rsx! {
        if executions.is_empty() {
            p { class: "muted", "Nothing runs at present." }
        }
        ul { class: "board-list",
            for execution in executions {
                li { key: "{execution.id}",
                    Subject { execution: execution.clone(), names: names.clone() }
                    StateBadge { state: execution.state }
                    span { class: "num muted spread", {elapsed(execution)} }
                }
            }
        }
    }
}

/// Failures that are told of; those that follow each other and say the same are one.
const SHOWN: usize = 6;

#[component]
pub(super) fn Failures(failed: Query<ListPage<ExecutionSummary>>) -> Element {
    let names = use_names();
    match failed.view() {
        View::Loading => rsx! { Skeleton { rows: 2 } },
        View::Failed(problem) => {
            rsx! { ProblemView { problem, onretry: move |()| failed.refetch() } }
        }
        View::Ready(page) if page.items.is_empty() => {
            rsx! { p { class: "muted", "Nothing failed." } }
        }
        View::Ready(page) => rsx! {
            ul { class: "board-list",
                for (execution , times) in folded(&page.items).into_iter().take(SHOWN) {
                    li { key: "{execution.id}",
                        Subject { execution: execution.clone(), names: names.clone() }
                        span { class: "board-error",
                            {reason(execution)}
                            if times > 1 {
                                span { class: "num muted", " ×{times}" }
                            }
                        }
                        span { class: "muted spread", Ago { at: execution.created_at } }
                    }
                }
            }
        },
    }
}

#[component]
fn Subject(execution: ExecutionSummary, names: Names) -> Element {
    let (name, _, glyph) = names.origin(&execution.origin);
    rsx! {
        Link { to: Route::execution(execution.id), class: "board-subject",
            Icon { glyph }
            span { "{name}" }
        }
    }
}

/// The newest of each row of same failures, and how many they are.
fn folded(failures: &[ExecutionSummary]) -> Vec<(&ExecutionSummary, usize)> {
    let same = |a: &ExecutionSummary, b: &ExecutionSummary| {
        let of = |it: &ExecutionSummary| (it.origin.flow_id, it.origin.agent_id, it.origin.crew_id);
        of(a) == of(b) && reason(a) == reason(b)
    };
    failures
        .chunk_by(same)
        .map(|row| (&row[0], row.len()))
        .collect()
}

/// The step and what it said.
fn reason(execution: &ExecutionSummary) -> String {
    let Some(error) = &execution.error else {
        return String::new();
    };
    match &error.node {
        Some(node) => format!("{node}: {}", sentence(&error.message)),
        None => sentence(&error.message),
    }
}

fn elapsed(execution: &ExecutionSummary) -> String {
    let end = execution.finished_at.unwrap_or_else(chrono::Utc::now);
    let ms = (end - execution.created_at).num_milliseconds();
    format::duration(u64::try_from(ms).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use contracts::execution::{ExecutionState, StepError};

    use super::*;
    use crate::pages::dashboard::days::testing::execution;

    #[test]
    fn failures_that_say_the_same_are_one() {
        let failed = |message: &str| ExecutionSummary {
            error: Some(StepError {
                code: "code_exception".into(),
                message: message.into(),
                node: Some("parse".into()),
                retryable: false,
                retry_after_ms: None,
            }),
            ..execution(0, ExecutionState::Failed)
        };
        let failures = [failed("a"), failed("a"), failed("b"), failed("a")];
        let times: Vec<_> = folded(&failures)
            .into_iter()
            .map(|(_, times)| times)
            .collect();
        assert_eq!(times, [2, 1, 1]);
    }
}
