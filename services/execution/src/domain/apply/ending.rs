//! How an execution comes to its end.

use contracts::live::ExecutionEvent;

use super::{Effect, GRACE, Run, Timer, after};
use crate::{
    domain::{limits, outputs, state::Closing},
    record::Private,
};

impl Run<'_> {
    /// Cuts what runs, or ends at once when nothing does. What was begun by this very input has not left yet, and stays.
    pub(super) fn close(&mut self) {
        if self.state.is_over() {
            return;
        }
        for effect in std::mem::take(&mut self.applied.effects) {
            if let Effect::Dispatch { item, .. } = effect
                && let Some(node) = self.state.at(&item.node)
            {
                self.late(node, item.attempt, None);
            }
        }
        if self.state.tally.running == 0 {
            return self.finish();
        }
        let at = after(self.now, GRACE);
        let timer = Timer::Grace;
        self.applied.effects.push(Effect::Cut);
        self.applied.effects.push(Effect::Wake { timer, at });
    }

    pub(super) fn finish_if_done(&mut self) {
        let is_done = match self.state.data.closing {
            Some(_) => self.state.tally.running == 0,
            None => self.state.open.is_empty(),
        };
        if !self.state.is_over() && is_done {
            self.finish();
        }
    }

    pub(super) fn finish(&mut self) {
        let usage = self.state.data.usage;
        let event = match &self.state.data.closing {
            Some(Closing::Cancelled) => ExecutionEvent::ExecutionCancelled { usage },
            Some(Closing::Failed { error }) => ExecutionEvent::ExecutionFailed {
                error: error.clone(),
                usage,
            },
            None => {
                let output = outputs::result(self.state, None);
                if limits::fits(&output) {
                    ExecutionEvent::ExecutionSucceeded { output, usage }
                } else {
                    let error = limits::output_too_large();
                    ExecutionEvent::ExecutionFailed { error, usage }
                }
            }
        };
        let data = &self.state.data;
        let origin = data.origin;
        let private = data.notify.then_some(Private::Notify { origin });
        self.emit(event, private);
    }
}
