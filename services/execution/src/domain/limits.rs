//! How large the values of an execution may be.

use contracts::{
    ErrorCode, Problem,
    execution::StepError,
    payload::{INLINE, exceeds, json_bytes, upper_bound},
    work::WorkItem,
};
use serde_json::Value;

use super::State;

/// Bytes of JSON that one input or output may take.
pub(crate) const MAX_VALUE: usize = 16 * 1024 * 1024;
/// Bytes of JSON that all values of an execution may take that do not stand in their records, each counted as often as it was
/// recorded.
const MAX_LARGE: u64 = 512 * 1024 * 1024;
/// Bytes of JSON that a work item's configuration and argument may take.
const MAX_ITEM: usize = 32 * 1024 * 1024;
/// Bytes of an error's text that are kept.
const MAX_TEXT: usize = 4096;

/// Whether the value's JSON text fits.
pub(crate) fn fits(value: &Value) -> bool {
    !exceeds(value, MAX_VALUE)
}

/// Whether the value fits by itself, and beside those that the execution has.
pub(crate) fn fits_into(state: &State, value: &Value) -> bool {
    let room = usize::try_from(MAX_LARGE.saturating_sub(state.large)).unwrap_or(usize::MAX);
    fits(value) && (room >= MAX_VALUE || !exceeds(value, room.max(INLINE)))
}

/// Why an output does not fit.
pub(crate) fn too_large(output: &Value) -> StepError {
    if !fits(output) {
        return output_too_large();
    }
    let text = format!(
        "the large outputs of the execution come to more than {} MiB",
        MAX_LARGE / 1024 / 1024
    );
    StepError::new("execution_too_large", text)
}

/// The refusal of a request whose value does not fit.
pub(crate) fn value_too_large() -> Problem {
    let text = format!("the value is larger than {} MiB", MAX_VALUE / 1024 / 1024);
    Problem::new(ErrorCode::InvalidInput, text).with_status(413)
}

/// Whether a work item fits into the queue.
pub(crate) fn fits_queue(item: &WorkItem) -> bool {
    let values = item.config.values().chain([&item.argument]);
    let bound: usize = values.clone().map(upper_bound).sum();
    bound <= MAX_ITEM || values.map(json_bytes).sum::<usize>() <= MAX_ITEM
}

/// The error of a step whose output does not fit.
pub(crate) fn output_too_large() -> StepError {
    StepError::new(
        "output_too_large",
        format!("the output is larger than {} MiB", MAX_VALUE / 1024 / 1024),
    )
}

/// The error with a text that fits.
pub(crate) fn shortened(mut error: StepError) -> StepError {
    if error.message.len() > MAX_TEXT {
        let end = error.message.floor_char_boundary(MAX_TEXT);
        error.message.truncate(end);
        error.message.push('…');
    }
    if error.code.len() > 64 {
        let end = error.code.floor_char_boundary(64);
        error.code.truncate(end);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_exact() {
        let text = |length: usize| Value::String("x".repeat(length));
        assert!(fits(&text(MAX_VALUE - 2)));
        assert!(!fits(&text(MAX_VALUE - 1)));
        assert!(!fits(&Value::String("\u{1}".repeat(MAX_VALUE / 6 + 1))));
        assert!(fits(&Value::String("\u{1}".repeat(MAX_VALUE / 6 - 1))));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let error = shortened(StepError::new("x", "é".repeat(10_000)));
        assert!(error.message.len() <= MAX_TEXT + 3);
    }
}
