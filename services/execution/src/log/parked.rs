//! The executions of a partition that wait out of memory: which they are, and when something of them becomes due.
//!
//! They stand in chunks, as the stored index has them ([`super::index`]). An execution that came back stays in its chunk, as
//! it was parked, until it is parked anew or over.
//!
//! **Invariant:** an entry of the log may be trimmed only when every execution with a record in it is over and archived, or
//! stands in the stored index with that record counted. So whoever reads index and log misses nothing that is open, and
//! finds the end of whatever is over and still in the index.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use contracts::id::{ExecutionId, TenantId};

use crate::record::Stored;

/// Chunks of the index of a partition.
pub(crate) const CHUNKS: u16 = 256;
/// Executions of a chunk: it has to fit into one message. Further ones stay in memory.
const MAX_CHUNK: usize = 20_000;
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
}

/// Records of a parked execution that an earlier owner stored after it had come back.
pub(crate) struct Tail {
    pub(crate) records: Vec<Stored>,
    /// The entries of the log with the first and the last of them.
    pub(crate) entries: (u64, u64),
}

#[derive(Default)]
struct Chunk {
    entries: HashMap<ExecutionId, Entry>,
    is_dirty: bool,
    /// The first entry of the log that is needed until the chunk is stored as it is.
    needs: Option<u64>,
    /// The same for what is being stored.
    storing: Option<u64>,
}

pub(crate) struct Parked {
    chunks: Vec<Chunk>,
    wakes: BTreeSet<(DateTime<Utc>, ExecutionId)>,
    /// Those that came back.
    awake: HashSet<ExecutionId>,
    tails: BTreeMap<ExecutionId, Tail>,
}

impl Entry {
    /// Whether it is time to read it back.
    pub(crate) fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.wakes_at.is_some_and(|at| at - LEAD <= now)
    }
}

impl Default for Parked {
    fn default() -> Self {
        let chunks = (0..CHUNKS).map(|_| Chunk::default());
        Self {
            chunks: chunks.collect(),
            wakes: BTreeSet::new(),
            awake: HashSet::new(),
            tails: BTreeMap::new(),
        }
    }
}

impl Parked {
    /// From the stored index.
    pub(crate) fn stored(entries: impl IntoIterator<Item = (ExecutionId, Entry)>) -> Self {
        let mut parked = Self::default();
        for (id, entry) in entries {
            parked.chunk(id).entries.insert(id, entry);
            parked.set_wake(id, entry);
        }
        parked
    }

    /// An execution that is out of memory.
    pub(crate) fn get(&self, id: ExecutionId) -> Option<Entry> {
        self.known(id).filter(|_| !self.awake.contains(&id))
    }

    /// An execution of the index, wherever it is.
    pub(crate) fn known(&self, id: ExecutionId) -> Option<Entry> {
        self.chunks[usize::from(chunk_of(id))]
            .entries
            .get(&id)
            .copied()
    }

    /// All that the index names.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (ExecutionId, Entry)> {
        let entries = self.chunks.iter().flat_map(|chunk| &chunk.entries);
        entries.map(|(id, entry)| (*id, *entry))
    }

    /// How many are out of memory.
    pub(crate) fn len(&self) -> usize {
        let all: usize = self.chunks.iter().map(|chunk| chunk.entries.len()).sum();
        all - self.awake.len()
    }

    #[cfg(test)]
    pub(crate) fn ids(&self) -> Vec<ExecutionId> {
        let ids = self.entries().map(|(id, _)| id);
        let mut ids: Vec<_> = ids.filter(|id| !self.awake.contains(id)).collect();
        ids.sort_unstable();
        ids
    }

    pub(crate) fn has_room(&self, id: ExecutionId) -> bool {
        let chunk = &self.chunks[usize::from(chunk_of(id))];
        chunk.entries.len() < MAX_CHUNK || chunk.entries.contains_key(&id)
    }

    /// Parks an execution; `first` is the first entry of the log that it needed in memory.
    pub(crate) fn insert(&mut self, id: ExecutionId, entry: Entry, first: Option<u64>) {
        self.awake.remove(&id);
        let chunk = self.chunk(id);
        if chunk.entries.insert(id, entry) != Some(entry) {
            chunk.change(first);
        }
        self.set_wake(id, entry);
    }

    /// It is in memory again.
    pub(crate) fn wake(&mut self, id: ExecutionId) -> Option<Tail> {
        if let Some(entry) = self.known(id) {
            self.awake.insert(id);
            if let Some(at) = entry.wakes_at {
                self.wakes.remove(&(at, id));
            }
        }
        self.tails.remove(&id)
    }

    /// It is over; `first` is the first entry of the log that it needed.
    pub(crate) fn forget(&mut self, id: ExecutionId, first: Option<u64>) {
        self.wake(id);
        self.awake.remove(&id);
        let chunk = self.chunk(id);
        if chunk.entries.remove(&id).is_some() {
            chunk.change(first);
        }
    }

    /// Keeps the records that follow those with which it was parked.
    pub(crate) fn set_tail(&mut self, id: ExecutionId, tail: Tail) {
        self.tails.insert(id, tail);
    }

    pub(crate) fn tail(&self, id: ExecutionId) -> Option<&Tail> {
        self.tails.get(&id)
    }

    /// Those that an earlier owner had in memory.
    pub(crate) fn with_tails(&self) -> Vec<ExecutionId> {
        self.tails.keys().copied().collect()
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

    /// The first entry of the log that is needed beside what is in memory.
    pub(crate) fn first_needed(&self) -> Option<u64> {
        let chunks = self.chunks.iter();
        let changed = chunks
            .flat_map(|chunk| [chunk.needs, chunk.storing])
            .flatten();
        let tails = self.tails.values().map(|tail| tail.entries.0);
        changed.chain(tails).min()
    }

    /// The chunks that are to be stored, at most so many; those that hold the log first.
    pub(crate) fn changed(&self, limit: usize) -> Vec<u16> {
        let chunks = (0_u16..)
            .zip(&self.chunks)
            .filter(|(_, chunk)| chunk.is_dirty);
        let mut changed: Vec<_> = chunks
            .map(|(number, chunk)| (chunk.needs.unwrap_or(u64::MAX), number))
            .collect();
        changed.sort_unstable();
        changed.truncate(limit);
        changed.into_iter().map(|(_, number)| number).collect()
    }

    /// What is to be stored of a chunk, from now on until [`Parked::is_stored`].
    pub(crate) fn store(&mut self, chunk: u16) -> Vec<(ExecutionId, Entry)> {
        let chunk = &mut self.chunks[usize::from(chunk)];
        chunk.is_dirty = false;
        chunk.storing = chunk.needs.take();
        let mut entries: Vec<_> = chunk.entries.iter().map(|(id, it)| (*id, *it)).collect();
        entries.sort_unstable_by_key(|(id, _)| *id);
        entries
    }

    pub(crate) fn is_stored(&mut self, chunk: u16) {
        self.chunks[usize::from(chunk)].storing = None;
    }

    fn set_wake(&mut self, id: ExecutionId, entry: Entry) {
        if let Some(at) = entry.wakes_at {
            self.wakes.insert((at, id));
        }
    }

    fn chunk(&mut self, id: ExecutionId) -> &mut Chunk {
        &mut self.chunks[usize::from(chunk_of(id))]
    }
}

