//! `mcp` with an image: a tool of an MCP server that speaks over its standard streams. It runs in a container and nowhere else.

use contracts::tool::ToolProblem;
use serde_json::{Value, json};

use crate::{
    State, containers::ContainerSpec, domain::spec::problem, error::Error, failure::Failure,
    kinds::Call,
};

const TOOL_CHARS_MAX: usize = 128;

pub(super) fn problems(config: &Value) -> Vec<ToolProblem> {
    parse(config).err().unwrap_or_default()
}

/// # Errors
/// What [`crate::containers::Containers::ask_mcp`] says, and `mcp_tool_error`.
pub(super) async fn run(state: &State, call: &Call<'_>) -> Result<Value, Error> {
    let (spec, tool) = parse(&call.tool.config)
        .map_err(|_| Failure::lasting("config", "the stored configuration is not valid"))?;
    let params = json!({"name": tool, "arguments": call.arguments});
    let containers = &state.containers;
    let answer = containers.ask_mcp(call.tenant, &spec, &params, call.timeout);
    Ok(result(answer.await?)?)
}

/// Whether a configuration means a server in a container.
pub(super) fn is_meant(config: &Value) -> bool {
    config.get("image").is_some()
}

/// `{"image", "command"?, "memory_mb"?, "cpus"?, "tool"}`.
fn parse(config: &Value) -> Result<(ContainerSpec, String), Vec<ToolProblem>> {
    let mut container = config.clone();
    let tool = container
        .as_object_mut()
        .and_then(|fields| fields.remove("tool"));
    let tool = match tool {
        Some(Value::String(tool)) if (1..=TOOL_CHARS_MAX).contains(&tool.chars().count()) => {
            Ok(tool)
        }
        _ => {
            let text = "`tool` must be the name of a tool of the server, 1 to 128 characters";
            Err(problem("/config/tool", "tool", text))
        }
    };
    match (ContainerSpec::parse(&container), tool) {
        (Ok(spec), Ok(tool)) => Ok((spec, tool)),
        (spec, tool) => {
            let mut problems = spec.err().unwrap_or_default();
            problems.extend(tool.err());
            Err(problems)
        }
    }
}

/// The structured result where the server gives one; else its text where it is only text; else its content.
fn result(mut answer: Value) -> Result<Value, Failure> {
    if !answer.is_object() {
        return Err(misunderstood());
    }
    if answer["isError"] == true {
        let text = "the MCP server says that the tool has failed";
        return Err(Failure::lasting("mcp_tool_error", text));
    }
    let structured = answer.get_mut("structuredContent");
    if let Some(structured) = structured.filter(|value| !value.is_null()) {
        return Ok(structured.take());
    }
    let content = answer["content"].take();
    let Some(items) = content.as_array() else {
        return Err(misunderstood());
    };
    let texts: Option<Vec<_>> = items
        .iter()
        .map(|item| (item["type"] == "text").then(|| item["text"].as_str())?)
        .collect();
    Ok(texts.map_or(content.clone(), |texts| Value::String(texts.join("\n"))))
}

fn misunderstood() -> Failure {
    Failure::lasting("mcp_answer", "the MCP server's result has no content")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_structured_or_text_or_content() {
        let text = |text: &str| json!({"type": "text", "text": text});
        let image = json!({"type": "image", "data": "", "mimeType": "image/png"});
        for (answer, expect) in [
            (json!({"content": [text("a"), text("b")]}), json!("a\nb")),
            (
                json!({"content": [text("7")], "structuredContent": {"n": 7}}),
                json!({"n": 7}),
            ),
            (
                json!({"content": [text("a"), image], "isError": false}),
                json!([text("a"), image]),
            ),
        ] {
            assert_eq!(result(answer), Ok(expect));
        }
        let failed = json!({"content": [text("no")], "isError": true});
        assert_eq!(result(failed).unwrap_err().reason, "mcp_tool_error");
        assert_eq!(result(json!({})).unwrap_err().reason, "mcp_answer");
        assert_eq!(result(json!([])).unwrap_err().reason, "mcp_answer");
    }

    #[test]
    fn a_server_is_a_container_and_a_tool() {
        let whole = json!({"image": "a:1", "command": ["x"], "memory_mb": 64, "tool": "t"});
        assert_eq!(problems(&whole), []);
        let paths = |config: Value| -> Vec<String> {
            let problems = problems(&config).into_iter();
            problems.map(|problem| problem.path).collect()
        };
        assert_eq!(paths(json!({"image": "a:1", "tool": ""})), ["/config/tool"]);
        assert_eq!(paths(json!({"image": "a:1"})), ["/config/tool"]);
        assert_eq!(paths(json!({"image": "a:1", "tool": 7})), ["/config/tool"]);
        assert_eq!(
            paths(json!({"image": "a:1", "tool": "t", "privileged": true})),
            ["/config/privileged"]
        );
    }
}
