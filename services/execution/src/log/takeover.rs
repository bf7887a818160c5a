//! Becoming a partition's owner: read the index of what is parked, replay the log, begin an epoch directly after its last entry,
//! and claim the index.
//!
//! **Invariant:** a partition is taken over only with an index that nobody has changed since it was read, after the epoch began:
//! an older owner's last write into the index is either read here, or refused.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bus::{AppendError, Bucket};
use chrono::{DateTime, Utc};
use contracts::id::ExecutionId;
use futures::StreamExt;

use super::{
    append::{Append, Tail},
    index::Index,
    owner::Engine,
    parked::Parked,
    partition::Partition,
    replay::{Corrupt, Replay, Replayed, SetAside},
};
use crate::{Error, archive, domain::Program, failpoint, record};

/// Tries to begin an epoch before the partition is given back: each means that a replaced owner has still written.
const TRIES: usize = 20;

/// How often a log is found damaged before it is.
const SURE: usize = 2;
/// The pause before it is read once more.
const PAUSE: Duration = Duration::from_millis(200);

/// A partition that was taken over.
pub(crate) struct Taken {
    pub(crate) partition: Partition,
    pub(crate) index: Index,
    /// The archive has all entries up to this one.
    pub(crate) archived: u64,
    /// When this owner began; none where the log had never been written before.
    pub(crate) fresh_since: Option<DateTime<Utc>>,
}

/// # Errors
/// [`Error::CorruptLog`], or that the bus is not available.
pub(crate) async fn take_over(engine: &Engine, number: u16) -> Result<Taken, Error> {
    let snapshots = engine.bus.kv(Bucket::Snapshots).await?;
    let archived = archive::read_cursor(&snapshots, number).await?;
    let writer = writer_id();
    for tried in 0..TRIES {
        let (mut index, parked) = Index::read(&engine.bus, number).await?;
        let replayed = match replay(engine, number, parked).await {
            // An owner that was replaced may have changed index and log while they were read. What is damaged stays so.
            Err(Error::CorruptLog { .. }) if tried < SURE => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            replayed => replayed?,
        };
        failpoint::pass(failpoint::REPLAYED);
        for SetAside { id, problem } in &replayed.aside {
            tracing::error!(partition = number, execution.id = %id, alarm = "unreadable_execution", problem, "an execution is set aside");
        }
        let begin = record::epoch_begin(replayed.next_epoch, writer);
        let append = Append::new(replayed.last, &begin);
        let Some(sequence) = begin_epoch(engine, number, &append).await? else {
            continue;
        };
        failpoint::pass(failpoint::EPOCH_BEGUN);
        if !index.claim(replayed.next_epoch).await? {
            continue;
        }
        let fresh_since = (replayed.last > 0).then(Utc::now);
        let known = (replayed.slots, replayed.parked);
        let partition = Partition::new(known, engine.limits, begin.stamp, sequence);
        return Ok(Taken {
            partition,
            index,
            // Of another log, where this one is shorter.
            archived: archived.min(replayed.last),
            fresh_since,
        });
    }
    Err(Error::Contended { partition: number })
}

/// The sequence of the stored beginning; none when the log has grown since it was replayed.
async fn begin_epoch(engine: &Engine, number: u16, append: &Append) -> Result<Option<u64>, Error> {
    let message = append.message.clone();
    match engine.bus.append(number, append.last, message).await {
        Ok(sequence) => return Ok(Some(sequence)),
        Err(AppendError::Fenced | AppendError::Unknown(_) | AppendError::Refused(_)) => {}
    }
    let end = engine.bus.last_entry(number).await?;
    let last = end.as_ref().map_or(0, |entry| entry.sequence);
    let message = end.as_ref().map(|entry| entry.payload.as_ref());
    Ok(match append.compare(last, message) {
        Tail::Stored => Some(last),
        Tail::NotStored | Tail::Lost => None,
    })
}

async fn replay(engine: &Engine, number: u16, parked: Parked) -> Result<Replayed, Error> {
    let corrupt = |source: Corrupt| Error::CorruptLog {
        partition: number,
        source: source.into(),
    };
    let (first, last) = engine.bus.log_bounds(number).await?;
    let mut entries = Box::pin(engine.bus.read_log(number, first).await?);
    let mut replay = Replay::new(parked);
    let mut plans: HashMap<String, Arc<Program>> = HashMap::new();
    while let Some(entry) = entries.next().await {
        let entry = entry?;
        let batch = replay
            .read(entry.sequence, &entry.payload)
            .map_err(corrupt)?;
        for hash in Replay::definitions(&batch) {
            if plans.contains_key(hash) {
                continue;
            }
            match engine.plans.load(hash).await {
                Ok(plan) => drop(plans.insert(hash.to_owned(), plan)),
                // The replay says which entry needs it.
                Err(Error::NoDefinition { .. } | Error::InvalidDefinition { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        for mut stored in batch.records {
            if replay.needs_values(&stored.record) {
                let lost = engine.payloads.fill_logged(&mut stored.record).await?;
                stored.lost = lost.map(|lost| lost.error());
            }
            replay
                .take_record(entry.sequence, stored, &|hash: &str| {
                    plans.get(hash).cloned()
                })
                .map_err(corrupt)?;
        }
    }
    let read = replay.last();
    if read < last {
        let found = last;
        return Err(corrupt(Corrupt::MissingEntry { last: read, found }));
    }
    replay.finish(first).map_err(corrupt)
}

/// Tells this writer of a log from every other.
pub(crate) fn writer_id() -> u64 {
    let bytes = ExecutionId::generate().uuid().into_bytes();
    // The last bytes of a UUIDv7 are random.
    let random = bytes.last_chunk().expect("a UUID has sixteen bytes");
    u64::from_le_bytes(*random)
}
