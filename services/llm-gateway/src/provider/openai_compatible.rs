//! OpenAI and every server that speaks its APIs of chat completions and embeddings: vLLM, Ollama, LM Studio, Mistral, Groq, OpenRouter, …
//!
//! **Invariant:** the key goes to the host of the base URL alone, and dropping the pieces closes the connection.

mod embeddings;
pub(crate) mod refusal;
mod request;
mod response;
mod sse;

use std::{collections::VecDeque, pin::Pin, time::Duration};

use bytes::Bytes;
use chrono::Utc;
use egress::{Credential, Egress, ResponseStream};
use futures::{FutureExt, Stream, StreamExt, future::BoxFuture, stream};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use self::{
    refusal::RetryHeaders,
    response::{Broken, Reader},
    sse::Events,
};
use super::{Fault, Provider, Question, Taken, Texts, fault::FaultKind};
use crate::domain::{piece::Piece, settings::host, texts::Vectors};

/// Bytes of an answer at most, as it comes over the wire.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// Bytes of a refusal that are read.
const MAX_REFUSAL: usize = 64 * 1024;

pub(crate) struct OpenaiCompatible {
    pub(crate) egress: Egress,
    pub(crate) name: String,
    /// Without a slash at its end.
    pub(crate) base_url: String,
    pub(crate) key: Option<SecretString>,
    /// How long the server may take to begin its answer, at most; the caller may give up before.
    pub(crate) patience: Duration,
}

type Body = Pin<Box<dyn Stream<Item = Result<Bytes, egress::Error>> + Send>>;

impl Provider for OpenaiCompatible {
    fn ask<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Taken, Fault>> {
        async move {
            let response = self.send(self.request(question)?).await?;
            // Some servers answer as a whole although a stream was asked for.
            let is_whole = response
                .header("content-type")
                .is_some_and(|kind| kind.starts_with("application/json"));
            let pieces = if question.streamed && !is_whole {
                self.spoken(response)
            } else {
                stream::iter(self.whole(response).await?.into_iter().map(Ok)).boxed()
            };
            Ok(Taken {
                pieces,
                ignored: Vec::new(),
            })
        }
        .boxed()
    }

    fn embed<'a>(&'a self, texts: Texts<'a>) -> BoxFuture<'a, Result<Vectors, Fault>> {
        async move {
            let body = embeddings::body(texts);
            let request = self.post("/embeddings", &body, "application/json")?;
            let read = self.read(self.send(request).await?).await?;
            embeddings::read(&read, texts)
                .map_err(|broken| broken_off(&self.name, broken, self.plain_key()))
        }
        .boxed()
    }
}

impl OpenaiCompatible {
    fn request(&self, question: Question<'_>) -> Result<egress::Request, Fault> {
        let accept = if question.streamed {
            "text/event-stream"
        } else {
            "application/json"
        };
        let body = request::body(question);
        let mut request = self.post("/chat/completions", &body, accept)?;
        if let Some(key) = &question.ask.idempotency_key {
            let header = ("idempotency-key".to_owned(), key.clone());
            request.headers.push(header);
        }
        Ok(request)
    }

    fn post(
        &self,
        path: &str,
        body: &Map<String, Value>,
        accept: &str,
    ) -> Result<egress::Request, Fault> {
        let body = serde_json::to_vec(body)
            .map_err(|_| Fault::new(&self.name, FaultKind::Refused(400)))?;
        let headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("accept".to_owned(), accept.to_owned()),
        ];
        let credential = self.key.as_ref().map(|key| Credential {
            header: "authorization".to_owned(),
            value: format!("Bearer {}", key.expose_secret()).into(),
            host: host(&self.base_url).unwrap_or_default(),
        });
        Ok(egress::Request {
            headers,
            body: body.into(),
            timeout: self.patience,
            max_response_bytes: MAX_ANSWER,
            credential,
            ..egress::Request::new("POST", format!("{}{path}", self.base_url))
        })
    }

    /// The response, where the server takes what it was sent.
    async fn send(&self, request: egress::Request) -> Result<ResponseStream, Fault> {
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
        fault.retry_after_ms = pause.filter(|_| may_come_back);
        fault
    }

    async fn whole(&self, response: ResponseStream) -> Result<Vec<Piece>, Fault> {
        let read = self.read(response).await?;
        Reader::whole(&read).map_err(|broken| broken_off(&self.name, broken, self.plain_key()))
    }

    async fn read(&self, response: ResponseStream) -> Result<Vec<u8>, Fault> {
        let mut read = Vec::new();
        let mut body = std::pin::pin!(response.into_body());
        while let Some(part) = body.next().await {
            let part = part.map_err(|error| failure(&self.name, &error))?;
            read.extend_from_slice(&part);
        }
        Ok(read)
    }

    fn spoken(&self, response: ResponseStream) -> stream::BoxStream<'static, Result<Piece, Fault>> {
        let speech = Speech {
            name: self.name.clone(),
            key: self.key.clone(),
            body: Box::pin(response.into_body()),
            events: Events::default(),
            reader: Reader::default(),
            ready: VecDeque::new(),
            over: false,
        };
        stream::unfold(speech, |mut speech| async move {
            let piece = speech.next().await?;
            // After a failure nothing more is said.
            speech.over |= piece.is_err();
            Some((piece, speech))
        })
        .boxed()
    }

    fn plain_key(&self) -> Option<&str> {
        self.key.as_ref().map(SecretString::expose_secret)
    }
}

/// An answer that is being spoken.
struct Speech {
    name: String,
    key: Option<SecretString>,
    body: Body,
    events: Events,
    reader: Reader,
    ready: VecDeque<Piece>,
    over: bool,
}

impl Speech {
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
            let events = self.events.push(&part).map_err(|error| {
                Fault::new(&self.name, FaultKind::Garbage).because(error.to_string())
            })?;
            return events.iter().try_for_each(|event| self.read(event));
        }
        if let Some(event) = std::mem::take(&mut self.events).finish() {
            self.read(&event)?;
        }
        self.over = true;
        let end = self.reader.end().map_err(|broken| self.broken(broken))?;
        self.ready.push_back(end);
        Ok(())
    }

    fn read(&mut self, event: &[u8]) -> Result<(), Fault> {
        match self.reader.event(event) {
            Ok(pieces) => self.ready.extend(pieces),
            Err(broken) => return Err(self.broken(broken)),
        }
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

fn failure(provider: &str, error: &egress::Error) -> Fault {
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
