//! Executions that leave memory and come back.

use contracts::id::ExecutionId;

use super::{Owner, World, Write};
use crate::log::{
    index::written,
    parked::Parked,
    partition::{NotParked, Resting},
    replay::Replay,
    simulation::fake_index::Put,
};

impl World {
    /// Parks what rests, as the archive has it.
    pub(super) fn park(&mut self, owner: &mut Owner) {
        let archived = owner.partition.last();
        // Most of the time is spent on reading them back.
        let room = self.random.below(3);
        for Resting { id, n, .. } in owner.partition.resting(archived, self.now, room) {
            let revived = self.log.revive(id, n, &self.plans);
            let is_read = !self.faulty || self.random.chance(80);
            let outcome = match is_read {
                true => owner.partition.park(revived, archived, self.now),
                false => Err(NotParked::Awake),
            };
            match outcome {
                Ok(()) => self.totals.parked += 1,
                Err(NotParked::Awake) => owner.partition.let_rest(id, self.now),
                Err(NotParked::Different) => panic!("{id} is not what was stored of it"),
            }
        }
    }

    /// Takes an execution back; says whether the archive answers.
    pub(super) fn wake(&mut self, owner: &mut Owner, id: ExecutionId) -> bool {
        let Some(entry) = owner.partition.parking.parked.get(id) else {
            return true;
        };
        if self.faulty && self.random.chance(30) {
            return false;
        }
        let revived = self.log.revive(id, entry.n, &self.plans);
        owner.partition.unpark(revived, self.now).unwrap();
        self.totals.woken += 1;
        true
    }

    /// Takes those back of which something is due.
    pub(super) fn wake_due(&mut self, owner: &mut Owner) {
        while let Some(id) = owner.partition.parking.parked.due(self.now) {
            owner.due.push(id);
        }
        for id in std::mem::take(&mut owner.due) {
            if !self.wake(owner, id) {
                owner.due.push(id);
            }
        }
    }

    /// Claims the index that was read; none where somebody has written it since, or nobody knows.
    pub(super) fn claim(&mut self, epoch: u64, last: u64) -> Option<u64> {
        let claim = Write {
            chunk: None,
            value: written(epoch, 0, &[]),
            last,
            epoch,
        };
        match self.index.put(&claim, &mut self.random, self.faulty) {
            Put::Stored(last) => Some(last),
            Put::Refused | Put::Unknown => None,
        }
    }

    /// Stores a chunk of the index that has changed, or tries again.
    pub(super) fn store_index(&mut self, owner: &mut Owner) {
        let epoch = owner.partition.epoch();
        let parked = &mut owner.partition.parking.parked;
        let changed = parked.changed(1).first().copied();
        let write = match (owner.indexing.take(), changed) {
            (Some(write), _) => Some(write),
            (None, Some(chunk)) => Some(Write {
                chunk: Some(chunk),
                value: written(epoch, 0, &parked.store(chunk)),
                last: owner.index_last,
                epoch,
            }),
            (None, None) => None,
        };
        let Some(write) = write else { return };
        match self.index.put(&write, &mut self.random, self.faulty) {
            Put::Stored(last) => {
                owner.index_last = last;
                let chunk = write.chunk.unwrap();
                owner.partition.parking.parked.is_stored(chunk);
                self.totals.indexed += 1;
            }
            // It stays as it is: whoever was replaced stores nothing more.
            Put::Refused => {
                assert!(
                    self.index.epoch > write.epoch,
                    "the only owner lost its index"
                );
                self.totals.unindexed += 1;
                owner.indexing = Some(write);
            }
            Put::Unknown => owner.indexing = Some(write),
        }
    }

    /// Trims the log as far as an owner may.
    pub(super) fn trim(&mut self, owner: &Owner) {
        let archived = owner.partition.last();
        let needed = owner.partition.first_needed();
        let floor = needed.map_or(archived, |first| first - 1);
        let floor = floor.min(archived.saturating_sub(1));
        if floor > self.log.trimmed {
            self.log.trimmed = floor;
            self.totals.headless += 1;
        }
    }

    /// At the end of all things: what the index still names, the log knows to be over.
    pub(super) fn check_index(&self) {
        let first = self.log.trimmed + 1;
        let mut replay = Replay::new(Parked::stored(self.index.entries()));
        for (entry, sequence) in self.log.entries.iter().zip(1..).skip(first as usize - 1) {
            let batch = replay.read(sequence, entry).unwrap();
            let plan = |hash: &str| self.plans.get(hash).cloned();
            replay.take(sequence, batch, plan).unwrap();
        }
        let replayed = replay.finish(first).unwrap();
        assert_eq!(replayed.slots.open(), 0, "the log has something open");
        for id in replayed.parked.ids() {
            let tail = replayed.parked.tail(id);
            let last = tail.and_then(|tail| tail.records.last());
            let is_over = last.is_some_and(|stored| stored.record.frame.event.is_final());
            assert!(is_over, "{id} is over, and would wait again");
        }
    }
}
