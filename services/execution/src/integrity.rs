//! Holds the archive against the logs: what a log still has and the archive is said to have must be there, the same. Of what
//! waits out of memory the archive alone has the events: they must be there from the first to the last.
//!
//! It reads, and changes nothing: it may run beside the engine.

use bus::{Bucket, Bus};
use contracts::{
    id::{ExecutionId, TenantId},
    live::Frame,
};
use futures::StreamExt;
use serde::Serialize;

use crate::{
    Config, Error, archive,
    log::{index::Index, parked::Entry, replay::Corrupt},
    record::{self, Record},
    store::ExecutionStore,
};

/// Events that are compared at once.
const BATCH: usize = 500;
/// Events of an execution that are read at once.
const PAGE: u32 = 1000;
/// Differences that are told; further ones are counted.
const MAX_TOLD: usize = 100;

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Integrity {
    pub partitions: u16,
    /// Entries of the logs that the archive is said to have.
    pub entries: u64,
    /// Events in them.
    pub events: u64,
    /// Events of executions that were deleted since.
    pub deleted: u64,
    /// Executions that wait out of memory.
    pub parked: u64,
    pub differences: u64,
    /// The first 100.
    pub told: Vec<Difference>,
}

/// An event that the archive has not as the log has it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub partition: u16,
    /// Of the log's entry; 0 where it is no longer there.
    pub sequence: u64,
    pub tenant: TenantId,
    pub execution: ExecutionId,
    /// The number of the event.
    pub n: u64,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Missing,
    Different,
    /// The archive has it, and lacks a value that it names.
    PayloadMissing,
}

/// An event as the log has it.
struct Logged {
    sequence: u64,
    tenant: TenantId,
    execution: ExecutionId,
    frame: Frame,
}

/// Reads all logs from their first entries to where the archive has come.
///
/// # Errors
/// When a log cannot be read ([`Error::CorruptLog`] where it is damaged), or the stores do not answer.
pub async fn check(config: &Config, bus: &Bus) -> Result<Integrity, Error> {
    let pool = sql::Pool::connect(&config.sql, &crate::MIGRATIONS).await?;
    let checking = Checking {
        store: ExecutionStore::new(pool),
        archive: documents::Archive::connect(&config.documents).await?,
        bus,
    };
    let mut found = Integrity {
        partitions: bus.partitions().await?,
        ..Integrity::default()
    };
    for partition in 0..found.partitions {
        checking.partition(partition, &mut found).await?;
    }
    Ok(found)
}

struct Checking<'a> {
    store: ExecutionStore,
    archive: documents::Archive,
    bus: &'a Bus,
}

