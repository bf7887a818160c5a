//! What goes into a call and what comes out of it.

use contracts::{ErrorCode, FieldProblem, tool::Tool};
use graph::schema::{Misfit, Schema};
use serde_json::Value;

use crate::{error::Error, failure::Failure};

/// Bytes of arguments and of a result, as JSON.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;
const MAX_KEY: usize = 255;
/// Misfits of a result that its failure tells.
const TOLD: usize = 3;

/// # Errors
/// [`Error::InvalidKey`].
pub(crate) fn check_key(key: Option<&str>) -> Result<(), Error> {
    let is_valid = |key: &str| {
        (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| (0x20..0x7f).contains(&byte))
    };
    if key.is_none_or(is_valid) {
        Ok(())
    } else {
        Err(Error::InvalidKey)
    }
}

/// # Errors
/// [`Error::ArgumentsTooLarge`], [`Error::InvalidArguments`].
pub(crate) fn check(tool: &Tool, arguments: &Value) -> Result<(), Error> {
    if bytes(arguments) > MAX_BYTES {
        return Err(Error::ArgumentsTooLarge);
    }
    if !arguments.is_object() {
        let message = "arguments are an object".to_owned();
        let path = "/arguments".to_owned();
        return Err(Error::InvalidArguments(vec![FieldProblem {
            path,
            message,
        }]));
    }
    fits(&tool.input_schema, arguments)
}

/// # Errors
/// [`Error::InvalidArguments`] with all places that do not fit.
pub(crate) fn fits(schema: &Value, arguments: &Value) -> Result<(), Error> {
    let misfits = schema_of(schema)?.misfits(arguments);
    if misfits.is_empty() {
        return Ok(());
    }
    let problem = |misfit: Misfit| FieldProblem {
        path: format!("/arguments{}", misfit.path),
        message: misfit.message,
    };
    let problems = misfits.into_iter().map(problem).collect();
    Err(Error::InvalidArguments(problems))
}

/// # Errors
/// `result_too_large`, `result_schema`.
pub(crate) fn check_result(tool: &Tool, result: &Value) -> Result<(), Failure> {
    if bytes(result) > MAX_BYTES {
        let text = "the result has more than 1 MiB of JSON";
        return Err(Failure::lasting("result_too_large", text));
    }
    let Some(schema) = &tool.output_schema else {
        return Ok(());
    };
    let misfits = schema_of(schema)?.misfits(result);
    if misfits.is_empty() {
        return Ok(());
    }
    let told = misfits.iter().take(TOLD);
    let told: Vec<_> = told
        .map(|misfit| format!("`{}`: {}", misfit.path, misfit.message))
        .collect();
    let text = format!(
        "the result does not satisfy the tool's `output_schema`: {}",
        told.join("; ")
    );
    Err(Failure::lasting("result_schema", text))
}

/// Schemas were checked when they were stored; the rules may have grown since.
fn schema_of(schema: &Value) -> Result<Schema, Failure> {
    let invalid = |reason| format!("a schema of the tool is not valid any more: {reason}");
    Schema::new(schema)
        .map_err(|reason| Failure::new(ErrorCode::InvalidInput, "schema", invalid(reason)))
}

fn bytes(value: &Value) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |text| text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_bounds() {
        for (key, valid) in [
            (None, true),
            (Some("k-1"), true),
            (Some(""), false),
            (Some("a\nb"), false),
            (Some("ä"), false),
        ] {
            assert_eq!(check_key(key).is_ok(), valid, "{key:?}");
        }
        assert!(check_key(Some(&"x".repeat(256))).is_err());
    }

    #[test]
    fn arguments_and_results_have_a_size() {
        let tool = Tool {
            id: contracts::id::ToolId::EXAMPLE,
            version: 1,
            name: "t".into(),
            kind: contracts::tool::ToolKind::Builtin,
            description: "d".into(),
            input_schema: serde_json::json!({"type": "object"}),
            output_schema: None,
            config: Value::Null,
            approval: contracts::tool::Approval::None,
            timeout_ms: 1000,
            least_role: contracts::Role::Operator,
            created_by: contracts::id::UserId::EXAMPLE,
            created_at: chrono::DateTime::UNIX_EPOCH,
            updated_at: chrono::DateTime::UNIX_EPOCH,
        };
        // `{"a":""}` has eight bytes of its own.
        let value = |bytes: usize| serde_json::json!({"a": "x".repeat(bytes - 8)});
        assert!(check(&tool, &value(MAX_BYTES)).is_ok());
        assert!(check_result(&tool, &value(MAX_BYTES)).is_ok());
        let large = check(&tool, &value(MAX_BYTES + 1)).unwrap_err();
        assert_eq!(large.reason(), "arguments_too_large");
        let large = check_result(&tool, &value(MAX_BYTES + 1)).unwrap_err();
        assert_eq!(large.reason, "result_too_large");
    }
}
