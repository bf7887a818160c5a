//! Attempts that are given to workers.

use std::time::Duration;

use contracts::work::{WorkClass, WorkItem};

use super::{Effect, Failure, Run, SILENCE, Timer, after};
use crate::domain::{calls, inline, state::At};

/// How long nothing may be heard of an attempt that has so much time.
pub(crate) fn patience(limit_ms: u64) -> Duration {
    Duration::from_millis(limit_ms).saturating_add(SILENCE)
}

impl Run<'_> {
    pub(super) fn dispatch(&mut self, at: At, attempt: u32) {
        if self.state.call(at).is_some() {
            if let Some(wanted) = calls::wanted(self.state, at) {
                self.dispatch_call(at, &wanted, attempt);
            }
            return;
        }
        let key = self.key(at);
        match inline::work_item(self.state, at, attempt, key) {
            Ok((class, item)) => self.hand_out(at, class, item),
            Err(error) => self.failed(at, Failure::of(attempt, error)),
        }
    }

    pub(super) fn hand_out(&mut self, node: At, class: WorkClass, item: WorkItem) {
        let attempt = item.attempt;
        let limit_ms = item.timeout_ms;
        let timer = Timer::Unreported {
            node,
            attempt,
            limit_ms,
        };
        let at = after(self.now, patience(limit_ms));
        let item = Box::new(item);
        let again = false;
        self.applied
            .effects
            .push(Effect::Dispatch { class, item, again });
        self.applied.effects.push(Effect::Wake { timer, at });
    }
}
