//! Executions that leave memory and come back.

use contracts::id::ExecutionId;

use super::{Owner, World};
use crate::log::partition::{NotParked, Resting};

impl World {
    /// Parks what rests, as the archive has it.
    pub(super) fn park(&mut self, owner: &mut Owner) {
        let archived = owner.partition.last();
        for Resting { id, n, .. } in owner.partition.resting(archived, self.now, 8) {
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
        owner.partition.unpark(revived, self.now);
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
}
