//! The organization as an MCP server: its published flows, its agents and its tools, over streamable HTTP.
//!
//! Model Context Protocol, revisions 2024-11-05 to 2025-06-18, without sessions: each request is answered by one JSON
//! object. Read [`catalog`] for what there is to call, [`call`] for calling it.
//!
//! **Invariant:** a call does what the same caller could do over REST, and nothing else: the services check it again.

mod call;
mod catalog;

use contracts::{ErrorCode, Problem};
use poem::{Body, IntoEndpoint, Request, Response, Route, endpoint::make, http::StatusCode, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::PREFIX,
    caller::{Caller, Identity},
    edge::check_origin,
    problem::Refusal,
};

/// The revisions that are spoken, the newest first.
const REVISIONS: [&str; 3] = ["2025-06-18", "2025-03-26", "2024-11-05"];

/// JSON-RPC 2.0: what went wrong.
#[derive(Debug)]
struct Failure {
    code: i32,
    message: String,
}

impl Failure {
    const INVALID_REQUEST: i32 = -32600;
    const UNKNOWN_METHOD: i32 = -32601;
    const INVALID_PARAMS: i32 = -32602;
    const INTERNAL: i32 = -32603;

    fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    fn params(message: impl Into<String>) -> Self {
        Self::new(Self::INVALID_PARAMS, message)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let code = match problem.code {
            ErrorCode::InvalidInput | ErrorCode::NotFound => Self::INVALID_PARAMS,
            ErrorCode::Unauthenticated
            | ErrorCode::Forbidden
            | ErrorCode::Conflict
            | ErrorCode::RateLimited
            | ErrorCode::Timeout
            | ErrorCode::Unavailable
            | ErrorCode::Internal => Self::INTERNAL,
        };
        Self::new(code, problem.detail)
    }
}

/// A message of the client: a request where it has an id, else a notification or an answer.
#[derive(Debug, Deserialize)]
struct Incoming {
    jsonrpc: String,
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    params: Value,
}

/// The route of the server.
pub(crate) fn routes(route: Route) -> Route {
    route.at(format!("{PREFIX}/mcp"), endpoint())
}

fn endpoint() -> impl IntoEndpoint<Endpoint: 'static> {
    post(make(
        |request: Request| async move { answer(request).await },
    ))
}

async fn answer(mut request: Request) -> poem::Result<Response> {
    let caller = caller(&request)?;
    check_origin(request.headers(), &caller.gate.config)?;
    let body = request.take_body().into_bytes().await?;
    let incoming: Incoming = match serde_json::from_slice(&body) {
        Ok(incoming) => incoming,
        Err(error) => {
            let text = format!("the body is no JSON-RPC message: {error}");
            let failure = Failure::new(Failure::INVALID_REQUEST, text);
            return Ok(failed(StatusCode::BAD_REQUEST, &Value::Null, &failure));
        }
    };
    let (Some(id), Some(method)) = (&incoming.id, &incoming.method) else {
        // A notification, or an answer to a question that this server never asks.
        return Ok(StatusCode::ACCEPTED.into());
    };
    if incoming.jsonrpc != "2.0" {
        let failure = Failure::new(Failure::INVALID_REQUEST, "`jsonrpc` must be `2.0`");
        return Ok(failed(StatusCode::BAD_REQUEST, id, &failure));
    }
    let result = match method.as_str() {
        "initialize" => Ok(initialize(&incoming.params)),
        "ping" => Ok(json!({})),
        "tools/list" => catalog::list(&caller, &incoming.params).await,
        "tools/call" => call::call(&caller, &incoming.params).await,
        other => {
            let text = format!("the method `{other}` is not known here");
            Err(Failure::new(Failure::UNKNOWN_METHOD, text))
        }
    };
    Ok(match result {
        Ok(result) => written(
            StatusCode::OK,
            &json!({"jsonrpc": "2.0", "id": id, "result": result}),
        ),
        Err(failure) => failed(StatusCode::OK, id, &failure),
    })
}

/// The revision that the client asks for, where it is spoken; else the newest, which the client may refuse.
fn initialize(params: &Value) -> Value {
    let asked = params["protocolVersion"].as_str().unwrap_or_default();
    let revision = REVISIONS
        .into_iter()
        .find(|revision| *revision == asked)
        .unwrap_or(REVISIONS[0]);
    json!({
        "protocolVersion": revision,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "troupe", "title": "Troupe", "version": env!("CARGO_PKG_VERSION")},
        "instructions": "The tools are the organization's published flows, its agents and its tools."
    })
}

fn caller(request: &Request) -> Result<Caller, Refusal> {
    let missing = || Problem::new(ErrorCode::Unauthenticated, "an access token is needed");
    let identity = request.data::<Identity>();
    let verdict = identity.and_then(|identity| identity.verdict.clone());
    verdict.unwrap_or_else(|| Err(missing())).map_err(Refusal)
}

fn failed(status: StatusCode, id: &Value, failure: &Failure) -> Response {
    let error = json!({"code": failure.code, "message": failure.message});
    written(status, &json!({"jsonrpc": "2.0", "id": id, "error": error}))
}

fn written(status: StatusCode, body: &Value) -> Response {
    Response::builder()
        .status(status)
        .content_type("application/json")
        .body(Body::from_string(body.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revision_is_the_clients_where_it_is_spoken() {
        let revision = |asked: &str| {
            initialize(&json!({ "protocolVersion": asked }))["protocolVersion"].clone()
        };
        assert_eq!(revision("2024-11-05"), json!("2024-11-05"));
        assert_eq!(revision("1999-01-01"), json!("2025-06-18"));
    }
}
