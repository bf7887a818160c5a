//! The executions of a partition that wait out of memory: which they are, and when something of them becomes due.
//!
//! **Invariant:** an execution is here only while all its records are in the archive, the same as they were in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use contracts::id::{ExecutionId, TenantId};

/// Executions are read back so long before something of them becomes due, so that it happens in time.
const LEAD: TimeDelta = TimeDelta::seconds(1);

/// What is kept of an execution that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) tenant: TenantId,
    /// The number of its last record.
    pub(crate) n: u64,
    /// When something follows from nobody having done anything; none where nothing does.
    pub(crate) wakes_at: Option<DateTime<Utc>>,
    /// The first entry of the log that holds a record of it.
    pub(crate) first: u64,
}

impl Entry {
    /// Whether it is time to read it back.
    pub(crate) fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.wakes_at.is_some_and(|at| at - LEAD <= now)
    }
}

#[derive(Default)]
pub(crate) struct Parked {
    entries: HashMap<ExecutionId, Entry>,
    wakes: BTreeSet<(DateTime<Utc>, ExecutionId)>,
    /// How many begin with an entry of the log.
    firsts: BTreeMap<u64, u32>,
}

impl Parked {
    pub(crate) fn get(&self, id: ExecutionId) -> Option<Entry> {
        self.entries.get(&id).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub(crate) fn ids(&self) -> Vec<ExecutionId> {
        let mut ids: Vec<_> = self.entries.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    pub(crate) fn insert(&mut self, id: ExecutionId, entry: Entry) {
        self.remove(id);
        self.entries.insert(id, entry);
        *self.firsts.entry(entry.first).or_default() += 1;
        if let Some(at) = entry.wakes_at {
            self.wakes.insert((at, id));
        }
    }

    pub(crate) fn remove(&mut self, id: ExecutionId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        if let Some(count) = self.firsts.get_mut(&entry.first) {
            *count -= 1;
            if *count == 0 {
                self.firsts.remove(&entry.first);
            }
        }
        if let Some(at) = entry.wakes_at {
            self.wakes.remove(&(at, id));
        }
        Some(entry)
    }

    /// When the next one is to be read back because something becomes due.
    pub(crate) fn next(&self) -> Option<DateTime<Utc>> {
        self.wakes.first().map(|(at, _)| *at - LEAD)
    }

    /// Takes one whose time has come: it is told once.
    pub(crate) fn due(&mut self, now: DateTime<Utc>) -> Option<ExecutionId> {
        if self.next()? > now {
            return None;
        }
        self.wakes.pop_first().map(|(_, id)| id)
    }

    /// The first entry of the log that they need.
    pub(crate) fn first_needed(&self) -> Option<u64> {
        self.firsts.first_key_value().map(|(first, _)| *first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_told_in_time_and_once() {
        let start = DateTime::from_timestamp_millis(1_760_000_000_000).unwrap();
        let seconds = |n: i64| start + TimeDelta::seconds(n);
        let ids: Vec<_> = (1..=4_u128)
            .map(|n| ExecutionId::from_uuid(uuid::Uuid::from_u128(n)))
            .collect();
        let mut parked = Parked::default();
        let waits = [
            Some(seconds(90)),
            Some(seconds(70)),
            None,
            Some(seconds(80)),
        ];
        for ((id, wakes_at), first) in ids.iter().zip(waits).zip([7, 5, 9, 5]) {
            let entry = Entry {
                tenant: TenantId::EXAMPLE,
                n: 3,
                wakes_at,
                first,
            };
            parked.insert(*id, entry);
        }
        assert_eq!((parked.len(), parked.first_needed()), (4, Some(5)));
        assert_eq!(parked.next(), Some(seconds(69)));
        assert_eq!(parked.due(seconds(68)), None);
        parked.remove(ids[3]);
        assert_eq!(parked.due(seconds(100)), Some(ids[1]));
        assert_eq!(parked.due(seconds(100)), Some(ids[0]));
        assert_eq!(parked.due(seconds(100)), None);
        assert_eq!(parked.len(), 3, "told, and still parked");
        parked.remove(ids[1]);
        assert_eq!(parked.first_needed(), Some(7));
    }
}
