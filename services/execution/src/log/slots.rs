//! The executions an owner has in memory: those that do something, and those that the archive has not passed yet.
//!
//! **Invariant:** an execution leaves memory only when all its records are in the archive and its header row is written. Where
//! it is over, its id is remembered for a while, so that a repeated start is noticed; where it waits, it is parked.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use contracts::{
    execution::{ExecutionState, Origin, Source, StepError, Usage},
    id::{ExecutionId, TenantId, UserId},
    payload::Payload,
};

use super::{append::Apart, partition::Action, reviving::Revived};
use crate::{
    domain::{State, told_at_the_end},
    record::Record,
};

/// How long the ids of executions that left are remembered; older starts are looked up in the database.
pub(crate) const HORIZON: Duration = Duration::from_secs(120);
/// Bytes of events in one answer, unless a single event is larger.
const MAX_EVENTS: usize = 1024 * 1024;

/// An execution in memory.
pub(crate) struct Slot {
    pub(crate) state: State,
    /// The texts of its frames, from `n` = 1.
    pub(crate) frames: Vec<Bytes>,
    /// The batch with its latest record.
    pub(crate) batch: u64,
    /// Sequences of the log's entries with its first and its latest stored record.
    entries: Option<(u64, u64)>,
    /// The header row as it was announced last.
    announced: Option<Header>,
    /// The number of the last event that the written header row counts.
    written: u64,
    counted_over: bool,
    /// It is in the list of those that wait.
    pub(super) is_listed: bool,
    /// Its events may have been told not to expire.
    pub(super) is_held: bool,
    /// Its end is being told to its events.
    is_expiring: bool,
    /// The execution that began it has heard of its end.
    is_told: bool,
    /// The hashes of the values that are stored apart, or are so before whatever is recorded next.
    apart: HashSet<String>,
}

/// What PostgreSQL keeps of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) tenant: TenantId,
    pub(crate) id: ExecutionId,
    pub(crate) origin: Origin,
    pub(crate) parent_id: Option<ExecutionId>,
    pub(crate) source: Option<Source>,
    pub(crate) state: ExecutionState,
    pub(crate) error: Option<StepError>,
    pub(crate) usage: Usage,
    /// Answers and approvals that it waits for.
    pub(crate) asks: u32,
    pub(crate) last_event: u64,
    pub(crate) started_by: UserId,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
}

/// A stretch of frames as texts.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    pub(crate) items: Vec<Bytes>,
    pub(crate) next: Option<u64>,
}

/// What is remembered of an execution that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) tenant: TenantId,
    pub(crate) state: ExecutionState,
}

#[derive(Default)]
pub(crate) struct Slots {
    slots: HashMap<ExecutionId, Slot>,
    open: usize,
    gone: HashMap<ExecutionId, Gone>,
    gone_since: VecDeque<(DateTime<Utc>, ExecutionId)>,
    /// Executions that are over and wait for archive and header row.
    leaving: VecDeque<ExecutionId>,
    /// Executions that have begun to wait.
    waiting: Vec<ExecutionId>,
    /// Executions that left and have values of their own in the log's place, by the last entry that names one.
    emptied: Vec<Emptied>,
}

/// An execution that left for good: its values are in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Emptied {
    pub(crate) tenant: TenantId,
    pub(crate) id: ExecutionId,
    last: u64,
}

/// What [`Slots::leave`] came to.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    /// Those that wait for their events to be told that they may expire.
    pub(crate) held: Vec<Held>,
    /// Those that left, with the first entry of the log that they needed.
    pub(crate) left: Vec<(ExecutionId, Option<u64>)>,
}

/// An execution that is over, whose events were told not to expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) tenant: TenantId,
    pub(crate) id: ExecutionId,
    /// When it ended.
    pub(crate) at: DateTime<Utc>,
}

impl Header {
    pub(crate) fn of(state: &State) -> Self {
        let data = &state.data;
        Self {
            tenant: data.tenant,
            id: data.id,
            origin: data.origin,
            parent_id: data.parent.as_ref().map(|parent| parent.execution_id),
            source: data.source.clone(),
            state: data.state(),
            error: data.error().cloned(),
            usage: data.usage,
            asks: state.asks(),
            last_event: data.n,
            started_by: data.principal.user_id,
            created_at: data.created_at,
            finished_at: data.end.as_ref().map(|end| end.at),
        }
    }
}

impl Slot {
    pub(crate) fn new(state: State) -> Self {
        Self {
            state,
            frames: Vec::new(),
            batch: 0,
            entries: None,
            announced: None,
            written: 0,
            counted_over: false,
            is_listed: false,
            is_held: false,
            is_expiring: false,
            is_told: false,
            apart: HashSet::new(),
        }
    }

