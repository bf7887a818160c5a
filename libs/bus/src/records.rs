//! Records on their way to the archive: what was recorded waits here while the archive is slow or away.
//!
//! **Invariant:** what is stored comes until it is acknowledged; its reader must not mind to have it twice.

use async_nats::jetstream::message::PublishMessage;
use contracts::{Service, Subject};
use futures::Stream;
use serde::Serialize;

use crate::{Bus, Delivery, Error, error::during, topology::LLM_CALLS};

impl Bus {
    /// Stores records of questions to models as one message; its place in the stream.
    ///
    /// # Errors
    /// When they are not known to be stored.
    pub async fn keep_llm_calls<T: Serialize>(&self, records: &[T]) -> Result<u64, Error> {
        let body = serde_json::to_vec(records).map_err(during("write records"))?;
        let message = PublishMessage::build().payload(body.into());
        let stored = self.store(LLM_CALLS, Subject::llm_calls(), message).await;
        Ok(stored.map_err(during("store records"))?.sequence)
    }

    /// The messages with records of questions to models: the replicas of the reader share them, and one that is
    /// acknowledged is gone.
    ///
    /// # Errors
    /// When the service may not read them, or JetStream is not there.
    pub async fn llm_calls(
        &self,
        reader: Service,
        batch: usize,
    ) -> Result<impl Stream<Item = Result<Delivery, Error>> + Send + use<>, Error> {
        self.read_own(reader.as_str(), &Subject::llm_calls(), LLM_CALLS, batch)
            .await
    }
}
