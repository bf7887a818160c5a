//! OpenAI and every server that speaks its APIs of chat completions and embeddings: Azure, Mistral, Groq, vLLM, Ollama,
//! LM Studio, OpenRouter, … What the named ones do otherwise is in [`dialect`].

pub(crate) mod dialect;
mod embeddings;
mod request;
mod response;

use std::borrow::Cow;

use egress::Credential;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use serde::Serialize;
use serde_json::{Map, Value};

use self::{dialect::Dialect, response::Reader};
use super::{
    Fault, Provider, Question, Taken, Texts, TokenIds, Wanted,
    connection::{Connection, Framing},
    fetch,
    terms::Terms,
};
use crate::domain::texts::Vectors;

pub(crate) struct OpenaiCompatible {
    pub(crate) connection: Connection,
    pub(crate) dialect: &'static Dialect,
}

impl Provider for OpenaiCompatible {
    fn ask<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Taken, Fault>> {
        async move {
            let connection = &self.connection;
            let mut terms = Terms::of(&connection.name, question.ask);
            let mut ask = Cow::Borrowed(question.ask);
            if self.dialect.is_inside(&connection.base_url) {
                ask = fetch::inlined(&connection.egress, ask, &terms).await?;
            }
            let question = Question {
                ask: &ask,
                ..question
            };
            let body = self.dialect.body(request::body(question), &mut terms)?;
            let response = connection.send(self.request(question, &body)?).await?;
            // Some servers answer as a whole although a stream was asked for.
            let is_whole = response
                .header("content-type")
                .is_some_and(|kind| kind.starts_with("application/json"));
            let reader = Reader::of(self.dialect);
            let pieces = if question.streamed && !is_whole {
                connection.spoken(response, Framing::sse(), reader)
            } else {
                let read = connection.read(response).await?;
                let pieces = reader.whole(&read);
                let pieces = pieces.map_err(|broken| connection.broken(broken))?;
                stream::iter(pieces.into_iter().map(Ok)).boxed()
            };
            Ok(Taken {
                pieces,
                ignored: terms.dropped(),
            })
        }
        .boxed()
    }

    fn embed<'a>(&'a self, texts: Texts<'a>) -> BoxFuture<'a, Result<Vectors, Fault>> {
        self.vectors(texts).boxed()
    }

    fn embed_tokens<'a>(
        &'a self,
        ids: TokenIds<'a>,
    ) -> Option<BoxFuture<'a, Result<Vectors, Fault>>> {
        Some(self.vectors(ids).boxed())
    }
}

impl OpenaiCompatible {
    async fn vectors<T: Serialize>(&self, wanted: Wanted<'_, &[T]>) -> Result<Vectors, Fault> {
        let body = embeddings::body(&wanted);
        let request = self.post("/embeddings", wanted.model, &body, "application/json")?;
        let connection = &self.connection;
        let read = connection.read(connection.send(request).await?).await?;
        let vectors = embeddings::read(&read, &wanted);
        vectors.map_err(|broken| connection.broken(broken))
    }

    fn request(
        &self,
        question: Question<'_>,
        body: &Map<String, Value>,
    ) -> Result<egress::Request, Fault> {
        let accept = if question.streamed {
            "text/event-stream"
        } else {
            "application/json"
        };
        let mut request = self.post("/chat/completions", question.model, body, accept)?;
        if let Some(key) = &question.ask.idempotency_key {
            let header = ("idempotency-key".to_owned(), key.clone());
            request.headers.push(header);
        }
        Ok(request)
    }

    fn post(
        &self,
        path: &str,
        model: &str,
        body: &Map<String, Value>,
        accept: &str,
    ) -> Result<egress::Request, Fault> {
        let path = self.dialect.path(&self.connection.base_url, path, model);
        let credential = self.credential();
        Ok(egress::Request {
            credential,
            ..self.connection.post(&path, body, accept)?
        })
    }

    fn credential(&self) -> Option<Credential> {
        match self.dialect.key_header {
            Some(header) => self.connection.key_in(header),
            None => {
                let key = self.connection.plain_key()?;
                let bearer = format!("Bearer {key}");
                Some(self.connection.credential("authorization", bearer))
            }
        }
    }
}
