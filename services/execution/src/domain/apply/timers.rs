//! What an execution does when one of its timers fires.

use contracts::execution::StepError;

use super::{Failure, Run, Timer};
use crate::domain::state::Step;

/// Why an attempt failed of which nothing was heard.
pub(crate) const NO_ANSWER: &str = "no worker answered in time";

impl Run<'_> {
    pub(super) fn timer(&mut self, timer: Timer) {
        let closing = self.state.data.closing.is_some();
        // Set anew when it goes on; that nobody answers is to be noticed meanwhile.
        let is_silence = matches!(timer, Timer::Silence { .. } | Timer::Unreported { .. });
        if self.state.data.is_paused() && !is_silence {
            return;
        }
        match timer {
            Timer::Retry { node, attempt } if !closing => {
                if let Step::Pausing {
                    attempt: failed,
                    at,
                } = self.state.step(node)
                    && failed == attempt
                    && at <= self.now
                {
                    self.begin_attempt(node, attempt + 1);
                    self.advance();
                }
            }
            Timer::Silence { node, attempt } | Timer::Unreported { node, attempt, .. }
                if !closing =>
            {
                let called = self.state.called.get(&node);
                let is_early = called
                    .is_some_and(|called| called.until > self.now || self.state.data.is_paused());
                if self.state.step(node) == (Step::Running { attempt }) && !is_early {
                    let error = StepError::new("timeout", NO_ANSWER).retryable();
                    let failure = Failure {
                        unanswered: true,
                        ..Failure::of(attempt, error)
                    };
                    self.failed(node, failure);
                    self.advance();
                }
            }
            Timer::Limit { node, attempt } if !closing => {
                let text = match self.state.step(node) {
                    Step::Looping { attempt: known, .. } if known == attempt => {
                        "the agent did not end in time"
                    }
                    Step::Iterating { .. } => "the body did not end in time",
                    _ => return,
                };
                let error = StepError::new("timeout", text).retryable();
                self.failed(node, Failure::of(attempt, error));
                self.advance();
            }
            Timer::Wait { node } if !closing => match self.state.step(node) {
                Step::Asking => self.look_after(node),
                Step::Listening { .. } => self.listened_long_enough(node),
                _ => self.wake(node),
            },
            Timer::Overdue => self.execution_overdue(),
            Timer::Grace if closing => self.finish(),
            Timer::GoOn if !closing => self.advance(),
            Timer::Retry { .. }
            | Timer::Silence { .. }
            | Timer::Unreported { .. }
            | Timer::Wait { .. }
            | Timer::Limit { .. }
            | Timer::GoOn
            | Timer::Grace => {}
        }
    }
}
