//! Nodes that wait for a time: a timer, and no worker.

use chrono::{DateTime, Utc};
use contracts::live::ExecutionEvent;
use serde_json::json;

use super::{Effect, Failure, Run, Timer};
use crate::domain::{
    inline::{self, Done},
    state::{At, Step},
};

impl Run<'_> {
    pub(super) fn wait(&mut self, at: At) {
        match inline::wait_until(self.state, at, self.now) {
            Ok(until) => {
                let node = self.id(at);
                self.emit(ExecutionEvent::StepSleeping { node, until }, None);
                self.wake_at(at, until);
            }
            Err(error) => self.failed(at, Failure::of(1, error)),
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
        let done = Done::with(json!({ "until": until }));
        self.succeed(node, 1, done, self.since(since));
        self.advance();
    }

    /// Milliseconds that have passed.
    pub(super) fn since(&self, then: DateTime<Utc>) -> u64 {
        u64::try_from((self.now - then).num_milliseconds()).unwrap_or(0)
    }
}
