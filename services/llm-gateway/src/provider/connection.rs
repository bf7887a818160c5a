//! The way to a vendor's server: what is sent, what comes back, and how it breaks.
//!
//! **Invariant:** the key goes to the host of the base URL alone, and dropping the pieces closes the connection.

use std::{collections::VecDeque, pin::Pin, time::Duration};

use bytes::Bytes;
use chrono::Utc;
use egress::{Credential, Egress, ResponseStream};
use futures::{Stream, StreamExt, stream, stream::BoxStream};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;

use super::{
    bedrock::frames::Frames,
    fault::{Fault, FaultKind},
    refusal::{self, RetryHeaders},
    sse::Events,
};
use crate::domain::{piece::Piece, settings::host};

/// Bytes of an answer at most, as it comes over the wire.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// Bytes of a refusal that are read.
const MAX_REFUSAL: usize = 64 * 1024;

pub(crate) struct Connection {
    pub(crate) egress: Egress,
    /// The provider's name.
    pub(crate) name: String,
    /// Without a slash at its end.
    pub(crate) base_url: String,
    pub(crate) key: Option<SecretString>,
    /// How long the server may take to begin its answer, at most; the caller may give up before.
    pub(crate) patience: Duration,
}

/// Reads the events of one answer.
pub(crate) trait Reader: Send + 'static {
    fn event(&mut self, data: &[u8]) -> Result<Vec<Piece>, Broken>;

    /// Whether the server said that it is done: what follows is of no interest.
    fn is_done(&self) -> bool;

    /// The last pieces, once the connection has ended in order; [`Broken::Cut`] where the answer is not complete.
    fn end(&mut self) -> Result<Vec<Piece>, Broken>;
}

/// What a server sent instead of a piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Broken {
    /// Something that cannot be understood, and why.
    Garbage(&'static str),
    /// An error in the midst of the stream: its body.
    Refusal(Value),
    /// The end came too early.
    Cut,
}

/// How events are told apart in the bytes of an answer.
pub(crate) enum Framing {
    /// Server-sent events.
    Sse(Events),
    /// The event stream of AWS.
    Aws(Frames),
}

impl Framing {
    pub(crate) fn sse() -> Self {
        Self::Sse(Events::default())
    }

    fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        match self {
            Self::Sse(events) => events.push(bytes).map_err(|error| error.to_string()),
            Self::Aws(frames) => frames.push(bytes).map_err(str::to_owned),
        }
    }

    /// The last event of a stream that ends without what would end it.
    fn finish(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Sse(events) => std::mem::take(events).finish(),
            Self::Aws(_) => None,
        }
    }
}

impl Connection {
    /// A question as JSON, without a credential.
    pub(crate) fn post(
        &self,
        path: &str,
        body: &impl Serialize,
        accept: &str,
    ) -> Result<egress::Request, Fault> {
        let body = serde_json::to_vec(body)
            .map_err(|_| Fault::new(&self.name, FaultKind::Refused(400)))?;
        let headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("accept".to_owned(), accept.to_owned()),
        ];
        Ok(egress::Request {
            headers,
            body: body.into(),
            timeout: self.patience,
            max_response_bytes: MAX_ANSWER,
            ..egress::Request::new("POST", format!("{}{path}", self.base_url))
        })
    }

    /// A secret header for the host of the base URL.
    pub(crate) fn credential(&self, header: &str, value: String) -> Credential {
        Credential {
            header: header.to_owned(),
            value: value.into(),
            host: host(&self.base_url).unwrap_or_default(),
        }
    }

    /// The key in a header of its own.
    pub(crate) fn key_in(&self, header: &str) -> Option<Credential> {
        let key = self.plain_key()?;
        Some(self.credential(header, key.to_owned()))
    }

    /// The response, where the server takes what it was sent.
    pub(crate) async fn send(&self, request: egress::Request) -> Result<ResponseStream, Fault> {
        let response = self.egress.stream(request).await;
        let response = response.map_err(|error| failure(&self.name, &error))?;
        match response.status {
            200..300 => Ok(response),
            _ => Err(self.refusal(response).await),
        }
    }

    async fn refusal(&self, response: ResponseStream) -> Fault {
        let header = |name: &str| response.header(name);
        let pause = refusal::retry_after_ms(
            RetryHeaders {
                retry_after_ms: header("retry-after-ms"),
                retry_after: header("retry-after"),
                reset: header("x-ratelimit-reset-requests"),
            },
            Utc::now(),
        );
        let status = response.status;
        let mut read = Vec::new();
        let mut body = std::pin::pin!(response.into_body());
        while let Some(Ok(part)) = body.next().await {
            read.extend_from_slice(&part);
            if read.len() > MAX_REFUSAL {
                break;
            }
        }
        let mut fault = refusal::fault(&self.name, status, &read, self.plain_key());
        let may_come_back = matches!(fault.kind, FaultKind::RateLimited | FaultKind::Failed(_));
        fault.retry_after_ms = pause.or(fault.retry_after_ms).filter(|_| may_come_back);
        fault
    }

    /// The body of a response as a whole.
    pub(crate) async fn read(&self, response: ResponseStream) -> Result<Vec<u8>, Fault> {
        let mut read = Vec::new();
        let mut body = std::pin::pin!(response.into_body());
        while let Some(part) = body.next().await {
            let part = part.map_err(|error| failure(&self.name, &error))?;
            read.extend_from_slice(&part);
        }
        Ok(read)
    }

    /// The pieces of a response, as they are spoken.
    pub(crate) fn spoken(
        &self,
        response: ResponseStream,
        framing: Framing,
        reader: impl Reader,
    ) -> BoxStream<'static, Result<Piece, Fault>> {
        // Boxed, as it is handed on with each piece.
        let speech = Box::new(Speech {
            name: self.name.clone(),
            key: self.key.clone(),
            body: Box::pin(response.into_body()),
            framing,
            reader,
            ready: VecDeque::new(),
            over: false,
        });
        stream::unfold(speech, |mut speech| async move {
            let piece = speech.next().await?;
            // After a failure nothing more is said.
            speech.over |= piece.is_err();
            Some((piece, speech))
        })
        .boxed()
    }

    pub(crate) fn broken(&self, broken: Broken) -> Fault {
        broken_off(&self.name, broken, self.plain_key())
    }

    pub(crate) fn plain_key(&self) -> Option<&str> {
        self.key.as_ref().map(SecretString::expose_secret)
    }
}

