//! The mind of a partition's owner: its executions, the batches that wait to be stored, and what becomes due when they
//! are. No I/O, and no clock but for measuring, so that it can be simulated.
//!
//! **Invariant:** an action that tells of a record (answer, live frame, effect, header row) leaves only after the batch of
//! that record was stored; at most one batch is being stored at a time.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::{
    ErrorCode, Problem,
    execution::{Accepted, Execution, ExecutionState, StepError},
    id::{ExecutionId, TenantId},
    owner::{self, Start},
};

use super::{
    append::{Apart, Append},
    parked::Parked,
    slots::{Events, Header, Slot, Slots},
};
use crate::{
    domain::{Applied, Effect, Input, Program, TakenOver, apply},
    measure, payloads,
    record::{FrameRef, Sealed, Stamp, Writer},
};

mod calling;
mod parking;

pub(crate) use parking::{NotParked, Parking, Resting, restored};

/// A batch is closed at this size; a single record may be larger.
const MAX_BATCH: usize = 512 * 1024;
/// No more is taken in while this much waits to be stored, beside the batch that is: what waits longer waits in the queue of
/// its tenant, where others are not behind it.
const MAX_WAITING: usize = MAX_BATCH;
/// The same for the values that stand apart from what waits.
const MAX_APART: usize = 64 * 1024 * 1024;

/// Names who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(crate) u64);

/// What is to be done now.
#[derive(Debug)]
pub(crate) enum Action {
    Answer(Ticket, Answer),
    /// Publish frames that were stored together, in their order.
    Live {
        tenant: TenantId,
        execution: ExecutionId,
        frames: Vec<Bytes>,
    },
    Effect {
        tenant: TenantId,
        execution: ExecutionId,
        effect: Effect,
    },
    /// The header row of an execution has changed.
    Header(Box<Header>),
}

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Done,
    Accepted(Accepted),
    Execution(Box<Execution>),
    Events(Events),
    Refused(Box<Problem>),
}

/// Bounds of one partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Executions in memory that are not over; starts beyond are refused.
    pub(crate) open_executions: usize,
    /// An execution that waits leaves memory when nothing was recorded of it for so long.
    pub(crate) park_after: TimeDelta,
}

pub(crate) struct Partition {
    pub(crate) slots: Slots,
    pub(crate) parking: Parking,
    limits: Limits,
    epoch: u64,
    writer: u64,
    /// The sequence of the last entry of the log.
    last: u64,
    /// Number of the batch that was stored last.
    committed: u64,
    /// From the one being stored, if `storing`, to the one that is being filled.
    batches: VecDeque<Open>,
    storing: Option<Sealed>,
    due: Vec<Action>,
}

/// The room for a start. What a running execution begins is part of it, and has as much again: those who wait for their parts
/// would otherwise fill the room that these need.
pub(super) const fn room_of(open_executions: usize, is_part: bool) -> usize {
    match is_part {
        true => open_executions.saturating_mul(2),
        false => open_executions,
    }
}

/// Why a start is refused where too much is open.
pub(crate) fn full() -> Problem {
    let text = "too many executions are running at present";
    Problem::new(ErrorCode::Unavailable, text).with_retry_after_ms(1000)
}

/// A batch that is not stored.
struct Open {
    number: u64,
    writer: Writer,
    touched: HashSet<ExecutionId>,
    apart: Vec<Apart>,
    then: Vec<Action>,
}

impl Partition {
    /// `stamp` is of the owner's own `EpochBegin`, stored as entry `last`.
    pub(crate) fn new(
        (slots, parked): (Slots, Parked),
        limits: Limits,
        stamp: Stamp,
        last: u64,
    ) -> Self {
        Self {
            slots,
            parking: Parking::new(parked),
            limits,
            epoch: stamp.epoch,
            writer: stamp.writer,
            last,
            committed: 0,
            batches: VecDeque::new(),
            storing: None,
            due: Vec::new(),
        }
    }

