//! Executions that wait leave the owner's memory, and come back when they are wanted or when something of them is due.
//!
//! **Invariant:** what leaves was read back from the archive, the same, and the core has nothing to do for it but to set
//! timers and to listen: asked by the very input that it is given when it comes back.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use contracts::{
    id::{ExecutionId, TenantId},
    work::WorkItem,
};

use super::{Action, Partition, Ticket, not_found};
use crate::{
    domain::{Broken, Called, Effect, Input, apply, state::At},
    log::{
        parked::{Entry, Parked},
        replay::final_state,
        reviving::Revived,
        slots::{Gone, Held, Slot},
    },
    record::Stored,
};

/// Executions that are looked at in one go.
const MAX_LOOKED_AT: usize = 1024;

/// What a partition knows of executions that wait.
pub(crate) struct Parking {
    pub(crate) parked: Parked,
    /// Those in memory that may be about to rest, by the time at which to look again.
    idle: VecDeque<Idle>,
    /// The parked execution that the last request was for.
    wanted: Option<ExecutionId>,
}

impl Parking {
    pub(crate) fn new(parked: Parked) -> Self {
        Self {
            parked,
            idle: VecDeque::new(),
            wanted: None,
        }
    }
}

struct Idle {
    look_at: DateTime<Utc>,
    id: ExecutionId,
    /// The number of its last record, when it was looked at.
    n: u64,
}

/// An execution of which nothing was recorded for a while, to be read back from the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resting {
    pub(crate) tenant: TenantId,
    pub(crate) id: ExecutionId,
    /// The number of its last record.
    pub(crate) n: u64,
}

/// Why an execution stays in memory although it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotParked {
    /// It has gone on meanwhile, or will do so soon.
    Awake,
    /// The archive has something else than this owner stored.
    Different,
}

impl Partition {
    /// Executions that may be parked, at most `room`, when the archive has all entries up to `archived`. Each is to be given
    /// to [`Partition::park`] once it is read back, or to [`Partition::let_rest`].
    pub(crate) fn resting(
        &mut self,
        archived: u64,
        now: DateTime<Utc>,
        room: usize,
    ) -> Vec<Resting> {
        for id in self.slots.take_waiting() {
            self.let_rest(id, now);
        }
        let mut found = Vec::new();
        for _ in 0..MAX_LOOKED_AT {
            let is_due = |idle: &&Idle| idle.look_at <= now;
            if found.len() >= room || self.parking.idle.front().filter(is_due).is_none() {
                break;
            }
            let Some(Idle { id, n, .. }) = self.parking.idle.pop_front() else {
                break;
            };
            let Some(slot) = self.slots.get_mut(id) else {
                continue;
            };
            let is_stored = slot.batch <= self.committed;
            if slot.state.data.n == n && is_stored && slot.rests(archived) {
                slot.is_held = true;
                let tenant = slot.state.data.tenant;
                found.push(Resting { tenant, id, n });
            } else {
                self.let_rest(id, now);
            }
        }
        found
    }

    /// Notes that it waits for executions of its own, once.
    pub(super) fn note_rest(&mut self, id: ExecutionId, now: DateTime<Utc>) {
        // What waits for anything else is noted once that is stored.
        let is_news = |slot: &Slot| !slot.is_listed && !slot.state.called.is_empty();
        if self
            .slots
            .get(id)
            .is_some_and(|slot| is_news(slot) && slot.state.waits())
        {
            self.let_rest(id, now);
        }
    }

    /// Looks at it again after a while, where it still waits.
    pub(crate) fn let_rest(&mut self, id: ExecutionId, now: DateTime<Utc>) {
        let look_at = now + self.limits.park_after;
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        slot.is_listed = slot.state.waits();
        if slot.is_listed {
            let n = slot.state.data.n;
            self.parking.idle.push_back(Idle { look_at, id, n });
        }
    }

    /// Lets an execution leave memory that was read back from the archive.
    ///
    /// # Errors
    /// Why it stays.
    pub(crate) fn park(
        &mut self,
        revived: Revived,
        archived: u64,
        now: DateTime<Utc>,
    ) -> Result<(), NotParked> {
        let id = revived.state.data.id;
        let Some(slot) = self.slots.get(id) else {
            return Err(NotParked::Awake);
        };
        let (known, read) = (&slot.state.data, &revived.state.data);
        let until = slot.state.called_until();
        if known.n != read.n || !slot.rests(archived) {
            return Err(NotParked::Awake);
        }
        let is_same = (known.tenant, &known.principal, &known.parent, known.notify)
            == (read.tenant, &read.principal, &read.parent, read.notify);
        if !is_same || slot.frames != revived.frames {
            return Err(NotParked::Different);
        }
        // What is paused does nothing in time; its timers are set again when it goes on.
        let is_paused = known.is_paused();
        let wakes_at = [wakes_at(revived, &slot.state.called, now)?, until];
        let wakes_at = wakes_at.into_iter().flatten().min();
        let wakes_at = wakes_at.filter(|_| !is_paused);
        let soon = now + self.limits.park_after * 2;
        if wakes_at.is_some_and(|at| at <= soon) || !self.parking.parked.has_room(id) {
            return Err(NotParked::Awake);
        }
        let entry = Entry {
            tenant: known.tenant,
            n: known.n,
            wakes_at,
        };
        let first = slot.first_entry();
        self.slots.take_out(id);
        self.parking.parked.insert(id, entry, first);
        Ok(())
    }

