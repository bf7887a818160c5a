//! A small HTTP/1.1 client: what is sent and what comes back are bytes, so that the ill-formed can be sent too.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// One request on a connection of its own.
#[derive(Clone)]
pub(crate) struct Ask {
    address: SocketAddr,
    head: Vec<u8>,
    body: Vec<u8>,
    connection: &'static str,
}

impl Ask {
    pub(crate) fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
        Self {
            address,
            head: head.into_bytes(),
            body: Vec::new(),
            connection: "close",
        }
    }

    /// As a browser asks, which keeps its connections.
    pub(crate) fn keep_alive(mut self) -> Self {
        self.connection = "keep-alive";
        self
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.head.extend(name.as_bytes());
        self.head.extend(b": ");
        self.head.extend(value.as_ref());
        self.head.extend(b"\r\n");
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json")
            .body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.header("Content-Length", length)
    }

    /// The body in chunks, without its length in the head.
    pub(crate) fn chunked(mut self, body: &[u8]) -> Self {
        for chunk in body.chunks(60_000) {
            self.body.extend(format!("{:x}\r\n", chunk.len()).bytes());
            self.body.extend(chunk);
            self.body.extend(b"\r\n");
        }
        self.body.extend(b"0\r\n\r\n");
        self.header("Transfer-Encoding", "chunked")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn send(self) -> Answer {
        let mut stream = self.open().await;
        let body = stream.rest().await;
        Answer {
            status: stream.status,
            headers: stream.headers,
            body,
        }
    }

    /// Returns when the head of the answer is there.
    pub(crate) async fn open(mut self) -> Stream {
        self = {
            let connection = self.connection;
            self.header("Connection", connection)
        };
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        connection.write_all(&self.head).await.unwrap();
        connection.write_all(b"\r\n").await.unwrap();
        // A server that answers before the body is over may close while we still write.
        connection.write_all(&self.body).await.ok();
        let mut reader = BufReader::new(connection);
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        let status = line.split(' ').nth(1).expect("a status").parse().unwrap();
        let mut headers = Vec::new();
        loop {
            line.clear();
            reader.read_line(&mut line).await.unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let is_chunked = headers
            .iter()
            .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        Stream {
            status,
            headers,
            reader,
            is_chunked,
            buffer: String::new(),
        }
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Checks that this is a whole problem of that status and code.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["trace_id"].as_str(), self.header("x-trace-id"));
        assert_eq!(problem["type"], format!("urn:troupe:problem:{code}"));
        problem
    }
}

/// An answer that is still coming in.
pub(crate) struct Stream {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    reader: BufReader<TcpStream>,
    is_chunked: bool,
    buffer: String,
}

/// One server-sent event.
#[derive(Debug, PartialEq)]
pub(crate) struct Sent {
    pub(crate) id: Option<u64>,
    pub(crate) event: String,
    pub(crate) data: Value,
}

impl Stream {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The next event; none once the stream is over.
    pub(crate) async fn event(&mut self) -> Option<Sent> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = block.lines();
                    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                };
                let sent = field("data").map(|data| Sent {
                    id: field("id").map(|id| id.parse().unwrap()),
                    event: field("event").unwrap_or("message").to_owned(),
                    data: serde_json::from_str(data).unwrap(),
                });
                self.buffer = rest.to_owned();
                match sent {
                    Some(sent) => return Some(sent),
                    // A comment that keeps the connection alive.
                    None => continue,
                }
            }
            let more = self.more().await?;
            self.buffer.push_str(&more);
        }
    }

    /// The numbers of all events until the end.
    pub(crate) async fn ids(&mut self) -> Vec<u64> {
        let mut ids = Vec::new();
        while let Some(sent) = self.event().await {
            ids.extend(sent.id);
        }
        ids
    }

    async fn rest(&mut self) -> String {
        let mut all = String::new();
        while let Some(more) = self.more().await {
            all.push_str(&more);
        }
        all
    }

    async fn more(&mut self) -> Option<String> {
        if !self.is_chunked {
            let mut all = Vec::new();
            self.reader.read_to_end(&mut all).await.ok()?;
            return (!all.is_empty()).then(|| String::from_utf8(all).unwrap());
        }
        let mut line = String::new();
        self.reader.read_line(&mut line).await.ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        self.reader.read_exact(&mut chunk).await.ok()?;
        chunk.truncate(length);
        (length > 0).then(|| String::from_utf8(chunk).unwrap())
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut matching = headers.iter().filter(|(known, _)| known == name);
    matching.next().map(|(_, value)| value.as_str())
}