type Body = Pin<Box<dyn Stream<Item = Result<Bytes, egress::Error>> + Send>>;

/// An answer that is being spoken.
struct Speech<R> {
    name: String,
    key: Option<SecretString>,
    body: Body,
    framing: Framing,
    reader: R,
    ready: VecDeque<Piece>,
    over: bool,
}

impl<R: Reader> Speech<R> {
    async fn next(&mut self) -> Option<Result<Piece, Fault>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(Ok(piece));
            }
            if self.over {
                return None;
            }
            if let Err(fault) = self.advance().await {
                return Some(Err(fault));
            }
        }
    }

    /// Reads on until there is something to say, or the end.
    async fn advance(&mut self) -> Result<(), Fault> {
        if !self.reader.is_done()
            && let Some(part) = self.body.next().await
        {
            let part = part.map_err(|error| failure(&self.name, &error))?;
            let events = self
                .framing
                .push(&part)
                .map_err(|why| Fault::new(&self.name, FaultKind::Garbage).because(why))?;
            return events.iter().try_for_each(|event| self.read(event));
        }
        if let Some(event) = self.framing.finish() {
            self.read(&event)?;
        }
        self.over = true;
        let end = self.reader.end().map_err(|broken| self.broken(broken))?;
        self.ready.extend(end);
        Ok(())
    }

    fn read(&mut self, event: &[u8]) -> Result<(), Fault> {
        let pieces = self.reader.event(event);
        self.ready
            .extend(pieces.map_err(|broken| self.broken(broken))?);
        Ok(())
    }

    fn broken(&self, broken: Broken) -> Fault {
        let key = self.key.as_ref().map(SecretString::expose_secret);
        broken_off(&self.name, broken, key)
    }
}

fn broken_off(provider: &str, broken: Broken, key: Option<&str>) -> Fault {
    match broken {
        Broken::Garbage(why) => Fault::new(provider, FaultKind::Garbage).because(why),
        Broken::Refusal(error) => refusal::in_stream(provider, &error, key),
        Broken::Cut => Fault::new(provider, FaultKind::Cut),
    }
}

pub(crate) fn failure(provider: &str, error: &egress::Error) -> Fault {
    let kind = match error {
        egress::Error::Blocked { .. }
        | egress::Error::InvalidUrl(_)
        | egress::Error::CredentialHost { .. } => FaultKind::Blocked,
        egress::Error::Resolve(_)
        | egress::Error::Connect(_)
        | egress::Error::InvalidHeader(_)
        | egress::Error::InvalidMethod(_)
        | egress::Error::Setup => FaultKind::Unreachable,
        egress::Error::Timeout(_) => FaultKind::Slow,
        egress::Error::TooLarge { .. } => FaultKind::Garbage,
        egress::Error::Broken(_) => FaultKind::Cut,
    };
    Fault::new(provider, kind).because(error.to_string())
}
