//! What an execution is at one moment.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use contracts::{
    ErrorCode, Principal, Problem, Role,
    execution::{
        Accepted, Approve, Execution, ExecutionState, Origin, PendingAnswer, PendingApproval,
        Source, StepError, Usage,
    },
    id::{ExecutionId, TenantId, UserId},
    owner::Parent,
};
use graph::{NodeIndex, schedule::Decisions};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    answers,
    apply::{Answer, Called},
    bodies::{Iterating, Iteration, Place},
    program::Program,
    reuse::Reused,
};

/// An execution: its data, and what the flow's definition makes of them.
pub(crate) struct State {
    pub(crate) data: Data,
    pub(crate) plan: Arc<Program>,
    /// What is decided outside of all bodies. Follows from the data; kept so that it need not be found again at each step.
    pub(crate) outer: Decisions,
    /// What is decided in the iterations that run, by number; follows from the data.
    pub(crate) inner: BTreeMap<u32, Decisions>,
    /// The numbers of iterations by step and index; follows from the data.
    pub(crate) rounds: HashMap<(At, u32), u32>,
    /// What expressions see as `execution`; follows from the data.
    pub(crate) execution: Value,
    /// The calls of agents by path; follows from the data.
    pub(crate) calls: HashMap<String, At>,
    /// The steps that are open, as [`Tally`] has it; follows from the data.
    pub(crate) open: BTreeSet<At>,
    /// How many steps do what; follows from the data.
    pub(crate) tally: Tally,
    /// The attempts that run and were handed on to executions of their own. A worker says so, again after each change of owner.
    pub(crate) called: BTreeMap<At, Called>,
    /// The last event of the execution which began this one of which a word has come.
    pub(crate) heard: u64,
    /// Bytes of the large values that its records brought.
    pub(crate) large: u64,
    /// A value that is null in this state, because no store has it any more.
    pub(crate) lost: Option<StepError>,
}

/// How many steps are open, and in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// An attempt is with a worker.
    pub(crate) running: u32,
    /// A person is asked.
    pub(crate) asking: u32,
    /// Nothing is to be done until a moment.
    pub(crate) paused: u32,
    /// An agent or a body is at work; what it does are steps of its own.
    pub(crate) working: u32,
}

impl Tally {
    /// The count to which such a step belongs.
    pub(crate) fn of(&mut self, step: Step) -> Option<&mut u32> {
        match step {
            Step::Running { .. } => Some(&mut self.running),
            Step::Asking => Some(&mut self.asking),
            Step::Pausing { .. } | Step::Sleeping { .. } | Step::Listening { .. } => {
                Some(&mut self.paused)
            }
            Step::Looping { .. } | Step::Iterating { .. } => Some(&mut self.working),
            Step::Waiting | Step::Settled | Step::Skipped | Step::Failed | Step::Cut => None,
        }
    }
}

/// The place of a step in [`Data::steps`]: first the nodes of the definition, then the iterations of bodies and the calls of
/// agents, as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct At(pub(crate) u32);

impl From<NodeIndex> for At {
    fn from(node: NodeIndex) -> Self {
        Self(node.0.into())
    }
}

/// All that distinguishes one execution from another of the same definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Data {
    pub(crate) id: ExecutionId,
    pub(crate) tenant: TenantId,
    pub(crate) origin: Origin,
    pub(crate) parent: Option<Parent>,
    pub(crate) source: Option<Source>,
    /// Whether its end is said to others.
    pub(crate) notify: bool,
    pub(crate) definition_hash: String,
    pub(crate) principal: Principal,
    pub(crate) vars: Value,
    pub(crate) input: Value,
    pub(crate) created_at: DateTime<Utc>,
    /// The number of the last record.
    pub(crate) n: u64,
    /// By [`At`].
    pub(crate) steps: Vec<Step>,
    /// What the steps are that follow those of the definition's nodes.
    pub(crate) places: Vec<Place>,
    /// What agents called, in the order in which it was begun.
    pub(crate) calls: Vec<CallState>,
    /// In the order in which they began.
    pub(crate) iterations: Vec<Iteration>,
    /// The nodes whose bodies run.
    pub(crate) iterating: Vec<(At, Iterating)>,
    /// By [`At`]; null where the node has not settled, failed or was skipped, and where it is a call.
    pub(crate) outputs: Vec<Value>,
    /// When the first attempts began of nodes whose retries have an end.
    pub(crate) begun: Vec<(At, DateTime<Utc>)>,
    /// What nodes ask that nobody has answered.
    pub(crate) asked: Vec<(At, PendingAnswer)>,
    /// Attempts given up because no worker answered: their results may still come, late.
    pub(crate) unanswered: Vec<(At, u32)>,
    pub(crate) usage: Usage,
    /// The outputs that are taken over once it is their nodes' turn.
    pub(crate) reuse: BTreeMap<At, Reused>,
    /// The iterations that are taken over once it is their turn, by the step whose body they are of and their index.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) reuse_rounds: BTreeMap<At, BTreeMap<u32, Reused>>,
    /// The nodes that are skipped once it is their turn.
    pub(crate) left_out: BTreeSet<At>,
    /// Nothing new begins, as a person wishes.
    pub(crate) paused: bool,
    /// Nothing new begins, for the execution that began this one is paused.
    pub(crate) paused_with_parent: bool,
    /// The number of the event with which it was last paused, or went on; 0 before.
    pub(crate) turned: u64,
    /// Nothing has begun: it waits for its place.
    pub(crate) queued: bool,
    /// From when on its time counts.
    pub(crate) begun_at: DateTime<Utc>,
    /// The steps that succeeded, can be undone and were not, in the order in which they succeeded.
    pub(crate) undoable: Vec<At>,
    /// Set from the moment on that nothing new may begin.
    pub(crate) closing: Option<Closing>,
    /// Set once something follows a failure or a cancel.
    pub(crate) unwinding: Option<Unwinding>,
    pub(crate) end: Option<End>,
}

