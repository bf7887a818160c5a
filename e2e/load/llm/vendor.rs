//! A vendor of models, a process of its own, that answers each question with the same words, and at once unless it is told to wait: as little work as an
//! HTTP server can have.

use std::{
    net::SocketAddr,
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Command},
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    task::JoinSet,
};

/// The word that makes this program the vendor.
pub(crate) const VENDOR: &str = "vendor";
/// Pieces of a streamed answer.
pub(crate) const EVENTS: usize = 20;
/// A question with these words gets the first piece of its answer, and no other.
pub(crate) const HOLD: &str = "hold the line";
/// A question with these words is answered after 20 to 50 ms, each after another time.
pub(crate) const WAIT: &str = "take your time";
pub(crate) const MODEL: &str = "m";
/// Bytes of a question at most.
const MAX_BODY: usize = 64 * 1024;

/// Questions that were answered late.
static WAITED: AtomicU64 = AtomicU64::new(0);

/// The process. It ends with its owner.
pub(crate) struct Vendor {
    pub(crate) address: SocketAddr,
    /// The moments at which callers have left who held the line.
    pub(crate) left: UnboundedReceiver<SystemTime>,
    _hearing: JoinSet<()>,
    _process: Child,
}

impl Vendor {
    pub(crate) async fn start() -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(VENDOR)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let said = process.stdout.take().context("no output of the vendor")?;
        let mut said = BufReader::new(said);
        let mut line = String::new();
        said.read_line(&mut line).await?;
        let (tell, left) = mpsc::unbounded_channel();
        let mut hearing = JoinSet::new();
        hearing.spawn(hear(said, tell));
        Ok(Self {
            address: line.trim().parse().context("the vendor's address")?,
            left,
            _hearing: hearing,
            _process: process,
        })
    }
}

/// Each further line is the moment at which a caller left, in microseconds since 1970.
async fn hear(said: BufReader<ChildStdout>, tell: UnboundedSender<SystemTime>) {
    let mut lines = said.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let moment = line.parse().map(Duration::from_micros);
        let Ok(Some(moment)) = moment.map(|since| UNIX_EPOCH.checked_add(since)) else {
            return;
        };
        if tell.send(moment).is_err() {
            return;
        }
    }
}

/// Answers until the process is ended.
pub(crate) async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        connections.spawn(connection(stream));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let (whole, events) = (whole(), events());
    while let Some(body) = question(&mut stream).await? {
        let has = |text: &str| body.windows(text.len()).any(|part| part == text.as_bytes());
        if has(WAIT) {
            let n = WAITED.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20 + n * 17 % 31)).await;
        }
        if !has("\"stream\":true") {
            stream.write_all(whole.as_bytes()).await?;
            continue;
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        if has(HOLD) {
            stream.write_all(events[0].as_bytes()).await?;
            // Whoever holds the line hangs up in the end.
            stream.read_u8().await.ok();
            println!("{}", UNIX_EPOCH.elapsed()?.as_micros());
            return Ok(());
        }
        for event in &events {
            stream.write_all(event.as_bytes()).await?;
        }
    }
    Ok(())
}

/// The body of the next question; none once the caller has hung up.
async fn question(stream: &mut BufReader<TcpStream>) -> Result<Option<Vec<u8>>> {
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            // The first line has no colon before its path ends, the last line is empty.
            match line.trim_end().is_empty() {
                true => break,
                false => continue,
            }
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
    }
    ensure!(length <= MAX_BODY, "a question of {length} bytes");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(body))
}

fn whole() -> String {
    let said = "word ".repeat(EVENTS);
    let body = format!(
        r#"{{"id":"c","object":"chat.completion","created":1,"model":"{MODEL}","choices":[{{"index":0,"message":{{"role":"assistant","content":"{said}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120}}}}"#
    );
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The pieces with their ends, as chunks of HTTP.
fn events() -> Vec<String> {
    let piece = |choices: &str, usage: &str| {
        format!(
            r#"{{"id":"c","object":"chat.completion.chunk","created":1,"model":"{MODEL}","choices":[{choices}],"usage":{usage}}}"#
        )
    };
    let word = r#"{"index":0,"delta":{"role":"assistant","content":"word "},"finish_reason":null}"#;
    let stop = r#"{"index":0,"delta":{},"finish_reason":"stop"}"#;
    let usage = r#"{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120}"#;
    let mut events = vec![piece(word, "null"); EVENTS];
    events.push(piece(stop, "null"));
    events.push(piece("", usage));
    events.push("[DONE]".to_owned());
    let mut chunks: Vec<_> = events
        .iter()
        .map(|event| {
            let event = format!("data: {event}\n\n");
            format!("{:x}\r\n{event}\r\n", event.len())
        })
        .collect();
    if let Some(last) = chunks.last_mut() {
        last.push_str("0\r\n\r\n");
    }
    chunks
}
