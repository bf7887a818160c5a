//! Anthropic's Messages API (`https://platform.claude.com/docs/en/api/messages`).
//!
//! It is always asked for a stream: one reader for both ways to answer, and a long answer never looks like silence.

pub(crate) mod model;
pub(crate) mod request;
pub(crate) mod response;
mod schema;

use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;

use self::{request::Request, response::Reader};
use super::{
    Fault, Provider, Question, Taken, Texts,
    connection::{Broken, Connection, Framing},
    fault::FaultKind,
    terms::Terms,
};
use crate::domain::texts::Vectors;

/// The version of the API that is spoken here.
const VERSION: &str = "2023-06-01";

pub(crate) struct Anthropic {
    pub(crate) connection: Connection,
}

impl Provider for Anthropic {
    fn ask<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Taken, Fault>> {
        async move {
            let mut terms = Terms::of(&self.connection.name, question.ask);
            let request = Request::of(question, &mut terms)?;
            let mut post = self.post("/messages", &request.body, "text/event-stream")?;
            if let Some(key) = &question.ask.idempotency_key {
                let header = ("idempotency-key".to_owned(), key.clone());
                post.headers.push(header);
            }
            let response = self.connection.send(post).await?;
            let reader = Reader::new(request.names, request.unwraps);
            Ok(Taken {
                pieces: self.connection.spoken(response, Framing::sse(), reader),
                ignored: terms.dropped(),
            })
        }
        .boxed()
    }

    fn embed<'a>(&'a self, _: Texts<'a>) -> BoxFuture<'a, Result<Vectors, Fault>> {
        let fault = Fault::new(&self.connection.name, FaultKind::Unsupported);
        std::future::ready(Err(fault.because("Anthropic has no embeddings"))).boxed()
    }

    fn count<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<u64, Fault>> {
        async move {
            let mut terms = Terms::of(&self.connection.name, question.ask);
            let body = Request::of(question, &mut terms)?.body.counted();
            let post = self.post("/messages/count_tokens", &body, "application/json")?;
            let connection = &self.connection;
            let read = connection.read(connection.send(post).await?).await?;
            let count = serde_json::from_slice(&read).ok();
            let count = count.and_then(|said: Value| said["input_tokens"].as_u64());
            count.ok_or_else(|| connection.broken(Broken::Garbage("it is no count of tokens")))
        }
        .boxed()
    }
}

impl Anthropic {
    fn post(
        &self,
        path: &str,
        body: &request::Body,
        accept: &str,
    ) -> Result<egress::Request, Fault> {
        let mut request = self.connection.post(path, body, accept)?;
        request.credential = self.connection.key_in("x-api-key");
        let version = ("anthropic-version".to_owned(), VERSION.to_owned());
        request.headers.push(version);
        Ok(request)
    }
}
