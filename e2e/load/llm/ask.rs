//! One question after the other, or many at a time, on one of the ways to the vendor.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bus::{Bus, Call};
use contracts::{
    id::TenantId,
    llm::{Complete, Message},
    message::StreamMessage,
};
use futures::{StreamExt, stream};
use reqwest::Response;
use serde_json::json;

use crate::{
    report::Kind,
    vendor::{HOLD, WAIT},
};

/// Streams that are opened at the same time.
const TOGETHER: usize = 50;

/// Where questions go.
pub(crate) enum Way {
    /// The base URL of an OpenAI-compatible server, and the key for it.
    Http {
        client: reqwest::Client,
        base_url: String,
        key: String,
    },
    Nats {
        bus: Box<Bus>,
        tenant: TenantId,
        token: String,
    },
}

/// A way, and the model that is asked at its end.
pub(crate) struct Asker {
    pub(crate) way: Way,
    pub(crate) model: String,
}

/// When the answer was there.
pub(crate) struct Taken {
    pub(crate) first: Duration,
    pub(crate) whole: Duration,
}

impl Asker {
    /// So many questions, of which so many are under way at a time; how long all of them took.
    pub(crate) async fn load(
        &self,
        kind: Kind,
        concurrency: usize,
        questions: usize,
    ) -> Result<(Vec<Taken>, Duration)> {
        let begun = Instant::now();
        let taken: Vec<Result<Taken>> = stream::iter(0..questions)
            .map(|_| self.ask(kind))
            .buffer_unordered(concurrency)
            .collect()
            .await;
        let seconds = begun.elapsed();
        Ok((taken.into_iter().collect::<Result<_>>()?, seconds))
    }

    /// One question, to the end of its answer.
    pub(crate) async fn ask(&self, kind: Kind) -> Result<Taken> {
        let streamed = kind == Kind::Streamed;
        // About half a kilobyte.
        let mut text = "What shall we do with it, and when? ".repeat(12);
        if kind == Kind::Slow {
            text.push_str(WAIT);
        }
        let begun = Instant::now();
        let first = match &self.way {
            Way::Http { .. } => {
                let mut response = self.send(&text, streamed).await?;
                let mut first = None;
                let mut last = bytes::Bytes::new();
                while let Some(piece) = response.chunk().await? {
                    first.get_or_insert_with(|| begun.elapsed());
                    last = piece;
                }
                let is_whole = !streamed || last.trim_ascii_end().ends_with(b"[DONE]");
                ensure!(is_whole, "an answer was broken off");
                first
            }
            Way::Nats { bus, tenant, token } => {
                let question = Complete {
                    model: Some(self.model.clone()),
                    messages: vec![Message::user(text)],
                    ..Complete::default()
                };
                let call = Call::with_token(token);
                let mut answer = Box::pin(bus.call_stream(*tenant, &question, call).await?);
                let mut first = None;
                loop {
                    let message = answer.next().await.context("an answer without an end")??;
                    first.get_or_insert_with(|| begun.elapsed());
                    if let StreamMessage::Done { .. } = message {
                        break first;
                    }
                }
            }
        };
        Ok(Taken {
            first: first.context("an empty answer")?,
            whole: begun.elapsed(),
        })
    }

    /// Streams that have begun and do not end.
    pub(crate) async fn held(&self, streams: usize) -> Result<Vec<Response>> {
        let opened: Vec<Result<Response>> = stream::iter(0..streams)
            .map(|_| async {
                let mut response = self.send(HOLD, true).await?;
                response.chunk().await?.context("no first piece")?;
                Ok(response)
            })
            .buffer_unordered(TOGETHER)
            .collect()
            .await;
        opened.into_iter().collect()
    }

    async fn send(&self, text: &str, streamed: bool) -> Result<Response> {
        let Way::Http {
            client,
            base_url,
            key,
        } = &self.way
        else {
            bail!("this way is no HTTP");
        };
        let body = json!({"model": self.model, "stream": streamed, "messages": [{"role": "user", "content": text}]});
        let request = client.post(format!("{base_url}/chat/completions"));
        let request = request.bearer_auth(key);
        let request = request.header("content-type", "application/json");
        let response = request.body(body.to_string()).send().await?;
        let status = response.status();
        if !status.is_success() {
            bail!("{status}: {}", response.text().await?);
        }
        Ok(response)
    }
}
