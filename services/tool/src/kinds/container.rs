//! `container`: a program in a container, which gets the arguments as one line of JSON, or speaks MCP.

use contracts::tool::ToolProblem;
use serde_json::Value;

use crate::{
    State,
    containers::ContainerSpec,
    error::Error,
    failure::Failure,
    kinds::{Call, mcp_stdio},
};

pub(super) fn problems(config: &Value) -> Vec<ToolProblem> {
    if mcp_stdio::is_meant(config) {
        return mcp_stdio::problems(config);
    }
    ContainerSpec::parse(config).err().unwrap_or_default()
}

/// # Errors
/// What [`crate::containers::Containers::run`] says, or `ask_mcp` beside it.
pub(super) async fn run(state: &State, call: &Call<'_>) -> Result<Value, Error> {
    if mcp_stdio::is_meant(&call.tool.config) {
        return mcp_stdio::run(state, call).await;
    }
    let spec = ContainerSpec::parse(&call.tool.config)
        .map_err(|_| Failure::lasting("config", "the stored configuration is not valid"))?;
    let answer = state.containers.run(&spec, call.arguments, call.timeout);
    Ok(answer.await?)
}
