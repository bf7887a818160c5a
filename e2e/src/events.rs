//! Server-sent events, one by one as they come in.

use reqwest::Response;
use serde_json::Value;

/// What is left of a stream of events.
pub struct Events {
    response: Response,
    /// Came in, and is not yet read.
    bytes: Vec<u8>,
}

impl Events {
    pub(crate) fn of(response: Response) -> Self {
        Self {
            response,
            bytes: Vec::new(),
        }
    }

    /// The next event: its name and its data; none at the stream's end.
    ///
    /// # Panics
    /// When the stream is broken off.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        self.try_next().await.expect("a stream to its end")
    }

    /// As [`Events::next`].
    ///
    /// # Errors
    /// When the stream is broken off.
    pub async fn try_next(&mut self) -> Result<Option<(String, Value)>, reqwest::Error> {
        loop {
            while let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.bytes.drain(..end + 2).collect();
                // A block without data keeps the connection alive.
                if let Some(event) = parse(&String::from_utf8_lossy(&block)) {
                    return Ok(Some(event));
                }
            }
            let Some(chunk) = self.response.chunk().await? else {
                return Ok(None);
            };
            self.bytes.extend(chunk);
        }
    }

    /// All events that are still to come.
    ///
    /// # Panics
    /// When the stream is broken off.
    pub async fn rest(mut self) -> Vec<(String, Value)> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn parse(block: &str) -> Option<(String, Value)> {
    let field = |name: &str| {
        let of_name = block.lines().filter_map(|line| line.strip_prefix(name));
        of_name.collect::<String>()
    };
    let data = serde_json::from_str(&field("data: ")).ok()?;
    Some((field("event: "), data))
}
