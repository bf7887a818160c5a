//! Work queues: each item is done by one worker, and goes to another if that one falls silent.

use std::{sync::Arc, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{AckKind, Message, consumer::pull, message::PublishMessage},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use contracts::{
    Subject,
    dead_letter::DeadReason,
    id::TenantId,
    subject::{WorkAddress, tenant_of},
    work::{WorkClass, WorkItem},
};
use futures::Stream;

use crate::{
    Bus, Error, dead,
    error::during,
    headers::{MESSAGE_ID, inject_trace},
    topology::{DEAD, WORKERS, work_stream},
    writes::is_queued,
};

/// What became of a dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatched {
    New,
    /// The same attempt of the same step is in the queue already.
    AlreadyQueued,
}

/// A message of a durable consumer. Dropped without [`Delivery::ack`] or [`Delivery::done`], it is delivered again.
pub struct Delivery {
    message: Arc<Message>,
    bus: Bus,
    settled: bool,
}

impl Delivery {
    pub(crate) fn new(message: Message, bus: Bus) -> Self {
        Self {
            message: Arc::new(message),
            bus,
            settled: false,
        }
    }

    pub fn subject(&self) -> &str {
        self.message.subject.as_str()
    }
    pub fn payload(&self) -> &Bytes {
        &self.message.payload
    }
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.message.headers.as_ref()
    }
    /// The sequence in the stream; 0 where it cannot be read.
    pub fn sequence(&self) -> u64 {
        self.message.info().map_or(0, |info| info.stream_sequence)
    }
    /// When the server stored it; none where that cannot be read.
    pub fn stored_at(&self) -> Option<DateTime<Utc>> {
        let at = self.message.info().ok()?.published;
        DateTime::from_timestamp(at.unix_timestamp(), at.nanosecond())
    }
    /// How often it was delivered, this time included.
    pub fn deliveries(&self) -> u64 {
        self.message
            .info()
            .map_or(1, |info| u64::try_from(info.delivered).unwrap_or(1))
    }

    /// Done, and harmless should it come again: the server is told, and not waited for.
    ///
    /// # Errors
    /// When it cannot be told.
    pub async fn done(mut self) -> Result<(), Error> {
        self.settled = true;
        self.message
            .ack()
            .await
            .map_err(|e| during("acknowledge")(e))
    }

    /// Done; returns once the server has stored that.
    ///
    /// # Errors
    /// When that is not known: the message may come again.
    pub async fn ack(mut self) -> Result<(), Error> {
        self.settled = true;
        self.message
            .double_ack()
            .await
            .map_err(|e| during("acknowledge")(e))
    }

    /// Tells the server that work goes on: the wait for the acknowledgement begins anew.
    ///
    /// # Errors
    /// When it cannot be told.
    pub async fn progress(&self) -> Result<(), Error> {
        self.message
            .ack_with(AckKind::Progress)
            .await
            .map_err(|e| during("report progress")(e))
    }

    /// Gives it back; it comes again after `delay`.
    ///
    /// # Errors
    /// When it cannot be told; it then comes again after the silence limit.
    pub async fn give_back(mut self, delay: Duration) -> Result<(), Error> {
        self.settled = true;
        self.message
            .ack_with(AckKind::Nak(Some(delay)))
            .await
            .map_err(|e| during("give a message back")(e))
    }

    /// Puts it among the dead letters, with the reason, and takes it out of its queue. Buried twice it is there once, as
    /// long as the server remembers.
    ///
    /// # Errors
    /// When it cannot be stored there; it then stays where it is.
    pub async fn bury(self, reason: DeadReason) -> Result<(), Error> {
        self.put_away(reason.as_str()).await
    }

    pub(crate) async fn put_away(self, reason: &str) -> Result<(), Error> {
        let info = self
            .message
            .info()
            .map_err(|e| during("name a dead letter")(e))?;
        let tenant = match WorkAddress::parse(self.subject()) {
            Some(address) => Some(address.tenant),
            None => tenant_of(self.subject()),
        };
        let subject = Subject::dead_letter(info.stream, tenant.unwrap_or(TenantId::PLATFORM))
            .ok_or_else(|| during("name a dead letter")("its stream is no subject token"))?;
        let headers = dead::headers(&self, info.stream, reason);
        let payload = self.message.payload.clone();
        let letter = PublishMessage::build().headers(headers).payload(payload);
        let stored = self.bus.store(DEAD, subject, letter).await;
        stored.map_err(during("store a dead letter"))?;
        self.ack().await
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let message = self.message.clone();
        // A drop cannot wait; if the runtime is gone the silence limit does the same, later.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(async move { message.ack_with(AckKind::Nak(None)).await.ok() }));
        }
    }
}

