//! What begins work without a request: wake-ups of triggers at a time.
//!
//! **Invariant:** a wake-up that was stored comes, whatever process or server dies before its time, and comes until it is
//! acknowledged; it says only that it is time to look.

use std::time::Duration;

use async_nats::{
    HeaderMap,
    header::{NATS_SCHEDULE, NATS_SCHEDULE_TARGET},
    jetstream::{
        consumer::{AckPolicy, pull},
        message::PublishMessage,
    },
};
use chrono::{DateTime, SecondsFormat, Utc};
use contracts::{
    Service, Subject,
    id::{TenantId, TriggerId},
    subject::Token,
};
use futures::Stream;

use crate::{Bus, Delivery, Error, error::during, event::MAX_IN_HAND, topology::TRIGGERS};

/// A reader that is silent for this long about a message gets it once more.
const ACK_WAIT: Duration = Duration::from_secs(30);

impl Bus {
    /// Stores a wake-up; one with the same label that still waits is replaced. Returns once it is stored.
    ///
    /// # Errors
    /// When it is not known to be stored.
    pub async fn wake_at(
        &self,
        tenant: TenantId,
        trigger: TriggerId,
        label: &Token,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mut headers = HeaderMap::new();
        // A past time wakes at once.
        let at = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        headers.insert(NATS_SCHEDULE, format!("@at {at}"));
        headers.insert(
            NATS_SCHEDULE_TARGET,
            Subject::wake(tenant, trigger).to_string(),
        );
        let message = PublishMessage::build().headers(headers);
        let subject = Subject::wake_at(tenant, trigger, label);
        let stored = self.store(TRIGGERS, subject, message).await;
        stored.map_err(during("store a wake-up"))?;
        Ok(())
    }

    /// The wake-ups whose time has come: the replicas of the reader share them.
    ///
    /// # Errors
    /// When the service may not read them, or JetStream is not there.
    pub async fn wakes(
        &self,
        reader: Service,
        batch: usize,
    ) -> Result<impl Stream<Item = Result<Delivery, Error>> + Send + use<>, Error> {
        self.read_own(reader.as_str(), &Subject::wakes(), TRIGGERS, batch)
            .await
    }

    /// Reads a stream by a consumer that a service has there.
    pub(crate) async fn read_own(
        &self,
        durable: &str,
        filter: &Subject,
        stream: &str,
        batch: usize,
    ) -> Result<impl Stream<Item = Result<Delivery, Error>> + Send + use<>, Error> {
        let config = pull::Config {
            durable_name: Some(durable.to_owned()),
            filter_subject: filter.to_string(),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: MAX_IN_HAND,
            ..pull::Config::default()
        };
        self.deliveries(config, stream.to_owned(), batch).await
    }
}
