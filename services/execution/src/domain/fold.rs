//! How records make a state. The only place where a state changes.
//!
//! **Invariant:** folding fails on a record that cannot follow: a gap in `n`, an unknown node, anything after the end.

use std::sync::Arc;

use contracts::{
    Principal,
    execution::{StepError, Usage},
    live::ExecutionEvent,
};
use graph::{
    NodeIndex, Plan,
    schedule::{Decisions, Settled, settle},
};
use serde_json::{Value, json};

use super::state::{Closing, Data, End, Outcome, State, Step};
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
    pub(crate) fn begin(record: &Record, plan: Arc<Plan>) -> Result<Self, Broken> {
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
            definition_hash: definition_hash.clone(),
            principal: Principal::clone(principal),
            vars: vars.clone(),
            input: input.clone(),
            created_at: record.frame.ts,
            n,
            steps: vec![Step::Waiting; nodes],
            outputs: vec![Value::Null; nodes],
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
        })
    }

    /// The state after all these records.
    ///
    /// # Errors
    /// When one of them cannot follow.
    #[cfg(test)]
    pub(crate) fn replay<'a>(
        plan: &Arc<Plan>,
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
            ExecutionEvent::StepStarted { node, .. }
            | ExecutionEvent::StepSucceeded { node, .. }
            | ExecutionEvent::StepRetrying { node, .. }
            | ExecutionEvent::StepFailed { node, .. }
            | ExecutionEvent::StepSkipped { node }
            | ExecutionEvent::StepLate { node, .. }
            | ExecutionEvent::ApprovalAsked { node, .. }
            | ExecutionEvent::ApprovalGiven { node, .. } => {
                let index = self.plan.index(node);
                let unknown = || Broken::UnknownNode {
                    n,
                    node: node.clone(),
                };
                self.fold_step(index.ok_or_else(unknown)?, event);
                self.note_unanswered(index.ok_or_else(unknown)?, record);
            }
        }
        Ok(())
    }

    fn fold_step(&mut self, node: NodeIndex, event: &ExecutionEvent) {
        match event {
            ExecutionEvent::StepStarted { attempt, .. } => {
                self.set(node, Step::Running { attempt: *attempt });
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
            ExecutionEvent::StepSkipped { .. } => {
                self.set(node, Step::Skipped);
                settle(&self.plan, &mut self.decisions, node, Settled::Skipped);
            }
            ExecutionEvent::StepLate { attempt, usage, .. } => {
                self.spend(*usage);
                if self.step(node) == (Step::Running { attempt: *attempt }) {
                    self.set(node, Step::Cut);
                }
                let late = (node.0, *attempt);
                self.data.unanswered.retain(|entry| *entry != late);
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

    fn note_unanswered(&mut self, node: NodeIndex, record: &Record) {
        if record.private != Some(Private::Unanswered) {
            return;
        }
        if let ExecutionEvent::StepRetrying { attempt, .. }
        | ExecutionEvent::StepFailed { attempt, .. } = &record.frame.event
        {
            self.data.unanswered.push((node.0, *attempt));
        }
    }

    fn take(&mut self, node: NodeIndex, port: &str, output: &Value) {
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

    fn set(&mut self, node: NodeIndex, step: Step) {
        self.data.steps[usize::from(node.0)] = step;
    }
}
