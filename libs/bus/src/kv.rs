//! Key-value buckets.

use std::time::Duration;

use async_nats::{
    HeaderMap,
    header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_TTL},
    jetstream::{
        context::PublishErrorKind,
        kv::{self, CreateErrorKind, Operation, UpdateErrorKind},
        message::PublishMessage,
    },
};
use bytes::Bytes;
use futures::{Stream, StreamExt};

use crate::{Bus, Error, error::during, writes::Writes};

/// Lets a write name the last revision of other keys than its own.
const EXPECTED_OF: &str = "Nats-Expected-Last-Subject-Sequence-Subject";

/// The buckets of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// Flow definitions by content hash, immutable.
    FlowDef,
    /// Public signing keys by key id.
    Jwks,
    /// What no longer counts: sessions and memberships; entries outlive every access token.
    Revocations,
    /// What a WebSocket may be opened with, by the hash of its ticket.
    Tickets,
    /// Who tries to own a partition. The age limit is the lease: two seconds without renewal and it is free.
    Leases,
    /// States of executions and partitions, so that recovery need not read the whole log.
    Snapshots,
    /// How executions map to partitions.
    Route,
    /// Outputs of steps that may be taken again; each has a time of its own.
    Cache,
    /// How often an attempt was begun whose worker broke down.
    Tries,
}

impl Bucket {
    pub const ALL: [Self; 9] = [
        Self::FlowDef,
        Self::Jwks,
        Self::Revocations,
        Self::Tickets,
        Self::Leases,
        Self::Snapshots,
        Self::Route,
        Self::Cache,
        Self::Tries,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::FlowDef => "FLOWDEF",
            Self::Jwks => "JWKS",
            Self::Revocations => "REVOCATIONS",
            Self::Tickets => "TICKETS",
            Self::Leases => "LEASES",
            Self::Snapshots => "SNAPSHOTS",
            Self::Route => "ROUTE",
            Self::Cache => "CACHE",
            Self::Tries => "TRIES",
        }
    }

    pub(crate) const fn max_age(self) -> Duration {
        match self {
            Self::Leases => Duration::from_secs(2),
            Self::Revocations => Duration::from_secs(15 * 60),
            Self::Tickets => Duration::from_secs(60),
            Self::Cache => Duration::from_secs(30 * 24 * 60 * 60),
            Self::Tries => Duration::from_secs(24 * 60 * 60),
            Self::FlowDef | Self::Jwks | Self::Snapshots | Self::Route => Duration::ZERO,
        }
    }

    /// Bytes of a bucket whose values may be lost: when it is full, nothing more is kept.
    pub(crate) const fn room(self) -> Option<i64> {
        match self {
            Self::Cache => Some(1024 * 1024 * 1024),
            Self::FlowDef
            | Self::Jwks
            | Self::Revocations
            | Self::Tickets
            | Self::Leases
            | Self::Snapshots
            | Self::Route
            | Self::Tries => None,
        }
    }
}

/// A value with the revision that a compare-and-set names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revised {
    pub value: Bytes,
    pub revision: u64,
}

/// A change that a watcher sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Put { key: String, value: Bytes },
    Deleted { key: String },
}

/// A bucket.
#[derive(Clone)]
pub struct Kv {
    store: kv::Store,
    bucket: Bucket,
    writes: Writes,
}

impl Bus {
    /// Opens a bucket that [`crate::topology::ensure`] has created.
    ///
    /// # Errors
    /// When it does not exist or JetStream is not there.
    pub async fn kv(&self, bucket: Bucket) -> Result<Kv, Error> {
        self.jetstream
            .get_key_value(bucket.name())
            .await
            .map(|store| Kv {
                store,
                bucket,
                writes: self.writes.clone(),
            })
            .map_err(during("open a bucket"))
    }

    /// Keeps a value of the bucket [`Bucket::Cache`] for a while, whatever was there before.
    ///
    /// # Errors
    /// When it is not stored: it is too large, the bucket is full, or JetStream is not there.
    pub async fn keep(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), Error> {
        // The client's own writes of a key that may exist carry no time to live.
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_TTL, format!("{}s", ttl.as_secs().max(1)));
        let subject = format!("$KV.{}.{key}", Bucket::Cache.name());
        let stored = self.jetstream.publish_with_headers(subject, headers, value);
        let stored = stored.await.map_err(during("keep a value"))?.await;
        stored.map_err(during("keep a value"))?;
        Ok(())
    }

    /// Writes the key `<family>.<name>`, only where no key of the family was written after the revision `last`; 0 where none
    /// was ever written.
    ///
    /// # Errors
    /// [`Error::Conflict`] where one was. After any other error it may have been stored, or may still be.
    pub async fn put_after(
        &self,
        bucket: Bucket,
        family: &str,
        name: &str,
        value: Bytes,
        last: u64,
    ) -> Result<u64, Error> {
        let of = format!("$KV.{}.{family}.*", bucket.name());
        let message = PublishMessage::build()
            .header(
                NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
                last.to_string().as_str(),
            )
            .header(EXPECTED_OF, of.as_str())
            .payload(value);
        let subject = format!("$KV.{}.{family}.{name}", bucket.name());
        match self.store(bucket.name(), subject, message).await {
            Ok(stored) => Ok(stored.sequence),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {
                Err(Error::Conflict {
                    key: format!("{family}.{name}"),
                })
            }
            Err(error) => Err(during("write a key of a family")(error)),
        }
    }
}

