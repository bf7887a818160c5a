//! What an execution is at one moment.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use contracts::{
    Principal,
    execution::{Accepted, Execution, ExecutionState, Origin, PendingApproval, StepError, Usage},
    id::{ExecutionId, TenantId},
    owner::Parent,
};
use graph::{NodeIndex, Plan, schedule::Decisions};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An execution: its data, and what the flow's definition makes of them.
pub(crate) struct State {
    pub(crate) data: Data,
    pub(crate) plan: Arc<Plan>,
    /// Follows from the data; kept so that it need not be found again at each step.
    pub(crate) decisions: Decisions,
    /// What expressions see as `execution`; follows from the data.
    pub(crate) execution: Value,
}

/// All that distinguishes one execution from another of the same definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Data {
    pub(crate) id: ExecutionId,
    pub(crate) tenant: TenantId,
    pub(crate) origin: Origin,
    pub(crate) parent: Option<Parent>,
    pub(crate) definition_hash: String,
    pub(crate) principal: Principal,
    pub(crate) vars: Value,
    pub(crate) input: Value,
    pub(crate) created_at: DateTime<Utc>,
    /// The number of the last record.
    pub(crate) n: u64,
    /// By node index.
    pub(crate) steps: Vec<Step>,
    /// By node index; null where the node has not settled, failed or was skipped.
    pub(crate) outputs: Vec<Value>,
    /// Attempts given up because no worker answered: their results may still come, late.
    pub(crate) unanswered: Vec<(u16, u32)>,
    pub(crate) usage: Usage,
    /// Set from the moment on that nothing new may begin.
    pub(crate) closing: Option<Closing>,
    pub(crate) end: Option<End>,
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Step {
    /// Its turn has not come.
    Waiting,
    /// An attempt is with a worker.
    Running {
        attempt: u32,
    },
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

/// How it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) at: DateTime<Utc>,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Outcome {
    Succeeded { output: Value },
    Failed { error: StepError },
    Cancelled,
}

impl State {
    pub(crate) fn is_over(&self) -> bool {
        self.data.end.is_some()
    }

    /// Whether a worker may begin or go on with this attempt.
    pub(crate) fn wants(&self, node: &str, attempt: u32) -> bool {
        let open = self.data.closing.is_none() && self.data.end.is_none();
        let step = self.plan.index(node).map(|node| self.step(node));
        open && step == Some(Step::Running { attempt })
    }

    /// Whether such an attempt was ever begun, as far as this state goes.
    pub(crate) fn has_begun(&self, node: NodeIndex, attempt: u32) -> bool {
        match self.step(node) {
            Step::Waiting => self.is_over(),
            Step::Running { attempt: known } | Step::Pausing { attempt: known, .. } => {
                attempt <= known
            }
            Step::Settled | Step::Skipped | Step::Failed | Step::Cut => true,
        }
    }

    pub(crate) fn step(&self, node: NodeIndex) -> Step {
        self.data.steps[usize::from(node.0)]
    }

    /// All nodes with their steps.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (NodeIndex, Step)> + '_ {
        (0_u16..)
            .map(NodeIndex)
            .zip(self.data.steps.iter().copied())
    }

    pub(crate) fn has_running(&self) -> bool {
        let running = |step: &Step| matches!(step, Step::Running { .. });
        self.data.steps.iter().any(running)
    }
}

impl Data {
    pub(crate) fn state(&self) -> ExecutionState {
        match &self.end {
            Some(end) => end.outcome.state(),
            None if self.closing.is_some() => ExecutionState::Running,
            None => self.open_state(),
        }
    }

    fn open_state(&self) -> ExecutionState {
        let mut pausing = false;
        for step in &self.steps {
            match step {
                Step::Running { .. } => return ExecutionState::Running,
                Step::Pausing { .. } => pausing = true,
                Step::Waiting | Step::Settled | Step::Skipped | Step::Failed | Step::Cut => {}
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
            Outcome::Failed { error } => Some(error),
            Outcome::Succeeded { .. } | Outcome::Cancelled => None,
        }
    }

    pub(crate) fn output(&self) -> Option<&Value> {
        match &self.end.as_ref()?.outcome {
            Outcome::Succeeded { output } => Some(output),
            Outcome::Failed { .. } | Outcome::Cancelled => None,
        }
    }

    fn approvals(&self) -> Vec<PendingApproval> {
        Vec::new()
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
            state: self.state(),
            input: self.input.clone(),
            output: self.output().cloned(),
            error: self.error().cloned(),
            usage: self.usage,
            last_event: self.n,
            approvals: self.approvals(),
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
            Self::Cancelled => ExecutionState::Cancelled,
        }
    }
}