    /// One that was parked. What was recorded of it since stands in these entries of the log; all else is in the archive, and
    /// counted by its header row.
    pub(super) fn woken(revived: Revived, entries: Option<(u64, u64)>) -> Self {
        let n = revived.state.data.n;
        Self {
            written: if entries.is_some() { 0 } else { n },
            frames: revived.frames,
            entries,
            is_held: true,
            ..Self::new(revived.state)
        }
    }

    /// Takes the values out of a record that do not stand in it; gives those that are to be stored.
    pub(super) fn take_apart(&mut self, record: &mut Record) -> Vec<Apart> {
        let (tenant, execution) = (record.tenant, record.execution);
        let taken = record.take_apart().into_iter();
        let new = taken.filter(|it| self.apart.insert(it.reference.hash.clone()));
        new.map(|Payload { reference, text }| Apart {
            tenant,
            execution,
            reference,
            text: text.into(),
        })
        .collect()
    }

    /// A value is stored already.
    pub(crate) fn has_apart(&mut self, hash: String) {
        self.apart.insert(hash);
    }

    /// Keeps the text of a frame that is stored in an entry of the log.
    pub(crate) fn keep(&mut self, frame: Bytes, sequence: u64) {
        self.frames.push(frame);
        self.is_in(sequence);
    }

    /// Notes that an entry of the log holds a record of it.
    fn is_in(&mut self, sequence: u64) {
        let first = self.entries.map_or(sequence, |(first, _)| first);
        self.entries = Some((first, sequence));
    }

    pub(crate) fn events(&self, after: u64, limit: u32) -> Events {
        let skip = usize::try_from(after)
            .unwrap_or(usize::MAX)
            .min(self.frames.len());
        let mut items = Vec::new();
        let mut bytes = 0;
        for frame in self.frames[skip..].iter().take(limit as usize) {
            bytes += frame.len();
            if bytes > MAX_EVENTS && !items.is_empty() {
                break;
            }
            items.push(frame.clone());
        }
        let end = skip + items.len();
        let next = (end < self.frames.len()).then_some(end as u64);
        Events { items, next }
    }

    fn header(&self) -> Header {
        Header::of(&self.state)
    }

    /// Notes that it waits, once.
    fn list(&mut self, state: ExecutionState, waiting: &mut Vec<ExecutionId>) {
        let waits = matches!(
            state,
            ExecutionState::Waiting | ExecutionState::Queued | ExecutionState::Paused
        );
        if waits && !self.is_listed {
            self.is_listed = true;
            waiting.push(self.state.data.id);
        }
    }

    fn may_leave(&self, archived: u64) -> bool {
        let is_told = self.is_told || self.state.data.parent.is_none();
        let is_written = self.written == self.state.data.n;
        self.state.is_over() && is_told && is_written && self.is_archived(archived)
    }

    fn is_archived(&self, archived: u64) -> bool {
        self.entries.is_none_or(|(_, last)| last <= archived)
    }

    /// Whether nothing of it is under way, and whatever is known of it is known elsewhere too.
    pub(super) fn rests(&self, archived: u64) -> bool {
        let announced = self.announced.as_ref();
        // A row is announced where its state changes; events in between change nothing in a list.
        let is_written = announced.map_or(self.written == self.state.data.n, |header| {
            header.last_event <= self.written
        });
        self.state.waits() && is_written && self.is_archived(archived)
    }

    pub(crate) fn first_entry(&self) -> Option<u64> {
        self.entries.map(|(first, _)| first)
    }
}

impl Slots {
    pub(crate) fn get(&self, id: ExecutionId) -> Option<&Slot> {
        self.slots.get(&id)
    }
    pub(crate) fn get_mut(&mut self, id: ExecutionId) -> Option<&mut Slot> {
        self.slots.get_mut(&id)
    }
    /// The execution, if it is this tenant's.
    pub(crate) fn of(&self, tenant: TenantId, id: ExecutionId) -> Option<&Slot> {
        self.get(id).filter(|slot| slot.state.data.tenant == tenant)
    }
    pub(crate) fn gone(&self, id: ExecutionId) -> Option<Gone> {
        self.gone.get(&id).copied()
    }
    /// The number of executions that are not over.
    pub(crate) fn open(&self) -> usize {
        self.open
    }
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn insert(&mut self, slot: Slot) {
        let id = slot.state.data.id;
        self.open += 1;
        self.slots.insert(id, slot);
        self.note_end(id);
    }

    pub(crate) fn open_ids(&self) -> Vec<ExecutionId> {
        let open = self.slots.iter().filter(|(_, slot)| !slot.state.is_over());
        let mut ids: Vec<_> = open.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }

    /// The words of those that are over to the executions that began them: nobody knows whether they were heard.
    pub(super) fn untold(&self) -> Vec<Action> {
        let over = self.slots.iter().filter(|(_, slot)| !slot.is_told);
        let words = over.filter_map(|(id, slot)| {
            Some(Action::Effect {
                tenant: slot.state.data.tenant,
                execution: *id,
                effect: told_at_the_end(&slot.state)?,
            })
        });
        words.collect()
    }