    /// Takes an execution back into memory, as it was when it was parked, with what was recorded since.
    ///
    /// # Errors
    /// When those records cannot follow; it stays where it is.
    pub(crate) fn unpark(
        &mut self,
        mut revived: Revived,
        now: DateTime<Utc>,
    ) -> Result<(), Broken> {
        let id = revived.state.data.id;
        if self.parking.parked.get(id).is_none() {
            return Ok(());
        }
        let tail = self.parking.parked.tail(id);
        for Stored {
            record,
            frame,
            lost,
        } in tail.iter().flat_map(|tail| &tail.records)
        {
            let mut record = record.clone();
            revived.state.fold_filled(&mut record, lost.clone())?;
            revived.frames.push(frame.clone());
        }
        let tail = self.parking.parked.wake(id);
        let entries = tail.map(|tail| tail.entries);
        self.slots.insert(Slot::woken(revived, entries));
        if entries.is_some() {
            let header = self.slots.announce(id);
            self.due
                .extend(header.map(|header| Action::Header(Box::new(header))));
        }
        self.input(id, Input::Resume, now);
        self.let_rest(id, now);
        Ok(())
    }

    /// Lets those leave that are over, when the archive has all entries up to `archived`. Gives those whose events are to be
    /// told that they may expire: each leaves after [`Slots::expires`].
    pub(crate) fn leave(&mut self, archived: u64, now: DateTime<Utc>) -> Vec<Held> {
        let leaving = self.slots.leave(archived, now);
        for (id, first) in leaving.left {
            self.parking.parked.forget(id, first);
        }
        leaving.held
    }

    /// Forgets a parked execution of which an earlier owner stored the end, and of which everything else was deleted since.
    /// False where it is not over.
    pub(crate) fn forget_deleted(&mut self, id: ExecutionId, now: DateTime<Utc>) -> bool {
        let tail = self.parking.parked.tail(id);
        let last = tail.and_then(|tail| tail.records.last());
        let Some(last) = last.filter(|stored| stored.record.frame.event.is_final()) else {
            return false;
        };
        let (tenant, first) = (last.record.tenant, tail.map(|tail| tail.entries.0));
        let state = final_state(&last.record.frame.event);
        self.parking.parked.forget(id, first);
        if let Some(state) = state {
            self.slots.remember(id, Gone { tenant, state }, now);
        }
        true
    }

    /// The parked execution that the last request was for: it is to be read back, and the request to be taken again.
    pub(crate) fn wanted(&mut self) -> Option<ExecutionId> {
        self.parking.wanted.take()
    }

    /// The first entry of the log that some execution needs.
    pub(crate) fn first_needed(&self) -> Option<u64> {
        let parked = self.parking.parked.first_needed();
        let firsts = [self.slots.first_needed(), parked];
        firsts.into_iter().flatten().min()
    }

    /// Refuses what is for an execution that is not in memory, unless it is parked.
    pub(super) fn missing(&mut self, ticket: Ticket, tenant: TenantId, id: ExecutionId) {
        if !self.is_awaited(ticket, tenant, id) {
            self.answer(ticket, not_found(id));
        }
    }

    /// Whether it is parked. Another tenant is told no more than of one that does not exist.
    pub(super) fn is_awaited(&mut self, ticket: Ticket, tenant: TenantId, id: ExecutionId) -> bool {
        match self.parking.parked.get(id) {
            Some(entry) if entry.tenant == tenant => self.parking.wanted = Some(id),
            Some(_) => self.answer(ticket, not_found(id)),
            None => return false,
        }
        true
    }
}

/// When an execution is to be read back that was restored from the archive: at once, where it had something under way.
pub(crate) fn restored(revived: Revived, now: DateTime<Utc>) -> Entry {
    let data = &revived.state.data;
    let (tenant, n, is_paused) = (data.tenant, data.n, data.is_paused());
    let wakes_at = match wakes_at(revived, &BTreeMap::new(), now) {
        // What is paused does nothing in time.
        Ok(at) => at.filter(|_| !is_paused),
        Err(_) => Some(now),
    };
    Entry {
        tenant,
        n,
        wakes_at,
    }
}

/// When something follows of itself for an execution that goes on now, of which these attempts were handed on.
fn wakes_at(
    mut revived: Revived,
    called: &BTreeMap<At, Called>,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, NotParked> {
    let resumed = apply::apply(&mut revived.state, Input::Resume, now);
    // It is begun again, and found, when this one comes back.
    let is_called = |item: &WorkItem| {
        let at = revived.state.at(&item.node);
        at.is_some_and(|at| called.contains_key(&at))
    };
    if !resumed.records.is_empty() {
        return Err(NotParked::Awake);
    }
    let mut wakes_at: Option<DateTime<Utc>> = None;
    for effect in resumed.effects {
        match effect {
            Effect::Wake { at, .. } => wakes_at = Some(wakes_at.map_or(at, |known| at.min(known))),
            Effect::Listen { .. } | Effect::Tell { .. } => {}
            Effect::Dispatch { item, .. } if is_called(&item) => {}
            Effect::Dispatch { .. } | Effect::Look { .. } | Effect::Keep { .. } | Effect::Cut => {
                return Err(NotParked::Awake);
            }
        }
    }
    Ok(wakes_at)
}
