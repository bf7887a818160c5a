//! Dead letters: what is written beside a message that nobody could handle, and reading it back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::{
    HeaderMap,
    jetstream::consumer::{AckPolicy, DeliverPolicy, pull},
};
use contracts::{Subject, dead_letter::DeadReason, subject::WorkAddress, work::WorkClass};
use futures::Stream;

use crate::{
    Bus, Delivery, Error,
    headers::MESSAGE_ID,
    topology::{DEAD, work_stream},
};

const SUBJECT: &str = "Troupe-Dead-Subject";
const REASON: &str = "Troupe-Dead-Reason";
const DELIVERIES: &str = "Troupe-Dead-Deliveries";
const AT: &str = "Troupe-Dead-At";
/// The consumer by which dead letters reach the tenants' lists.
const READERS: &str = "dead_letters";
/// How long a reader may take to write one down.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// What became of a work item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    pub address: WorkAddress,
    pub reason: DeadReason,
    /// How often it had been delivered.
    pub deliveries: u64,
    /// Unix milliseconds.
    pub at_ms: u64,
}

impl Delivery {
    /// What a dead letter was; none for a message that is none.
    pub fn death(&self) -> Option<Death> {
        let headers = self.headers()?;
        let text = |name: &str| headers.get(name).map(async_nats::HeaderValue::as_str);
        Some(Death {
            address: WorkAddress::parse(text(SUBJECT)?)?,
            reason: DeadReason::parse(text(REASON)?)?,
            deliveries: text(DELIVERIES)?.parse().ok()?,
            at_ms: text(AT)?.parse().ok()?,
        })
    }
}

impl Bus {
    /// All dead work items, each to one of those who read; again until it is acknowledged.
    ///
    /// # Errors
    /// When they cannot be followed.
    pub async fn dead_letters(
        &self,
        batch: usize,
    ) -> Result<impl Stream<Item = Result<Delivery, Error>> + Send + use<>, Error> {
        let queues = WorkClass::ALL.into_iter().map(work_stream);
        let config = pull::Config {
            filter_subjects: queues
                .filter_map(|queue| Subject::dead_letters_of(&queue))
                .map(|subject| subject.to_string())
                .collect(),
            durable_name: Some(READERS.to_owned()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: 1000,
            ..pull::Config::default()
        };
        self.deliveries(config, DEAD.to_owned(), batch).await
    }
}

/// The headers of the dead letter that `delivery`, of the stream `stream`, becomes.
pub(crate) fn headers(delivery: &Delivery, stream: &str, reason: &str) -> HeaderMap {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    // The trace and whatever else it carried stay with it.
    let mut headers = delivery.headers().cloned().unwrap_or_default();
    headers.insert(SUBJECT, delivery.subject());
    headers.insert(REASON, reason.replace(['\r', '\n'], " "));
    headers.insert(DELIVERIES, delivery.deliveries().to_string());
    headers.insert(AT, now.as_millis().to_string());
    let key = format!("dead.{stream}.{}", delivery.sequence());
    headers.insert(MESSAGE_ID, key);
    headers
}
