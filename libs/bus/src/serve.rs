//! Answering: subscriptions, micro-service endpoints, replies.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use async_nats::{
    HeaderMap,
    service::{self, ServiceExt},
};
use bytes::Bytes;
use contracts::{Problem, Request, Subject};
use futures::{Stream, StreamExt};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::{
    Bus, Error,
    error::during,
    headers::{AUTHORIZATION, SERVICE_ERROR, SERVICE_ERROR_CODE, inject_trace},
    owners::Asker,
};

/// A message that arrived.
pub struct Incoming {
    message: async_nats::Message,
    micro: Option<service::Request>,
    asker: Option<Asker>,
}

impl Incoming {
    fn of(message: async_nats::Message) -> Self {
        Self {
            message,
            micro: None,
            asker: None,
        }
    }
    /// From this process.
    pub(crate) fn here(message: async_nats::Message, asker: Asker) -> Self {
        Self {
            asker: Some(asker),
            ..Self::of(message)
        }
    }
    pub fn subject(&self) -> &str {
        self.message.subject.as_str()
    }
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.message.headers.as_ref()
    }
    pub fn payload(&self) -> &Bytes {
        &self.message.payload
    }
    /// The access token of the `Authorization` header.
    pub fn token(&self) -> Option<&str> {
        self.message
            .headers
            .as_ref()?
            .get(AUTHORIZATION)?
            .as_str()
            .strip_prefix("Bearer ")
    }
    /// Where the answer goes; none when nobody waits for one.
    pub fn reply_to(&self) -> Option<Reply> {
        match &self.asker {
            Some(asker) => Some(Reply(To::Here(asker.clone()))),
            None => self.message.reply.clone().map(|to| Reply(To::Wire(to))),
        }
    }
}

/// The address of an answer.
#[derive(Clone, Debug)]
pub struct Reply(To);

#[derive(Clone, Debug)]
enum To {
    Wire(async_nats::Subject),
    Here(Asker),
}

/// A stream of messages.
pub struct Subscription(Source);

enum Source {
    Core(async_nats::Subscriber),
    Micro(Box<service::endpoint::Endpoint>),
    Owner(Both),
}

/// What comes over the wire and what comes from this process, in turn.
struct Both {
    wire: async_nats::Subscriber,
    here: mpsc::Receiver<Incoming>,
    here_first: bool,
}

impl Subscription {
    /// Takes no further messages; those that arrived are still delivered.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn stop(&mut self) -> Result<(), Error> {
        match &mut self.0 {
            Source::Core(subscriber) => subscriber
                .drain()
                .await
                .map_err(during("end a subscription")),
            Source::Micro(endpoint) => endpoint.stop().await.map_err(during("end an endpoint")),
            Source::Owner(both) => {
                both.here.close();
                both.wire
                    .drain()
                    .await
                    .map_err(during("end a subscription"))
            }
        }
    }
}

impl Stream for Subscription {
    type Item = Incoming;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        match &mut self.0 {
            Source::Core(subscriber) => subscriber
                .poll_next_unpin(cx)
                .map(|next| next.map(Incoming::of)),
            Source::Micro(endpoint) => endpoint.poll_next_unpin(cx).map(|next| {
                next.map(|request| Incoming {
                    message: request.message.clone(),
                    micro: Some(request),
                    asker: None,
                })
            }),
            Source::Owner(both) => both.poll(cx),
        }
    }
}

