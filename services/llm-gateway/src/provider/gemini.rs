//! Google's Gemini API (`https://ai.google.dev/api/generate-content`).
//!
//! It is always asked for a stream: one reader for both ways to answer, and a long answer never looks like silence.

mod embeddings;
mod request;
mod response;

use std::borrow::Cow;

use futures::{FutureExt, future::BoxFuture};
use serde::Serialize;
use serde_json::Value;

use self::{request::Request, response::Reader};
use super::{
    Fault, Provider, Question, Taken, Texts,
    connection::{Broken, Connection, Framing},
    fetch,
    terms::Terms,
};
use crate::domain::texts::Vectors;

pub(crate) struct Gemini {
    pub(crate) connection: Connection,
}

impl Provider for Gemini {
    fn ask<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Taken, Fault>> {
        async move {
            let mut terms = Terms::of(&self.connection.name, question.ask);
            let request = self.request(question, &mut terms).await?;
            let method = "streamGenerateContent?alt=sse";
            let post = self.post(question.model, method, &request.body, "text/event-stream")?;
            let response = self.connection.send(post).await?;
            let reader = Reader::new(request.names);
            Ok(Taken {
                pieces: self.connection.spoken(response, Framing::sse(), reader),
                ignored: terms.dropped(),
            })
        }
        .boxed()
    }

    fn embed<'a>(&'a self, texts: Texts<'a>) -> BoxFuture<'a, Result<Vectors, Fault>> {
        async move {
            let mut list = Vec::with_capacity(texts.input.len());
            for input in texts.input.chunks(embeddings::MAX_BATCH) {
                let batch = Texts { input, ..texts };
                let body = embeddings::body(batch);
                let read = self.whole(texts.model, "batchEmbedContents", &body).await?;
                let read = embeddings::read(&read, batch);
                list.extend(read.map_err(|broken| self.connection.broken(broken))?);
            }
            embeddings::whole(list, texts).map_err(|broken| self.connection.broken(broken))
        }
        .boxed()
    }

    fn count<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<u64, Fault>> {
        async move {
            let mut terms = Terms::of(&self.connection.name, question.ask);
            let body = self.request(question, &mut terms).await?.body;
            let body = body.counted(question.model);
            let read = self.whole(question.model, "countTokens", &body).await?;
            let count = serde_json::from_slice(&read).ok();
            let count = count.and_then(|said: Value| said["totalTokens"].as_u64());
            let garbage = Broken::Garbage("it is no count of tokens");
            count.ok_or_else(|| self.connection.broken(garbage))
        }
        .boxed()
    }
}

impl Gemini {
    async fn request(
        &self,
        question: Question<'_>,
        terms: &mut Terms<'_>,
    ) -> Result<Request, Fault> {
        let ask = Cow::Borrowed(question.ask);
        let ask = fetch::inlined(&self.connection.egress, ask, terms).await?;
        let question = Question {
            ask: &ask,
            ..question
        };
        Request::of(question, terms)
    }

    async fn whole(
        &self,
        model: &str,
        method: &str,
        body: &impl Serialize,
    ) -> Result<Vec<u8>, Fault> {
        let post = self.post(model, method, body, "application/json")?;
        self.connection
            .read(self.connection.send(post).await?)
            .await
    }

    fn post(
        &self,
        model: &str,
        method: &str,
        body: &impl Serialize,
        accept: &str,
    ) -> Result<egress::Request, Fault> {
        let model = urlencoding::encode(model);
        let path = format!("/models/{model}:{method}");
        let mut request = self.connection.post(&path, body, accept)?;
        request.credential = self.connection.key_in("x-goog-api-key");
        Ok(request)
    }
}