    /// Goes on with every open execution: effects are derived again, for nobody knows which of them happened.
    pub(crate) fn resume(&mut self, now: DateTime<Utc>) {
        for header in self.slots.headers() {
            self.due.push(Action::Header(Box::new(header)));
        }
        for id in self.slots.open_ids() {
            self.input(id, Input::Resume, now);
        }
        self.due.extend(self.slots.untold());
    }

    /// Begins an execution; a second start with the same id is answered as the execution stands.
    pub(crate) fn start(
        &mut self,
        ticket: Ticket,
        request: Start,
        plan: Arc<Program>,
        taken: TakenOver,
        now: DateTime<Utc>,
    ) {
        if self.answer_known_start(ticket, &request) {
            return;
        }
        let is_part = request.parent.is_some();
        if self.slots.open() >= room_of(self.limits.open_executions, is_part) {
            return self.answer(ticket, Answer::Refused(Box::new(full())));
        }
        let id = request.execution_id;
        let (state, applied) = apply::start(request, plan, taken, now);
        self.slots.insert(Slot::new(state));
        self.write(id, applied);
        let accepted = self.slots.get(id).map(|slot| slot.state.data.accepted());
        let accepted = accepted.expect("it was inserted above");
        self.after_commit_of(id, ticket, Answer::Accepted(accepted));
    }

    /// Whether the execution is known, and if so: the answer to its start.
    pub(crate) fn answer_known_start(&mut self, ticket: Ticket, request: &Start) -> bool {
        let id = request.execution_id;
        if let Some(slot) = self.slots.get(id) {
            let answer = if slot.state.data.tenant == request.tenant {
                Answer::Accepted(slot.state.data.accepted())
            } else {
                not_found(id)
            };
            self.after_commit_of(id, ticket, answer);
            return true;
        }
        let Some(gone) = self.slots.gone(id) else {
            return self.is_awaited(ticket, request.tenant, id);
        };
        let answer = if gone.tenant == request.tenant {
            Answer::Accepted(accepted_of(request, gone.state))
        } else {
            not_found(id)
        };
        self.answer(ticket, answer);
        true
    }

    pub(crate) fn result(&mut self, ticket: Ticket, result: owner::Result, now: DateTime<Utc>) {
        let id = result.execution_id;
        let Some(slot) = self.slots.of(result.tenant, id) else {
            return self.missing(ticket, result.tenant, id);
        };
        let Some(node) = slot.state.at(&result.node) else {
            return self.answer(ticket, not_found(id));
        };
        if !slot.state.has_begun(node, result.attempt) {
            // Whoever let this attempt begin knows more than we do: not to be answered as if it were recorded.
            let text = "the attempt is not known here";
            return self.refuse(ticket, Problem::new(ErrorCode::Unavailable, text));
        }
        let input = Input::Result(apply::StepResult {
            node,
            attempt: result.attempt,
            outcome: result.outcome,
            usage: result.usage,
            duration_ms: result.duration_ms,
        });
        self.input(id, input, now);
        self.note_rest(id, now);
        self.after_commit_of(id, ticket, Answer::Done);
    }

    /// Whether a worker may begin an attempt. Where the execution closes, the refusal is also the word that the attempt
    /// is cut.
    pub(crate) fn claim(&mut self, ticket: Ticket, claim: &owner::Claim, now: DateTime<Utc>) {
        let id = claim.execution_id;
        let Some(slot) = self.slots.of(claim.tenant, id) else {
            return self.missing(ticket, claim.tenant, id);
        };
        if slot.state.wants(&claim.node, claim.attempt) {
            return self.after_commit_of(id, ticket, Answer::Done);
        }
        if slot.state.data.closing.is_some()
            && let Some(node) = slot.state.at(&claim.node)
        {
            let error = StepError::new("cancelled", "cut before it began");
            let attempt = claim.attempt;
            let input = Input::Refused {
                node,
                attempt,
                error,
            };
            self.input(id, input, now);
        }
        let text = format!(
            "attempt {} of `{}` is no longer wanted",
            claim.attempt, claim.node
        );
        let problem = Problem::new(ErrorCode::NotFound, text);
        self.after_commit_of(id, ticket, Answer::Refused(Box::new(problem)));
    }