    /// The execution that began it has heard of its end, or is gone.
    pub(crate) fn told(&mut self, id: ExecutionId) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.is_told = true;
        }
    }

    /// All header rows, as announced anew.
    pub(crate) fn headers(&mut self) -> Vec<Header> {
        let waiting = &mut self.waiting;
        let rows = self.slots.values_mut().map(|slot| {
            let header = slot.header();
            slot.list(header.state, waiting);
            slot.announced = Some(header.clone());
            header
        });
        rows.collect()
    }

    /// Counts an execution as over, once.
    pub(crate) fn note_end(&mut self, id: ExecutionId) {
        if let Some(slot) = self.slots.get_mut(&id)
            && slot.state.is_over()
            && !slot.counted_over
        {
            slot.counted_over = true;
            self.open -= 1;
            self.leaving.push_back(id);
        }
    }

    /// Records of the execution were stored, in that batch and entry; gives its header row if that changed.
    pub(crate) fn stored(&mut self, id: ExecutionId, batch: u64, sequence: u64) -> Option<Header> {
        let slot = self.slots.get_mut(&id)?;
        slot.is_in(sequence);
        if slot.batch != batch {
            // The state is ahead of the log; the batch that catches up with it will tell.
            return None;
        }
        let header = slot.header();
        slot.list(header.state, &mut self.waiting);
        let known = slot.announced.as_ref();
        let same = known.is_some_and(|known| {
            let unchanged = known.state == header.state && known.asks == header.asks;
            unchanged && !header.state.is_final()
        });
        if same {
            return None;
        }
        slot.announced = Some(header.clone());
        Some(header)
    }

    /// The header row that counts `last_event` events was written.
    pub(crate) fn written(&mut self, id: ExecutionId, last_event: u64) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.written = slot.written.max(last_event);
        }
    }

    /// Those that have begun to wait since the last time.
    pub(super) fn take_waiting(&mut self) -> Vec<ExecutionId> {
        std::mem::take(&mut self.waiting)
    }

    /// Takes an open execution out, to be parked.
    pub(super) fn take_out(&mut self, id: ExecutionId) {
        if self.slots.remove(&id).is_some() {
            self.open -= 1;
        }
    }

    /// The header row of one that came back, as announced anew.
    pub(super) fn announce(&mut self, id: ExecutionId) -> Option<Header> {
        let slot = self.slots.get_mut(&id)?;
        slot.announced = Some(slot.header());
        slot.announced.clone()
    }

    /// The events of an execution that is over were told that they may expire.
    pub(crate) fn expires(&mut self, id: ExecutionId) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.is_held = false;
        }
    }

    /// Lets those leave that may, when the archive has all entries up to `archived`.
    pub(super) fn leave(&mut self, archived: u64, now: DateTime<Utc>) -> Leaving {
        let mut leaving = Leaving::default();
        for _ in 0..self.leaving.len() {
            let Some(id) = self.leaving.pop_front() else {
                break;
            };
            let Some(slot) = self.slots.get_mut(&id) else {
                continue;
            };
            if !slot.may_leave(archived) {
                self.leaving.push_back(id);
                continue;
            }
            let data = &slot.state.data;
            let (tenant, state) = (data.tenant, data.state());
            let at = data.end.as_ref().map_or(now, |end| end.at);
            if slot.is_held {
                if !std::mem::replace(&mut slot.is_expiring, true) {
                    leaving.held.push(Held { tenant, id, at });
                }
                self.leaving.push_back(id);
                continue;
            }
            leaving.left.push((id, slot.first_entry()));
            if slot.state.large > 0 || !slot.apart.is_empty() {
                let last = slot.entries.map_or(0, |(_, last)| last);
                self.emptied.push(Emptied { tenant, id, last });
            }
            self.slots.remove(&id);
            self.remember(id, Gone { tenant, state }, now);
        }
        let horizon = now - HORIZON;
        while let Some((since, id)) = self.gone_since.front().copied() {
            if since > horizon {
                break;
            }
            self.gone_since.pop_front();
            self.gone.remove(&id);
        }
        leaving
    }

    /// Those that left, and of which the log has nothing after it was trimmed up to here.
    pub(crate) fn take_emptied(&mut self, floor: u64) -> Vec<Emptied> {
        self.emptied.extract_if(.., |it| it.last <= floor).collect()
    }

    pub(crate) fn remember(&mut self, id: ExecutionId, gone: Gone, now: DateTime<Utc>) {
        self.gone.insert(id, gone);
        self.gone_since.push_back((now, id));
    }

    /// The first entry of the log that some execution in memory needs.
    pub(crate) fn first_needed(&self) -> Option<u64> {
        let firsts = self.slots.values().filter_map(|slot| slot.entries);
        firsts.map(|(first, _)| first).min()
    }
}
