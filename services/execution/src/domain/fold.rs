//! How records make a state. The only place where a state changes.
//!
//! **Invariant:** folding fails on a record that cannot follow: a gap in `n`, an unknown node, anything after the end.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use contracts::{
    Principal,
    execution::{PendingApproval, StepError, Usage},
    live::ExecutionEvent,
    tool::Approval,
};
use graph::{
    NodeIndex,
    path::node_path,
    schedule::{Decisions, Settled, settle},
};
use serde_json::{Value, json};

use super::{
    bodies::Place,
    calls,
    inline::Kind,
    program::Program,
    reuse::Reused,
    state::{At, CallKind, CallState, Closing, Data, End, Outcome, State, Step, Tally},
};
use crate::record::{Private, Record};

mod filling;
mod holding;
mod iterations;
mod unwinding;

/// Why a record cannot follow the ones before it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Broken {
    #[error("record {found} follows record {last}")]
    Gap { last: u64, found: u64 },
    #[error("record {n}, `{kind}`, follows the end")]
    AfterEnd { n: u64, kind: &'static str },
    #[error("record {n}, `{kind}`, does not begin an execution")]
    NoStart { n: u64, kind: &'static str },
    #[error("record {n} begins an execution that has begun")]
    SecondStart { n: u64 },
    #[error("record {n} names node `{node}`, which the definition does not have")]
    UnknownNode { n: u64, node: String },
}

impl State {
    /// The state after the first record.
    ///
    /// # Errors
    /// When the record is not the first of an execution.
    pub(crate) fn begin(record: &Record, plan: Arc<Program>) -> Result<Self, Broken> {
        let data = Data::first(record, &plan)?;
        let outer = Decisions::new(&plan, None);
        let execution = json!({
            "id": data.id, "flow_id": data.origin.flow_id, "started_at": data.created_at });
        Ok(Self {
            data,
            plan,
            outer,
            inner: BTreeMap::new(),
            rounds: HashMap::new(),
            execution,
            calls: HashMap::new(),
            open: BTreeSet::new(),
            tally: Tally::default(),
            called: BTreeMap::new(),
            heard: 0,
            large: 0,
            lost: None,
        })
    }

    /// The state after all these records.
    ///
    /// # Errors
    /// When one of them cannot follow.
    #[cfg(test)]
    pub(crate) fn replay<'a>(
        plan: &Arc<Program>,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Result<Self, Broken> {
        let mut records = records.into_iter();
        let first = records.next().expect("an execution has records");
        let mut state = Self::begin(first, plan.clone())?;
        for record in records {
            state.fold(record)?;
        }
        Ok(state)
    }

    /// Takes a further record in.
    ///
    /// # Errors
    /// When it cannot follow; the state is then not to be used any more.
    pub(crate) fn fold(&mut self, record: &Record) -> Result<(), Broken> {
        let (n, event) = (record.frame.n, &record.frame.event);
        if n != self.data.n + 1 {
            let last = self.data.n;
            return Err(Broken::Gap { last, found: n });
        }
        if self.is_over() {
            let kind = event.kind();
            return Err(Broken::AfterEnd { n, kind });
        }
        self.data.n = n;
        match event {
            ExecutionEvent::ExecutionStarted { .. } => return Err(Broken::SecondStart { n }),
            ExecutionEvent::ExecutionPaused { .. } | ExecutionEvent::ExecutionResumed { .. } => {
                self.turn(event);
            }
            ExecutionEvent::ExecutionReleased {} => {
                self.data.queued = false;
                self.data.begun_at = record.frame.ts;
            }
            ExecutionEvent::CancelAsked { .. }
            | ExecutionEvent::ExecutionFailing { .. }
            | ExecutionEvent::CompensationStarted { .. }
            | ExecutionEvent::HandlerStarted { .. } => self.fold_unwinding(event),
            ExecutionEvent::ExecutionSucceeded { .. }
            | ExecutionEvent::ExecutionFailed { .. }
            | ExecutionEvent::ExecutionCancelled { .. } => self.end(record),
            ExecutionEvent::AnswerReminded { node, .. }
            | ExecutionEvent::AnswerEscalated { node, .. } => {
                let at = self.known(n, node)?;
                self.fold_asking(at, event);
            }
            ExecutionEvent::AnswerAsked { asked } => {
                let at = self.known(n, &asked.node)?;
                self.fold_node(at, record);
            }
            ExecutionEvent::StepIterating { node, .. }
            | ExecutionEvent::IterationStarted { node, .. }
            | ExecutionEvent::IterationSucceeded { node, .. }
            | ExecutionEvent::IterationFailed { node, .. } => {
                let at = self.known(n, node)?;
                self.fold_iteration(at, record);
            }
            ExecutionEvent::StepStarted { node, .. }
            | ExecutionEvent::StepSleeping { node, .. }
            | ExecutionEvent::StepListening { node, .. }
            | ExecutionEvent::StepSucceeded { node, .. }
            | ExecutionEvent::StepReused { node, .. }
            | ExecutionEvent::StepRetrying { node, .. }
            | ExecutionEvent::StepFailed { node, .. }
            | ExecutionEvent::StepSkipped { node }
            | ExecutionEvent::StepLate { node, .. }
            | ExecutionEvent::ApprovalAsked { node, .. }
            | ExecutionEvent::ApprovalGiven { node, .. }
            | ExecutionEvent::AnswerGiven { node, .. } => {
                let at = match self.at(node) {
                    Some(at) => at,
                    None => self.add_call(record).ok_or_else(|| Broken::UnknownNode {
                        n,
                        node: node.clone(),
                    })?,
                };
                if self.call(at).is_some() {
                    self.fold_call(at, record);
                } else {
                    self.fold_node(at, record);
                }
                self.note_unanswered(at, record);
            }
        }
        Ok(())
    }

    fn known(&self, n: u64, node: &str) -> Result<At, Broken> {
        self.at(node).ok_or_else(|| Broken::UnknownNode {
            n,
            node: node.to_owned(),
        })
    }

    /// Notes a call that an agent begins; none where no agent can have begun it.
    fn add_call(&mut self, record: &Record) -> Option<At> {
        let (path, kind, asked) = match &record.frame.event {
            ExecutionEvent::StepStarted {
                node,
                call: Some(call),
                ..
            } => (node, calls::kind_of(call), None),
            ExecutionEvent::ApprovalAsked {
                node,
                tool_id,
                name,
                arguments,
                arguments_hash,
                approval,
            } => {
                let asked = PendingApproval {
                    node: node.clone(),
                    tool_id: *tool_id,
                    name: name.clone(),
                    arguments: arguments.clone(),
                    arguments_hash: arguments_hash.clone(),
                    second_person: *approval == Approval::SecondPerson,
                    asked_at: record.frame.ts,
                };
                (node, CallKind::Approval, Some(asked))
            }
            _ => return None,
        };
        let node = self.at(node_path(path))?;
        let Step::Looping { .. } = self.step(node) else {
            return None;
        };
        let call = Place::Call(u32::try_from(self.data.calls.len()).ok()?);
        let at = self.add(call);
        self.data.calls.push(CallState {
            path: path.clone(),
            node,
            kind,
            outcome: None,
            asked,
        });
        self.calls.insert(path.clone(), at);
        Some(at)
    }

    fn fold_call(&mut self, at: At, record: &Record) {
        match &record.frame.event {
            ExecutionEvent::StepStarted { attempt, .. } => {
                self.set(at, Step::Running { attempt: *attempt });
            }
            ExecutionEvent::StepSucceeded { output, usage, .. } => {
                self.spend(*usage);
                self.answer(at, output);
            }
            ExecutionEvent::StepRetrying {
                attempt,
                at: until,
                usage,
                ..
            } => {
                self.spend(*usage);
                let (attempt, until) = (*attempt, *until);
                self.set(at, Step::Pausing { attempt, at: until });
            }
            ExecutionEvent::StepFailed { error, usage, .. } => {
                self.spend(*usage);
                let error = error.clone();
                self.conclude(at, Step::Failed, agents::Outcome::Failed { error });
            }
            ExecutionEvent::StepLate { attempt, usage, .. } => self.late(at, *attempt, *usage),
            ExecutionEvent::ApprovalAsked { .. } => self.set(at, Step::Asking),
            ExecutionEvent::ApprovalGiven {
                approved, comment, ..
            } => {
                let decided = agents::Outcome::Decided {
                    approved: *approved,
                    comment: comment.clone(),
                };
                self.conclude(at, Step::Settled, decided);
            }
            // Of nodes, of bodies, or of the execution.
            _ => {}
        }
    }

    fn answer(&mut self, at: At, output: &Value) {
        let is_completion = self.call(at).map(|call| call.kind) == Some(CallKind::Llm);
        let outcome = if is_completion {
            match serde_json::from_value(output.clone()) {
                Ok(completion) => agents::Outcome::Completion { completion },
                Err(error) => {
                    let text = format!("the answer of the model cannot be read: {error}");
                    let error = StepError::new("corrupt_run", text);
                    agents::Outcome::Failed { error }
                }
            }
        } else {
            let value = output.clone();
            agents::Outcome::Result { value }
        };
        self.conclude(at, Step::Settled, outcome);
    }

    fn conclude(&mut self, at: At, step: Step, outcome: agents::Outcome) {
        self.set(at, step);
        let beyond = at.0 as usize - self.plan.nodes().len();
        if let Some(Place::Call(call)) = self.data.places.get(beyond) {
            self.data.calls[*call as usize].outcome = Some(outcome);
        }
    }

    fn fold_node(&mut self, at: At, record: &Record) {
        // Where the execution fails with it, the calls that run are cut like every other step.
        let ends = matches!(
            record.frame.event,
            ExecutionEvent::StepFailed { port: None, .. }
        );
        match self.step(at) {
            Step::Looping { .. } if !ends => self.cut(|state, step| state.is_call_of(step, at)),
            Step::Iterating { .. } => self.leave(at),
            _ => {}
        }
        match &record.frame.event {
            ExecutionEvent::StepStarted { attempt, .. } => {
                self.begin_node(at, *attempt, record.frame.ts);
            }
            ExecutionEvent::StepSleeping { until, .. } => {
                let (since, until) = (record.frame.ts, *until);
                self.set(at, Step::Sleeping { since, until });
            }
            ExecutionEvent::StepListening { until, .. } => {
                let (since, until) = (record.frame.ts, *until);
                self.set(at, Step::Listening { since, until });
            }
            ExecutionEvent::StepSucceeded {
                output,
                port,
                usage,
                ..
            } => {
                self.spend(*usage);
                self.take(at, port, output);
                self.note_undoable(at);
            }
            ExecutionEvent::StepReused { output, port, .. } => self.take_over(at, port, output),
            ExecutionEvent::StepRetrying {
                attempt,
                at: until,
                usage,
                ..
            } => {
                self.spend(*usage);
                let (attempt, until) = (*attempt, *until);
                self.set(at, Step::Pausing { attempt, at: until });
            }
            ExecutionEvent::StepFailed {
                error,
                port,
                output,
                usage,
                ..
            } => {
                self.spend(*usage);
                match port {
                    Some(port) => self.take(at, port, output.as_ref().unwrap_or(&Value::Null)),
                    None => self.fail(at, error),
                }
            }
            ExecutionEvent::AnswerAsked { asked } => {
                self.set(at, Step::Asking);
                self.data.asked.push((at, (**asked).clone()));
            }
            ExecutionEvent::AnswerGiven { port, output, .. } => self.take(at, port, output),
            ExecutionEvent::StepSkipped { .. } => {
                self.set(at, Step::Skipped);
                self.settle(at, Settled::Skipped);
            }
            ExecutionEvent::StepLate { attempt, usage, .. } => self.late(at, *attempt, *usage),
            // Of calls, of bodies, or of the execution.
            _ => {}
        }
    }

    fn begin_node(&mut self, at: At, attempt: u32, since: DateTime<Utc>) {
        let Some(node) = self.node_index(at) else {
            return;
        };
        let configured = self.plan.node(node);
        let retry = configured.retry.as_ref();
        let is_timed = attempt == 1 && retry.is_some_and(|retry| retry.max_elapsed_ms.is_some());
        let step = if Kind::of(configured) == Ok(Kind::Looping) {
            Step::Looping { attempt, since }
        } else {
            Step::Running { attempt }
        };
        if is_timed {
            self.data.begun.push((at, since));
        }
        self.set(at, step);
    }

    fn late(&mut self, at: At, attempt: u32, usage: Option<Usage>) {
        self.spend(usage);
        if self.step(at) == (Step::Running { attempt }) {
            self.set(at, Step::Cut);
        }
        let late = (at, attempt);
        self.data.unanswered.retain(|entry| *entry != late);
    }

    fn note_unanswered(&mut self, at: At, record: &Record) {
        if record.private != Some(Private::Unanswered) {
            return;
        }
        if let ExecutionEvent::StepRetrying { attempt, .. }
        | ExecutionEvent::StepFailed { attempt, .. } = &record.frame.event
        {
            self.data.unanswered.push((at, *attempt));
        }
    }

    fn fold_asking(&mut self, at: At, event: &ExecutionEvent) {
        let mut asked = self.data.asked.iter_mut();
        let Some((_, asked)) = asked.find(|(known, _)| *known == at) else {
            return;
        };
        match event {
            ExecutionEvent::AnswerReminded { count, .. } => asked.reminders = *count,
            ExecutionEvent::AnswerEscalated { .. } => {
                if let Some(others) = &mut asked.escalation {
                    others.reached = true;
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, at: At, port: &str, output: &Value) {
        self.data.asked.retain(|(known, _)| *known != at);
        self.set(at, Step::Settled);
        self.data.outputs[at.0 as usize] = output.clone();
        let port = port.to_owned();
        self.note_undone(at, true);
        self.settle(at, Settled::Taken { port });
    }

    fn take_over(&mut self, at: At, port: &str, output: &Value) {
        self.data.reuse.remove(&at);
        self.take(at, port, output);
    }

    fn fail(&mut self, at: At, error: &StepError) {
        self.set(at, Step::Failed);
        if self.note_undone(at, false) {
            return;
        }
        self.settle(at, Settled::Failed);
        let error = error.clone();
        match self.iteration_of(at) {
            Some(number) => {
                let iteration = &mut self.data.iterations[number as usize];
                iteration.failed.get_or_insert(error);
            }
            None => {
                self.data.closing.get_or_insert(Closing::Failed { error });
            }
        }
    }

    fn settle(&mut self, at: At, how: Settled) {
        let has_turn = |node: &NodeIndex| !self.plan.is_compensation(*node);
        let node = self.node_index(at).filter(has_turn);
        let decisions = match self.iteration_of(at) {
            None => Some(&mut self.outer),
            Some(number) => self.inner.get_mut(&number),
        };
        if let (Some(decisions), Some(node)) = (decisions, node) {
            settle(&self.plan, decisions, node, how);
        }
    }

    fn end(&mut self, record: &Record) {
        let at = record.frame.ts;
        let outcome = match record.frame.event.clone() {
            ExecutionEvent::ExecutionSucceeded { output, .. } => Outcome::Succeeded { output },
            ExecutionEvent::ExecutionFailed {
                error,
                handled,
                output,
                uncompensated,
                ..
            } => Outcome::Failed {
                error,
                handled,
                output,
                uncompensated,
            },
            ExecutionEvent::ExecutionCancelled { uncompensated, .. } => {
                Outcome::Cancelled { uncompensated }
            }
            _ => return,
        };
        self.data.end = Some(End { at, outcome });
    }

    fn spend(&mut self, usage: Option<Usage>) {
        if let Some(usage) = usage {
            self.data.usage = self.data.usage.plus(usage);
        }
    }

    /// Adds a step whose turn has not come.
    pub(super) fn add(&mut self, place: Place) -> At {
        let at = u32::try_from(self.data.steps.len()).expect("steps are limited");
        self.data.steps.push(Step::Waiting);
        self.data.outputs.push(Value::Null);
        self.data.places.push(place);
        At(at)
    }

    pub(super) fn set(&mut self, at: At, step: Step) {
        let known = std::mem::replace(&mut self.data.steps[at.0 as usize], step);
        if let Some(count) = self.tally.of(known) {
            *count -= 1;
            self.open.remove(&at);
            self.called.remove(&at);
        }
        if let Some(count) = self.tally.of(step) {
            *count += 1;
            self.open.insert(at);
        }
    }
}

impl Data {
    /// As [`State::begin`].
    fn first(record: &Record, plan: &Program) -> Result<Self, Broken> {
        let n = record.frame.n;
        let no_start = || Broken::NoStart {
            n,
            kind: record.frame.event.kind(),
        };
        let ExecutionEvent::ExecutionStarted {
            origin,
            definition_hash,
            input,
            source,
            queued,
            ..
        } = &record.frame.event
        else {
            return Err(no_start());
        };
        let Some(Private::Start {
            principal,
            vars,
            parent,
            notify,
            reused,
            left_out,
        }) = &record.private
        else {
            return Err(no_start());
        };
        if n != 1 {
            return Err(Broken::Gap { last: 0, found: n });
        }
        let nodes = plan.nodes().len();
        Ok(Self {
            id: record.execution,
            tenant: record.tenant,
            origin: *origin,
            parent: parent.clone(),
            source: source.clone(),
            notify: *notify,
            definition_hash: definition_hash.clone(),
            principal: Principal::clone(principal),
            vars: vars.clone(),
            input: input.clone(),
            created_at: record.frame.ts,
            n,
            steps: vec![Step::Waiting; nodes],
            places: Vec::new(),
            calls: Vec::new(),
            iterations: Vec::new(),
            iterating: Vec::new(),
            outputs: vec![Value::Null; nodes],
            begun: Vec::new(),
            asked: Vec::new(),
            unanswered: Vec::new(),
            usage: Usage::ZERO,
            reuse: reused.iter().filter_map(|it| of_plan(plan, it)).collect(),
            reuse_rounds: iterations::taken_over(plan, reused),
            left_out: left_out.iter().filter_map(|it| place(plan, it)).collect(),
            paused: false,
            paused_with_parent: false,
            turned: 0,
            queued: *queued,
            begun_at: record.frame.ts,
            undoable: Vec::new(),
            closing: None,
            unwinding: None,
            end: None,
        })
    }
}

fn place(plan: &Program, node: &str) -> Option<At> {
    plan.index(node).map(At::from)
}

/// An output that is taken over, by the place of its node.
fn of_plan(plan: &Program, reused: &Reused) -> Option<(At, Reused)> {
    Some((place(plan, &reused.node)?, reused.clone()))
}