/// A call that an agent or a crew made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CallState {
    /// For example `writer/tool:0.1`.
    pub(crate) path: String,
    /// The node whose agent called.
    pub(crate) node: At,
    pub(crate) kind: CallKind,
    pub(crate) outcome: Option<agents::Outcome>,
    /// What a person is asked, where it is an approval.
    pub(crate) asked: Option<PendingApproval>,
}

/// How the outcome of a call is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallKind {
    Llm,
    Approval,
    /// Tools, knowledge and memory: the output as it is.
    Other,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Step {
    /// Its turn has not come.
    Waiting,
    /// An attempt is with a worker.
    Running {
        attempt: u32,
    },
    /// The node's agent or crew is at work; the calls that it made have steps of their own.
    Looping {
        attempt: u32,
        since: DateTime<Utc>,
    },
    /// The node's body is at work; its steps are steps of their own.
    Iterating {
        since: DateTime<Utc>,
    },
    /// Nothing is to be done until a moment.
    Sleeping {
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    },
    /// An event is waited for, until a moment or without end.
    Listening {
        since: DateTime<Utc>,
        until: Option<DateTime<Utc>>,
    },
    /// A person is asked.
    Asking,
    /// Attempt `attempt` failed; the next begins at `at`.
    Pausing {
        attempt: u32,
        at: DateTime<Utc>,
    },
    /// It went on by a port, with an output.
    Settled,
    Skipped,
    /// It failed, and the execution with it.
    Failed,
    /// Its attempt was cut off when the execution closed.
    Cut,
}

/// Why nothing new may begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Closing {
    Failed { error: StepError },
    Cancelled,
}

/// What follows the failure or the cancel of an execution, once nothing of it runs any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unwinding {
    pub(crate) why: Closing,
    pub(crate) stage: Stage,
    /// The steps that could not be undone.
    pub(crate) uncompensated: Vec<At>,
    /// Whether a cancel was asked for meanwhile: what was begun is undone to its end, and no error handler follows.
    pub(crate) is_cancelled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Steps are undone, one after the other.
    Compensating,
    /// The branch of the error handler runs.
    Handling,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) at: DateTime<Utc>,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Outcome {
    Succeeded {
        output: Value,
    },
    Failed {
        error: StepError,
        handled: bool,
        output: Value,
        uncompensated: Vec<String>,
    },
    Cancelled {
        uncompensated: Vec<String>,
    },
}

impl State {
    pub(crate) fn is_over(&self) -> bool {
        self.data.end.is_some()
    }

    /// What follows a failure or a cancel, while it does.
    pub(crate) fn stage(&self) -> Option<Stage> {
        self.data
            .unwinding
            .as_ref()
            .map(|unwinding| unwinding.stage)
    }

    /// How many answers and approvals it waits for.
    pub(crate) fn asks(&self) -> u32 {
        match self.is_over() || self.data.closing.is_some() {
            true => 0,
            false => self.tally.asking,
        }
    }

    /// Whether it can be told to begin nothing new.
    pub(crate) fn may_pause(&self) -> bool {
        let ends = self.data.closing.is_some() || self.data.unwinding.is_some();
        !self.is_over() && !ends && !self.data.queued
    }

    /// Whether it waits for someone or something, an execution of its own included, and nothing of it is at work.
    pub(crate) fn waits(&self) -> bool {
        let all_handed_on = self.called.len() == self.tally.running as usize;
        match self.data.state() {
            ExecutionState::Waiting | ExecutionState::Queued | ExecutionState::Paused => {
                self.data.closing.is_none() && all_handed_on
            }
            ExecutionState::Running => {
                self.data.closing.is_none() && all_handed_on && !self.called.is_empty()
            }
            ExecutionState::Succeeded | ExecutionState::Failed | ExecutionState::Cancelled => false,
        }
    }

