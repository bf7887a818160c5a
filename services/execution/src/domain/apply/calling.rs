//! Steps that run a flow as an execution of its own, and the words that pass between the two.
//!
//! **Invariant:** the other execution's id follows from the step's key and the attempt: every worker and every owner that looks
//! after the attempt finds the same one. Where the step stops waiting for it, it is cancelled.
//!
//! **Invariant:** a word names the event that it follows from. Who has heard a later one passes over it, so it may be said
//! again and come late.

use agents::Call;
use chrono::{DateTime, Utc};
use contracts::{
    execution::{Execution, ExecutionState, StepError, Usage, begun_by},
    id::UserId,
    owner::Outcome,
};
use serde_json::Value;

use super::{Effect, Run, Timer, after};
use crate::domain::{
    calls,
    state::{At, State, Step},
};

/// What one execution tells another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Word {
    Cancel,
    Pause {
        event: u64,
    },
    Resume {
        event: u64,
    },
    /// To the one that waits for it with this step.
    Ended {
        node: String,
        attempt: u32,
        outcome: Box<Outcome>,
        usage: Usage,
        duration_ms: u64,
    },
}

/// An attempt for which no worker waits any more: the other execution tells when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) until: DateTime<Utc>,
    pub(crate) timeout_ms: u64,
}

/// What came of an execution, for the step that began it.
pub(crate) fn outcome_of(execution: Execution) -> Outcome {
    let failed = |error| Outcome::Failed { error };
    match execution.state {
        ExecutionState::Succeeded => Outcome::Succeeded {
            output: execution.output.unwrap_or(Value::Null),
        },
        ExecutionState::Cancelled => failed(StepError::new(
            "cancelled",
            "the flow that was called was cancelled",
        )),
        ExecutionState::Failed
        | ExecutionState::Queued
        | ExecutionState::Running
        | ExecutionState::Waiting
        | ExecutionState::Paused => failed(execution.error.map_or_else(
            || StepError::new("flow_failed", "the flow that was called failed"),
            |error| StepError::new(&error.code, error.message),
        )),
    }
}

/// What an execution that is over tells the one that began it.
pub(crate) fn told_at_the_end(state: &State) -> Option<Effect> {
    let data = &state.data;
    let (parent, end) = (data.parent.as_ref()?, data.end.as_ref()?);
    let duration = (end.at - data.created_at).num_milliseconds();
    Some(Effect::Tell {
        to: parent.execution_id,
        by: data.principal.user_id,
        word: Word::Ended {
            node: parent.node.clone(),
            attempt: parent.attempt,
            outcome: Box::new(outcome_of(data.view())),
            usage: data.usage,
            duration_ms: u64::try_from(duration).unwrap_or(0),
        },
    })
}

impl State {
    /// Whether the step's work is an execution of its own.
    pub(crate) fn calls_flow(&self, at: At) -> bool {
        let Some(node) = self.node_index(at) else {
            let wanted = calls::wanted(self, at).map(|wanted| wanted.call);
            return matches!(wanted, Some(Call::Tool(tool)) if tool.flow.is_some());
        };
        let node = self.plan.node(node);
        match node.kind.as_str() {
            "flow" => true,
            "tool" => self.plan.tool(node).is_ok_and(|tool| tool.flow.is_some()),
            _ => false,
        }
    }
}

impl Run<'_> {
    /// A worker has begun the other execution, and waits for it no more.
    pub(super) fn handed_on(&mut self, node: At, attempt: u32, called: Called) {
        if self.state.step(node) != (Step::Running { attempt }) {
            return;
        }
        let by = self.state.data.principal.user_id;
        if self.state.data.closing.is_some() && !self.state.data.is_paused() {
            return self.tell(node, attempt, by, Word::Cancel);
        }
        self.state.called.insert(node, called);
        let timer = Timer::Silence { node, attempt };
        let at = called.until;
        self.applied.effects.push(Effect::Wake { timer, at });
        if self.state.data.is_paused() {
            let event = self.state.data.turned;
            self.tell(node, attempt, by, Word::Pause { event });
        }
    }

    /// The time of what was handed on begins anew: it stood still meanwhile.
    pub(super) fn give_time(&mut self) {
        let now = self.now;
        let mut timers = Vec::new();
        for (node, called) in &mut self.state.called {
            called.until = after(now, std::time::Duration::from_millis(called.timeout_ms));
            timers.push((*node, called.until));
        }
        for (node, at) in timers {
            if let Step::Running { attempt } = self.state.step(node) {
                let timer = Timer::Silence { node, attempt };
                self.applied.effects.push(Effect::Wake { timer, at });
            }
        }
    }

    /// Tells all executions that steps of this one have begun and wait for.
    pub(super) fn tell_called(&mut self, by: UserId, word: &Word) {
        let open = self.state.open.iter().copied();
        let running = open.filter_map(|at| match self.state.step(at) {
            Step::Running { attempt } => Some((at, attempt)),
            _ => None,
        });
        let called: Vec<_> = running
            .filter(|(at, _)| self.state.calls_flow(*at))
            .collect();
        for (at, attempt) in called {
            self.tell(at, attempt, by, word.clone());
        }
    }

    /// Cancels the executions of attempts that nobody waits for any more, those after the first `known`.
    pub(super) fn cancel_left(&mut self, known: usize) {
        let left = self.state.data.unanswered.iter().skip(known).copied();
        let called: Vec<_> = left.filter(|(at, _)| self.state.calls_flow(*at)).collect();
        let by = self.state.data.principal.user_id;
        for (at, attempt) in called {
            self.tell(at, attempt, by, Word::Cancel);
        }
    }

    /// Says once more how it stands, where it was paused at some time: nobody knows whether it was heard.
    pub(super) fn tell_again(&mut self) {
        let (event, by) = (self.state.data.turned, self.state.data.principal.user_id);
        if event == 0 {
            return;
        }
        let word = match self.state.data.is_paused() {
            true => Word::Pause { event },
            false => Word::Resume { event },
        };
        self.tell_called(by, &word);
    }

    fn tell(&mut self, at: At, attempt: u32, by: UserId, word: Word) {
        let to = begun_by(self.state.data.id, &self.key(at), attempt);
        self.applied.effects.push(Effect::Tell { to, by, word });
    }
}
