//! `mcp` with an image: a tool of an MCP server that speaks over its standard streams. It runs in a container and nowhere else.

use contracts::tool::ToolProblem;
use serde_json::Value;

use crate::{
    State,
    containers::{Asked, ContainerSpec},
    domain::spec::problem,
    error::Error,
    failure::Failure,
    kinds::Call,
    mcp::{call_of, result_of},
};

const TOOL_CHARS_MAX: usize = 128;

pub(super) fn problems(config: &Value) -> Vec<ToolProblem> {
    parse(config).err().unwrap_or_default()
}

/// # Errors
/// What [`crate::containers::Containers::ask_mcp`] and [`result_of`] say.
pub(super) async fn run(state: &State, call: &Call<'_>) -> Result<Value, Error> {
    let (spec, tool) = parse(&call.tool.config)
        .map_err(|_| Failure::lasting("config", "the stored configuration is not valid"))?;
    let asked = Asked {
        tenant: call.tenant,
        spec: &spec,
        params: &call_of(&tool, call.arguments, call.pulse),
        timeout: call.timeout,
        pulse: call.pulse,
    };
    let answer = state.containers.ask_mcp(asked);
    Ok(result_of(answer.await?, &tool)?)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
