//! Copies the log of a partition into the archive, in order and in batches, and remembers how far it came.
//!
//! It follows the log behind the owner instead of a durable consumer's deliveries: those come out of order after a failure,
//! and how far a log may be trimmed must follow from one number. What the owner has just stored it takes from memory;
//! what is not there any more it reads from the log.
//!
//! **Invariant:** the cursor never passes an entry that is not wholly in the archive, the values included that it names; copying an entry twice changes nothing.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bus::{Bucket, Bus, Kv, LogEntry};
use bytes::Bytes;
use contracts::{
    execution::{ExecutionState, Finished},
    id::TenantId,
    live::ExecutionEvent,
    payload::Payload,
};
use documents::ArchivedFrame;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::{mpsc, watch};

use crate::{
    Error, failpoint,
    log::{
        owner::{Engine, Note},
        replay::{Corrupt, Replay},
    },
    payloads::Payloads,
    record::{self, Private, Record, Stored},
};

/// Events of one write.
const BATCH: usize = 500;
/// How long entries gather before they are copied.
const GATHER: Duration = Duration::from_millis(100);
/// The pause after a failure.
const RETRY: Duration = Duration::from_secs(2);
/// Time between two notes of the cursor.
const SAVE: Duration = Duration::from_secs(1);

/// Bytes of stored entries that are kept in memory until they are copied.
const MAX_RECENT: usize = 4 * 1024 * 1024;

/// How far the log goes, as the owner knows it, and the entries that it stored last.
#[derive(Clone)]
pub(crate) struct Progress {
    last: watch::Sender<u64>,
    recent: Arc<Mutex<Recent>>,
}

/// Entries that follow each other without a gap.
#[derive(Default)]
struct Recent {
    entries: VecDeque<LogEntry>,
    bytes: usize,
}

impl Progress {
    pub(crate) fn new(last: u64) -> Self {
        Self {
            last: watch::Sender::new(last),
            recent: Arc::default(),
        }
    }

    /// An entry was stored.
    pub(crate) fn stored(&self, sequence: u64, payload: Bytes) {
        self.recent().push(LogEntry { sequence, payload });
        self.last.send_replace(sequence);
    }

    /// The entries from `from` on; none when the first of them is not in memory.
    fn take(&self, from: u64) -> Option<VecDeque<LogEntry>> {
        let recent = std::mem::take(&mut *self.recent());
        let first = recent.entries.front()?.sequence;
        (first == from).then_some(recent.entries)
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn push(&mut self, entry: LogEntry) {
        self.bytes += entry.payload.len();
        self.entries.push_back(entry);
        while self.bytes > MAX_RECENT
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.payload.len();
        }
    }
}

/// Copies one partition, for as long as its owner owns it.
pub(crate) struct Follower {
    pub(crate) engine: Arc<Engine>,
    pub(crate) partition: u16,
    pub(crate) archived: u64,
    pub(crate) progress: Progress,
    pub(crate) notes: mpsc::Sender<Note>,
}

