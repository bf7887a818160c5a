//! Owners, clients and workers around one log, and what must hold whatever they suffer.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::{
    execution::StepError,
    id::ExecutionId,
    live::ExecutionEvent,
    owner::{self, Outcome as Attempted, Start},
    work::WorkItem,
};
use serde_json::{Value, json};

use super::{
    Random,
    fake_index::{FakeIndex, Write},
    fake_log::{FakeLog, Outcome},
    totals::Totals,
};
use crate::{
    domain::{Effect, Input, Program, Timer, tests as flows},
    log::{
        append::{Append, Tail},
        parked::Parked,
        partition::{Action, Answer, Limits, Partition, Ticket},
        replay::Replay,
    },
    record,
};

mod checks;
mod parking;
mod wishes;

struct Owner {
    partition: Partition,
    storing: Option<Append>,
    timers: Vec<(ExecutionId, Timer, DateTime<Utc>)>,
    /// Header rows that were written.
    written: Vec<(ExecutionId, u64)>,
    /// Looks into the cache that were not answered.
    looks: Vec<(ExecutionId, String, u32, String)>,
    /// Nodes whose events have come.
    heard: Vec<(ExecutionId, String)>,
    /// Parked executions that are to be read back.
    due: Vec<ExecutionId>,
    /// The last write of the index that it knows of.
    index_last: u64,
    /// What it stores in the index.
    indexing: Option<Write>,
}

/// A request that someone repeats until it is answered.
#[derive(Clone)]
enum Wish {
    Start(Box<Start>),
    Cancel(ExecutionId),
    Pause(ExecutionId),
    Resume(ExecutionId),
    Release(ExecutionId),
    Result(Box<owner::Result>),
}

pub(crate) struct World {
    pub(crate) totals: Totals,
    random: Random,
    now: DateTime<Utc>,
    log: FakeLog,
    index: FakeIndex,
    owner: Option<Owner>,
    /// Replaced owners that do not know it yet.
    zombies: Vec<Owner>,
    plans: HashMap<String, Arc<Program>>,
    wishes: BTreeMap<Ticket, Wish>,
    tickets: u64,
    queue: BTreeMap<(ExecutionId, String, u32), WorkItem>,
    /// Executions with a header row.
    rows: BTreeSet<ExecutionId>,
    /// Starts that were answered: they must be there for ever.
    accepted: BTreeSet<ExecutionId>,
    /// Results that were answered, of executions that were not over.
    reported: BTreeSet<(ExecutionId, String, u32)>,
    keys: HashMap<(ExecutionId, String), String>,
    /// What is kept for steps that are the same.
    cache: HashMap<String, Value>,
    faulty: bool,
}

impl World {
    pub(crate) fn new(random: Random) -> Self {
        Self {
            totals: Totals::default(),
            random,
            now: DateTime::from_timestamp_millis(1_760_000_000_000).unwrap(),
            log: FakeLog::default(),
            index: FakeIndex::default(),
            owner: None,
            zombies: Vec::new(),
            plans: super::plans::plans(),
            wishes: BTreeMap::new(),
            tickets: 0,
            queue: BTreeMap::new(),
            rows: BTreeSet::new(),
            accepted: BTreeSet::new(),
            reported: BTreeSet::new(),
            keys: HashMap::new(),
            cache: HashMap::new(),
            faulty: true,
        }
    }

    /// Lets things happen, and go wrong.
    pub(crate) fn suffer(&mut self, steps: usize) {
        for _ in 0..steps {
            self.now += TimeDelta::milliseconds(i64::try_from(self.random.below(300)).unwrap());
            match self.random.below(20) {
                0 => self.take_over(),
                1 => self.stand_still(),
                2 => {
                    let arrived = self.log.arrive(&mut self.random);
                    self.totals.late_appends += usize::from(arrived);
                    self.index.arrive(&mut self.random);
                }
                3 | 4 => self.wish_start(),
                5 if self.random.chance(30) => self.wish_of(Wish::Cancel),
                5 if self.random.chance(50) => self.wish_of(Wish::Pause),
                5 if self.random.chance(50) => self.wish_of(Wish::Resume),
                5 => self.wish_of(Wish::Release),
                6..=9 => self.ask(),
                10..=12 => self.work(),
                13 => self.fire(),
                14 => self.housekeep(),
                _ => self.store(),
            }
        }
    }

