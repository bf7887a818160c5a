//! Code steps: JavaScript of users, in the sandbox.

use std::time::Duration;

use contracts::{execution::StepError, work::WorkItem};
use sandbox::{Error, Sandbox};
use serde_json::Value;

/// Runs the source of a step with `{input, nodes}`.
///
/// # Errors
/// What [`sandbox::Error`] says. A sandbox that cannot be had, or broke down, may be there for the next attempt.
pub(crate) async fn perform(sandbox: &Sandbox, item: &WorkItem) -> Result<Value, StepError> {
    let source = item.config.get("source").and_then(Value::as_str);
    let source = source.ok_or_else(|| StepError::new("config", "`source` is no text"))?;
    let timeout = Duration::from_millis(item.timeout_ms);
    sandbox
        .run(source, &item.argument, timeout)
        .await
        .map_err(|error| {
            let failed = StepError::new(error.code(), error.to_string());
            match error {
                Error::Unavailable { .. } | Error::Crashed => failed.retryable(),
                Error::Timeout { .. }
                | Error::Memory { .. }
                | Error::Stack
                | Error::Exception { .. }
                | Error::Syntax { .. }
                | Error::OutputTooLarge { .. }
                | Error::NotJson { .. }
                | Error::InputTooLarge { .. } => failed,
            }
        })
}