    /// When the first of the attempts has had its time that were handed on.
    pub(crate) fn called_until(&self) -> Option<DateTime<Utc>> {
        self.called.values().map(|called| called.until).min()
    }

    /// Whether a worker may begin or go on with this attempt.
    pub(crate) fn wants(&self, path: &str, attempt: u32) -> bool {
        let open = self.data.closing.is_none() && self.data.end.is_none();
        open && self.runs(path, attempt)
    }

    /// Whether this attempt was given out and has no outcome.
    pub(crate) fn runs(&self, path: &str, attempt: u32) -> bool {
        let step = self.at(path).map(|at| self.step(at));
        step == Some(Step::Running { attempt })
    }

    /// Whether such an attempt was ever begun, as far as this state goes.
    pub(crate) fn has_begun(&self, at: At, attempt: u32) -> bool {
        match self.step(at) {
            Step::Waiting
            | Step::Looping { .. }
            | Step::Iterating { .. }
            | Step::Sleeping { .. }
            | Step::Listening { .. }
            | Step::Asking => self.is_over(),
            Step::Running { attempt: known } | Step::Pausing { attempt: known, .. } => {
                attempt <= known
            }
            Step::Settled | Step::Skipped | Step::Failed | Step::Cut => true,
        }
    }

    pub(crate) fn step(&self, at: impl Into<At>) -> Step {
        self.data.steps[at.into().0 as usize]
    }

    /// All steps.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (At, Step)> + '_ {
        (0_u32..).map(At).zip(self.data.steps.iter().copied())
    }

    /// The output of a step; null where it has none.
    pub(crate) fn output(&self, at: At) -> &Value {
        &self.data.outputs[at.0 as usize]
    }

    /// The call that a person may decide now; none where the same was decided before.
    ///
    /// # Errors
    /// When nothing of this name waits, when it waits with other arguments, or for another person.
    pub(crate) fn may_decide(&self, word: &Approve, by: UserId) -> Result<Option<At>, Problem> {
        let missing = || {
            let text = format!(
                "no call `{}` of execution `{}` asks for approval",
                word.node, self.data.id
            );
            Problem::new(ErrorCode::NotFound, text)
        };
        let at = self.calls.get(&word.node).copied().ok_or_else(missing)?;
        let call = self.call(at).ok_or_else(missing)?;
        let asked = call.asked.as_ref().ok_or_else(missing)?;
        let conflict = |text: &str, reason: &str| {
            Err(Problem::new(ErrorCode::Conflict, text).with_reason(reason))
        };
        if asked.arguments_hash != word.arguments_hash {
            let text = "`arguments_hash` is not that of the call that waits";
            return conflict(text, "other_arguments");
        }
        if asked.second_person && by == self.data.principal.user_id {
            let text = "someone else than the one for whom the run acts must approve this call";
            let problem = Problem::new(ErrorCode::Forbidden, text);
            return Err(problem.with_reason("second_person"));
        }
        match &call.outcome {
            Some(agents::Outcome::Decided { approved, .. }) if *approved == word.approved => {
                Ok(None)
            }
            Some(_) => conflict("the call was decided otherwise before", "decided"),
            None if self.step(at) == Step::Asking && self.data.closing.is_none() => Ok(Some(at)),
            None => conflict("the call is not waited for any more", "not_waiting"),
        }
    }

    /// What a node asks that nobody has answered.
    pub(crate) fn asked(&self, at: At) -> Option<&PendingAnswer> {
        let asked = self.data.asked.iter().find(|(known, _)| *known == at);
        asked.map(|(_, asked)| asked)
    }

    /// Whether a node waits for an event.
    pub(crate) fn listens(&self, at: At) -> bool {
        matches!(self.step(at), Step::Listening { .. }) && self.data.closing.is_none()
    }

    /// The node that may be answered now; none where the same person gave the same answer before.
    ///
    /// # Errors
    /// When nothing of this name waits, when it waits for another person, or when the answer does not fit.
    pub(crate) fn may_answer(
        &self,
        node: &str,
        answer: &Answer,
        role: Role,
    ) -> Result<Option<At>, Problem> {
        let Some(at) = self.at(node) else {
            let text = format!("execution `{}` has no node `{node}`", self.data.id);
            return Err(Problem::new(ErrorCode::NotFound, text));
        };
        let Some(asked) = self.asked(at) else {
            if self.step(at) == Step::Settled && *self.output(at) == answer.output() {
                return Ok(None);
            }
            let text = "the node does not wait for an answer";
            return Err(Problem::new(ErrorCode::Conflict, text).with_reason("not_waiting"));
        };
        if self.data.closing.is_some() {
            let text = "the execution ends already";
            return Err(Problem::new(ErrorCode::Conflict, text).with_reason("not_waiting"));
        }
        if !asked.may_answer(answer.by, role) {
            let text = "the node waits for the answer of someone else";
            return Err(Problem::new(ErrorCode::Forbidden, text).with_reason("not_assigned"));
        }
        answers::check(asked, answer)?;
        Ok(Some(at))
    }

    /// When the first attempt of a node began whose retries have an end.
    pub(crate) fn begun_at(&self, at: At) -> Option<DateTime<Utc>> {
        let begun = self.data.begun.iter().find(|(known, _)| *known == at);
        begun.map(|(_, begun_at)| *begun_at)
    }
}