    /// Nothing goes wrong any more: everything must come to its end.
    pub(crate) fn heal(&mut self) {
        self.faulty = false;
        self.zombies.clear();
        if self.owner.is_none() {
            self.take_over();
        }
        for _ in 0..5000 {
            self.now += TimeDelta::milliseconds(200);
            self.store();
            self.ask();
            self.work();
            self.fire();
            if self.random.chance(10) {
                self.housekeep();
            }
            if self.owner.is_none() {
                self.take_over();
            }
            let owner = self.owner.as_ref().unwrap();
            let idle = owner.partition.is_idle() && self.wishes.is_empty();
            let open = owner.partition.slots.open() + owner.partition.parking.parked.len();
            if idle && open == 0 && self.queue.is_empty() {
                return self.check();
            }
            if self.wishes.is_empty() {
                self.wish_to_go_on();
            }
        }
        let owner = self.owner.as_ref().unwrap();
        panic!(
            "{} executions, {} wishes and {} items are left over",
            owner.partition.slots.open(),
            self.wishes.len(),
            self.queue.len()
        );
    }

    fn take_over(&mut self) {
        if let Some(old) = self.owner.take() {
            // Stopped, crashed, or still believing: the log decides.
            if self.random.chance(50) {
                self.zombies.push(old);
            }
        }
        let index_last = self.index.last;
        let mut replay = Replay::new(Parked::stored(self.index.entries()));
        let first = self.log.trimmed + 1;
        for (entry, sequence) in self.log.entries.iter().zip(1..).skip(first as usize - 1) {
            let batch = replay.read(sequence, entry).unwrap();
            let plan = |hash: &str| self.plans.get(hash).cloned();
            replay.take(sequence, batch, plan).unwrap();
        }
        let replayed = replay.finish(first).unwrap();
        assert!(replayed.aside.is_empty(), "{:?}", replayed.aside);
        let begin = record::epoch_begin(replayed.next_epoch, self.random.below(usize::MAX) as u64);
        let append = Append::new(self.log.last(), &begin);
        let outcome = self.log.append(&append, &mut self.random, self.faulty);
        let sequence = match outcome {
            Outcome::Stored(sequence) => sequence,
            Outcome::Look if self.log.compare(&append) == Tail::Stored => self.log.last(),
            // Tried again later, from the replay on.
            Outcome::Look => return,
        };
        let Some(index_last) = self.claim(begin.stamp.epoch, index_last) else {
            return;
        };
        self.totals.takeovers += 1;
        let limits = Limits {
            open_executions: 1000,
            park_after: TimeDelta::milliseconds(100),
        };
        let known = (replayed.slots, replayed.parked);
        let mut partition = Partition::new(known, limits, begin.stamp, sequence);
        partition.resume(self.now);
        let due = partition.parking.parked.with_tails();
        self.totals.tails += due.len();
        let owner = Owner {
            partition,
            storing: None,
            timers: Vec::new(),
            written: Vec::new(),
            looks: Vec::new(),
            heard: Vec::new(),
            due,
            index_last,
            indexing: None,
        };
        let owner = self.perform(owner);
        self.owner = Some(owner);
    }

    /// A replaced owner wakes up and goes on with the append it had begun.
    fn stand_still(&mut self) {
        if self.zombies.is_empty() {
            return;
        }
        let at = self.random.below(self.zombies.len());
        let mut zombie = self.zombies.swap_remove(at);
        if self.random.chance(50) {
            // It does not know yet that it was replaced, and looks after its index and its log.
            self.store_index(&mut zombie);
            self.trim(&zombie);
            return self.zombies.push(zombie);
        }
        let append = zombie
            .storing
            .take()
            .or_else(|| zombie.partition.next_append());
        let Some(append) = append else { return };
        let newest = self.log.epoch();
        match self.log.append(&append, &mut self.random, self.faulty) {
            Outcome::Stored(sequence) => {
                // Whoever was to replace it has not begun.
                assert_eq!(
                    newest,
                    zombie.partition.epoch(),
                    "a replaced owner has written"
                );
                zombie.partition.stored(sequence);
                let zombie = self.perform(zombie);
                self.zombies.push(zombie);
            }
            Outcome::Look => self.totals.fenced += 1,
        }
    }

    fn wish_start(&mut self) {
        let names: Vec<_> = self
            .plans
            .keys()
            .cloned()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let mut start = flows::start_of(json!({"n": self.random.below(20), "path": "p"}));
        start.execution_id = self.new_id();
        start.queued = self.random.chance(10);
        start.definition_hash = names[self.random.below(names.len())].clone();
        self.totals.executions += 1;
        self.wish(Wish::Start(Box::new(start)));
    }

    fn wish_of(&mut self, wish: impl FnOnce(ExecutionId) -> Wish) {
        let ids: Vec<_> = self.accepted.iter().copied().collect();
        if !ids.is_empty() {
            let id = ids[self.random.below(ids.len())];
            self.wish(wish(id));
        }
    }