/// The sequence up to which the archive has the log of a partition.
///
/// # Errors
/// When the bucket cannot be read.
pub(crate) async fn read_cursor(snapshots: &Kv, partition: u16) -> Result<u64, Error> {
    let stored = snapshots.get(&key(partition)).await?;
    let text = stored.and_then(|stored| String::from_utf8(stored.value.to_vec()).ok());
    // Without a cursor everything is copied again, which changes nothing.
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// Notes that the archive has the log up to this entry.
///
/// # Errors
/// When the bucket cannot be written.
pub(crate) async fn save_cursor(bus: &Bus, partition: u16, upto: u64) -> Result<(), bus::Error> {
    let snapshots = bus.kv(Bucket::Snapshots).await?;
    snapshots
        .put(&key(partition), upto.to_string().into())
        .await?;
    Ok(())
}

fn key(partition: u16) -> String {
    format!("archived-{partition}")
}

/// What is to be said of a record: the end of an execution that someone waits for.
pub(crate) fn finished(record: &Record) -> Option<Finished> {
    let Some(Private::Notify { origin }) = &record.private else {
        return None;
    };
    let (state, usage) = match &record.frame.event {
        ExecutionEvent::ExecutionSucceeded { usage, .. } => (ExecutionState::Succeeded, *usage),
        ExecutionEvent::ExecutionFailed { usage, .. } => (ExecutionState::Failed, *usage),
        ExecutionEvent::ExecutionCancelled { usage, .. } => (ExecutionState::Cancelled, *usage),
        _ => return None,
    };
    Some(Finished {
        execution_id: record.execution,
        origin: *origin,
        state,
        usage,
    })
}

/// A record as the archive keeps it.
pub(crate) fn archived(Stored { record, frame, .. }: Stored) -> ArchivedFrame {
    let (vars, private) = match record.private.map(Private::into_archive) {
        Some((vars, private)) => (vars, Some(private)),
        None => (None, None),
    };
    ArchivedFrame {
        vars,
        private,
        tenant: record.tenant,
        execution: record.execution,
        frame: record.frame,
        text: frame,
    }
}

/// A record that no log has; its values are kept before.
///
/// # Errors
/// That the archive does not answer.
pub(crate) async fn new(payloads: &Payloads, mut record: Record) -> Result<ArchivedFrame, Error> {
    let (tenant, id, at) = (record.tenant, record.execution, record.frame.ts);
    for Payload { reference, text } in record.take_apart() {
        let text = text.into();
        payloads.keep(tenant, id, &reference, &text, at).await?;
    }
    let frame = serde_json::to_vec(&record.frame).expect("it has text keys only");
    Ok(archived(Stored {
        record,
        frame: frame.into(),
        lost: None,
    }))
}

impl Follower {
    pub(crate) async fn run(mut self) {
        let mut progress = self.progress.last.subscribe();
        let (mut saved, mut saved_at) = (self.archived, Instant::now());
        loop {
            let behind = |last: &u64| *last > self.archived;
            if progress.wait_for(behind).await.is_err() {
                return;
            }
            tokio::time::sleep(GATHER).await;
            match self.copy().await {
                Ok(()) => {}
                Err(error @ Error::CorruptLog { .. }) => {
                    let cause = error.source_text();
                    tracing::error!(
                        partition = self.partition,
                        alarm = "corrupt_log",
                        cause,
                        "{error}"
                    );
                    return std::future::pending().await;
                }
                Err(error) => {
                    let cause = error.source_text();
                    tracing::warn!(
                        partition = self.partition,
                        cause,
                        "the archive waits: {error}"
                    );
                    tokio::time::sleep(RETRY).await;
                }
            }
            // Without an owner nobody needs to know.
            let note = Note::Archived(self.archived);
            self.notes.send(note).await.unwrap_or_default();
            if self.archived > saved && saved_at.elapsed() >= SAVE {
                (saved, saved_at) = (self.archived, Instant::now());
                self.save().await;
            }
        }
    }

    /// Copies all that is there.
    async fn copy(&mut self) -> Result<(), Error> {
        let from = self.archived + 1;
        let mut entries = match self.progress.take(from) {
            Some(recent) => stream::iter(recent).map(Ok).boxed(),
            None => {
                let log = self.engine.bus.read_log(self.partition, from).await?;
                log.map_err(Error::from).boxed()
            }
        };
        let (mut frames, mut upto) = (Vec::new(), self.archived);
        let mut ended = Vec::new();
        while let Some(entry) = entries.next().await {
            let entry: LogEntry = entry?;
            let (partition, sequence) = (self.partition, entry.sequence);
            let corrupt = |problem| Error::CorruptLog {
                partition,
                source: Corrupt::Unreadable { sequence, problem }.into(),
            };
            let batch = record::read(&entry.payload).map_err(corrupt)?;
            for hash in Replay::definitions(&batch) {
                self.engine.plans.archive(hash).await?;
            }
            for mut stored in batch.records {
                self.engine.payloads.archive(&mut stored.record).await?;
                let record = &stored.record;
                ended.extend(finished(record).map(|event| (record.tenant, event)));
                frames.push(archived(stored));
            }
            upto = sequence;
            if frames.len() >= BATCH {
                self.engine.archive.put_events(&frames).await?;
                frames.clear();
                self.tell(&mut ended).await?;
                self.archived = upto;
            }
        }
        if !frames.is_empty() {
            self.engine.archive.put_events(&frames).await?;
        }
        failpoint::pass(failpoint::ARCHIVED);
        self.tell(&mut ended).await?;
        self.archived = upto;
        Ok(())
    }

    /// Says which executions ended, before the cursor passes them: at least once, with one key.
    async fn tell(&self, ended: &mut Vec<(TenantId, Finished)>) -> Result<(), Error> {
        for (tenant, event) in ended.drain(..) {
            self.engine.bus.emit(tenant, &event).await?;
        }
        Ok(())
    }

    async fn save(&self) {
        let saved = save_cursor(&self.engine.bus, self.partition, self.archived);
        if let Err(error) = saved.await {
            tracing::debug!(%error, partition = self.partition, "the archive's cursor was not noted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequences(taken: Option<VecDeque<LogEntry>>) -> Option<Vec<u64>> {
        taken.map(|entries| entries.iter().map(|entry| entry.sequence).collect())
    }

    #[test]
    fn what_was_just_stored_is_taken_from_memory_once() {
        let progress = Progress::new(4);
        progress.stored(5, Bytes::from_static(b"five"));
        progress.stored(6, Bytes::from_static(b"six"));
        assert_eq!(*progress.last.borrow(), 6);
        assert_eq!(sequences(progress.take(5)), Some(vec![5, 6]));
        assert_eq!(sequences(progress.take(5)), None);
    }

    #[test]
    fn what_left_memory_is_read_from_the_log() {
        let progress = Progress::new(0);
        for sequence in 1..=5 {
            progress.stored(sequence, Bytes::from(vec![0; MAX_RECENT / 4 + 1]));
        }
        assert_eq!(sequences(progress.take(1)), None, "the first ones are gone");
        progress.stored(6, Bytes::new());
        assert_eq!(sequences(progress.take(5)), None, "taken is taken");
    }
}
