//! How large the values of an execution may be.

use contracts::{execution::StepError, work::WorkItem};
use serde_json::Value;

/// Bytes of JSON that one input or output may take.
pub(crate) const MAX_VALUE: usize = 1024 * 1024;
/// Bytes of JSON that a work item's configuration and argument may take.
const MAX_ITEM: usize = 6 * 1024 * 1024;
/// Bytes of an error's text that are kept.
const MAX_TEXT: usize = 4096;

/// Whether the value's JSON text fits.
pub(crate) fn fits(value: &Value) -> bool {
    // Most values are small: their exact text is only measured when a cheap upper bound does not settle it.
    upper_bound(value) <= MAX_VALUE || measured(value) <= MAX_VALUE
}

/// Whether a work item fits into the queue.
pub(crate) fn fits_queue(item: &WorkItem) -> bool {
    let values = item.config.values().chain([&item.argument]);
    let bound: usize = values.clone().map(upper_bound).sum();
    bound <= MAX_ITEM || values.map(measured).sum::<usize>() <= MAX_ITEM
}

/// The error of a step whose output does not fit.
pub(crate) fn output_too_large() -> StepError {
    StepError::new(
        "output_too_large",
        format!("the output is larger than {} KiB", MAX_VALUE / 1024),
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

fn upper_bound(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 6,
        Value::Number(_) => 32,
        // A control character takes six bytes of JSON.
        Value::String(text) => text.len() * 6 + 3,
        Value::Array(items) => items.iter().map(upper_bound).sum::<usize>() + 2,
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| name.len() * 6 + 4 + upper_bound(value));
            fields.sum::<usize>() + 2
        }
    }
}

fn measured(value: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value)
        .expect("a JSON value is JSON, and counting never fails");
    count.0
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
    fn the_bound_is_never_below_the_measure() {
        for value in [
            serde_json::json!({"a\n": [1, -2.5e-300, true, null, "\u{1f}\"\\é"], "": {}}),
            serde_json::json!([]),
            serde_json::json!(f64::MIN_POSITIVE),
        ] {
            assert!(upper_bound(&value) >= measured(&value), "{value}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let error = shortened(StepError::new("x", "é".repeat(10_000)));
        assert!(error.message.len() <= MAX_TEXT + 3);
    }
}
