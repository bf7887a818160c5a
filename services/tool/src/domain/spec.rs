//! What a tool must look like.

use contracts::{
    subject::Token,
    tool::{Tool, ToolProblem, ToolSpec},
};
use graph::schema::Schema;
use serde_json::Value;

use crate::{error::Error, kinds};

const MAX_DESCRIPTION: usize = 2000;
/// Bytes of a tool as JSON.
const MAX_SPEC_BYTES: usize = 256 * 1024;

/// # Errors
/// [`Error::InvalidTool`] with all that is wrong.
pub(crate) fn check(spec: &ToolSpec) -> Result<(), Error> {
    let problems = problems(spec);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::InvalidTool(problems))
    }
}

/// All that is wrong with a tool, but for the secrets it names.
pub(crate) fn problems(spec: &ToolSpec) -> Vec<ToolProblem> {
    let mut problems = Vec::new();
    let mut refuse = |path: &str, code: &str, message: String| {
        problems.push(problem(path, code, message));
    };
    if Token::new(&spec.name).is_none() {
        let text = "a name has 1 to 64 letters, digits, `_` or `-`";
        refuse("/name", "name", text.to_owned());
    }
    let length = spec.description.chars().count();
    let is_blank = spec.description.trim().is_empty();
    if is_blank || length > MAX_DESCRIPTION || spec.description.contains('\0') {
        let text = "a description has 1 to 2,000 characters";
        refuse("/description", "description", text.to_owned());
    }
    if let Err(reason) = object_schema(&spec.input_schema) {
        refuse("/input_schema", "schema", reason);
    }
    if let Some(Err(reason)) = spec.output_schema.as_ref().map(Schema::new) {
        refuse("/output_schema", "schema", reason);
    }
    if !(100..=600_000).contains(&spec.timeout_ms()) {
        let text = "a call may take 100 to 600,000 ms";
        refuse("/timeout_ms", "timeout", text.to_owned());
    }
    let written = serde_json::to_vec(spec).map_or(usize::MAX, |bytes| bytes.len());
    if written > MAX_SPEC_BYTES {
        let text = "a tool has at most 256 KiB as JSON";
        refuse("", "too_large", text.to_owned());
    }
    problems.extend(kinds::problems(spec.kind, &spec.config));
    problems
}

/// A problem of a tool.
pub(crate) fn problem(path: &str, code: &str, message: impl Into<String>) -> ToolProblem {
    ToolProblem {
        path: path.to_owned(),
        code: code.to_owned(),
        message: message.into(),
    }
}

/// What its author said.
pub(crate) fn of(tool: Tool) -> ToolSpec {
    ToolSpec {
        name: tool.name,
        kind: tool.kind,
        description: tool.description,
        input_schema: tool.input_schema,
        output_schema: tool.output_schema,
        config: tool.config,
        approval: tool.approval,
        timeout_ms: Some(tool.timeout_ms),
        least_role: tool.least_role,
    }
}

/// # Errors
/// Why this is no schema of an object.
pub(crate) fn object_schema(schema: &Value) -> Result<(), String> {
    Schema::new(schema)?;
    match schema.get("type") {
        Some(Value::String(kind)) if kind == "object" => Ok(()),
        // `{}` says nothing about the arguments: they are an object all the same.
        None if schema.as_object().is_some_and(serde_json::Map::is_empty) => Ok(()),
        _ => Err("the schema of arguments says `\"type\": \"object\"`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use contracts::tool::ToolKind;
    use serde_json::json;

    use super::*;

    fn paths(change: impl FnOnce(&mut ToolSpec)) -> Vec<String> {
        let mut spec = ToolSpec::example();
        change(&mut spec);
        let problems = problems(&spec).into_iter();
        problems.map(|problem| problem.path).collect()
    }

    #[test]
    fn each_field_is_checked() {
        assert_eq!(paths(|_| {}), [""; 0]);
        for name in ["", "a b", "ä", &"x".repeat(65)] {
            assert_eq!(paths(|spec| spec.name = name.into()), ["/name"], "{name}");
        }
        for text in ["", "  ", "\0", &"x".repeat(2001)] {
            assert_eq!(
                paths(|spec| spec.description = text.into()),
                ["/description"]
            );
        }
        for schema in [
            json!(true),
            json!(null),
            json!({"type": "string"}),
            json!({"type": ["object", "null"]}),
            json!({"type": "object", "properties": 1}),
            json!({"type": "object", "$ref": "http://example.com/schema"}),
        ] {
            assert_eq!(
                paths(|spec| spec.input_schema = schema.clone()),
                ["/input_schema"],
                "{schema}"
            );
        }
        assert_eq!(paths(|spec| spec.input_schema = json!({})), [""; 0]);
        let wrong = json!({"type": "strnig"});
        assert_eq!(
            paths(|spec| spec.output_schema = Some(wrong)),
            ["/output_schema"]
        );
        for timeout in [0, 99, 600_001, u64::MAX] {
            assert_eq!(
                paths(|spec| spec.timeout_ms = Some(timeout)),
                ["/timeout_ms"]
            );
        }
    }

    #[test]
    fn a_configuration_is_that_of_its_kind() {
        for (kind, config) in [
            (ToolKind::Javascript, json!({})),
            (ToolKind::Javascript, json!({"source": "x", "more": 1})),
            (ToolKind::Builtin, json!({"name": "shell"})),
            (ToolKind::Http, json!({"source": "x"})),
            (ToolKind::Http, json!(null)),
        ] {
            let found = paths(|spec| {
                spec.kind = kind;
                spec.config = config.clone();
            });
            assert_eq!(found, ["/config"], "{config}");
        }
    }
}