impl Both {
    /// The connection's end is the end: an owner without it can store nothing.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        self.here_first = !self.here_first;
        if self.here_first
            && let Poll::Ready(Some(incoming)) = self.here.poll_recv(cx)
        {
            return Poll::Ready(Some(incoming));
        }
        if let Poll::Ready(next) = self.wire.poll_next_unpin(cx) {
            return Poll::Ready(next.map(Incoming::of));
        }
        match self.here.poll_recv(cx) {
            Poll::Ready(Some(incoming)) => Poll::Ready(Some(incoming)),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// A service as NATS tools list it (`nats micro ls`).
pub struct Micro {
    service: service::Service,
    queue: &'static str,
}

impl Micro {
    /// Begins to receive the requests of every tenant.
    ///
    /// # Errors
    /// When the subscription is refused.
    pub async fn endpoint<R: Request>(&self) -> Result<Subscription, Error> {
        let endpoint = self
            .service
            .endpoint_builder()
            .name(R::NAME.replace('.', "-"))
            .queue_group(self.queue)
            .add(Subject::request_of_all::<R>().to_string())
            .await
            .map_err(during("add an endpoint"))?;
        Ok(Subscription(Source::Micro(Box::new(endpoint))))
    }
}

impl Bus {
    /// Registers a micro service; its name is also the queue group of its replicas.
    ///
    /// # Errors
    /// When NATS refuses it.
    pub async fn micro(&self, name: &'static str, version: &str) -> Result<Micro, Error> {
        let service = self
            .client
            .service_builder()
            .start(name, version)
            .await
            .map_err(during("register a service"))?;
        Ok(Micro {
            service,
            queue: name,
        })
    }

    /// Receives what is published on a subject; with a queue group, one member receives each message.
    ///
    /// # Errors
    /// When the subscription is refused.
    pub async fn subscribe(
        &self,
        subject: &Subject,
        queue: Option<&str>,
    ) -> Result<Subscription, Error> {
        let subject = subject.to_string();
        let subscriber = match queue {
            Some(queue) => self.client.queue_subscribe(subject, queue.to_owned()).await,
            None => self.client.subscribe(subject).await,
        };
        Ok(Subscription(Source::Core(
            subscriber.map_err(during("subscribe"))?,
        )))
    }

    /// Receives what the owner of a partition is asked; the questions of this process come without the wire.
    ///
    /// # Errors
    /// When the subscription is refused.
    pub async fn own(&self, partition: u16) -> Result<Subscription, Error> {
        let subject = Subject::owner_all(partition).to_string();
        let wire = self.client.subscribe(subject).await;
        let wire = wire.map_err(during("subscribe"))?;
        // From here on the server has us: no question from elsewhere finds nobody.
        self.flush().await?;
        Ok(Subscription(Source::Owner(Both {
            wire,
            here: self.owners.enter(partition),
            here_first: false,
        })))
    }

    /// Answers a message. Nothing happens when nobody waits.
    ///
    /// # Errors
    /// When the answer cannot be sent.
    pub async fn reply<T: Serialize>(
        &self,
        incoming: &Incoming,
        answer: Result<&T, &Problem>,
    ) -> Result<(), Error> {
        let Some(to) = incoming.reply_to() else {
            return Ok(());
        };
        let (headers, body) = reply_parts(answer)?;
        match &incoming.micro {
            Some(request) => request
                .respond_with_headers(Ok(body), headers)
                .await
                .map_err(during("answer")),
            None => self.send_answer(&to, headers, body).await,
        }
    }

    /// Answers with bytes as they are, where the asker is no service of ours.
    ///
    /// # Errors
    /// When the answer cannot be sent.
    pub async fn reply_bytes(&self, incoming: &Incoming, body: Bytes) -> Result<(), Error> {
        let Some(to) = incoming.reply_to() else {
            return Ok(());
        };
        self.send_answer(&to, HeaderMap::new(), body).await
    }

    /// Sends one of several answers, or an answer after its message is gone.
    ///
    /// # Errors
    /// When the answer cannot be sent.
    pub async fn reply_to<T: Serialize>(
        &self,
        to: &Reply,
        answer: Result<&T, &Problem>,
    ) -> Result<(), Error> {
        let (headers, body) = reply_parts(answer)?;
        self.send_answer(to, headers, body).await
    }

    async fn send_answer(&self, to: &Reply, headers: HeaderMap, body: Bytes) -> Result<(), Error> {
        match &to.0 {
            To::Wire(to) => self
                .client
                .publish_with_headers(to.clone(), headers, body)
                .await
                .map_err(during("answer")),
            To::Here(asker) => {
                asker.answer(headers, body);
                Ok(())
            }
        }
    }

    /// Publishes a message that is written already, without storing it and without a trace.
    ///
    /// # Errors
    /// When the message cannot be sent.
    pub async fn publish_bytes(&self, subject: &Subject, body: Bytes) -> Result<(), Error> {
        self.client
            .publish(subject.to_string(), body)
            .await
            .map_err(during("publish"))
    }

    /// Publishes without storing: for live frames, token deltas, control.
    ///
    /// # Errors
    /// When the message cannot be sent.
    pub async fn publish<T: Serialize>(&self, subject: &Subject, value: &T) -> Result<(), Error> {
        let body = serde_json::to_vec(value).map_err(during("write a message"))?;
        let mut headers = HeaderMap::new();
        inject_trace(&mut headers);
        self.client
            .publish_with_headers(subject.to_string(), headers, body.into())
            .await
            .map_err(during("publish"))
    }
}

fn reply_parts<T: Serialize>(answer: Result<&T, &Problem>) -> Result<(HeaderMap, Bytes), Error> {
    let mut headers = HeaderMap::new();
    let body = match answer {
        Ok(reply) => serde_json::to_vec(reply),
        Err(problem) => {
            headers.insert(SERVICE_ERROR, problem.code.as_str());
            headers.insert(SERVICE_ERROR_CODE, problem.status.to_string());
            serde_json::to_vec(problem)
        }
    };
    Ok((headers, body.map_err(during("write an answer"))?.into()))
}
