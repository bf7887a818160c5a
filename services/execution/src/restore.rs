//! Makes logs anew from the archive, where a NATS server has lost them or an entry cannot be read.
//!
//! What is left of a log goes into the archive first. Then every execution that has not ended stands in the index of those
//! that wait, to be read back from the archive as soon as there is an owner: what it had under way begins once more, with the
//! same keys. Cut short, it can be run again.
//!
//! **Invariant:** a partition is restored only by whoever holds its lease, and nothing readable of its log is dropped before
//! the archive has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bus::Bus;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::{
    ErrorCode,
    execution::{ExecutionState, StepError},
    id::{ExecutionId, TenantId},
    subject::partition_of,
};
use documents::Archive;
use futures::StreamExt;
use kernel::ServiceError;
use serde::Serialize;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error, archive,
    domain::{Input, apply::apply},
    log::{
        append::Append, index::Index, lease::Lease, parked::Entry, partition::restored,
        reviving::Source, slots::Header, takeover::writer_id,
    },
    payloads::Payloads,
    plans::Plans,
    record,
    store::ExecutionStore,
};

/// How long an owner may take to leave.
const LEAVE: Duration = Duration::from_secs(10);
/// How long the bus may take for one entry.
const ENTRY: Duration = Duration::from_secs(30);
/// Events of one write.
const BATCH: usize = 500;
/// Rows that are read at once.
const PAGE: u32 = 1000;
/// Header rows are later than starts, by less than this.
const LATE: TimeDelta = TimeDelta::minutes(10);
/// Executions that are told of by name; further ones are counted.
const MAX_TOLD: usize = 100;

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Restored {
    /// Partitions whose logs were begun anew.
    pub partitions: u16,
    /// Entries of the old logs that went into the archive.
    pub entries: u64,
    /// Entries of the old logs that cannot be read.
    pub unreadable: u64,
    /// Executions that go on.
    pub executions: u64,
    /// Executions that had ended, and whose rows did not say so.
    pub ended: u64,
    /// Executions that cannot go on, because the archive has not what they need: they are failed now, with `history_lost`.
    pub lost: u64,
    /// The first 100 of them.
    pub told: Vec<Lost>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Lost {
    pub tenant: TenantId,
    pub execution: ExecutionId,
    pub why: String,
}

/// Begins all logs anew, or that of one partition.
///
/// # Errors
/// [`Error::Owned`] while an engine owns one of the partitions, [`Error::NoPartition`], and that bus, database or archive do
/// not answer: then it is to be run again.
pub async fn restore(config: &Config, bus: &Bus, only: Option<u16>) -> Result<Restored, Error> {
    let pool = sql::Pool::connect(&config.sql, &crate::MIGRATIONS).await?;
    let archive = Archive::connect(&config.documents).await?;
    let partitions = bus.partitions().await?;
    let chosen: Vec<u16> = match only {
        Some(partition) if partition >= partitions => {
            return Err(Error::NoPartition {
                partition,
                partitions,
            });
        }
        Some(partition) => vec![partition],
        None => (0..partitions).collect(),
    };
    let mut leases = Vec::new();
    for partition in &chosen {
        leases.push(lease(bus, *partition).await?);
    }
    let mut restoring = Restoring {
        store: ExecutionStore::new(pool),
        plans: Plans::new(bus.clone(), archive.clone()),
        payloads: Payloads::new(bus.clone(), archive.clone()),
        archive,
        bus,
        partitions,
        done: Restored::default(),
        found: chosen.iter().map(|it| (*it, Vec::new())).collect(),
    };
    let restored = restoring.all(&chosen).await;
    for lease in leases {
        lease.release().await;
    }
    restored.map(|()| restoring.done)
}

/// Nobody else owns the partition until it is released.
async fn lease(bus: &Bus, partition: u16) -> Result<Lease, Error> {
    let (holder, stop) = (
        ExecutionId::generate().to_string(),
        CancellationToken::new(),
    );
    let acquired = timeout(LEAVE, Lease::acquire(bus, partition, &holder, &stop));
    match acquired.await {
        Ok(lease) => lease?.ok_or(Error::Owned { partition }),
        Err(_) => Err(Error::Owned { partition }),
    }
}

struct Restoring<'a> {
    store: ExecutionStore,
    archive: Archive,
    plans: Plans,
    payloads: Payloads,
    bus: &'a Bus,
    partitions: u16,
    done: Restored,
    /// What goes on, by partition; only those that are restored.
    found: BTreeMap<u16, Vec<(ExecutionId, Entry)>>,
}

