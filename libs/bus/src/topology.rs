//! The streams and buckets that exist, as data.
//!
//! | stream        | subjects            | kept                                  |
//! |---------------|---------------------|---------------------------------------|
//! | `PL_<p>`      | `pl.<p>`            | until archived and snapshotted        |
//! | `WORK_<class>`| `work.<class>.>`    | until done; one message per subject   |
//! | `EVT`         | `evt.>`             | seven days                            |
//! | `DEAD`        | `dead.>`            | thirty days                           |
//! | `TRIGGERS`    | `trg.>`             | the last of each subject              |
//! | `INBOUND`     | `inbound.*.*.*`     | until done, seven days, up to 1 GiB   |
//! | `LLM_CALLS`   | `calls.llm`         | until archived, seven days, up to 1 GiB |
//! | `PAYLOADS`    | `pay.>`             | the last of each subject, until archived |
//! | `OBJ_UPLOADS` | `$O.UPLOADS.>`      | an hour, up to 1 GiB                  |

use std::time::Duration;

use async_nats::jetstream::{
    consumer::{AckPolicy, pull},
    kv,
    stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
};
use contracts::{Subject, work::WorkClass};

use crate::{Bus, Error, error::during, inbound::MAX_STORED, kv::Bucket, payloads, uploads};

/// Workers that may break down with one message before it is a dead letter.
pub const MAX_DELIVERIES: u64 = 5;
/// How long the server hears nothing of the first worker of an item, of the second and so on, before the item goes to another:
/// ever longer, so that work that does nothing wrong is seldom with [`MAX_DELIVERIES`] processes that end for another reason.
pub const WORK_SILENCE: [Duration; MAX_DELIVERIES as usize] = [
    Duration::from_secs(2),
    Duration::from_secs(3),
    Duration::from_secs(6),
    Duration::from_secs(12),
    Duration::from_secs(24),
];
/// The stream of events.
pub(crate) const EVENTS: &str = "EVT";
/// The consumer that all workers of a class share.
pub(crate) const WORKERS: &str = "workers";

/// The stream of dead letters.
pub(crate) const DEAD: &str = "DEAD";
/// The stream of the wake-ups of triggers.
pub(crate) const TRIGGERS: &str = "TRIGGERS";
/// The stream of the events that integrators publish.
pub(crate) const INBOUND: &str = "INBOUND";
/// The stream of the records of questions to models.
pub(crate) const LLM_CALLS: &str = "LLM_CALLS";
/// Bytes of records that wait; more are refused.
const LLM_CALLS_ROOM: i64 = 1024 * 1024 * 1024;
/// Bytes of events that wait; more are refused.
const INBOUND_ROOM: i64 = 1024 * 1024 * 1024;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Larger batches of records are split by the owner before.
pub const MAX_LOG_MESSAGE: usize = 4 * 1024 * 1024;

pub(crate) fn log_stream(partition: u16) -> String {
    format!("PL_{partition}")
}

pub(crate) fn work_stream(class: WorkClass) -> String {
    format!("WORK_{}", class.as_str())
}

fn streams(partitions: u16) -> Vec<Config> {
    let mut streams = Vec::new();
    for p in 0..partitions {
        streams.push(Config {
            name: log_stream(p),
            subjects: vec![Subject::partition_log(p).to_string()],
            discard: DiscardPolicy::New,
            duplicate_window: Duration::from_secs(2),
            deny_delete: true,
            ..base()
        });
    }
    for class in WorkClass::ALL {
        streams.push(Config {
            name: work_stream(class),
            subjects: vec![Subject::work_of(class).to_string()],
            retention: RetentionPolicy::WorkQueue,
            discard: DiscardPolicy::New,
            // A refused publish means "already queued": dispatching twice is harmless.
            max_messages_per_subject: 1,
            discard_new_per_subject: true,
            ..base()
        });
    }
    streams.push(Config {
        name: EVENTS.into(),
        subjects: vec!["evt.>".into()],
        max_age: 7 * DAY,
        ..base()
    });
    let dead = Subject::dead_letters().to_string();
    streams.push(Config {
        name: DEAD.into(),
        subjects: vec![dead],
        max_age: 30 * DAY,
        ..base()
    });
    streams.extend([wakes(), inbound(), llm_calls(), payloads::stream(base())]);
    // An object store, by the rules that its clients agree on.
    streams.push(Config {
        name: uploads::STREAM.into(),
        subjects: vec![uploads::CHUNKS.into(), uploads::NAMES.into()],
        max_age: uploads::KEPT,
        max_bytes: uploads::ROOM,
        discard: DiscardPolicy::New,
        allow_rollup: true,
        allow_direct: true,
        ..base()
    });
    streams
}

