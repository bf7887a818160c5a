//! Becoming a partition's owner: replay its log, then begin an epoch directly after its last entry.

use std::{collections::HashMap, sync::Arc};

use bus::{AppendError, Bucket};
use chrono::{DateTime, Utc};
use contracts::id::ExecutionId;
use futures::StreamExt;

use super::{
    append::{Append, Tail},
    owner::Engine,
    partition::Partition,
    replay::{Corrupt, Replay, Replayed},
};
use crate::{Error, archive, domain::Program, failpoint, record};

/// Tries to begin an epoch before the partition is given back: each means that a replaced owner has still written.
const TRIES: usize = 20;

/// A partition that was taken over.
pub(crate) struct Taken {
    pub(crate) partition: Partition,
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
    for _ in 0..TRIES {
        let replayed = replay(engine, number).await?;
        failpoint::pass(failpoint::REPLAYED);
        let begin = record::epoch_begin(replayed.next_epoch, writer);
        let append = Append::new(replayed.last, &begin);
        let Some(sequence) = begin_epoch(engine, number, &append).await? else {
            continue;
        };
        failpoint::pass(failpoint::EPOCH_BEGUN);
        let fresh_since = (replayed.last > 0).then(Utc::now);
        let partition = Partition::new(replayed.slots, engine.limits, begin.stamp, sequence);
        return Ok(Taken {
            partition,
            archived,
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

async fn replay(engine: &Engine, number: u16) -> Result<Replayed, Error> {
    let corrupt = |source: Corrupt| Error::CorruptLog {
        partition: number,
        source: source.into(),
    };
    let (first, last) = engine.bus.log_bounds(number).await?;
    let mut entries = Box::pin(engine.bus.read_log(number, first).await?);
    let mut replay = Replay::new();
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
        replay
            .take(entry.sequence, batch, |hash| plans.get(hash).cloned())
            .map_err(corrupt)?;
    }
    let read = replay.last();
    if read < last {
        let found = last;
        return Err(corrupt(Corrupt::MissingEntry { last: read, found }));
    }
    replay.finish(first).map_err(corrupt)
}

fn writer_id() -> u64 {
    let bytes = ExecutionId::generate().uuid().into_bytes();
    // The last bytes of a UUIDv7 are random.
    let random = bytes.last_chunk().expect("a UUID has sixteen bytes");
    u64::from_le_bytes(*random)
}
