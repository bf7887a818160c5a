//! Copies the log of a partition into the archive, in order and in batches, and remembers how far it came.
//!
//! It reads the log behind the owner instead of a durable consumer's deliveries: those come out of order after a failure,
//! and how far a log may be trimmed must follow from one number.
//!
//! **Invariant:** the cursor never passes an entry that is not wholly in the archive; copying an entry twice changes nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bus::{Bucket, Kv};
use contracts::{
    execution::{ExecutionState, Finished},
    id::TenantId,
    live::ExecutionEvent,
};
use documents::ArchivedFrame;
use futures::StreamExt;
use tokio::sync::{mpsc, watch};

use crate::{
    Error, failpoint,
    log::{
        owner::{Engine, Note},
        replay::Corrupt,
    },
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

/// How far the log goes, as the owner knows it.
#[derive(Clone)]
pub(crate) struct Progress(watch::Sender<u64>);

impl Progress {
    pub(crate) fn new(last: u64) -> Self {
        Self(watch::Sender::new(last))
    }
    pub(crate) fn reached(&self, sequence: u64) {
        self.0.send_replace(sequence);
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

fn key(partition: u16) -> String {
    format!("archived-{partition}")
}

/// What is to be said of a record: the end of an execution that someone waits for.
fn finished(record: &Record) -> Option<Finished> {
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

impl Follower {
    pub(crate) async fn run(mut self) {
        let mut progress = self.progress.0.subscribe();
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
        let bus = &self.engine.bus;
        let mut entries = Box::pin(bus.read_log(self.partition, self.archived + 1).await?);
        let (mut frames, mut upto) = (Vec::new(), self.archived);
        let mut ended = Vec::new();
        while let Some(entry) = entries.next().await {
            let entry = entry?;
            let (partition, sequence) = (self.partition, entry.sequence);
            let corrupt = |problem| Error::CorruptLog {
                partition,
                source: Corrupt::Unreadable { sequence, problem }.into(),
            };
            let batch = record::read(&entry.payload).map_err(corrupt)?;
            for Stored { record, .. } in batch.records {
                ended.extend(finished(&record).map(|event| (record.tenant, event)));
                frames.push(ArchivedFrame {
                    tenant: record.tenant,
                    execution: record.execution,
                    frame: record.frame,
                });
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
        let text = self.archived.to_string();
        let saved = async {
            let snapshots = self.engine.bus.kv(Bucket::Snapshots).await?;
            snapshots.put(&key(self.partition), text.into()).await
        };
        if let Err(error) = saved.await {
            tracing::debug!(%error, partition = self.partition, "the archive's cursor was not noted");
        }
    }
}
