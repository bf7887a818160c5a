//! Values that stand apart from their execution.

use contracts::{
    ErrorCode, Problem,
    payload::{PayloadRef, SHOWN, reference_of},
};
use serde_json::Value;

use super::{file, get};

fn path(execution: &str, reference: &PayloadRef) -> String {
    format!("/executions/{execution}/payloads/{}", reference.hash)
}

/// Whether the page shows it; one that is larger is saved as a file.
pub(crate) fn is_shown(reference: &PayloadRef) -> bool {
    reference.bytes <= SHOWN as u64
}

/// The value that a reference stands for.
pub(crate) async fn load(execution: &str, reference: &PayloadRef) -> Result<Value, Problem> {
    get(&path(execution, reference)).await
}

/// Saves the value that a reference stands for.
pub(crate) async fn save(execution: &str, reference: &PayloadRef) -> Result<(), Problem> {
    let name = format!("{execution}-{}.json", &reference.hash[..8]);
    file::download(&path(execution, reference), &name).await
}

/// A value to go on with: itself, also where its reference is given.
pub(crate) async fn whole(execution: &str, value: Value) -> Result<Value, Problem> {
    let Some(reference) = reference_of(&value) else {
        return Ok(value);
    };
    if !is_shown(&reference) {
        let detail = "the value has more than 1 MiB: use the API";
        return Err(Problem::new(ErrorCode::InvalidInput, detail).with_status(413));
    }
    load(execution, &reference).await
}
