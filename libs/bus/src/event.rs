//! Durable events for many readers.
//!
//! **Invariant:** a reader's events wait for it while it is away, as long as the stream keeps them.

use std::time::Duration;

use async_nats::{
    HeaderMap,
    jetstream::{
        consumer::{AckPolicy, DeliverPolicy, pull},
        message::PublishMessage,
    },
};
use contracts::{Event, Service, Subject, id::TenantId};
use futures::Stream;

use crate::{
    Bus, Delivery, Error,
    error::during,
    headers::{MESSAGE_ID, inject_trace},
    topology::EVENTS,
};

/// A reader that is silent for this long about an event gets it once more.
pub const EVENT_ACK_WAIT: Duration = Duration::from_secs(30);

/// Messages that a reader may have in hand, those included that it gave back for a while. They are of all organizations: few
/// would let those of one keep the others' away.
pub(crate) const MAX_IN_HAND: i64 = 50_000;

impl Bus {
    /// Stores an event; returns once JetStream has it. The same key within the stream's window is stored once.
    ///
    /// # Errors
    /// When the event is not stored.
    pub async fn emit<E: Event>(&self, tenant: TenantId, event: &E) -> Result<(), Error> {
        let subject = Subject::event(tenant, event)
            .ok_or_else(|| during("name an event")("its id is no subject token"))?;
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, event.dedup_key());
        inject_trace(&mut headers);
        let body = serde_json::to_vec(event).map_err(during("write an event"))?;
        let message = PublishMessage::build()
            .headers(headers)
            .payload(body.into());
        let stored = self.store(EVENTS, subject, message).await;
        stored.map_err(during("store an event"))?;
        Ok(())
    }

    /// The events of one kind, of every tenant, for a service: its replicas share them, and each comes until it is
    /// acknowledged. The first reading of all begins with what is stored then.
    ///
    /// # Errors
    /// When the service may not read them, or JetStream is not there.
    pub async fn events<E: Event>(
        &self,
        reader: Service,
        batch: usize,
    ) -> Result<impl Stream<Item = Result<Delivery, Error>> + Send + use<E>, Error> {
        let config = pull::Config {
            durable_name: Some(durable::<E>(reader)),
            filter_subject: Subject::event_of_all::<E>().to_string(),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: EVENT_ACK_WAIT,
            max_ack_pending: MAX_IN_HAND,
            ..pull::Config::default()
        };
        self.deliveries(config, EVENTS.to_owned(), batch).await
    }
}

impl Delivery {
    /// Puts an event among the dead letters; see [`Delivery::bury`].
    ///
    /// # Errors
    /// As [`Delivery::bury`].
    pub async fn bury_event(self, reason: &str) -> Result<(), Error> {
        self.put_away(reason).await
    }
}

/// The name of a service's consumer of one kind of event.
pub(crate) fn durable<E: Event>(reader: Service) -> String {
    format!("{reader}-{}", E::NAME.replace('.', "-"))
}
