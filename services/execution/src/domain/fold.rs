//! How records make a state. The only place where a state changes.
//!
//! **Invariant:** folding fails on a record that cannot follow: a gap in `n`, an unknown node, anything after the end.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use contracts::{
    Principal,
    execution::{PendingApproval, StepError, Usage},
    live::ExecutionEvent,
    tool::Approval,
};
use graph::{
    NodeIndex,
    schedule::{Decisions, Settled, settle},
};
use serde_json::{Value, json};

use super::{
    calls,
    inline::Kind,
    program::Program,
    state::{At, CallKind, CallState, Closing, Data, End, Outcome, State, Step},
};
use crate::record::{Private, Record};

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
        let n = record.frame.n;
        let no_start = || Broken::NoStart {
            n,
            kind: record.frame.event.kind(),
        };
        let ExecutionEvent::ExecutionStarted {
            origin,
            definition_hash,
            input,
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
        }) = &record.private
        else {
            return Err(no_start());
        };
        if n != 1 {
            return Err(Broken::Gap { last: 0, found: n });
        }
        let nodes = plan.nodes().len();
        let data = Data {
            id: record.execution,
            tenant: record.tenant,
            origin: *origin,
            parent: parent.clone(),
            notify: *notify,
            definition_hash: definition_hash.clone(),
            principal: Principal::clone(principal),
            vars: vars.clone(),
            input: input.clone(),
            created_at: record.frame.ts,
            n,
            steps: vec![Step::Waiting; nodes],
            calls: Vec::new(),
            outputs: vec![Value::Null; nodes],
            begun: Vec::new(),
            asked: Vec::new(),
            unanswered: Vec::new(),
            usage: Usage::ZERO,
            closing: None,
            end: None,
        };
        let decisions = Decisions::new(&plan);
        let execution = json!({
            "id": data.id, "flow_id": data.origin.flow_id, "started_at": data.created_at });
        Ok(Self {
            data,
            plan,
            decisions,
            execution,
            calls: HashMap::new(),
            asking: 0,
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
            ExecutionEvent::CancelAsked { .. } => {
                self.data.closing.get_or_insert(Closing::Cancelled);
            }
            ExecutionEvent::ExecutionSucceeded { output, .. } => {
                let output = output.clone();
                self.end(record, Outcome::Succeeded { output });
            }
            ExecutionEvent::ExecutionFailed { error, .. } => {
                let error = error.clone();
                self.end(record, Outcome::Failed { error });
            }
            ExecutionEvent::ExecutionCancelled { .. } => self.end(record, Outcome::Cancelled),
            ExecutionEvent::AnswerAsked { asked } => {
                let node = self.plan.index(&asked.node);
                let node = node.ok_or_else(|| Broken::UnknownNode {
                    n,
                    node: asked.node.clone(),
                })?;
                self.fold_node(node, record);
            }
            ExecutionEvent::StepStarted { node, .. }
            | ExecutionEvent::StepSleeping { node, .. }
            | ExecutionEvent::StepSucceeded { node, .. }
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
                    self.fold_node(NodeIndex(at.0), record);
                }
                self.note_unanswered(at, record);
            }
        }
        Ok(())
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
        let node = self.plan.index(calls::node_of(path))?;
        let Step::Looping { .. } = self.step(node) else {
            return None;
        };
        let at = At(u16::try_from(self.data.steps.len()).ok()?);
        self.data.steps.push(Step::Waiting);
        self.data.calls.push(CallState {
            path: path.clone(),
            node: node.into(),
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
            ExecutionEvent::StepSleeping { .. }
            | ExecutionEvent::StepSkipped { .. }
            | ExecutionEvent::AnswerAsked { .. }
            | ExecutionEvent::AnswerGiven { .. }
            | ExecutionEvent::ExecutionStarted { .. }
            | ExecutionEvent::CancelAsked { .. }
            | ExecutionEvent::ExecutionSucceeded { .. }
            | ExecutionEvent::ExecutionFailed { .. }
            | ExecutionEvent::ExecutionCancelled { .. } => {}
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
        let first = self.plan.nodes().len();
        if let Some(call) = self.data.calls.get_mut(usize::from(at.0) - first) {
            call.outcome = Some(outcome);
        }
    }

    /// The calls of a node whose agent is done, or gave up: nobody waits for what still runs.
    fn cut_calls(&mut self, node: NodeIndex) {
        let first = self.plan.nodes().len();
        for (index, call) in self.data.calls.iter().enumerate() {
            let step = &mut self.data.steps[first + index];
            if call.node != At::from(node) {
                continue;
            }
            match *step {
                Step::Running { attempt } => {
                    let at = At(u16::try_from(first + index).unwrap_or(u16::MAX));
                    self.data.unanswered.push((at, attempt));
                    *step = Step::Cut;
                }
                Step::Asking => {
                    self.asking -= 1;
                    *step = Step::Cut;
                }
                Step::Pausing { .. } => *step = Step::Cut,
                Step::Waiting
                | Step::Sleeping { .. }
                | Step::Looping { .. }
                | Step::Settled
                | Step::Skipped
                | Step::Failed
                | Step::Cut => {}
            }
        }
    }

    fn fold_node(&mut self, node: NodeIndex, record: &Record) {
        // Where the execution fails with it, the calls that run are cut like every other step.
        let ends = matches!(
            record.frame.event,
            ExecutionEvent::StepFailed { port: None, .. }
        );
        if let Step::Looping { .. } = self.step(node)
            && !ends
        {
            self.cut_calls(node);
        }
        match &record.frame.event {
            ExecutionEvent::StepStarted { attempt, .. } => {
                self.begin_node(node, *attempt, record.frame.ts);
            }
            ExecutionEvent::StepSleeping { until, .. } => {
                let (since, until) = (record.frame.ts, *until);
                self.set(node, Step::Sleeping { since, until });
            }
            ExecutionEvent::StepSucceeded {
                output,
                port,
                usage,
                ..
            } => {
                self.spend(*usage);
                self.take(node, port, output);
            }
            ExecutionEvent::StepRetrying {
                attempt, at, usage, ..
            } => {
                self.spend(*usage);
                let (attempt, at) = (*attempt, *at);
                self.set(node, Step::Pausing { attempt, at });
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
                    Some(port) => self.take(node, port, output.as_ref().unwrap_or(&Value::Null)),
                    None => self.fail(node, error),
                }
            }
            ExecutionEvent::AnswerAsked { asked } => {
                self.set(node, Step::Asking);
                self.data.asked.push((node.into(), (**asked).clone()));
            }
            ExecutionEvent::AnswerGiven { port, output, .. } => self.take(node, port, output),
            ExecutionEvent::StepSkipped { .. } => {
                self.set(node, Step::Skipped);
                settle(&self.plan, &mut self.decisions, node, Settled::Skipped);
            }
            ExecutionEvent::StepLate { attempt, usage, .. } => {
                self.late(node.into(), *attempt, *usage);
            }
            ExecutionEvent::ApprovalAsked { .. }
            | ExecutionEvent::ApprovalGiven { .. }
            | ExecutionEvent::ExecutionStarted { .. }
            | ExecutionEvent::CancelAsked { .. }
            | ExecutionEvent::ExecutionSucceeded { .. }
            | ExecutionEvent::ExecutionFailed { .. }
            | ExecutionEvent::ExecutionCancelled { .. } => {}
        }
    }

    fn begin_node(&mut self, node: NodeIndex, attempt: u32, since: DateTime<Utc>) {
        let configured = self.plan.node(node);
        let retry = configured.retry.as_ref();
        let is_timed = attempt == 1 && retry.is_some_and(|retry| retry.max_elapsed_ms.is_some());
        let step = if Kind::of(configured) == Ok(Kind::Looping) {
            Step::Looping { attempt, since }
        } else {
            Step::Running { attempt }
        };
        if is_timed {
            self.data.begun.push((node.into(), since));
        }
        self.set(node, step);
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

    fn take(&mut self, node: NodeIndex, port: &str, output: &Value) {
        self.data.asked.retain(|(at, _)| *at != At::from(node));
        self.set(node, Step::Settled);
        self.data.outputs[usize::from(node.0)] = output.clone();
        let taken = Settled::Taken {
            port: port.to_owned(),
        };
        settle(&self.plan, &mut self.decisions, node, taken);
    }

    fn fail(&mut self, node: NodeIndex, error: &StepError) {
        self.set(node, Step::Failed);
        settle(&self.plan, &mut self.decisions, node, Settled::Failed);
        let error = error.clone();
        self.data.closing.get_or_insert(Closing::Failed { error });
    }

    fn end(&mut self, record: &Record, outcome: Outcome) {
        let at = record.frame.ts;
        self.data.end = Some(End { at, outcome });
    }

    fn spend(&mut self, usage: Option<Usage>) {
        if let Some(usage) = usage {
            self.data.usage = self.data.usage.plus(usage);
        }
    }

    fn set(&mut self, at: impl Into<At>, step: Step) {
        let known = &mut self.data.steps[usize::from(at.into().0)];
        self.asking -= u32::from(*known == Step::Asking);
        self.asking += u32::from(step == Step::Asking);
        *known = step;
    }
}