impl Kv {
    /// Remembers whether the bucket takes what it is given; that another was first is no refusal.
    fn note<T, E: std::error::Error>(
        &self,
        stored: &Result<T, E>,
        is_conflict: impl FnOnce(&E) -> bool,
    ) {
        match stored {
            Err(error) if !is_conflict(error) => self.writes.refused(self.bucket.name(), error),
            Ok(_) | Err(_) => self.writes.taken(self.bucket.name()),
        }
    }

    pub async fn get(&self, key: &str) -> Result<Option<Revised>, Error> {
        let entry = self.store.entry(key).await.map_err(during("read a key"))?;
        Ok(entry
            .filter(|entry| entry.operation == Operation::Put)
            .map(|entry| Revised {
                value: entry.value,
                revision: entry.revision,
            }))
    }

    pub async fn put(&self, key: &str, value: Bytes) -> Result<u64, Error> {
        let stored = self.store.put(key, value).await;
        self.note(&stored, |_| false);
        stored.map_err(during("write a key"))
    }

    /// Writes only where nothing is.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the key exists.
    pub async fn create(&self, key: &str, value: Bytes) -> Result<u64, Error> {
        let stored = self.store.create(key, value).await;
        self.note(&stored, |error| {
            error.kind() == CreateErrorKind::AlreadyExists
        });
        stored.map_err(|error| match error.kind() {
            CreateErrorKind::AlreadyExists => Error::Conflict {
                key: key.to_owned(),
            },
            _ => during("create a key")(error),
        })
    }

    /// Writes only over the named revision.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the key has another revision.
    pub async fn update(&self, key: &str, value: Bytes, revision: u64) -> Result<u64, Error> {
        let stored = self.store.update(key, value, revision).await;
        self.note(&stored, |error| {
            error.kind() == UpdateErrorKind::WrongLastRevision
        });
        stored.map_err(|error| match error.kind() {
            UpdateErrorKind::WrongLastRevision => Error::Conflict {
                key: key.to_owned(),
            },
            _ => during("update a key")(error),
        })
    }

    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        self.store.delete(key).await.map_err(during("delete a key"))
    }

    /// Takes the value out: of all that do so at once, exactly one gets it.
    ///
    /// # Errors
    /// When the bucket cannot be read or written.
    pub async fn take(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let Some(found) = self.get(key).await? else {
            return Ok(None);
        };
        let deleted = self.store.delete_expect_revision(key, Some(found.revision));
        match deleted.await {
            Ok(()) => Ok(Some(found.value)),
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
            Err(error) => Err(during("take a key")(error)),
        }
    }

    /// All present values, then every change; reconnects by itself.
    ///
    /// # Errors
    /// When the watch cannot be opened.
    pub async fn watch_all(
        &self,
    ) -> Result<impl Stream<Item = Result<Change, Error>> + Send + use<>, Error> {
        let watch = self
            .store
            .watch_with_history(">")
            .await
            .map_err(during("watch a bucket"))?;
        Ok(watch.map(|entry| {
            let entry = entry.map_err(during("watch a bucket"))?;
            Ok(match entry.operation {
                Operation::Put => Change::Put {
                    key: entry.key,
                    value: entry.value,
                },
                Operation::Delete | Operation::Purge => Change::Deleted { key: entry.key },
            })
        }))
    }

    /// All present keys with their values.
    ///
    /// # Errors
    /// When the bucket cannot be read.
    pub async fn entries(&self) -> Result<Vec<(String, Bytes)>, Error> {
        let mut keys = self.store.keys().await.map_err(during("list keys"))?;
        let mut entries = Vec::new();
        while let Some(key) = keys.next().await {
            let key = key.map_err(during("list keys"))?;
            if let Some(found) = self.get(&key).await? {
                entries.push((key, found.value));
            }
        }
        Ok(entries)
    }
}
