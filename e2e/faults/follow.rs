//! Following an execution as a browser does: over SSE or WebSocket, resumed by number wherever the stream was cut.

use std::time::Duration;

use e2e::Client;
use serde_json::{Value, json};
use testkit::{Heard, WebSocket};
use tokio::time::sleep;

/// The pause before a stream that was cut is opened again.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Sse,
    Socket,
}

pub(crate) fn is_final(event: &Value) -> bool {
    let kind = event["type"].as_str().unwrap_or_default();
    matches!(
        kind,
        "execution_succeeded" | "execution_failed" | "execution_cancelled"
    )
}

/// All frames as they came in, until the terminal one; for ever where none comes.
pub(crate) async fn follow(user: &Client, gateway: &str, execution: &str, way: Way) -> Vec<Value> {
    let mut frames = Vec::new();
    while !frames.last().is_some_and(is_final) {
        match way {
            Way::Sse => stretch_of_sse(user, execution, &mut frames).await,
            Way::Socket => stretch_of_socket(user, gateway, execution, &mut frames).await,
        }
        if !frames.last().is_some_and(is_final) {
            sleep(PAUSE).await;
        }
    }
    frames
}

fn after(frames: &[Value]) -> u64 {
    let last = frames.last().and_then(|frame| frame["n"].as_u64());
    last.unwrap_or(0)
}

async fn stretch_of_sse(user: &Client, execution: &str, frames: &mut Vec<Value>) {
    let path = format!(
        "/api/v1/executions/{execution}/stream?after={}",
        after(frames)
    );
    let Ok(Some(mut events)) = user.follow(&path).await else {
        return;
    };
    while let Ok(Some((name, event))) = events.try_next().await {
        if name == "problem" {
            return;
        }
        frames.push(event);
    }
}

async fn stretch_of_socket(user: &Client, gateway: &str, execution: &str, frames: &mut Vec<Value>) {
    let ticket = user.send(
        reqwest::Method::POST,
        "/api/v1/auth/ws-ticket",
        Some("{}".into()),
        &[],
    );
    let Ok(answer) = ticket.await else {
        return;
    };
    let Some(ticket) = answer.body["ticket"].as_str() else {
        return;
    };
    let path = format!("/api/v1/ws?ticket={ticket}");
    let Ok(mut socket) = WebSocket::open(gateway, &path, &[]).await else {
        return;
    };
    let to = json!({"execution": execution, "after": after(frames)});
    if !socket.try_send(&json!({"id": "f", "subscribe": to})).await {
        return;
    }
    loop {
        match socket.hear().await {
            Heard::Frame(frame) if frame["event"].is_object() => {
                frames.push(frame["event"].clone());
            }
            Heard::Ping => {}
            // An end, a problem, or the connection is gone.
            Heard::Frame(_) | Heard::Closed(_) => return,
        }
    }
}
