//! `mcp`: a tool of an MCP server over streamable HTTP, in a session of its own for each call.

use std::{collections::BTreeMap, time::Duration};

use contracts::{id::TenantId, tool::ToolProblem};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    State,
    domain::{secret::Needs, spec::problem},
    error::Error,
    failure::Failure,
    kinds::{
        Call,
        headers::{self, Secrets},
        http::MAX_URL,
        read, stored,
    },
    mcp::{Server, Session},
    pulse::Pulse,
};

const MAX_TOOL: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    url: String,
    tool: String,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
}

pub(super) fn problems(config: &Value) -> Vec<ToolProblem> {
    let config = match read::<Config>(config) {
        Ok(config) => config,
        Err(problem) => return vec![problem],
    };
    let mut problems = headers::problems(&config.headers);
    let mut refuse = |path: &str, message: String| {
        problems.push(problem(path, "config", message));
    };
    if config.url.len() > MAX_URL || config.url.contains('#') {
        refuse(
            "/config/url",
            "a URL has at most 8 KiB and no `#`".to_owned(),
        );
    } else if let Err(error) = egress::host_and_port(&config.url) {
        refuse("/config/url", error.to_string());
    }
    let length = config.tool.chars().count();
    if !(1..=MAX_TOOL).contains(&length) || config.tool.contains(char::is_control) {
        refuse(
            "/config/tool",
            "a tool's name has 1 to 256 characters".to_owned(),
        );
    }
    problems
}

pub(super) fn secrets(config: &Value) -> Needs {
    match read::<Config>(config) {
        Ok(config) => headers::needs(&config.url, &config.headers),
        Err(_) => Needs::default(),
    }
}

/// # Errors
/// `unknown_secret`, `secret_host`, and those of [`Session`].
pub(super) async fn run(state: &State, call: &Call<'_>) -> Result<Value, Error> {
    let config: Config = stored(&call.tool.config)?;
    let place = Place {
        tenant: call.tenant,
        url: &config.url,
        headers: &config.headers,
        timeout: call.timeout,
        pulse: call.pulse,
    };
    let (mut server, secrets) = server(state, &place).await?;
    if let Some(key) = call.key {
        let key = ("Idempotency-Key".to_owned(), key.to_owned());
        server.headers.push(key);
    }
    let mut session = Session::open(server).await?;
    let result = session.call(&config.tool, call.arguments).await;
    session.close().await;
    let mut result = result?;
    headers::redact(&mut result, &secrets);
    Ok(result)
}

/// A server as an organization names it.
pub(crate) struct Place<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) url: &'a str,
    pub(crate) headers: &'a BTreeMap<String, Value>,
    pub(crate) timeout: Duration,
    pub(crate) pulse: &'a Pulse,
}

/// A server with its secrets opened, which are to be taken out of its answers.
///
/// # Errors
/// `unknown_secret`, `secret_host`.
pub(crate) async fn server<'a>(
    state: &'a State,
    place: &Place<'a>,
) -> Result<(Server<'a>, Secrets), Error> {
    let needs = headers::needs(place.url, place.headers);
    let secrets = headers::open(state, place.tenant, &needs).await?;
    let target = egress::host_and_port(place.url).map_err(Failure::from)?;
    let server = Server {
        egress: &state.egress,
        url: place.url,
        headers: headers::written(place.headers, &secrets, &target)?,
        confidential: !secrets.is_empty(),
        timeout: place.timeout,
        pulse: place.pulse,
    };
    Ok((server, secrets))
}