/// One wake-up per trigger and label at most, so it needs no other bound; a schedule must not end by its age.
fn wakes() -> Config {
    Config {
        name: TRIGGERS.into(),
        subjects: vec![Subject::triggers().to_string()],
        max_messages_per_subject: 1,
        allow_message_schedules: true,
        allow_message_ttl: true,
        ..base()
    }
}

fn inbound() -> Config {
    Config {
        max_message_size: MAX_STORED,
        ..queue(INBOUND, &Subject::kept_events_of_all(), INBOUND_ROOM)
    }
}

fn llm_calls() -> Config {
    queue(LLM_CALLS, &Subject::llm_calls(), LLM_CALLS_ROOM)
}

/// What waits for one reader, for a week; beyond so many bytes it is refused.
fn queue(name: &str, subject: &Subject, bytes: i64) -> Config {
    Config {
        name: name.into(),
        subjects: vec![subject.to_string()],
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        max_age: 7 * DAY,
        max_bytes: bytes,
        ..base()
    }
}

fn base() -> Config {
    Config {
        storage: StorageType::File,
        duplicate_window: Duration::from_secs(120),
        ..Config::default()
    }
}

fn bucket(bucket: Bucket) -> kv::Config {
    kv::Config {
        bucket: bucket.name().to_owned(),
        history: 1,
        storage: StorageType::File,
        max_age: bucket.max_age(),
        max_bytes: bucket.room().unwrap_or(-1),
        // Only this lets values have times of their own.
        limit_markers: bucket.room().map(|_| Duration::from_secs(1)),
        ..kv::Config::default()
    }
}

/// Creates what is missing and brings the rest up to date. Safe to run from several processes at once.
///
/// # Errors
/// When JetStream refuses or is not there.
pub async fn ensure(bus: &Bus, partitions: u16) -> Result<(), Error> {
    for name in Bucket::ALL {
        let config = kv::Config {
            num_replicas: bus.replicas,
            ..bucket(name)
        };
        bus.jetstream
            .create_or_update_key_value(config)
            .await
            .map_err(during("create a bucket"))?;
    }
    // The first start decides the number for good: executions are found by it.
    let partitions = bus.decide_partitions(partitions).await?;
    for config in streams(partitions) {
        let config = Config {
            num_replicas: bus.replicas,
            ..config
        };
        bus.jetstream
            .create_or_update_stream(config)
            .await
            .map_err(during("create a stream"))?;
    }
    for class in WorkClass::ALL {
        let consumer = pull::Config {
            durable_name: Some(WORKERS.into()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: WORK_SILENCE[0],
            backoff: WORK_SILENCE.to_vec(),
            max_ack_pending: 10_000,
            ..pull::Config::default()
        };
        bus.jetstream
            .create_consumer_on_stream(consumer, work_stream(class))
            .await
            .map_err(during("create a consumer"))?;
    }
    Ok(())
}

impl Bus {
    async fn decide_partitions(&self, wanted: u16) -> Result<u16, Error> {
        let route = self.kv(Bucket::Route).await?;
        match route
            .create("partitions", wanted.max(1).to_string().into())
            .await
        {
            Ok(_) | Err(Error::Conflict { .. }) => self.partitions().await,
            Err(error) => Err(error),
        }
    }

    /// The number of partitions of the engine; fixed at the first start of the platform.
    ///
    /// # Errors
    /// When the platform has never been started, or JetStream is not there.
    pub async fn partitions(&self) -> Result<u16, Error> {
        let load = || async {
            let value = self.kv(Bucket::Route).await?.get("partitions").await?;
            let text = value.ok_or_else(|| {
                during("read the number of partitions")("the engine has never been started")
            })?;
            let number = std::str::from_utf8(&text.value)
                .ok()
                .and_then(|text| text.parse().ok());
            number.ok_or_else(|| {
                during("read the number of partitions")("the stored number cannot be read")
            })
        };
        self.partitions.get_or_try_init(load).await.copied()
    }
}
