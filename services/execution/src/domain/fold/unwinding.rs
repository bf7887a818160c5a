//! How an execution that fails or is cancelled is undone, and goes on in its error handler.

use contracts::live::ExecutionEvent;
use graph::schedule::Decisions;

use crate::domain::state::{At, Closing, Stage, State, Unwinding};

impl State {
    /// The step that a step undoes.
    pub(crate) fn undoes(&self, at: At) -> Option<At> {
        let node = self.plan.node(self.node_index(at)?);
        let undone = self.plan.index(node.compensates.as_deref()?)?;
        Some(self.step_in(self.iteration_of(at), undone))
    }

    /// The step that undoes a step.
    pub(crate) fn undone_by(&self, at: At) -> Option<At> {
        let node = self.plan.compensation(self.node_index(at)?)?;
        Some(self.step_in(self.iteration_of(at), node))
    }

    pub(super) fn fold_unwinding(&mut self, event: &ExecutionEvent) {
        match event {
            ExecutionEvent::CancelAsked { .. } => {
                (self.data.paused, self.data.paused_with_parent) = (false, false);
                match &mut self.data.unwinding {
                    Some(unwinding) if unwinding.stage == Stage::Compensating => {
                        unwinding.is_cancelled = true;
                    }
                    _ => {
                        self.data.closing.get_or_insert(Closing::Cancelled);
                    }
                }
            }
            ExecutionEvent::ExecutionFailing { error } => {
                let error = error.clone();
                self.data.closing.get_or_insert(Closing::Failed { error });
            }
            ExecutionEvent::CompensationStarted { .. } => self.unwind(Stage::Compensating),
            ExecutionEvent::HandlerStarted { .. } => self.unwind(Stage::Handling),
            _ => {}
        }
    }

    /// Whatever is still open is cut, and something else may begin.
    fn unwind(&mut self, stage: Stage) {
        while let Some((at, _)) = self.data.iterating.first() {
            let at = *at;
            self.leave(at);
        }
        self.cut(|_, _| true);
        let why = self.data.closing.take();
        match &mut self.data.unwinding {
            Some(unwinding) => unwinding.stage = stage,
            None => {
                self.data.unwinding = Some(Unwinding {
                    why: why.unwrap_or(Closing::Cancelled),
                    stage,
                    uncompensated: Vec::new(),
                    is_cancelled: false,
                });
            }
        }
        if stage == Stage::Handling {
            self.outer = Decisions::of_handler(&self.plan);
        }
    }

    /// A step succeeded: it is undone, where it can be, before those that succeeded earlier.
    pub(super) fn note_undoable(&mut self, at: At) {
        if self.undone_by(at).is_some() {
            self.data.undoable.push(at);
        }
    }

    /// Where a step undoes another: whether it did. Says whether it is such a step.
    pub(super) fn note_undone(&mut self, at: At, is_undone: bool) -> bool {
        let Some(undone) = self.undoes(at) else {
            return false;
        };
        self.data.undoable.retain(|known| *known != undone);
        if let Some(unwinding) = self.data.unwinding.as_mut().filter(|_| !is_undone) {
            unwinding.uncompensated.push(undone);
        }
        true
    }
}
