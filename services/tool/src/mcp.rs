//! A client of MCP servers over streamable HTTP: a session for one call or one import, then it ends.
//!
//! **Invariant:** a session belongs to one call of one organization. It sends where the egress lets it, and reads no
//! more than an answer may have.

mod stream;

use std::time::Duration;

use bytes::BytesMut;
use egress::{Egress, Request, ResponseStream};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{domain::arguments::MAX_BYTES, failure::Failure, pulse::Pulse};
use stream::Events;

/// The newest version we speak, and those a server may choose instead.
const VERSION: &str = "2025-06-18";
const VERSIONS: [&str; 3] = ["2025-03-26", VERSION, "2025-11-25"];
const SESSION: &str = "mcp-session-id";
/// The end of a session waits this long; a server forgets sessions by itself as well.
const GOODBYE: Duration = Duration::from_secs(2);
/// Room for the envelope around a result.
const MAX_ANSWER: usize = MAX_BYTES + 64 * 1024;
const MAX_PAGES: usize = 20;
const MAX_SESSION_ID: usize = 1024;

/// Where a server is and what goes with each request.
pub(crate) struct Server<'a> {
    pub(crate) egress: &'a Egress,
    pub(crate) url: &'a str,
    pub(crate) headers: Vec<(String, String)>,
    /// Whether a secret is among the headers.
    pub(crate) confidential: bool,
    /// To the head of each answer; the whole is bounded by the caller.
    pub(crate) timeout: Duration,
    /// Beats at each piece of an answer that arrives.
    pub(crate) pulse: &'a Pulse,
}

/// A session that the server has agreed to.
pub(crate) struct Session<'a> {
    server: Server<'a>,
    /// The session's own headers: its id, where the server gave one, and the version.
    agreed: Vec<(String, String)>,
    sent: u64,
}

/// A tool as a server lists it.
#[derive(Debug, Deserialize)]
pub(crate) struct Listed {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) title: Option<String>,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default, rename = "inputSchema")]
    pub(crate) input_schema: Option<Value>,
}

impl<'a> Session<'a> {
    /// # Errors
    /// `mcp_version`, and those of a request.
    pub(crate) async fn open(server: Server<'a>) -> Result<Self, Failure> {
        let mut session = Self {
            server,
            agreed: Vec::new(),
            sent: 0,
        };
        let hello = json!({
            "protocolVersion": VERSION,
            "capabilities": {},
            "clientInfo": {"name": "troupe", "version": env!("CARGO_PKG_VERSION")}
        });
        let answer = session.ask("initialize", hello).await?;
        let version = answer.get("protocolVersion").and_then(Value::as_str);
        let Some(version) = version.filter(|version| VERSIONS.contains(version)) else {
            let text = "the server speaks no version of MCP that we know";
            return Err(Failure::lasting("mcp_version", text));
        };
        let version = ("mcp-protocol-version".to_owned(), version.to_owned());
        session.agreed.push(version);
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        session.post(&ready).await?;
        Ok(session)
    }

    /// # Errors
    /// Those of a request.
    pub(crate) async fn tools(&mut self) -> Result<Vec<Listed>, Failure> {
        #[derive(Deserialize)]
        struct Page {
            tools: Vec<Listed>,
            #[serde(default, rename = "nextCursor")]
            next: Option<String>,
        }
        let mut tools = Vec::new();
        let mut params = json!({});
        for _ in 0..MAX_PAGES {
            let answer = self.ask("tools/list", params).await?;
            let page: Page = serde_json::from_value(answer).map_err(|_| unreadable())?;
            tools.extend(page.tools);
            match page.next {
                None => return Ok(tools),
                Some(cursor) => params = json!({"cursor": cursor}),
            }
        }
        let text = format!("the server lists its tools on more than {MAX_PAGES} pages");
        Err(Failure::lasting("mcp_answer", text))
    }

    /// The structured result where the server gives one; else its text where it is only text; else its content.
    ///
    /// # Errors
    /// `mcp_tool_error` where the tool says that it failed, and those of a request.
    pub(crate) async fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value, Failure> {
        let params = call_of(tool, arguments, self.server.pulse);
        let answer = self.ask("tools/call", params).await?;
        result_of(answer, tool)
    }

    /// Tells the server that the session is over.
    pub(crate) async fn close(self) {
        if !self.agreed.iter().any(|(name, _)| name == SESSION) {
            return;
        }
        let mut request = self.request("DELETE");
        request.timeout = GOODBYE;
        // Whatever it says to that, nobody uses the session any more.
        self.server.egress.request(request).await.ok();
    }

    /// One request and the result in its answer.
    async fn ask(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        self.sent += 1;
        let id = self.sent;
        let question = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let response = self.post(&question).await?;
        if let Some(session) = response.header(SESSION)
            && self.agreed.is_empty()
        {
            let is_visible = |byte: u8| (0x21..=0x7e).contains(&byte);
            if session.len() > MAX_SESSION_ID || !session.bytes().all(is_visible) {
                return Err(unreadable());
            }
            let session = session.to_owned();
            self.agreed.push((SESSION.to_owned(), session));
        }
        answer_in(response, id, self.server.pulse).await
    }

    async fn post(&self, message: &Value) -> Result<ResponseStream, Failure> {
        let mut request = self.request("POST");
        let kinds = [
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
        ];
        for (name, value) in kinds {
            request.headers.push((name.to_owned(), value.to_owned()));
        }
        request.body = message.to_string().into_bytes().into();
        let response = self.server.egress.stream(request).await?;
        match response.status {
            200..300 => Ok(response),
            status => {
                let text = format!("the server answered with status {status}");
                Err(if matches!(status, 408 | 429) || status >= 500 {
                    Failure::passing("http_status", text)
                } else {
                    Failure::lasting("http_status", text)
                })
            }
        }
    }