impl Chunk {
    fn change(&mut self, first: Option<u64>) {
        self.is_dirty = true;
        self.needs = [self.needs, first].into_iter().flatten().min();
    }
}

fn chunk_of(id: ExecutionId) -> u16 {
    // The last two bytes choose the partition.
    let bytes = id.uuid().into_bytes();
    u16::from(bytes[13]) % CHUNKS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_760_000_000 + seconds, 0).unwrap()
    }

    fn entry(n: u64, wakes_at: Option<i64>) -> Entry {
        Entry {
            tenant: TenantId::EXAMPLE,
            n,
            wakes_at: wakes_at.map(at),
        }
    }

    /// Each in a chunk of its own.
    fn id(n: u8) -> ExecutionId {
        ExecutionId::from_uuid(uuid::Uuid::from_u128(u128::from(n) << 16))
    }

    #[test]
    fn they_are_told_in_time_and_once() {
        let mut parked = Parked::default();
        for (n, wakes_at) in [(1, Some(90)), (2, Some(70)), (3, None), (4, Some(80))] {
            parked.insert(id(n), entry(3, wakes_at), None);
        }
        assert_eq!((parked.len(), parked.next()), (4, Some(at(69))));
        assert_eq!(parked.due(at(68)), None);
        assert!(parked.wake(id(4)).is_none());
        assert_eq!(parked.due(at(100)), Some(id(2)));
        assert_eq!(parked.due(at(100)), Some(id(1)));
        assert_eq!(parked.due(at(100)), None);
        assert_eq!(parked.len(), 3, "told, and still parked");
    }

    #[test]
    fn the_log_is_held_until_the_index_is_stored() {
        let mut parked = Parked::default();
        parked.insert(id(1), entry(3, None), Some(7));
        parked.insert(id(2), entry(3, None), Some(5));
        assert_eq!(
            (parked.changed(1), parked.first_needed()),
            (vec![2], Some(5))
        );
        assert_eq!(parked.store(2), [(id(2), entry(3, None))]);
        assert_eq!(
            (parked.changed(9), parked.first_needed()),
            (vec![1], Some(5))
        );
        parked.is_stored(2);
        assert_eq!(parked.first_needed(), Some(7));
        parked.store(1);
        parked.is_stored(1);
        assert_eq!(parked.first_needed(), None);
        // It comes back and rests again, as it was: the index says so already.
        parked.wake(id(1));
        assert_eq!(
            (parked.get(id(1)), parked.known(id(1))),
            (None, Some(entry(3, None)))
        );
        parked.insert(id(1), entry(3, None), None);
        assert!(parked.changed(9).is_empty());
        // It goes on: what it recorded is held until the index counts it, or forgets it.
        parked.wake(id(1));
        parked.insert(id(1), entry(5, None), Some(20));
        assert_eq!(
            (parked.changed(9), parked.first_needed()),
            (vec![1], Some(20))
        );
        parked.store(1);
        parked.forget(id(1), Some(30));
        parked.is_stored(1);
        assert_eq!(
            (parked.changed(9), parked.first_needed()),
            (vec![1], Some(30))
        );
        assert!(parked.store(1).is_empty());
        parked.is_stored(1);
        assert_eq!(parked.first_needed(), None);
    }
}
