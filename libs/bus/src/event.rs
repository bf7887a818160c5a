//! Durable events for many readers.

use async_nats::HeaderMap;
use contracts::{Event, Subject, id::TenantId};

use crate::{
    Bus, Error,
    error::during,
    headers::{MESSAGE_ID, inject_trace},
};

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
        let publish =
            self.jetstream
                .publish_with_headers(subject.to_string(), headers, body.into());
        publish
            .await
            .map_err(during("store an event"))?
            .await
            .map_err(during("store an event"))?;
        Ok(())
    }
}