    /// Whatever was paused goes on, and whatever waits begins.
    fn wish_to_go_on(&mut self) {
        let Some(owner) = &self.owner else { return };
        let open = owner.partition.slots.open_ids().into_iter();
        let held = open.filter_map(|id| {
            let data = &owner.partition.slots.get(id)?.state.data;
            match data.queued {
                true => Some(Wish::Release(id)),
                false => data.is_paused().then_some(Wish::Resume(id)),
            }
        });
        let mut wishes: Vec<_> = held.collect();
        for id in owner.partition.parking.parked.ids() {
            wishes.extend([Wish::Resume(id), Wish::Release(id)]);
        }
        for wish in wishes {
            self.wish(wish);
        }
    }

    fn wish(&mut self, wish: Wish) {
        self.tickets += 1;
        self.wishes.insert(Ticket(self.tickets), wish);
    }

    /// A time-ordered id that follows from the seed.
    fn new_id(&mut self) -> ExecutionId {
        let high = self.random.below(usize::MAX) as u128;
        let low = self.random.below(usize::MAX) as u128;
        ExecutionId::from_uuid(uuid::Uuid::from_u128(high << 64 | low))
    }

    /// Sends some wish, perhaps not for the first time, perhaps twice.
    fn ask(&mut self) {
        let tickets: Vec<_> = self.wishes.keys().copied().collect();
        let Some(mut owner) = self.owner.take() else {
            return;
        };
        if !tickets.is_empty() {
            let ticket = tickets[self.random.below(tickets.len())];
            let times = if self.random.chance(20) { 2 } else { 1 };
            for _ in 0..times {
                let wish = self.wishes.get(&ticket).cloned();
                self.give(&mut owner.partition, ticket, wish.clone());
                if let Some(id) = owner.partition.wanted()
                    && self.wake(&mut owner, id)
                {
                    self.give(&mut owner.partition, ticket, wish);
                }
            }
        }
        self.owner = Some(self.perform(owner));
    }

    /// A worker takes an item and reports; a redelivered item is reported again.
    fn work(&mut self) {
        let items: Vec<_> = self.queue.keys().cloned().collect();
        if items.is_empty() {
            return;
        }
        let key = items[self.random.below(items.len())].clone();
        let item = if self.faulty && self.random.chance(25) {
            self.totals.repeated_results += 1;
            self.queue[&key].clone()
        } else {
            self.queue.remove(&key).unwrap()
        };
        let outcome = match self.random.below(if self.faulty { 4 } else { 8 }) {
            0 => Attempted::Failed {
                error: StepError::new("x", "y").retryable(),
            },
            1 => Attempted::Failed {
                error: StepError::new("x", "y"),
            },
            _ => Attempted::Succeeded {
                output: json!({"n": self.random.below(1000)}),
            },
        };
        self.wish(Wish::Result(Box::new(owner::Result {
            tenant: item.tenant,
            execution_id: item.execution_id,
            node: item.node,
            attempt: item.attempt,
            outcome,
            usage: None,
            duration_ms: 1,
        })));
    }

    fn fire(&mut self) {
        let now = self.now;
        let Some(mut owner) = self.owner.take() else {
            return;
        };
        let mut due = Vec::new();
        owner.timers.retain(|timer| {
            let fires = timer.2 <= now;
            if fires {
                due.push(*timer);
            }
            !fires
        });
        for (id, timer, _) in due {
            owner.partition.input(id, Input::TimerFired(timer), now);
        }
        self.wake_due(&mut owner);
        for (id, node) in std::mem::take(&mut owner.heard) {
            // What came while it was parked is found again when it goes on.
            if owner.partition.parking.parked.get(id).is_some() {
                owner.due.push(id);
            }
            let slot = owner.partition.slots.get(id);
            if let Some(node) = slot.and_then(|slot| slot.state.at(&node)) {
                let output = json!({"event": "go", "id": "m", "data": 1, "at": null});
                let heard = Input::Heard { node, output };
                owner.partition.input(id, heard, now);
            }
        }
        for (id, node, attempt, key) in std::mem::take(&mut owner.looks) {
            let found = self.cache.get(&key).cloned();
            self.totals.cached += usize::from(found.is_some());
            let slot = owner.partition.slots.get(id);
            if let Some(node) = slot.and_then(|slot| slot.state.at(&node)) {
                let looked = Input::Looked {
                    node,
                    attempt,
                    found,
                };
                owner.partition.input(id, looked, now);
            }
        }
        self.owner = Some(self.perform(owner));
    }

