//! A small MCP server over streamable HTTP: two pages of tools, sessions, answers as JSON and as a stream of events.
//!
//! **Invariant:** it keeps to the protocol as strictly as a server may: whoever leaves out a session, a version or the
//! greeting is refused.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream};
use poem::{Body, Request, Response, endpoint::make, http::StatusCode};
use serde_json::{Value, json};

use crate::local_http::LocalHttp;

const VERSION: &str = "2025-06-18";

/// Tools `add` (as JSON), `echo` (as a stream), `fail`, `large`, and `tree`, whose schema contains itself.
#[derive(Debug)]
pub struct McpServer {
    http: LocalHttp,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether each open session has been greeted.
    sessions: Mutex<BTreeMap<String, bool>>,
    seen: Mutex<Vec<Seen>>,
}

/// One message that arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub authorization: Option<String>,
    pub idempotency_key: Option<String>,
    /// Whether it names a token for notices of progress.
    pub asks_for_progress: bool,
}

impl McpServer {
    pub async fn start() -> Self {
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let http = LocalHttp::serve(make(move |request| {
            let state = Arc::clone(&shared);
            async move { state.answer(request).await }
        }))
        .await;
        Self { http, state }
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.http.address())
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.http.address()
    }

    /// What has arrived so far, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.state.seen).clone()
    }

    /// Sessions that nobody has ended.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        lock(&self.state.sessions).len()
    }
}

impl State {
    async fn answer(&self, mut request: Request) -> poem::Result<Response> {
        let body = request.take_body().into_string().await?;
        let message: Value = serde_json::from_str(&body).unwrap_or_default();
        let method = message["method"].as_str().unwrap_or_default().to_owned();
        let header = |name: &str| request.header(name).map(ToOwned::to_owned);
        lock(&self.seen).push(Seen {
            method: method.clone(),
            authorization: header("authorization"),
            idempotency_key: header("idempotency-key"),
            asks_for_progress: !message["params"]["_meta"]["progressToken"].is_null(),
        });
        if method == "initialize" {
            return Ok(self.greet(&message));
        }
        let session = header("mcp-session-id").unwrap_or_default();
        let greeted = lock(&self.sessions).get(&session).copied();
        let is_known = header("mcp-protocol-version").as_deref() == Some(VERSION);
        let (Some(greeted), true) = (greeted, is_known) else {
            return Ok(empty(StatusCode::NOT_FOUND));
        };
        if request.method().as_str() == "DELETE" {
            lock(&self.sessions).remove(&session);
            return Ok(empty(StatusCode::NO_CONTENT));
        }
        if method == "notifications/initialized" {
            lock(&self.sessions).insert(session, true);
            return Ok(empty(StatusCode::ACCEPTED));
        }
        if !greeted {
            return Ok(empty(StatusCode::BAD_REQUEST));
        }
        Ok(match method.as_str() {
            "tools/list" => result(&message, &listed(&message["params"])),
            "tools/call" => called(&message),
            _ => error(&message, -32_601),
        })
    }

    fn greet(&self, message: &Value) -> Response {
        let session = format!("session-{}", lock(&self.seen).len());
        lock(&self.sessions).insert(session.clone(), false);
        let hello = json!({"protocolVersion": VERSION, "capabilities": {"tools": {}},
            "serverInfo": {"name": "test", "version": "1"}});
        let mut response = result(message, &hello);
        let session = session.parse().expect("letters and digits");
        response.headers_mut().insert("mcp-session-id", session);
        response
    }
}

fn listed(params: &Value) -> Value {
    let text = json!({"type": "object", "properties": {"text": {"type": "string"}}});
    if params["cursor"] == "2" {
        return json!({"tools": [
            {"name": "fail", "inputSchema": {"type": "object"}},
            {"name": "large", "inputSchema": {"type": "object"}},
            {"name": "tree", "title": "A tree", "inputSchema": {"type": "object",
                "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
                "properties": {"root": {"$ref": "#/$defs/node"}}}},
            {"name": "wrong", "inputSchema": {"type": "array"}}
        ]});
    }
    json!({"nextCursor": "2", "tools": [
        {"name": "math.add", "description": "Adds two numbers.", "inputSchema": {"type": "object", "required": ["a", "b"],
            "properties": {"a": {"type": "number"}, "b": {"type": "number"}}}},
        {"name": "echo", "description": "Says it back.", "inputSchema": text}
    ]})
}

fn called(message: &Value) -> Response {
    let arguments = &message["params"]["arguments"];
    let text = |text: &str| json!({"content": [{"type": "text", "text": text}]});
    match message["params"]["name"].as_str().unwrap_or_default() {
        "math.add" => {
            let sum =
                arguments["a"].as_f64().unwrap_or(0.0) + arguments["b"].as_f64().unwrap_or(0.0);
            let sum = json!({"content": [], "structuredContent": {"sum": sum}});
            result(message, &sum)
        }
        "echo" => {
            let answer = text(arguments["text"].as_str().unwrap_or_default());
            let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": answer});
            let notice = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {}});
            let begins = format!(": hello\n\nevent: message\ndata: {notice}\n\n");
            let ends = format!("event: message\ndata: {answer}\n\n");
            let takes_time = !message["params"]["_meta"]["progressToken"].is_null();
            Response::builder()
                .content_type("text/event-stream")
                .body(in_two(begins, ends, takes_time))
        }
        "fail" => {
            let mut answer = text("private");
            answer["isError"] = json!(true);
            result(message, &answer)
        }
        "large" => result(message, &text(&"x".repeat(2_000_000))),
        _ => error(message, -32_602),
    }
}

/// A body in two pieces, the second a while after the first where somebody wants to hear of the progress.
fn in_two(begins: String, ends: String, takes_time: bool) -> Body {
    let ends = async move {
        if takes_time {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        ends
    };
    let begins = stream::iter([begins]).chain(stream::once(ends));
    Body::from_bytes_stream(begins.map(Ok::<String, std::io::Error>))
}

fn result(message: &Value, result: &Value) -> Response {
    json_of(&json!({"jsonrpc": "2.0", "id": message["id"], "result": result}))
}

fn error(message: &Value, code: i32) -> Response {
    let error = json!({"code": code, "message": "private"});
    json_of(&json!({"jsonrpc": "2.0", "id": message["id"], "error": error}))
}

fn json_of(value: &Value) -> Response {
    Response::builder()
        .content_type("application/json")
        .body(value.to_string())
}

fn empty(status: StatusCode) -> Response {
    Response::builder().status(status).finish()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is half-written when a holder panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
