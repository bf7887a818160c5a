//! An answer on its way to a client, as a whole or as server-sent events, whatever the API.
//!
//! **Invariant:** a stream that breaks off says so and never ends as if it were complete; a client that leaves takes
//! the call with it.

use std::{io, time::Duration};

use bytes::Bytes;
use contracts::llm::Delta;
use futures::{StreamExt, stream};
use poem::{Body, IntoResponse, Response, http::HeaderValue};
use serde::Serialize;
use serde_json::Value;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{self, Instant},
};

use super::failure::Failure;
use crate::{
    Error,
    calls::Call,
    domain::piece::{Extra, Piece},
};

/// Bytes that most events need.
const EVENT: usize = 256;
/// An answer over HTTP takes no longer than this.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// How an API tells an answer, event by event.
pub(super) trait Voice: Send + 'static {
    fn begin(&mut self) -> Bytes;
    /// Nothing where a piece is kept for later.
    fn piece(&mut self, delta: &Delta, extra: &Extra) -> Bytes;
    /// `call` is complete.
    fn end(&mut self, call: &Call) -> Bytes;
    fn failure(&mut self, failure: &Failure) -> Bytes;
    fn ping(&self) -> &'static [u8];
}

/// Waits until the answer is complete.
pub(super) async fn whole(mut call: Call) -> Result<Call, Failure> {
    let read = async {
        while call.next().await?.is_some() {}
        Ok::<_, Error>(())
    };
    let in_time = time::timeout(LONGEST, read).await;
    in_time.unwrap_or_else(|_| Err(Error::TooLong))?;
    Ok(call)
}

struct Speech<V> {
    call: Call,
    voice: V,
    until: Instant,
    /// Silence after which a sign of life keeps proxies from closing the stream.
    ping: Duration,
    /// A piece that was waited for before the answer began.
    first: Option<Piece>,
    over: bool,
    _permit: OwnedSemaphorePermit,
}

/// Waits for the first piece, so that a failure before it is a plain HTTP error.
pub(super) async fn streamed(
    mut call: Call,
    mut voice: impl Voice,
    permit: OwnedSemaphorePermit,
    ping: Duration,
) -> Result<Response, Failure> {
    let first = call.next().await?;
    let begin = voice.begin();
    // Boxed, as it is handed on with each event.
    let speech = Box::new(Speech {
        call,
        voice,
        until: Instant::now() + LONGEST,
        ping,
        first,
        over: false,
        _permit: permit,
    });
    let rest = stream::unfold(speech, |mut speech| async move {
        let events = speech.next().await?;
        Some((events, speech))
    });
    let events = stream::iter([begin]).chain(rest).map(Ok::<_, io::Error>);
    let mut response = Body::from_bytes_stream(events)
        .with_content_type("text/event-stream; charset=utf-8")
        .into_response();
    let headers = response.headers_mut();
    headers.insert("cache-control", HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

impl<V: Voice> Speech<V> {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.over {
                return None;
            }
            let piece = match self.first.take() {
                Some(piece) => Ok(Some(piece)),
                None => {
                    let next = time::timeout(self.ping, self.call.next());
                    match time::timeout_at(self.until, next).await {
                        Ok(Ok(piece)) => piece,
                        Ok(Err(_)) => return Some(Bytes::from_static(self.voice.ping())),
                        Err(_) => Err(Error::TooLong),
                    }
                }
            };
            let events = match piece {
                Ok(Some(piece)) if piece.is_empty() => continue,
                Ok(Some(Piece::Delta { delta, extra })) => self.voice.piece(&delta, &extra),
                // The end is told once the call is over and its usage is known.
                Ok(Some(Piece::Finish(_) | Piece::Tokens(_))) => continue,
                Ok(None) => {
                    self.over = true;
                    self.voice.end(&self.call)
                }
                Err(error) => {
                    self.over = true;
                    self.voice.failure(&Failure::from(error))
                }
            };
            if !events.is_empty() {
                return Some(events);
            }
        }
    }
}

/// An event without a name.
pub(super) fn event(value: &impl Serialize) -> Bytes {
    let mut event = Vec::with_capacity(EVENT);
    event.extend_from_slice(b"data: ");
    serde_json::to_writer(&mut event, value).expect("what is ours can be written as JSON");
    event.extend_from_slice(b"\n\n");
    event.into()
}

/// Events that are named by their type.
pub(super) fn named<'a>(events: impl IntoIterator<Item = &'a Value>) -> Bytes {
    let event = |event: &Value| {
        let kind = event["type"].as_str().unwrap_or("message");
        format!("event: {kind}\ndata: {event}\n\n")
    };
    let events: String = events.into_iter().map(event).collect();
    events.into()
}
