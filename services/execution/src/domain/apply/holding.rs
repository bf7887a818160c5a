//! Executions that are told to begin nothing new, and to go on, and those that wait for their place before they begin.
//!
//! **Invariant:** between a pause and what ends it no step begins: what runs reports, and timers are set anew afterwards.
//! Before its release nothing of a queued execution begins, and its time does not run; it can be cancelled.

use contracts::{id::UserId, live::ExecutionEvent};

use super::{Effect, Run, Timer, Word};
use crate::domain::state::Step;

impl Run<'_> {
    pub(super) fn pause(&mut self, by: UserId, parent_event: Option<u64>) {
        let is_known = match parent_event {
            Some(event) => !self.hear(event) || self.state.data.paused_with_parent,
            None => self.state.data.paused,
        };
        if is_known || !self.state.may_pause() {
            return;
        }
        let was_paused = self.state.data.is_paused();
        self.emit(ExecutionEvent::ExecutionPaused { by, parent_event }, None);
        if !was_paused {
            let event = self.state.data.turned;
            self.tell_called(by, &Word::Pause { event });
        }
    }

    /// A person's word counts for all reasons why it is paused; that of the execution which began it for its own alone.
    pub(super) fn unpause(&mut self, by: UserId, parent_event: Option<u64>) {
        let is_held = match parent_event {
            Some(event) => self.hear(event) && self.state.data.paused_with_parent,
            None => self.state.data.is_paused(),
        };
        if !is_held {
            return;
        }
        self.emit(ExecutionEvent::ExecutionResumed { by, parent_event }, None);
        if self.state.data.is_paused() {
            return;
        }
        let event = self.state.data.turned;
        self.tell_called(by, &Word::Resume { event });
        self.give_time();
        self.set_timers();
        self.advance();
    }

    /// Whether a word that follows from this event of the execution which began this one is news.
    fn hear(&mut self, event: u64) -> bool {
        let is_new = event > self.state.heard;
        self.state.heard = self.state.heard.max(event);
        is_new
    }

    pub(super) fn release(&mut self) {
        if self.state.data.queued && self.state.data.closing.is_none() {
            self.emit(ExecutionEvent::ExecutionReleased {}, None);
            self.limit_execution();
            self.advance();
        }
    }

    /// Sets the timers that follow from the state. One whose time has come fires at once.
    pub(super) fn set_timers(&mut self) {
        self.limit_execution();
        let steps: Vec<_> = self.state.steps().collect();
        for (node, step) in steps {
            match step {
                Step::Pausing { attempt, at } => {
                    let timer = Timer::Retry { node, attempt };
                    self.applied.effects.push(Effect::Wake { timer, at });
                }
                Step::Looping { attempt, since } => self.limit(node, attempt, since),
                Step::Iterating { since } => self.limit(node, 1, since),
                Step::Sleeping { until, .. } => self.wake_at(node, until),
                Step::Listening { .. } => self.listen_on(node),
                Step::Asking => self.look_after_later(node),
                Step::Running { .. }
                | Step::Waiting
                | Step::Settled
                | Step::Skipped
                | Step::Failed
                | Step::Cut => {}
            }
        }
    }
}
