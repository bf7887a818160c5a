//! What each kind of tool does: one file per kind, behind one `match` each for checking and for running.

mod builtin;
mod container;
pub(crate) mod flow;
pub(crate) mod headers;
mod http;
mod javascript;
mod mcp;
mod mcp_stdio;
mod nats;
mod openapi;
mod python;

use std::time::Duration;

use bus::Bus;
use contracts::{
    id::TenantId,
    tool::{Tool, ToolKind, ToolProblem},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    State,
    domain::{secret::Needs, spec::problem},
    error::Error,
    failure::Failure,
    pulse::Pulse,
};

pub(crate) use mcp::{Place as McpPlace, server as mcp_server};

/// One call, with arguments that fit the tool's own schema.
pub(crate) struct Call<'a> {
    pub(crate) bus: &'a Bus,
    pub(crate) tenant: TenantId,
    pub(crate) tool: &'a Tool,
    pub(crate) arguments: &'a Value,
    /// Passed on to the outside.
    pub(crate) key: Option<&'a str>,
    pub(crate) timeout: Duration,
    /// For who waits: what is heard of the work before its end.
    pub(crate) pulse: &'a Pulse,
}

/// What is wrong with a configuration.
pub(crate) fn problems(kind: ToolKind, config: &Value) -> Vec<ToolProblem> {
    match kind {
        ToolKind::Builtin => builtin::problems(config),
        ToolKind::Http => http::problems(config),
        ToolKind::Javascript => javascript::problems(config),
        ToolKind::Openapi => openapi::problems(config),
        ToolKind::Python => python::problems(config),
        ToolKind::Container => container::problems(config),
        ToolKind::Nats => nats::problems(config),
        ToolKind::Mcp if mcp_stdio::is_meant(config) => mcp_stdio::problems(config),
        ToolKind::Mcp => mcp::problems(config),
        ToolKind::Flow => flow::problems(config),
    }
}

/// The secrets that a configuration names.
pub(crate) fn secrets(kind: ToolKind, config: &Value) -> Needs {
    match kind {
        ToolKind::Http => http::secrets(config),
        ToolKind::Openapi => openapi::secrets(config),
        ToolKind::Mcp => mcp::secrets(config),
        ToolKind::Builtin
        | ToolKind::Javascript
        | ToolKind::Python
        | ToolKind::Container
        | ToolKind::Nats
        | ToolKind::Flow => Needs::default(),
    }
}

/// # Errors
/// [`Error::Failed`] for a call that has no result; what else [`Error`] says for one that was not made.
pub(crate) async fn run(state: &State, call: &Call<'_>) -> Result<Value, Error> {
    match call.tool.kind {
        ToolKind::Builtin => builtin::run(state, call).await,
        ToolKind::Http => http::run(state, call).await,
        ToolKind::Javascript => javascript::run(state, call).await,
        ToolKind::Openapi => openapi::run(state, call).await,
        ToolKind::Python => python::run(state, call).await,
        ToolKind::Container => container::run(state, call).await,
        ToolKind::Nats => nats::run(call).await,
        ToolKind::Mcp if mcp_stdio::is_meant(&call.tool.config) => {
            mcp_stdio::run(state, call).await
        }
        ToolKind::Mcp => mcp::run(state, call).await,
        ToolKind::Flow => flow::run(call),
    }
}

/// The configuration of a kind, or the one problem of what is none.
fn read<T: DeserializeOwned>(config: &Value) -> Result<T, ToolProblem> {
    T::deserialize(config).map_err(|error| {
        let text: String = error.to_string().chars().take(300).collect();
        problem("/config", "config", text)
    })
}

/// The configuration of a stored tool, which was checked when it was stored.
fn stored<T: DeserializeOwned>(config: &Value) -> Result<T, Failure> {
    read(config).map_err(|problem| Failure::lasting("config", problem.message))
}