    /// Whether a worker has something in hand that nobody else has done.
    pub(crate) fn hold(&mut self, ticket: Ticket, hold: &owner::Hold) {
        let id = hold.execution_id;
        let Some(slot) = self.slots.of(hold.tenant, id) else {
            return self.missing(ticket, hold.tenant, id);
        };
        let answer = if slot.state.runs(&hold.node, hold.attempt) {
            Answer::Done
        } else {
            not_found(id)
        };
        self.after_commit_of(id, ticket, answer);
    }

    pub(crate) fn cancel(&mut self, ticket: Ticket, cancel: &owner::Cancel, now: DateTime<Utc>) {
        let id = cancel.execution_id;
        if self.slots.of(cancel.tenant, id).is_none() {
            return self.missing(ticket, cancel.tenant, id);
        }
        self.input(id, Input::Cancel { by: cancel.by }, now);
        self.answer_view(ticket, cancel.tenant, id);
    }

    /// Lets it begin nothing new. Changes nothing where it is paused already.
    pub(crate) fn pause(&mut self, ticket: Ticket, pause: &owner::Pause, now: DateTime<Utc>) {
        let id = pause.execution_id;
        let Some(slot) = self.slots.of(pause.tenant, id) else {
            return self.missing(ticket, pause.tenant, id);
        };
        let is_person_s = pause.parent_event.is_none();
        if is_person_s && !slot.state.data.is_paused() && !slot.state.may_pause() {
            let (text, reason) = match slot.state.data.queued {
                true => (
                    "the execution has not begun: it waits for its place",
                    "queued",
                ),
                false => ("the execution is over, or ends already", "ends"),
            };
            let problem = Problem::new(ErrorCode::Conflict, text).with_reason(reason);
            return self.after_commit_of(id, ticket, Answer::Refused(Box::new(problem)));
        }
        let (by, parent_event) = (pause.by, pause.parent_event);
        self.input(id, Input::Pause { by, parent_event }, now);
        self.answer_view(ticket, pause.tenant, id);
    }

    pub(crate) fn unpause(&mut self, ticket: Ticket, resume: &owner::Resume, now: DateTime<Utc>) {
        let id = resume.execution_id;
        if self.slots.of(resume.tenant, id).is_none() {
            return self.missing(ticket, resume.tenant, id);
        }
        let (by, parent_event) = (resume.by, resume.parent_event);
        self.input(id, Input::Unpause { by, parent_event }, now);
        self.answer_view(ticket, resume.tenant, id);
    }

    /// Lets an execution begin that was started to wait. Changes nothing where it does not wait.
    pub(crate) fn release(&mut self, ticket: Ticket, release: &owner::Release, now: DateTime<Utc>) {
        let id = release.execution_id;
        if self.slots.of(release.tenant, id).is_none() {
            return self.missing(ticket, release.tenant, id);
        }
        self.input(id, Input::Release, now);
        self.answer_view(ticket, release.tenant, id);
    }

    /// A person's word on a call that waits. The same word once more changes nothing.
    pub(crate) fn decide(
        &mut self,
        ticket: Ticket,
        given: owner::GiveApproval,
        now: DateTime<Utc>,
    ) {
        let id = given.execution_id;
        let Some(slot) = self.slots.of(given.tenant, id) else {
            return self.missing(ticket, given.tenant, id);
        };
        let node = match slot.state.may_decide(&given.word, given.by) {
            Ok(node) => node,
            Err(problem) => {
                return self.after_commit_of(id, ticket, Answer::Refused(Box::new(problem)));
            }
        };
        if let Some(node) = node {
            let input = Input::Decide {
                node,
                approved: given.word.approved,
                comment: given.word.comment,
                by: given.by,
            };
            self.input(id, input, now);
        }
        self.answer_view(ticket, given.tenant, id);
    }