impl Restoring<'_> {
    async fn all(&mut self, chosen: &[u16]) -> Result<(), Error> {
        let mut epochs = BTreeMap::new();
        for partition in chosen {
            epochs.insert(*partition, self.save_log(*partition).await?);
        }
        for tenant in self.store.tenants().await? {
            for id in self.open_of(tenant).await? {
                self.execution(tenant, id).await?;
            }
        }
        for (partition, epoch) in epochs {
            self.begin_anew(partition, epoch + 1).await?;
        }
        Ok(())
    }

    /// Puts into the archive what can be read of a log; its last epoch.
    async fn save_log(&mut self, partition: u16) -> Result<u64, Error> {
        let mut entries = Box::pin(self.bus.read_log(partition, 1).await?);
        let (mut frames, mut ended, mut epoch) = (Vec::new(), Vec::new(), 0);
        loop {
            let next = timeout(ENTRY, entries.next()).await;
            let entry = next.map_err(|_| Error::Silent { partition })?.transpose()?;
            let is_last = entry.is_none();
            if let Some(entry) = entry {
                match record::read(&entry.payload) {
                    Ok(batch) => {
                        self.done.entries += 1;
                        epoch = epoch.max(batch.stamp.epoch);
                        for mut stored in batch.records {
                            self.payloads.archive(&mut stored.record).await?;
                            let record = &stored.record;
                            ended.extend(archive::finished(record).map(|it| (record.tenant, it)));
                            frames.push(archive::archived(stored));
                        }
                    }
                    Err(problem) => {
                        self.done.unreadable += 1;
                        let sequence = entry.sequence;
                        tracing::warn!(partition, sequence, %problem, "an entry of the log is lost");
                    }
                }
            }
            if is_last || frames.len() >= BATCH {
                self.archive.put_events(&frames).await?;
                frames.clear();
                for (tenant, event) in ended.drain(..) {
                    self.bus.emit(tenant, &event).await?;
                }
            }
            if is_last {
                return Ok(epoch);
            }
        }
    }

    /// The executions of an organization that may have to go on: those whose rows say so, and those that have none yet.
    async fn open_of(&self, tenant: TenantId) -> Result<BTreeSet<ExecutionId>, Error> {
        let mut open = BTreeSet::new();
        loop {
            let page = self.store.open(tenant, open.last().copied(), PAGE).await?;
            if page.is_empty() {
                break;
            }
            open.extend(page);
        }
        let latest = self.store.latest_start(tenant).await?;
        let since = latest.map_or(DateTime::UNIX_EPOCH, |at| at - LATE);
        for id in self.archive.begun_since(tenant, since).await? {
            if self.store.find(tenant, id).await?.is_none()
                && !self.store.is_deleted(tenant, id).await?
            {
                open.insert(id);
            }
        }
        open.retain(|id| self.found.contains_key(&partition_of(*id, self.partitions)));
        Ok(open)
    }

    async fn execution(&mut self, tenant: TenantId, id: ExecutionId) -> Result<(), Error> {
        let source = Source {
            payloads: &self.payloads,
            archive: &self.archive,
            plans: &self.plans,
        };
        let mut revived = match source.revive_all(tenant, id).await {
            Ok(revived) => revived,
            Err(error) if is_passing(&error) => return Err(error),
            Err(error) => return self.give_up(tenant, id, &error).await,
        };
        // What follows a gap would stand in the way of what happens now.
        let n = revived.state.data.n;
        self.archive.delete_events_after(tenant, id, n).await?;
        let forgotten = apply(&mut revived.state, Input::Forget, Utc::now());
        let mut frames = Vec::new();
        for record in forgotten.records {
            frames.push(archive::new(&self.payloads, record).await?);
        }
        self.archive.put_events(&frames).await?;
        let header = Header::of(&revived.state);
        self.store.replace(&header).await?;
        if let Some(at) = header.finished_at {
            self.done.ended += 1;
            return Ok(self.archive.let_expire(tenant, id, at).await?);
        }
        self.archive.hold_events(tenant, id).await?;
        self.done.executions += 1;
        let partition = partition_of(id, self.partitions);
        let found = self.found.entry(partition).or_default();
        found.push((id, restored(revived, Utc::now())));
        Ok(())
    }

    /// Says that an execution is over of which not enough is left.
    async fn give_up(
        &mut self,
        tenant: TenantId,
        id: ExecutionId,
        error: &Error,
    ) -> Result<(), Error> {
        self.done.lost += 1;
        let why = error.source_text();
        tracing::error!(tenant.id = %tenant, execution.id = %id, cause = why, "an execution is lost");
        if self.done.told.len() < MAX_TOLD {
            self.done.told.push(Lost {
                tenant,
                execution: id,
                why,
            });
        }
        let Some(row) = self.store.find(tenant, id).await? else {
            return Ok(());
        };
        let text = "what it had come to was lost with the engine's log; run it again";
        let lost = Header {
            state: ExecutionState::Failed,
            error: Some(StepError::new("history_lost", text)),
            asks: 0,
            finished_at: Some(Utc::now()),
            ..row
        };
        self.store.replace(&lost).await
    }

    /// Lets the partition begin with an index of what goes on, and a log that names nothing else.
    async fn begin_anew(&mut self, partition: u16, epoch: u64) -> Result<(), Error> {
        let entries = self.found.remove(&partition).unwrap_or_default();
        Index::replace(self.bus, partition, entries).await?;
        let (_, last) = self.bus.log_bounds(partition).await?;
        archive::save_cursor(self.bus, partition, last).await?;
        let begin = Append::new(last, &record::epoch_begin(epoch, writer_id()));
        let stored = self.bus.append(partition, last, begin.message).await;
        let sequence = stored.map_err(|_| Error::Contended { partition })?;
        self.bus.trim_log(partition, sequence - 1).await?;
        self.done.partitions += 1;
        Ok(())
    }
}

/// Whether trying again may help.
fn is_passing(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::Unavailable | ErrorCode::Timeout)
}
