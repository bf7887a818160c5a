//! Events that integrators publish: taken in by a service, which answers as JetStream does, and kept until they have begun
//! what they begin.
//!
//! JetStream does not take them in itself: what it knows a message by (`Nats-Msg-Id`) holds for a whole stream, so an
//! organization could have another's event taken for a repetition of its own.
//!
//! **Invariant:** an event is acknowledged after it is stored.

use async_nats::{
    HeaderMap,
    jetstream::{ErrorCode, message::PublishMessage},
};
use bytes::Bytes;
use contracts::{
    Service, Subject,
    id::TenantId,
    subject::{EVENT_BUCKETS, Token},
};
use futures::{Stream, stream};
use serde::Serialize;

use crate::{
    Bus, Delivery, Error, Incoming, Subscription,
    error::during,
    headers::{EVENT_ID, MESSAGE_ID},
    topology::INBOUND,
};

/// Bytes of the body of an event.
pub const MAX_EVENT: usize = 256 * 1024;
/// The same as it is stored, with what it is known by.
pub(crate) const MAX_STORED: i32 = MAX_EVENT as i32 + 4 * 1024;

/// An event as it is kept.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub tenant: TenantId,
    pub name: Token,
    /// What it is known by, up to 200 characters.
    pub id: String,
    /// At most [`MAX_EVENT`] bytes.
    pub body: Bytes,
}

/// Why an event is not kept, as its sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotKept {
    /// It never will be.
    Invalid(&'static str),
    TooLarge,
    /// Too many arrive: to be sent again.
    Busy,
    /// It cannot be stored at present: to be sent again.
    Unavailable,
}

/// What JetStream answers (`io.nats.jetstream.api.v1.pub_ack_response`).
#[derive(Serialize)]
struct Acknowledgement {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Refusal>,
    stream: &'static str,
    seq: u64,
}

#[derive(Serialize)]
struct Refusal {
    code: u16,
    err_code: u64,
    description: &'static str,
}

impl NotKept {
    fn refusal(self) -> Refusal {
        let (code, err_code, description) = match self {
            Self::Invalid(why) => (400, ErrorCode::BAD_REQUEST, why),
            Self::TooLarge => (
                400,
                ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM,
                "an event has at most 256 KiB",
            ),
            Self::Busy => (
                503,
                ErrorCode::INSUFFICIENT_RESOURCES,
                "too many events arrive: send it again",
            ),
            Self::Unavailable => (
                503,
                ErrorCode::STREAM_STORE_FAILED,
                "the event cannot be stored at present: send it again",
            ),
        };
        Refusal {
            code,
            err_code: err_code.0,
            description,
        }
    }
}

impl Incoming {
    /// What the sender of an event calls it.
    pub fn message_id(&self) -> Option<&str> {
        let id = self.headers()?.get(MESSAGE_ID)?.as_str();
        Some(id).filter(|id| !id.is_empty())
    }
}

impl Bus {
    /// What integrators publish, of every organization: the replicas of the reader share it.
    ///
    /// # Errors
    /// When the service may not hear it.
    pub async fn arriving_events(&self, reader: Service) -> Result<Subscription, Error> {
        self.subscribe(&Subject::inbound_of_all(), Some(reader.as_str()))
            .await
    }

    /// Stores an event; returns its place in the stream once JetStream has it.
    ///
    /// # Errors
    /// When it is not known to be stored.
    pub async fn keep_event(&self, event: NewEvent) -> Result<u64, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(EVENT_ID, event.id);
        let message = PublishMessage::build().headers(headers).payload(event.body);
        let subject = Subject::kept_event(event.tenant, &event.name);
        let stored = self.store(INBOUND, subject, message).await;
        Ok(stored.map_err(during("store an event"))?.sequence)
    }

    /// Tells the sender of an event what became of it; nothing happens when nobody waits.
    ///
    /// # Errors
    /// When the answer cannot be sent.
    pub async fn acknowledge_event(
        &self,
        arrived: &Incoming,
        kept: Result<u64, NotKept>,
    ) -> Result<(), Error> {
        let told = Acknowledgement {
            error: kept.err().map(NotKept::refusal),
            stream: INBOUND,
            seq: kept.unwrap_or_default(),
        };
        let body = serde_json::to_vec(&told).map_err(during("write an answer"))?;
        self.reply_bytes(arrived, body.into()).await
    }

    /// The events that are kept, by turns of the buckets: the replicas of the reader share them, and one that is
    /// acknowledged is gone.
    ///
    /// # Errors
    /// When the service may not read them, or JetStream is not there.
    pub async fn kept_events(
        &self,
        reader: Service,
        batch: usize,
    ) -> Result<impl Stream<Item = Result<Delivery, Error>> + Send + use<>, Error> {
        let mut buckets = Vec::new();
        for bucket in 0..EVENT_BUCKETS {
            let (name, filter) = (self::reader(reader, bucket), Subject::kept_events(bucket));
            let events = self.read_own(&name, &filter, INBOUND, batch).await?;
            buckets.push(Box::pin(events));
        }
        Ok(stream::select_all(buckets))
    }
}

impl Delivery {
    /// What an event is known by; empty for every other message.
    pub fn event_id(&self) -> String {
        let named = self.headers().and_then(|headers| headers.get(EVENT_ID));
        named.map(ToString::to_string).unwrap_or_default()
    }
}

/// The name of a service's consumer of one bucket.
pub(crate) fn reader(service: Service, bucket: u16) -> String {
    format!("{service}-{bucket}")
}
