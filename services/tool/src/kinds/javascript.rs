//! JavaScript of users, in the sandbox: the default export of a module gets the arguments.

use contracts::tool::ToolProblem;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    State,
    domain::spec::problem,
    error::Error,
    failure::Failure,
    kinds::{Call, read, stored},
};

/// Bytes of a source.
const MAX_SOURCE: usize = 128 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) source: String,
}

/// Of a source, in this language or in another.
pub(super) fn problems(config: &Value) -> Vec<ToolProblem> {
    match read::<Config>(config) {
        Err(problem) => vec![problem],
        Ok(Config { source }) if source.trim().is_empty() || source.len() > MAX_SOURCE => {
            let text = "a source has 1 byte to 128 KiB";
            vec![problem("/config/source", "config", text)]
        }
        Ok(_) => Vec::new(),
    }
}

/// # Errors
/// What [`sandbox::Error`] says.
pub(super) async fn run(state: &State, call: &Call<'_>) -> Result<Value, Error> {
    let Config { source } = stored(&call.tool.config)?;
    let run = state.sandbox.run(&source, call.arguments, call.timeout);
    Ok(run.await.map_err(Failure::from)?)
}