impl Checking<'_> {
    async fn partition(&self, partition: u16, found: &mut Integrity) -> Result<(), Error> {
        let snapshots = self.bus.kv(Bucket::Snapshots).await?;
        let archived = archive::read_cursor(&snapshots, partition).await?;
        let mut entries = Box::pin(self.bus.read_log(partition, 1).await?);
        let mut logged = Vec::new();
        while let Some(entry) = entries.next().await {
            let entry = entry?;
            let sequence = entry.sequence;
            if sequence > archived {
                break;
            }
            let corrupt = |problem| Error::CorruptLog {
                partition,
                source: Corrupt::Unreadable { sequence, problem }.into(),
            };
            let batch = record::read(&entry.payload).map_err(corrupt)?;
            found.entries += 1;
            logged.extend(batch.records.into_iter().map(|stored| Logged {
                sequence,
                tenant: stored.record.tenant,
                execution: stored.record.execution,
                frame: stored.record.frame,
            }));
            if logged.len() >= BATCH {
                self.compare(partition, &mut logged, found).await?;
            }
        }
        self.compare(partition, &mut logged, found).await?;
        let (_, parked) = Index::read(self.bus, partition).await?;
        for (id, entry) in parked.entries() {
            found.parked += 1;
            self.look_for(partition, id, entry, found).await?;
        }
        Ok(())
    }

    /// Looks for all events of an execution that waits out of memory.
    async fn look_for(
        &self,
        partition: u16,
        id: ExecutionId,
        entry: Entry,
        found: &mut Integrity,
    ) -> Result<(), Error> {
        let mut after = 0;
        while after < entry.n {
            let page = self.archive.events(entry.tenant, id, after, PAGE).await?;
            let before = after;
            let of_page: Vec<_> = page
                .iter()
                .map(|frame| Logged {
                    sequence: 0,
                    tenant: entry.tenant,
                    execution: id,
                    frame: frame.clone(),
                })
                .collect();
            for it in self.without_values(&of_page).await? {
                found.differ(Difference {
                    partition,
                    sequence: 0,
                    tenant: entry.tenant,
                    execution: id,
                    n: it.frame.n,
                    what: What::PayloadMissing,
                });
            }
            for frame in page.iter().take_while(|frame| frame.n <= entry.n) {
                if frame.n == after + 1 {
                    after += 1;
                }
            }
            if after == before && !self.store.is_deleted(entry.tenant, id).await? {
                found.differ(Difference {
                    partition,
                    sequence: 0,
                    tenant: entry.tenant,
                    execution: id,
                    n: after + 1,
                    what: What::Missing,
                });
            }
            if after == before {
                break;
            }
        }
        Ok(())
    }

    /// Asks the archive for these events, execution by execution.
    async fn compare(
        &self,
        partition: u16,
        logged: &mut Vec<Logged>,
        found: &mut Integrity,
    ) -> Result<(), Error> {
        // Of one execution the numbers grow, and stand together then.
        logged.sort_by_key(|it| (it.tenant, it.execution, it.frame.n));
        for events in logged.chunk_by(|a, b| (a.tenant, a.execution) == (b.tenant, b.execution)) {
            let (first, last) = (&events[0], &events[events.len() - 1]);
            let count = last.frame.n - first.frame.n + 1;
            let kept = self
                .archive
                .events(
                    first.tenant,
                    first.execution,
                    first.frame.n - 1,
                    u32::try_from(count).unwrap_or(u32::MAX),
                )
                .await?;
            let differing: Vec<_> = events
                .iter()
                .filter_map(|it| Some((it, difference(&it.frame, &kept)?)))
                .collect();
            found.events += events.len() as u64;
            let mut differing = differing;
            for it in self.without_values(events).await? {
                differing.push((it, What::PayloadMissing));
            }
            if differing.is_empty() {
                continue;
            }
            if self.store.is_deleted(first.tenant, first.execution).await? {
                found.deleted += events.len() as u64;
                continue;
            }
            for (it, what) in differing {
                found.differ(Difference {
                    partition,
                    sequence: it.sequence,
                    tenant: it.tenant,
                    execution: it.execution,
                    n: it.frame.n,
                    what,
                });
            }
        }
        logged.clear();
        Ok(())
    }
}

impl Checking<'_> {
    /// The events of one execution that name a value which the archive has not.
    async fn without_values<'a>(&self, events: &'a [Logged]) -> Result<Vec<&'a Logged>, Error> {
        let named = |it: &'a Logged| (it, references(it.tenant, it.execution, &it.frame));
        let named: Vec<_> = events.iter().map(named).collect();
        let Some((first, _)) = named.iter().find(|(_, hashes)| !hashes.is_empty()) else {
            return Ok(Vec::new());
        };
        let kept = self.archive.payload_hashes(first.tenant, first.execution);
        let kept = kept.await?;
        let lacks = |hashes: &[String]| hashes.iter().any(|hash| !kept.contains(hash));
        let without = named.into_iter().filter(|(_, hashes)| lacks(hashes));
        Ok(without.map(|(it, _)| it).collect())
    }
}

/// The hashes of the values that an event names.
fn references(tenant: TenantId, execution: ExecutionId, frame: &Frame) -> Vec<String> {
    let mut record = Record {
        execution,
        tenant,
        private: None,
        frame: frame.clone(),
    };
    let references = record.references().into_iter();
    references.map(|reference| reference.hash).collect()
}

impl Integrity {
    fn differ(&mut self, difference: Difference) {
        self.differences += 1;
        if self.told.len() < MAX_TOLD {
            self.told.push(difference);
        }
    }
}

/// How what is kept of an event differs from it; none where it does not.
fn difference(frame: &Frame, kept: &[Frame]) -> Option<What> {
    match kept.iter().find(|it| it.n == frame.n) {
        None => Some(What::Missing),
        Some(it) if it == frame => None,
        Some(_) => Some(What::Different),
    }
}
