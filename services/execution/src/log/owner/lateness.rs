//! Timers that are due, and attempts of which nothing was heard for long.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::owner::Claim;
use tokio::time::Instant;

use super::{Owner, now};
use crate::{
    domain::{Input, Timer, patience, state::Step},
    log::timers::Due,
};

impl Owner {
    /// Does what the time has come for.
    pub(super) fn fire(&mut self) {
        while let Some(due) = self.timers.take() {
            let now = now().max(due.at);
            if let Some(at) = self.later(&due, now) {
                self.timers.set(Due { at, ..due }, now);
                continue;
            }
            self.partition
                .input(due.execution, Input::TimerFired(due.timer), now);
        }
        self.wake_due();
    }

    /// When to look again for the result of an attempt whose time is not over: it waited for a worker, or waits still.
    fn later(&self, due: &Due, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Timer::Unreported {
            node,
            attempt,
            limit_ms,
        } = due.timer
        else {
            return None;
        };
        let state = &self.partition.slots.get(due.execution)?.state;
        let path = state.path(node);
        let begun = &self.outlet.giver.begun;
        let is_running = state.step(node) == Step::Running { attempt };
        // What goes on as an execution of its own has a time of its own.
        if !is_running || state.called.contains_key(&node) {
            begun.forget(due.execution, &path, attempt);
            return None;
        }
        let clock = Instant::now().into_std();
        let left = begun.left(due.execution, &path, attempt, patience(limit_ms), clock)?;
        now.checked_add_signed(TimeDelta::from_std(left).ok()?)
    }

    /// A worker that took an attempt from a queue asks whether it may begin.
    pub(super) fn claimed(&self, claim: &Claim) {
        let (id, node, attempt) = (claim.execution_id, &claim.node, claim.attempt);
        let slot = self.partition.slots.of(claim.tenant, id);
        if slot.is_some_and(|slot| slot.state.wants(node, attempt)) {
            let now = Instant::now().into_std();
            self.outlet.giver.begun.note(id, node, attempt, now);
        }
    }
}