impl Data {
    pub(crate) fn state(&self) -> ExecutionState {
        match &self.end {
            Some(end) => end.outcome.state(),
            None if self.is_paused() => ExecutionState::Paused,
            None if self.closing.is_some() => ExecutionState::Running,
            None if self.queued => ExecutionState::Queued,
            None => self.open_state(),
        }
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused || self.paused_with_parent
    }

    fn open_state(&self) -> ExecutionState {
        let mut pausing = false;
        for step in &self.steps {
            match step {
                Step::Running { .. } => return ExecutionState::Running,
                Step::Pausing { .. }
                | Step::Sleeping { .. }
                | Step::Listening { .. }
                | Step::Asking => pausing = true,
                Step::Waiting
                | Step::Looping { .. }
                | Step::Iterating { .. }
                | Step::Settled
                | Step::Skipped
                | Step::Failed
                | Step::Cut => {}
            }
        }
        if pausing {
            ExecutionState::Waiting
        } else {
            ExecutionState::Running
        }
    }

    pub(crate) fn error(&self) -> Option<&StepError> {
        match &self.end.as_ref()?.outcome {
            Outcome::Failed { error, .. } => Some(error),
            Outcome::Succeeded { .. } | Outcome::Cancelled { .. } => None,
        }
    }

    pub(crate) fn output(&self) -> Option<&Value> {
        match &self.end.as_ref()?.outcome {
            Outcome::Succeeded { output } => Some(output),
            Outcome::Failed { output, .. } => Some(output).filter(|output| !output.is_null()),
            Outcome::Cancelled { .. } => None,
        }
    }

    fn is_handled(&self) -> bool {
        let outcome = self.end.as_ref().map(|end| &end.outcome);
        matches!(outcome, Some(Outcome::Failed { handled: true, .. }))
    }

    fn uncompensated(&self) -> Vec<String> {
        match self.end.as_ref().map(|end| &end.outcome) {
            Some(Outcome::Failed { uncompensated, .. } | Outcome::Cancelled { uncompensated }) => {
                uncompensated.clone()
            }
            Some(Outcome::Succeeded { .. }) | None => Vec::new(),
        }
    }

    fn approvals(&self) -> Vec<PendingApproval> {
        if self.end.is_some() {
            return Vec::new();
        }
        let first = self.steps.len() - self.places.len();
        let open = self.places.iter().zip(&self.steps[first..]);
        open.filter(|(_, step)| **step == Step::Asking)
            .filter_map(|(place, _)| match place {
                Place::Call(call) => self.calls[*call as usize].asked.clone(),
                Place::Node { .. } => None,
            })
            .collect()
    }

    fn answers(&self) -> Vec<PendingAnswer> {
        if self.end.is_some() || self.closing.is_some() {
            return Vec::new();
        }
        self.asked.iter().map(|(_, asked)| asked.clone()).collect()
    }

    pub(crate) fn accepted(&self) -> Accepted {
        Accepted {
            id: self.id,
            origin: self.origin,
            state: self.state(),
        }
    }

    pub(crate) fn view(&self) -> Execution {
        Execution {
            id: self.id,
            origin: self.origin,
            parent_id: self.parent.as_ref().map(|parent| parent.execution_id),
            source: self.source.clone(),
            state: self.state(),
            input: self.input.clone(),
            output: self.output().cloned(),
            error: self.error().cloned(),
            handled: self.is_handled(),
            uncompensated: self.uncompensated(),
            usage: self.usage,
            last_event: self.n,
            approvals: self.approvals(),
            answers: self.answers(),
            started_by: self.principal.user_id,
            created_at: self.created_at,
            finished_at: self.end.as_ref().map(|end| end.at),
        }
    }
}

impl Outcome {
    const fn state(&self) -> ExecutionState {
        match self {
            Self::Succeeded { .. } => ExecutionState::Succeeded,
            Self::Failed { .. } => ExecutionState::Failed,
            Self::Cancelled { .. } => ExecutionState::Cancelled,
        }
    }
}
