//! A conversation with an MCP server that runs in a container and speaks over its standard streams.
//!
//! **Invariant:** one call at a time. A conversation that broke off, whatever the reason, is never taken up again.
//! **Invariant:** at most [`OUTPUT_BYTES_MAX`] bytes are taken between two of our messages, standard error included.

use std::time::{Duration, Instant};

use bollard::container::{AttachContainerResults, LogOutput};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::{
    containers::{exchange::OUTPUT_BYTES_MAX, running::Container, unavailable},
    failure::Failure,
    pulse::Pulse,
};

/// The newest version we speak, and those a server may choose instead.
const VERSION: &str = "2025-06-18";
const VERSIONS: [&str; 4] = ["2024-11-05", "2025-03-26", VERSION, "2025-11-25"];
/// The method of a server's request that we can answer.
const PING: &str = "ping";
const METHOD_NOT_FOUND: i64 = -32601;

/// A result, or that there is none.
pub(super) type Answer = Result<Value, Failure>;

pub(super) struct Session {
    pub(super) container: Container,
    begun: Instant,
    /// Of the last call.
    used: Instant,
    last_id: u64,
    /// Of the server's output, what was read and not yet used.
    unread: Vec<u8>,
    taken: usize,
}

/// Why there is no answer.
pub(super) enum Broken {
    /// The server's output has ended.
    Ended,
    Failed(Failure),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Session {
    pub(super) fn of(container: Container) -> Self {
        let now = Instant::now();
        Self {
            container,
            begun: now,
            used: now,
            last_id: 0,
            unread: Vec::new(),
            taken: 0,
        }
    }

    /// What must be said before anything else.
    pub(super) async fn greet(&mut self, pulse: &Pulse) -> Result<(), Broken> {
        let client = json!({"name": "troupe", "version": env!("CARGO_PKG_VERSION")});
        let hello = json!({"protocolVersion": VERSION, "capabilities": {}, "clientInfo": client});
        let server = self.ask("initialize", &hello, pulse).await??;
        let version = server["protocolVersion"].as_str();
        if !version.is_some_and(|version| VERSIONS.contains(&version)) {
            let text = "the server speaks no version of MCP that we know";
            return Err(Failure::lasting("mcp_version", text).into());
        }
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        self.send(&ready, pulse).await
    }

    /// What the server says to a call, which may be that it refuses it.
    pub(super) async fn call_tool(
        &mut self,
        params: &Value,
        pulse: &Pulse,
    ) -> Result<Answer, Broken> {
        self.ask("tools/call", params, pulse).await
    }

    /// Whether it began less than `life` ago, and was used less than `idle` ago.
    pub(super) fn is_fresh(&self, life: Duration, idle: Duration) -> bool {
        self.begun.elapsed() < life && self.used.elapsed() < idle
    }

    async fn ask(&mut self, method: &str, params: &Value, pulse: &Pulse) -> Result<Answer, Broken> {
        self.last_id += 1;
        self.taken = self.unread.len();
        self.used = Instant::now();
        let id = self.last_id;
        let question = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.send(&question, pulse).await?;
        loop {
            let mut message = self.receive(pulse).await?;
            let is_request = message.get("method").is_some();
            if is_request {
                self.reply(&message, pulse).await?;
            } else if message["id"] == json!(id) {
                let code = message["error"]["code"].as_i64();
                return match (message.get_mut("result"), code) {
                    (Some(result), _) => Ok(Ok(result.take())),
                    (None, Some(code)) => Ok(Err(refused(code))),
                    (None, None) => Err(protocol("an answer has no result and no error").into()),
                };
            }
        }
    }

    /// Answers a request of the server's; a notification wants none.
    async fn reply(&mut self, request: &Value, pulse: &Pulse) -> Result<(), Broken> {
        let Some(id) = request.get("id") else {
            return Ok(());
        };
        let answer = if request["method"] == PING {
            json!({"jsonrpc": "2.0", "id": id, "result": {}})
        } else {
            let error = json!({"code": METHOD_NOT_FOUND, "message": "not offered"});
            json!({"jsonrpc": "2.0", "id": id, "error": error})
        };
        self.send(&answer, pulse).await
    }

    /// Writes a message, and reads meanwhile: neither side may wait for the other for ever.
    async fn send(&mut self, message: &Value, pulse: &Pulse) -> Result<(), Broken> {
        let mut line = serde_json::to_vec(message).expect("JSON values always serialise");
        line.push(b'\n');
        let AttachContainerResults { output, input } = self.container.io()?;
        let mut write = std::pin::pin!(async {
            input.write_all(&line).await?;
            input.flush().await
        });
        loop {
            let part = tokio::select! {
                written = &mut write => return written.map_err(|_| Broken::Ended),
                part = output.next() => part,
            };
            pulse.beat();
            take(part, &mut self.unread, &mut self.taken)?;
        }
    }

    /// The next message; what is no JSON object is none.
    async fn receive(&mut self, pulse: &Pulse) -> Result<Value, Broken> {
        let end = loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                break end;
            }
            let part = self.container.io()?.output.next().await;
            pulse.beat();
            take(part, &mut self.unread, &mut self.taken)?;
        };
        let line: Vec<u8> = self.unread.drain(..=end).collect();
        match serde_json::from_slice(&line) {
            Ok(message @ Value::Object(_)) => Ok(message),
            _ => Err(protocol("it wrote a line that is no JSON object").into()),
        }
    }
}

/// Adds to what is unread; a stream that breaks is one that has ended.
fn take<E>(
    part: Option<Result<LogOutput, E>>,
    unread: &mut Vec<u8>,
    taken: &mut usize,
) -> Result<(), Broken> {
    let Some(Ok(part)) = part else {
        return Err(Broken::Ended);
    };
    *taken += part.as_ref().len();
    if *taken > OUTPUT_BYTES_MAX {
        let text = format!("the container wrote more than `{OUTPUT_BYTES_MAX}` bytes");
        return Err(Failure::lasting("output_too_large", text).into());
    }
    if let LogOutput::StdOut { message } = part {
        unread.extend_from_slice(&message);
    }
    Ok(())
}

/// The server's own words may say more than the caller should hear.
fn refused(code: i64) -> Failure {
    let text = format!("the MCP server refused the call with code `{code}`");
    Failure::lasting("mcp_error", text)
}

fn protocol(message: &str) -> Failure {
    let text = format!("the container does not speak MCP: {message}");
    Failure::lasting("mcp_answer", text)
}

/// The conversation has ended on the server's side, which is not known to have failed.
pub(super) fn hung_up() -> Failure {
    unavailable("the MCP server ended the conversation")
}