impl Bus {
    /// Queues an attempt of a step; returns once JetStream has stored it.
    ///
    /// # Errors
    /// When it is not known to be stored; dispatching again is harmless.
    pub async fn dispatch(
        &self,
        address: &WorkAddress,
        item: &WorkItem,
    ) -> Result<Dispatched, Error> {
        let body = serde_json::to_vec(item).map_err(during("write a work item"))?;
        self.queue(address, HeaderMap::new(), body.into()).await
    }

    /// Queues a work item as it once was; the same `key` within the queue's window queues it once.
    ///
    /// # Errors
    /// As [`Bus::dispatch`].
    pub async fn redispatch(
        &self,
        address: &WorkAddress,
        item: Bytes,
        key: &str,
    ) -> Result<Dispatched, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, key);
        self.queue(address, headers, item).await
    }

    async fn queue(
        &self,
        address: &WorkAddress,
        mut headers: HeaderMap,
        item: Bytes,
    ) -> Result<Dispatched, Error> {
        inject_trace(&mut headers);
        let message = PublishMessage::build().headers(headers).payload(item);
        let stream = work_stream(address.class);
        match self.store(&stream, address.subject(), message).await {
            Ok(ack) if ack.duplicate => Ok(Dispatched::AlreadyQueued),
            Ok(_) => Ok(Dispatched::New),
            Err(error) if is_queued(&error) => Ok(Dispatched::AlreadyQueued),
            Err(error) => Err(during("queue work")(error)),
        }
    }

    /// The items of a class, one at a time to each worker that asks, `batch` prefetched at most.
    ///
    /// # Errors
    /// When the queue is not there.
    pub async fn work(
        &self,
        class: WorkClass,
        batch: usize,
    ) -> Result<impl Stream<Item = Result<Delivery, Error>> + Send + use<>, Error> {
        let stream = self
            .jetstream
            .get_stream_no_info(work_stream(class))
            .await
            .map_err(during("open a work queue"))?;
        let consumer = stream
            .get_consumer::<pull::Config>(WORKERS)
            .await
            .map_err(|e| during("open a work queue")(e))?;
        self.pull(consumer, batch).await
    }

    /// How many of those who work in a class, in any process, wait for an item now.
    ///
    /// # Errors
    /// When the queue is not there.
    pub async fn idle_workers(&self, class: WorkClass) -> Result<usize, Error> {
        let stream = self
            .jetstream
            .get_stream_no_info(work_stream(class))
            .await
            .map_err(during("open a work queue"))?;
        let info = stream.consumer_info(WORKERS).await;
        Ok(info.map_err(during("look at a work queue"))?.num_waiting)
    }

    pub(crate) async fn deliveries(
        &self,
        config: pull::Config,
        stream: String,
        batch: usize,
    ) -> Result<impl Stream<Item = Result<Delivery, Error>> + Send + use<>, Error> {
        let consumer = self
            .jetstream
            .create_consumer_on_stream(config, stream)
            .await
            .map_err(during("create a consumer"))?;
        self.pull(consumer, batch).await
    }
}
