//! What follows the failure or the cancel of an execution: what succeeded is undone, then the error handler runs.
//!
//! **Invariant:** each stage begins once, after everything before it has ended or was cut, and steps are undone one by one,
//! the one that succeeded last first.

use chrono::{DateTime, Utc};
use contracts::{execution::StepError, live::ExecutionEvent};

use super::{Effect, Run, Timer, after};
use crate::domain::state::{Closing, Stage};

impl Run<'_> {
    /// The event by which the next stage begins; none where the execution is over.
    pub(super) fn next_stage(&self) -> Option<ExecutionEvent> {
        let data = &self.state.data;
        if self.state.lost.is_some() {
            return None;
        }
        let (why, is_cancelled) = match (&data.unwinding, &data.closing) {
            (None, Some(why)) => (why, false),
            (Some(unwinding), _) if unwinding.stage == Stage::Compensating => {
                (&unwinding.why, unwinding.is_cancelled)
            }
            _ => return None,
        };
        if data.unwinding.is_none() && !data.undoable.is_empty() {
            let steps = data.undoable.iter().rev().map(|at| self.id(*at)).collect();
            return Some(ExecutionEvent::CompensationStarted { steps });
        }
        let handler = *self.state.plan.handling().first()?;
        match why {
            Closing::Failed { error } if !is_cancelled => Some(ExecutionEvent::HandlerStarted {
                node: self.id(handler.into()),
                error: error.clone(),
            }),
            Closing::Failed { .. } | Closing::Cancelled => None,
        }
    }

    /// Undoes the next step, when none is being undone. Says whether anything has changed.
    pub(super) fn compensate(&mut self) -> bool {
        let next = self.state.data.undoable.last().copied();
        let by = next.and_then(|undone| self.state.undone_by(undone));
        match by {
            Some(by) if self.state.open.is_empty() => {
                self.begin(by);
                true
            }
            _ => false,
        }
    }

    /// When the execution has had its time; none where it has no end, or is ending already.
    fn overdue_at(&self) -> Option<DateTime<Utc>> {
        let data = &self.state.data;
        let limit = self.state.plan.definition().timeout_seconds?;
        let is_ending = data.closing.is_some() || data.unwinding.is_some();
        let counts = !is_ending && !data.queued;
        counts.then(|| after(data.begun_at, std::time::Duration::from_secs(limit)))
    }

    pub(super) fn limit_execution(&mut self) {
        if let Some(at) = self.overdue_at() {
            let timer = Timer::Overdue;
            self.applied.effects.push(Effect::Wake { timer, at });
        }
    }

    /// Ends an execution that has had its time; where its timer was early, it is set again.
    pub(super) fn execution_overdue(&mut self) {
        match self.overdue_at() {
            Some(at) if at <= self.now => {
                let limit = self.state.plan.definition().timeout_seconds.unwrap_or(0);
                let text = format!("the execution did not end within {limit} s");
                self.fail_whole(StepError::new("execution_timeout", text));
            }
            Some(_) => self.limit_execution(),
            None => {}
        }
    }
}
