//! Nodes that wait for a time: a timer, and no worker.

use chrono::{DateTime, Utc};
use contracts::{flow::Edge, live::ExecutionEvent};
use graph::NodeIndex;
use serde_json::json;

use super::{Effect, Failure, Run, Timer};
use crate::domain::{
    inline,
    state::{At, Step},
};

impl Run<'_> {
    pub(super) fn wait(&mut self, node: NodeIndex) {
        match inline::wait_until(self.state, node, self.now) {
            Ok(until) => {
                let id = self.id(node.into());
                self.emit(ExecutionEvent::StepSleeping { node: id, until }, None);
                self.wake_at(node.into(), until);
            }
            Err(error) => self.failed(node.into(), Failure::of(1, error)),
        }
    }

    pub(super) fn wake_at(&mut self, node: At, at: DateTime<Utc>) {
        let timer = Timer::Wait { node };
        self.applied.effects.push(Effect::Wake { timer, at });
    }

    /// Goes on where the wait is over; where its timer was early, it waits on.
    pub(super) fn wake(&mut self, node: At) {
        let Step::Sleeping { since, until } = self.state.step(node) else {
            return;
        };
        if until > self.now {
            return self.wake_at(node, until);
        }
        let event = ExecutionEvent::StepSucceeded {
            node: self.id(node),
            attempt: 1,
            output: json!({ "until": until }),
            port: Edge::DEFAULT_PORT.to_owned(),
            usage: None,
            duration_ms: self.since(since),
        };
        self.emit(event, None);
        self.advance();
    }

    /// Milliseconds that have passed.
    pub(super) fn since(&self, then: DateTime<Utc>) -> u64 {
        u64::try_from((self.now - then).num_milliseconds()).unwrap_or(0)
    }
}
