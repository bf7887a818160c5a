//! `POST /chat/completions`: the answer as a whole, or as server-sent events.
//!
//! **Invariant:** a stream that breaks off says so and never ends in `[DONE]`; a client that leaves takes the call with it.

use std::{io, time::Duration};

use bytes::Bytes;
use chrono::Utc;
use futures::{StreamExt, stream};
use poem::{
    Body, IntoResponse, Request, Response,
    error::ReadBodyError,
    http::{HeaderName, HeaderValue},
};
use serde_json::Value;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{self, Instant},
};

use super::{Face, auth, chunk, chunk::Envelope, failure::Failure, request, request::Wanted};
use crate::{
    Error,
    calls::{self, Asker, Call},
    domain::piece::Piece,
};

/// Silence after which a comment keeps proxies from closing the stream.
const PING: Duration = Duration::from_secs(15);
/// An answer over HTTP takes no longer than this.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// The header by which a caller lets parameters be left out that the provider cannot honour.
pub(super) const LENIENT: &str = "x-gateway-lenient";
/// Names of ignored parameters in the header, at most.
const SHOWN_IGNORED: usize = 32;

impl Face {
    pub(super) async fn chat(&self, mut request: Request) -> Result<Response, Failure> {
        let principal = auth::admit(&self.verifier, &request).await?;
        let permit = self.permits.clone().try_acquire_owned();
        let permit = permit.map_err(|_| Failure::busy())?;
        let idempotency_key = request.header("idempotency-key").map(str::to_owned);
        let lenient = request.header(LENIENT) == Some("true");
        let mut wanted = request::read(&self.body(&mut request).await?)?;
        wanted.ask.idempotency_key = idempotency_key;
        wanted.ask.lenient = lenient;
        let asker = Asker::of(&principal);
        let call = calls::begin(&self.state, asker, &wanted.ask, wanted.streamed).await?;
        let (id, ignored) = (call.id, call.ignored.clone());
        let mut response = if wanted.streamed {
            streamed(call, &wanted, permit).await?
        } else {
            whole(call).await?
        };
        let mut set = |name: &'static str, value: String| {
            // Header values of ours are ASCII; a name of a field that is not is left out.
            if let Ok(value) = HeaderValue::try_from(value) {
                let name = HeaderName::from_static(name);
                response.headers_mut().insert(name, value);
            }
        };
        set("x-request-id", chunk::id(id));
        if !ignored.is_empty() {
            let shown: Vec<_> = ignored.into_iter().take(SHOWN_IGNORED).collect();
            set("x-gateway-dropped", shown.join(","));
        }
        Ok(response)
    }

    /// The body of a request, if it is not too large.
    pub(super) async fn body(&self, request: &mut Request) -> Result<Bytes, Failure> {
        let limit = usize::try_from(self.state.settings.llm_http_body_bytes).unwrap_or(usize::MAX);
        let body = request.take_body().into_bytes_limit(limit).await;
        body.map_err(|error| match error {
            ReadBodyError::PayloadTooLarge => Failure::too_large(),
            _ => Failure::malformed(None, "the body cannot be read"),
        })
    }
}

async fn whole(mut call: Call) -> Result<Response, Failure> {
    let envelope = Envelope::new(&call, Utc::now().timestamp(), false);
    let read = async {
        while call.next().await?.is_some() {}
        Ok::<_, Error>(())
    };
    let in_time = time::timeout(LONGEST, read).await;
    in_time.unwrap_or_else(|_| Err(Error::TooLong))?;
    let body = envelope
        .whole(&call)
        .expect("a call without further pieces is complete");
    Ok(super::reply(&body))
}

/// An answer that is being spoken.
struct Speech {
    call: Call,
    envelope: Envelope,
    until: Instant,
    /// A piece that was waited for before the answer began.
    first: Option<Piece>,
    over: bool,
    _permit: OwnedSemaphorePermit,
}

/// Waits for the first piece, so that a failure before it is a plain HTTP error.
async fn streamed(
    mut call: Call,
    wanted: &Wanted,
    permit: OwnedSemaphorePermit,
) -> Result<Response, Failure> {
    let first = call.next().await?;
    let speech = Speech {
        envelope: Envelope::new(&call, Utc::now().timestamp(), wanted.with_usage),
        call,
        until: Instant::now() + LONGEST,
        first,
        over: false,
        _permit: permit,
    };
    let begin = event(&speech.envelope.first());
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

impl Speech {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.over {
                return None;
            }
            let piece = match self.first.take() {
                Some(piece) => Ok(Some(piece)),
                None => {
                    let next = time::timeout(PING, self.call.next());
                    match time::timeout_at(self.until, next).await {
                        Ok(Ok(piece)) => piece,
                        Ok(Err(_)) => return Some(Bytes::from_static(b": ping\n\n")),
                        Err(_) => Err(Error::TooLong),
                    }
                }
            };
            match piece {
                Ok(Some(piece)) if piece.is_empty() => {}
                Ok(Some(Piece::Delta { delta, extra })) => {
                    return Some(event(&self.envelope.piece(&delta, &extra)));
                }
                // The end is told once the call is over and its usage is known.
                Ok(Some(Piece::Finish(_) | Piece::Tokens(_))) => {}
                Ok(None) => {
                    self.over = true;
                    return Some(self.end());
                }
                Err(error) => {
                    self.over = true;
                    return Some(event(&Failure::from(error).body()));
                }
            }
        }
    }

    fn end(&self) -> Bytes {
        let finish = self
            .call
            .answer()
            .finish()
            .expect("a call without further pieces is complete");
        let mut events = event(&self.envelope.finish(finish)).to_vec();
        if let Some(usage) = self.envelope.usage(&self.call) {
            events.extend_from_slice(&event(&usage));
        }
        events.extend_from_slice(b"data: [DONE]\n\n");
        events.into()
    }
}

fn event(value: &Value) -> Bytes {
    format!("data: {value}\n\n").into()
}
