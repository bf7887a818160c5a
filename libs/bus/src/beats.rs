//! Signs of life: whoever works long on a question says that they go on, on a subject that the question names.
//!
//! **Invariant:** a heartbeat names no more than its tenant and a random word; it says nothing and is never stored.

use std::future::pending;

use async_nats::HeaderMap;
use bytes::Bytes;
use contracts::{Problem, Request, Subject, id::TenantId};
use futures::StreamExt;

use crate::{
    Bus, Call, Error,
    error::during,
    headers::HEARTBEAT,
    request::{decode, encode, unavailable},
};

/// Called at each sign of life.
pub type Heard<'a> = &'a (dyn Fn() + Send + Sync);

impl Bus {
    /// As [`Bus::call`]; `heard` is called whenever who works on it says that they go on.
    ///
    /// # Errors
    /// As [`Bus::call`].
    pub async fn call_heard<R: Request>(
        &self,
        tenant: TenantId,
        request: &R,
        call: Call<'_>,
        heard: Heard<'_>,
    ) -> Result<R::Reply, Problem> {
        let subject = Subject::request::<R>(tenant);
        let (body, mut headers) = (encode(request)?, call.headers());
        let beats = self.listen(tenant, &mut headers).await?;
        let asked = self.send_with(&subject, R::NAME, body, headers, call.deadline);
        decode(R::NAME, &beats.during(asked, heard).await?)
    }

    /// Listens on a subject that `headers` then name.
    pub(crate) async fn listen(
        &self,
        tenant: TenantId,
        headers: &mut HeaderMap,
    ) -> Result<Beats, Problem> {
        let subject = Subject::beat(tenant, &self.random_word());
        let listening = self.client.subscribe(subject.to_string()).await;
        headers.insert(HEARTBEAT, subject.as_str());
        Ok(Beats(
            listening.map_err(|error| unavailable("the heartbeat", &error))?,
        ))
    }

    /// Says to who asked that the work goes on. `to` is [`heartbeat_in`] the question's headers.
    ///
    /// # Errors
    /// When the message cannot be sent.
    pub async fn beat(&self, to: &Subject) -> Result<(), Error> {
        let sent = self.client.publish(to.to_string(), Bytes::new()).await;
        sent.map_err(during("send a heartbeat"))
    }
}

/// The signs of life that come in.
pub(crate) struct Beats(async_nats::Subscriber);

impl Beats {
    /// Gives what `work` gives, and calls `heard` at each sign of life until then.
    pub(crate) async fn during<T>(mut self, work: impl Future<Output = T>, heard: Heard<'_>) -> T {
        let listen = async {
            while self.0.next().await.is_some() {
                heard();
            }
            pending().await
        };
        tokio::select! {
            biased;
            never = listen => never,
            outcome = work => outcome,
        }
    }
}

/// Where the sender of a message of this tenant listens for signs of life; none where silence has no limit.
pub fn heartbeat_in(headers: Option<&HeaderMap>, tenant: TenantId) -> Option<Subject> {
    Subject::beat_of(tenant, headers?.get(HEARTBEAT)?.as_str())
}