    fn request(&self, method: &str) -> Request {
        let mut request = Request::new(method, self.server.url);
        request.headers = [self.server.headers.as_slice(), &self.agreed].concat();
        request.confidential = self.server.confidential;
        request.timeout = self.server.timeout;
        request.max_response_bytes = MAX_ANSWER;
        request
    }
}

/// The result that answers the request of this number, from a body of JSON or from a stream of events.
async fn answer_in(response: ResponseStream, id: u64, pulse: &Pulse) -> Result<Value, Failure> {
    let kind = response.header("content-type").unwrap_or_default();
    let is_stream = kind
        .trim_start()
        .to_ascii_lowercase()
        .starts_with("text/event-stream");
    let mut body = std::pin::pin!(response.into_body());
    if is_stream {
        let mut events = Events::default();
        while let Some(piece) = body.next().await {
            pulse.beat();
            for data in events.take(&piece?) {
                // Other messages on the way are notices, and requests that we said we do not answer.
                if let Some(answer) = read_answer(&data, id) {
                    return answer;
                }
            }
        }
        return Err(Failure::passing(
            "mcp_answer",
            "the server's stream ended without an answer",
        ));
    }
    let mut whole = BytesMut::new();
    while let Some(piece) = body.next().await {
        pulse.beat();
        whole.extend_from_slice(&piece?);
    }
    read_answer(&whole, id).unwrap_or_else(|| Err(unreadable()))
}

/// None for what is not the answer to this request.
fn read_answer(text: &[u8], id: u64) -> Option<Result<Value, Failure>> {
    let mut message: Value = serde_json::from_slice(text).ok()?;
    if message.get("id") != Some(&json!(id)) {
        return None;
    }
    if let Some(error) = message.get("error") {
        let code = error
            .get("code")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        let text = format!("the server answered with error {code}");
        return Some(Err(Failure::lasting("mcp_error", text)));
    }
    message.get_mut("result").map(|result| Ok(result.take()))
}

/// The parameters of a call. A server is asked for its progress only where somebody wants to hear of it.
pub(crate) fn call_of(tool: &str, arguments: &Value, pulse: &Pulse) -> Value {
    let mut params = json!({"name": tool, "arguments": arguments});
    if pulse.listener().is_some() {
        params["_meta"] = json!({"progressToken": 1});
    }
    params
}

/// The structured result where the server gives one; else its text where it is only text; else its content.
///
/// # Errors
/// `mcp_tool_error` where the server says that the tool failed, and `mcp_answer`.
pub(crate) fn result_of(mut answer: Value, tool: &str) -> Result<Value, Failure> {
    if answer.get("isError") == Some(&Value::Bool(true)) {
        let tool: String = tool.chars().take(128).collect();
        let text = format!("tool `{tool}` of the server says that it failed");
        return Err(Failure::lasting("mcp_tool_error", text));
    }
    if let Some(structured) = answer
        .get_mut("structuredContent")
        .filter(|it| !it.is_null())
    {
        return Ok(structured.take());
    }
    let content = answer.get_mut("content").ok_or_else(unreadable)?.take();
    let items = content.as_array().ok_or_else(unreadable)?;
    let texts: Option<Vec<_>> = items
        .iter()
        .map(|item| match item.get("type") {
            Some(kind) if kind == "text" => item.get("text").and_then(Value::as_str),
            _ => None,
        })
        .collect();
    Ok(texts.map_or(content.clone(), |texts| Value::String(texts.join("\n"))))
}

fn unreadable() -> Failure {
    Failure::lasting("mcp_answer", "the server's answer is not one of MCP")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_structured_or_text_or_content() {
        let text = |text: &str| json!({"type": "text", "text": text});
        let image = json!({"type": "image", "data": "", "mimeType": "image/png"});
        for (answer, expect) in [
            (json!({"content": [text("a"), text("b")]}), json!("a\nb")),
            (
                json!({"content": [text("7")], "structuredContent": {"n": 7}}),
                json!({"n": 7}),
            ),
            (
                json!({"content": [text("a"), image], "isError": false}),
                json!([text("a"), image]),
            ),
        ] {
            assert_eq!(result_of(answer, "t"), Ok(expect));
        }
        let failed = json!({"content": [text("no")], "isError": true});
        assert_eq!(result_of(failed, "t").unwrap_err().reason, "mcp_tool_error");
        for answer in [json!({}), json!([]), json!({"content": "x"})] {
            assert_eq!(result_of(answer, "t").unwrap_err().reason, "mcp_answer");
        }
    }

    #[test]
    fn only_the_answer_to_the_request_is_one() {
        assert_eq!(
            read_answer(br#"{"jsonrpc":"2.0","method":"notifications/message"}"#, 1),
            None
        );
        assert_eq!(read_answer(br#"{"id":2,"result":{}}"#, 1), None);
        assert_eq!(
            read_answer(br#"{"id":1,"result":{"a":1}}"#, 1),
            Some(Ok(json!({"a": 1})))
        );
        let failed = read_answer(
            br#"{"id":1,"error":{"code":-32602,"message":"private"}}"#,
            1,
        );
        let failed = failed.unwrap().unwrap_err();
        assert_eq!(failed.reason, "mcp_error");
        assert!(failed.message.contains("-32602") && !failed.message.contains("private"));
    }
}
