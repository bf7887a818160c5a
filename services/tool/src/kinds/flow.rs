//! `flow`: a flow as a tool. The engine runs it as an execution of its own; no other way leads to it.

use contracts::{id::FlowId, tool::ToolProblem};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    error::Error,
    failure::Failure,
    kinds::{Call, read, stored},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    flow_id: FlowId,
}

pub(super) fn problems(config: &Value) -> Vec<ToolProblem> {
    read::<Config>(config).err().into_iter().collect()
}

/// Which flow a tool of this kind is, by its configuration.
///
/// # Errors
/// `config`.
pub(crate) fn flow_of(config: &Value) -> Result<FlowId, Failure> {
    stored::<Config>(config).map(|config| config.flow_id)
}

/// # Errors
/// Always `flow_tool`: the flow is to be run instead.
pub(super) fn run(call: &Call<'_>) -> Result<Value, Error> {
    let flow = flow_of(&call.tool.config)?;
    let text = format!(
        "tool `{}` is flow `{flow}`, which runs of agents call: to call it yourself, run the flow",
        call.tool.name
    );
    Err(Failure::lasting("flow_tool", text).into())
}
