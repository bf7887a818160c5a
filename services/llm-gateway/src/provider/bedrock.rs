//! Amazon Bedrock's Converse API (`ConverseStream` of the Bedrock runtime's API reference).
//!
//! It is always asked for a stream: one reader for both ways to answer, and a long answer never looks like silence.

pub(crate) mod frames;
mod request;
mod response;
mod sign;
mod vectors;

use std::borrow::Cow;

use chrono::Utc;
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream};
use serde::Serialize;

use self::{frames::Frames, request::Request, response::Reader, sign::Keys};
use super::{
    Fault, Provider, Question, Taken, Texts,
    connection::{Connection, Framing},
    fetch,
    terms::Terms,
};
use crate::domain::texts::{self, Vectors};

/// Texts that are asked for at the same time: a request has one.
const AT_ONCE: usize = 8;

pub(crate) struct Bedrock {
    pub(crate) connection: Connection,
}

impl Provider for Bedrock {
    fn ask<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Taken, Fault>> {
        async move {
            let connection = &self.connection;
            let mut terms = Terms::of(&connection.name, question.ask);
            let ask = Cow::Borrowed(question.ask);
            let ask = fetch::inlined(&connection.egress, ask, &terms).await?;
            let question = Question {
                ask: &ask,
                ..question
            };
            let request = Request::of(question, &mut terms)?;
            let post = self.post(question.model, "converse-stream", &request.body)?;
            let response = connection.send(post).await?;
            let framing = Framing::Aws(Frames::default());
            let reader = Reader::new(request.names, request.unwraps);
            Ok(Taken {
                pieces: connection.spoken(response, framing, reader),
                ignored: terms.dropped(),
            })
        }
        .boxed()
    }

    fn embed<'a>(&'a self, texts: Texts<'a>) -> BoxFuture<'a, Result<Vectors, Fault>> {
        async move {
            let each = texts.input.iter();
            let each: Vec<_> = each.map(|text| self.vector(texts, text).boxed()).collect();
            let each: Vec<_> = stream::iter(each).buffered(AT_ONCE).try_collect().await?;
            let count = each.iter().map(|(_, tokens)| *tokens).sum::<Option<u64>>();
            let list = each.into_iter().map(|(vector, _)| vector).collect();
            let wanted = (texts.input.len(), texts.dimensions);
            let vectors = texts::vectors(list, wanted, count);
            vectors.map_err(|why| {
                self.connection
                    .broken(super::connection::Broken::Garbage(why))
            })
        }
        .boxed()
    }
}

impl Bedrock {
    async fn vector(&self, texts: Texts<'_>, text: &str) -> Result<(Vec<f32>, Option<u64>), Fault> {
        let connection = &self.connection;
        let body = vectors::body(&connection.name, texts, text)?;
        let post = self.post(texts.model, "invoke", &body)?;
        let read = connection.read(connection.send(post).await?).await?;
        vectors::read(&read).map_err(|broken| connection.broken(broken))
    }

    fn post(
        &self,
        model: &str,
        method: &str,
        body: &impl Serialize,
    ) -> Result<egress::Request, Fault> {
        // Names may be ARNs, with colons and slashes.
        let model = urlencoding::encode(model);
        let path = format!("/model/{model}/{method}");
        let accept = match method {
            "invoke" => "application/json",
            _ => "application/vnd.amazon.eventstream",
        };
        let mut request = self.connection.post(&path, body, accept)?;
        request.credential = match self.connection.plain_key() {
            None => None,
            Some(key) => match Keys::read(key) {
                // A Bedrock API key is a bearer token.
                None => {
                    let bearer = format!("Bearer {key}");
                    Some(self.connection.credential("authorization", bearer))
                }
                Some(keys) => {
                    let signed = sign::sign(&keys, &request, Utc::now());
                    request.headers.extend(signed.headers);
                    request.confidential = true;
                    Some(
                        self.connection
                            .credential("authorization", signed.authorization),
                    )
                }
            },
        };
        Ok(request)
    }
}
