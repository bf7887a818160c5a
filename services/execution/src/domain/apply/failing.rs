//! What becomes of a failed attempt: another one, another way to go on, or the end.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::{
    execution::{StepError, Usage},
    flow::{Edge, OnError, Retry},
    live::ExecutionEvent,
};

use super::{Effect, Run, Timer, after};
use crate::{
    domain::{
        calls, inline, limits,
        retry::{is_tried_again, pause},
        state::{At, Step},
    },
    record::Private,
};

/// A failed attempt.
pub(super) struct Failure {
    pub(super) attempt: u32,
    pub(super) error: StepError,
    pub(super) usage: Option<Usage>,
    /// Whether no worker answered in time: an answer may still come, late.
    pub(super) unanswered: bool,
}

impl Failure {
    pub(super) fn of(attempt: u32, error: StepError) -> Self {
        Self {
            attempt,
            error,
            usage: None,
            unanswered: false,
        }
    }
}

impl Run<'_> {
    /// Gives up what may have been done, and may be done once only.
    pub(super) fn forget(&mut self) {
        let nodes = (0_u32..).zip(&self.state.data.steps);
        let running = nodes.filter_map(|(node, step)| match step {
            Step::Running { attempt } => Some((At(node), *attempt)),
            _ => None,
        });
        for (node, attempt) in running.collect::<Vec<_>>() {
            let is_once = self.state.call(node).is_none()
                && inline::work_item(self.state, node, attempt, String::new())
                    .is_ok_and(|(_, item)| item.at_most_once);
            if is_once {
                let text = "whether it was done was lost with the engine's log";
                self.refused(node, attempt, StepError::new("outcome_unknown", text));
            }
        }
    }

    pub(super) fn failed(&mut self, node: At, failure: Failure) {
        let Failure {
            attempt,
            error,
            usage,
            unanswered,
        } = failure;
        let private = unanswered.then_some(Private::Unanswered);
        let mut error = limits::shortened(error);
        error.node = Some(self.id(node));
        if let Some(at) = self.next_attempt(node, &error, attempt) {
            let event = ExecutionEvent::StepRetrying {
                node: self.id(node),
                attempt,
                error,
                at,
                usage,
            };
            self.emit(event, private);
            let timer = Timer::Retry { node, attempt };
            return self.applied.effects.push(Effect::Wake { timer, at });
        }
        // A call has no edges: its failure is for the agent to deal with.
        let on_error = self
            .node(node)
            .map_or(&OnError::Fail, |node| &node.on_error);
        let (port, output) = match on_error {
            OnError::Fail => (None, None),
            OnError::Branch => {
                let output = serde_json::to_value(&error).expect("an error is JSON");
                (Some(Edge::ERROR_PORT.to_owned()), Some(output))
            }
            OnError::Default(value) => {
                let port = self.node(node).map(inline::default_port);
                (port, Some(value.clone()))
            }
        };
        let event = ExecutionEvent::StepFailed {
            node: self.id(node),
            attempt,
            error,
            port,
            output,
            usage,
        };
        self.emit(event, private);
    }

    /// When the attempt after a failed one begins; none where there is no further one.
    fn next_attempt(&self, node: At, error: &StepError, attempt: u32) -> Option<DateTime<Utc>> {
        let retry = self.retry(node)?;
        if !is_tried_again(&retry, error, attempt) {
            return None;
        }
        let at = after(self.now, pause(&retry, error, &self.key(node), attempt));
        let limit = retry.max_elapsed_ms.map(Duration::from_millis);
        let latest = self.state.begun_at(node).zip(limit);
        let is_soon = latest.is_none_or(|(begun, limit)| at <= after(begun, limit));
        is_soon.then_some(at)
    }

    fn retry(&self, at: At) -> Option<Retry> {
        match self.node(at) {
            Some(node) => node.retry.clone(),
            None => calls::retry_of(&calls::wanted(self.state, at)?.call),
        }
    }
}
