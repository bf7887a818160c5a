//! An execution whose records cannot be read as a history, or whose definition is not there: it alone waits, not its partition.

use chrono::{DateTime, Utc};
use contracts::{
    execution::ExecutionState,
    id::{ExecutionId, TenantId},
};

use super::final_state;
use crate::{
    domain::Broken,
    log::{parked::Entry, slots::Slot},
    record::Record,
};

/// What is known of it without its state.
pub(super) struct Aside {
    pub(super) tenant: TenantId,
    /// The number of its last record.
    n: u64,
    /// The time of its last record.
    at: DateTime<Utc>,
    /// The first entry of the log with a record of it.
    pub(super) first: u64,
    pub(super) end: Option<ExecutionState>,
    pub(super) problem: String,
}

/// An execution that was set aside, as its owner tells of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SetAside {
    pub(crate) id: ExecutionId,
    pub(crate) problem: String,
}

impl Aside {
    /// From the first record that could not be taken in; `slot` is what those before it came to.
    pub(super) fn new(
        slot: Option<&Slot>,
        record: &Record,
        sequence: u64,
        problem: impl Into<String>,
    ) -> Self {
        Self {
            tenant: record.tenant,
            n: record.frame.n,
            at: record.frame.ts,
            first: slot.and_then(Slot::first_entry).unwrap_or(sequence),
            end: final_state(&record.frame.event),
            problem: problem.into(),
        }
    }

    /// Counts a further record.
    ///
    /// # Errors
    /// When one is missing before it.
    pub(super) fn take(&mut self, record: &Record) -> Result<(), Broken> {
        let (last, found) = (self.n, record.frame.n);
        if found != last + 1 {
            return Err(Broken::Gap { last, found });
        }
        (self.n, self.at) = (found, record.frame.ts);
        self.end = final_state(&record.frame.event);
        Ok(())
    }

    /// As one that waits, and of which something is due: it is read from the archive until that succeeds.
    pub(super) const fn entry(&self) -> Entry {
        Entry {
            tenant: self.tenant,
            n: self.n,
            wakes_at: Some(self.at),
        }
    }
}
