//! `container`: a program in a container of its own, which gets the arguments as one line of JSON.

use contracts::tool::ToolProblem;
use serde_json::Value;

use crate::{State, containers::ContainerSpec, error::Error, failure::Failure, kinds::Call};

pub(super) fn problems(config: &Value) -> Vec<ToolProblem> {
    ContainerSpec::parse(config).err().unwrap_or_default()
}

/// # Errors
/// What [`crate::containers::Containers::run`] says.
pub(super) async fn run(state: &State, call: &Call<'_>) -> Result<Value, Error> {
    let spec = ContainerSpec::parse(&call.tool.config)
        .map_err(|_| Failure::lasting("config", "the stored configuration is not valid"))?;
    let answer = state
        .containers
        .run(&spec, call.arguments, call.timeout, call.pulse);
    Ok(answer.await?)
}
