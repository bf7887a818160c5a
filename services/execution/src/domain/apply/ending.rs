//! How an execution comes to its end.

use contracts::{execution::StepError, id::UserId, live::ExecutionEvent};
use serde_json::Value;

use super::{Effect, GRACE, Run, Timer, Word, after, told_at_the_end};
use crate::{
    domain::{
        limits, outputs,
        state::{Closing, Stage},
    },
    record::Private,
};

impl Run<'_> {
    pub(super) fn cancel(&mut self, by: UserId) {
        let unwinding = self.state.data.unwinding.as_ref();
        let is_known = unwinding.is_some_and(|unwinding| unwinding.is_cancelled);
        // What failed while it was paused has not ended yet.
        let ends = self.state.data.closing.is_some() && !self.state.data.is_paused();
        if ends || is_known {
            return;
        }
        self.emit(ExecutionEvent::CancelAsked { by }, None);
        // What is being undone is undone to its end.
        if self.state.data.closing.is_some() {
            self.close();
        }
    }

    /// Cuts what runs, or ends at once when nothing does. What was begun by this very input has not left yet, and stays.
    pub(super) fn close(&mut self) {
        if self.state.is_over() || self.state.data.is_paused() {
            return;
        }
        for effect in std::mem::take(&mut self.applied.effects) {
            let (node, attempt) = match effect {
                Effect::Dispatch { item, .. } => (item.node, item.attempt),
                Effect::Look { node, attempt, .. } => (node, attempt),
                kept @ (Effect::Keep { .. } | Effect::Tell { .. }) => {
                    self.applied.effects.push(kept);
                    continue;
                }
                Effect::Wake { .. } | Effect::Listen { .. } | Effect::Cut => continue,
            };
            if let Some(node) = self.state.at(&node) {
                self.late(node, attempt, None);
            }
        }
        if self.state.tally.running == 0 {
            return self.finish();
        }
        let at = after(self.now, GRACE);
        let timer = Timer::Grace;
        self.applied.effects.push(Effect::Cut);
        let by = self.state.data.principal.user_id;
        self.tell_called(by, &Word::Cancel);
        self.applied.effects.push(Effect::Wake { timer, at });
    }

    /// Goes on closing, or begins to where a value is lost: what follows from null is not what would have followed.
    pub(super) fn close_again(&mut self) {
        match self.state.lost.clone() {
            Some(error) if self.state.data.closing.is_none() => self.fail_whole(error),
            _ => self.close(),
        }
    }

    pub(super) fn finish_if_done(&mut self) {
        let is_done = match self.state.data.closing {
            Some(_) => self.state.tally.running == 0,
            None => self.state.open.is_empty(),
        };
        if !self.state.is_over() && !self.state.data.is_paused() && is_done {
            self.finish();
        }
    }

    /// Nothing runs any more: what follows begins, or the execution is over.
    pub(super) fn finish(&mut self) {
        match self.next_stage() {
            Some(event) => {
                self.emit(event, None);
                self.advance();
            }
            None => self.end(),
        }
    }

    fn end(&mut self) {
        let data = &self.state.data;
        let usage = data.usage;
        let uncompensated = data.unwinding.iter().flat_map(|it| &it.uncompensated);
        // Without a value that was lost nothing is undone.
        let left = data.undoable.iter().filter(|_| self.state.lost.is_some());
        let uncompensated = uncompensated.chain(left).map(|at| self.id(*at)).collect();
        let why = data.unwinding.as_ref().map(|it| &it.why);
        let event = match why.or(data.closing.as_ref()) {
            Some(Closing::Cancelled) => ExecutionEvent::ExecutionCancelled {
                usage,
                uncompensated,
            },
            Some(Closing::Failed { error }) => {
                let handled = self.state.stage() == Some(Stage::Handling) && data.closing.is_none();
                let output = match handled {
                    true => outputs::result(self.state, None),
                    false => Value::Null,
                };
                ExecutionEvent::ExecutionFailed {
                    error: error.clone(),
                    usage,
                    handled,
                    // Each of several outputs fits; all together may not.
                    output: Some(output).filter(limits::fits).unwrap_or_default(),
                    uncompensated,
                }
            }
            None => {
                let output = outputs::result(self.state, None);
                if !limits::fits(&output) {
                    return self.fail_whole(limits::output_too_large());
                }
                ExecutionEvent::ExecutionSucceeded { output, usage }
            }
        };
        let data = &self.state.data;
        let origin = data.origin;
        let private = data.notify.then_some(Private::Notify { origin });
        self.emit(event, private);
        self.applied.effects.extend(told_at_the_end(self.state));
    }

    /// The execution fails, and none of its steps is the reason.
    pub(super) fn fail_whole(&mut self, error: StepError) {
        self.emit(ExecutionEvent::ExecutionFailing { error }, None);
        self.close();
    }
}