    /// A person's answer to what a node asks. The same answer once more changes nothing.
    pub(crate) fn answer_node(
        &mut self,
        ticket: Ticket,
        given: owner::GiveAnswer,
        now: DateTime<Utc>,
    ) {
        let id = given.execution_id;
        let Some(slot) = self.slots.of(given.tenant, id) else {
            return self.missing(ticket, given.tenant, id);
        };
        let answer = answer_of(&given);
        match slot
            .state
            .may_answer(&given.answer.node, &answer, given.role)
        {
            Ok(Some(node)) => self.input(id, Input::Answer { node, answer }, now),
            Ok(None) => {}
            Err(problem) => {
                return self.after_commit_of(id, ticket, Answer::Refused(Box::new(problem)));
            }
        }
        self.answer_view(ticket, given.tenant, id);
    }

    /// What a node has waited for has come. The same once more changes nothing.
    pub(crate) fn signal(&mut self, ticket: Ticket, signal: owner::Signal, now: DateTime<Utc>) {
        let id = signal.execution_id;
        let Some(slot) = self.slots.of(signal.tenant, id) else {
            return self.missing(ticket, signal.tenant, id);
        };
        let node = slot.state.at(&signal.node);
        let waits = node.is_some_and(|node| slot.state.listens(node));
        let has_it = node.is_some_and(|node| *slot.state.output(node) == signal.output);
        let answer = match node {
            Some(node) if waits => {
                let output = signal.output;
                self.input(id, Input::Heard { node, output }, now);
                Answer::Done
            }
            _ if has_it => Answer::Done,
            _ => not_found(id),
        };
        self.after_commit_of(id, ticket, answer);
    }

    pub(crate) fn get(&mut self, ticket: Ticket, get: &owner::Get) {
        self.answer_view(ticket, get.tenant, get.execution_id);
    }

    pub(crate) fn events(&mut self, ticket: Ticket, read: &owner::ReadEvents) {
        let id = read.execution_id;
        match self.slots.of(read.tenant, id) {
            Some(slot) => {
                let events = slot.events(read.after, read.limit);
                self.after_commit_of(id, ticket, Answer::Events(events));
            }
            None => self.missing(ticket, read.tenant, id),
        }
    }

