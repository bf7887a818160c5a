//! Python of users, in the sandbox: the function `run` gets the arguments by name.

use serde_json::Value;

pub(super) use super::javascript::problems;
use crate::{
    State,
    error::Error,
    failure::Failure,
    kinds::{Call, javascript::Config, stored},
};

/// # Errors
/// What [`sandbox::Error`] says.
pub(super) async fn run(state: &State, call: &Call<'_>) -> Result<Value, Error> {
    let Config { source } = stored(&call.tool.config)?;
    let run = state
        .sandbox
        .run_python(&source, call.arguments, call.timeout);
    Ok(run.await.map_err(Failure::from)?)
}