    fn housekeep(&mut self) {
        let Some(mut owner) = self.owner.take() else {
            return;
        };
        for (id, n) in owner.written.drain(..) {
            self.rows.insert(id);
            owner.partition.slots.written(id, n);
        }
        let archived = owner.partition.last();
        for held in owner.partition.leave(archived, self.now) {
            owner.partition.slots.expires(held.id);
        }
        self.park(&mut owner);
        self.store_index(&mut owner);
        self.trim(&owner);
        self.owner = Some(self.perform(owner));
    }

    fn store(&mut self) {
        let Some(mut owner) = self.owner.take() else {
            return;
        };
        let append = owner
            .storing
            .take()
            .or_else(|| owner.partition.next_append());
        if let Some(append) = append {
            let outcome = self.log.append(&append, &mut self.random, self.faulty);
            let stored = match outcome {
                Outcome::Stored(sequence) => Some(sequence),
                Outcome::Look => match self.log.compare(&append) {
                    Tail::Stored => Some(self.log.last()),
                    Tail::NotStored => None,
                    Tail::Lost => panic!("the only owner lost its log"),
                },
            };
            match stored {
                Some(sequence) => owner.partition.stored(sequence),
                None => owner.storing = Some(append),
            }
        }
        self.owner = Some(self.perform(owner));
    }

    /// Does what is due, and checks that nobody hears of what is not stored.
    fn perform(&mut self, mut owner: Owner) -> Owner {
        for action in owner.partition.take_due() {
            match action {
                Action::Answer(ticket, answer) => self.answered(&owner.partition, ticket, &answer),
                Action::Live {
                    execution, frames, ..
                } => {
                    let is_stored = |frame| self.is_stored(execution, frame);
                    assert!(frames.iter().all(is_stored), "a frame nobody stored");
                }
                Action::Header(header) => {
                    let events = self.log.history(header.id).len() as u64;
                    assert!(events >= header.last_event, "a header row ahead of the log");
                    owner.written.push((header.id, header.last_event));
                }
                Action::Effect {
                    execution, effect, ..
                } => self.effect(&mut owner, execution, effect),
            }
        }
        owner
    }

    fn effect(&mut self, owner: &mut Owner, execution: ExecutionId, effect: Effect) {
        match effect {
            Effect::Wake { timer, at } => owner.timers.push((execution, timer, at)),
            Effect::Look { node, attempt, key } => {
                owner.looks.push((execution, node, attempt, key));
            }
            // What it waits for has come: the flows of the simulation wait for nothing in vain.
            Effect::Listen { node, .. } => owner.heard.push((execution, node)),
            Effect::Keep { key, output, .. } => drop(self.cache.insert(key, output)),
            // The flows of the simulation are alone.
            Effect::Tell { .. } => {}
            Effect::Cut => self.queue.retain(|(id, ..), _| *id != execution),
            Effect::Dispatch { item, .. } => {
                let begun = self.log.history(execution).iter().any(|(_, event)| {
                    matches!(event, ExecutionEvent::StepStarted { node, attempt, .. }
                        if *node == item.node && *attempt == item.attempt)
                });
                assert!(begun, "a dispatch before its record was stored");
                let step = (execution, item.node.clone());
                let known = self.keys.entry(step).or_insert_with(|| item.key.clone());
                assert_eq!(*known, item.key, "a step with two keys");
                // One item per subject; an item that was done may come once more.
                let subject = (execution, item.node.clone(), item.attempt);
                self.queue.entry(subject).or_insert(*item);
            }
        }
    }

    fn answered(&mut self, partition: &Partition, ticket: Ticket, answer: &Answer) {
        let Some(wish) = self.wishes.remove(&ticket) else {
            return;
        };
        match (wish, answer) {
            (Wish::Start(start), Answer::Accepted(_) | Answer::Done) => {
                let stored = !self.log.history(start.execution_id).is_empty();
                assert!(stored, "an accepted start is not in the log");
                self.accepted.insert(start.execution_id);
            }
            (Wish::Start(_), _) => panic!("a start was refused: {answer:?}"),
            (Wish::Result(result), Answer::Done) => {
                let slot = partition.slots.get(result.execution_id);
                let over = slot.is_none_or(|slot| slot.state.is_over());
                if !over {
                    let attempt = (result.execution_id, result.node, result.attempt);
                    self.reported.insert(attempt);
                }
            }
            (
                Wish::Cancel(_)
                | Wish::Pause(_)
                | Wish::Resume(_)
                | Wish::Release(_)
                | Wish::Result(_),
                _,
            ) => {}
        }
    }

    fn is_stored(&self, id: ExecutionId, frame: &Bytes) -> bool {
        let history = self.log.history(id);
        history.iter().any(|(stored, _)| stored == frame)
    }
}