    /// An input that nobody waits for an answer to.
    pub(crate) fn input(&mut self, id: ExecutionId, input: Input, now: DateTime<Utc>) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let applied = apply::apply(&mut slot.state, input, now);
        self.write(id, applied);
    }

    /// Whether nothing more should be taken in for now.
    pub(crate) fn is_full(&self) -> bool {
        let waiting: usize = self.batches.iter().map(|batch| batch.writer.len()).sum();
        let apart = self.batches.iter().flat_map(|batch| &batch.apart);
        waiting >= MAX_WAITING || apart.map(|it| it.text.len()).sum::<usize>() >= MAX_APART
    }

    /// Whether all that was taken in is stored.
    pub(crate) fn is_idle(&self) -> bool {
        self.batches.is_empty()
    }

    /// The next batch, when there is one and none is being stored.
    pub(crate) fn next_append(&mut self) -> Option<Append> {
        if self.storing.is_some() {
            return None;
        }
        let open = self.batches.front_mut()?;
        let stamp = Stamp {
            epoch: self.epoch,
            batch: open.number,
            writer: self.writer,
        };
        let writer = std::mem::replace(&mut open.writer, Writer::new());
        let sealed = writer.seal(stamp);
        let mut append = Append::new(self.last, &sealed);
        append.apart = std::mem::take(&mut open.apart);
        self.storing = Some(sealed);
        Some(append)
    }

    /// The batch being stored was stored as entry `sequence`.
    pub(crate) fn stored(&mut self, sequence: u64) {
        let (Some(sealed), Some(open)) = (self.storing.take(), self.batches.pop_front()) else {
            return;
        };
        self.last = sequence;
        self.committed = open.number;
        for together in sealed.frames.chunk_by(FrameRef::is_of_the_same) {
            self.due.push(Action::Live {
                tenant: together[0].tenant,
                execution: together[0].execution,
                frames: together.iter().map(|at| sealed.frame(at)).collect(),
            });
        }
        for id in &open.touched {
            if let Some(header) = self.slots.stored(*id, open.number, sequence) {
                self.due.push(Action::Header(Box::new(header)));
            }
        }
        self.due.extend(open.then);
    }

    pub(crate) fn take_due(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.due)
    }

    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    fn answer_view(&mut self, ticket: Ticket, tenant: TenantId, id: ExecutionId) {
        match self.slots.of(tenant, id) {
            Some(slot) => {
                let view = Box::new(payloads::shown(slot.state.data.view()));
                self.after_commit_of(id, ticket, Answer::Execution(view));
            }
            None => self.missing(ticket, tenant, id),
        }
    }

    /// Puts records and effects into the open batch, and into further ones where it is full.
    fn write(&mut self, id: ExecutionId, applied: Applied) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let tenant = slot.state.data.tenant;
        let started = std::time::Instant::now();
        let count = applied.records.len();
        for mut record in applied.records {
            let open = open_batch(&mut self.batches, self.storing.is_some(), self.committed);
            open.apart.extend(slot.take_apart(&mut record));
            let frame = open.writer.push(&record);
            slot.frames.push(Bytes::copy_from_slice(frame));
            open.touched.insert(id);
            slot.batch = open.number;
        }
        measure::encoded(started.elapsed(), count);
        self.slots.note_end(id);
        for effect in applied.effects {
            let action = Action::Effect {
                tenant,
                execution: id,
                effect,
            };
            self.after(id, action);
        }
    }

    fn after_commit_of(&mut self, id: ExecutionId, ticket: Ticket, answer: Answer) {
        self.after(id, Action::Answer(ticket, answer));
    }

    /// Does it once all records of the execution so far are stored: at once, where they are.
    fn after(&mut self, id: ExecutionId, action: Action) {
        let batch = self.slots.get(id).map_or(0, |slot| slot.batch);
        let open = self.batches.iter_mut().find(|open| open.number == batch);
        match open {
            Some(open) => open.then.push(action),
            None => self.due.push(action),
        }
    }

    /// Answers something that no record decides.
    pub(crate) fn answer(&mut self, ticket: Ticket, answer: Answer) {
        self.due.push(Action::Answer(ticket, answer));
    }

    pub(crate) fn refuse(&mut self, ticket: Ticket, problem: Problem) {
        self.answer(ticket, Answer::Refused(Box::new(problem)));
    }
}

/// The batch that takes the next record.
fn open_batch(batches: &mut VecDeque<Open>, storing: bool, committed: u64) -> &mut Open {
    let sealed = usize::from(storing);
    let is_open = batches.len() > sealed
        && batches
            .back()
            .is_some_and(|batch| batch.writer.len() < MAX_BATCH);
    if !is_open {
        let number = batches.back().map_or(committed, |batch| batch.number) + 1;
        batches.push_back(Open {
            number,
            writer: Writer::new(),
            touched: HashSet::new(),
            apart: Vec::new(),
            then: Vec::new(),
        });
    }
    batches
        .back_mut()
        .expect("one was pushed when there was none")
}

fn accepted_of(request: &Start, state: ExecutionState) -> Accepted {
    Accepted {
        id: request.execution_id,
        origin: request.origin,
        state,
    }
}

/// What a person answers, as the core takes it.
pub(crate) fn answer_of(given: &owner::GiveAnswer) -> crate::domain::Answer {
    crate::domain::Answer {
        port: given.answer.port.clone(),
        values: given.answer.values.clone(),
        comment: given.answer.comment.clone(),
        by: given.by,
    }
}

pub(crate) fn not_found(id: ExecutionId) -> Answer {
    let text = format!("execution `{id}` does not exist");
    Answer::Refused(Box::new(Problem::new(ErrorCode::NotFound, text)))
}
