//! Steps whose output is taken over, and steps that are left out: nothing is begun.

use contracts::live::ExecutionEvent;

use super::Run;
use crate::domain::state::At;

impl Run<'_> {
    /// No edge leads to a step: it is skipped, unless it has an output anyway.
    pub(super) fn skip(&mut self, at: At) {
        let reused = self.state.data.reuse.get(&at);
        let has_one = reused.is_some_and(|reused| reused.anyway);
        if !has_one || !self.reuse(at) {
            let node = self.id(at);
            self.emit(ExecutionEvent::StepSkipped { node }, None);
        }
    }

    /// Takes the output of a step over or leaves it out, where that is so. Says whether it is.
    pub(super) fn reuse(&mut self, at: At) -> bool {
        if self.state.data.left_out.contains(&at) {
            let node = self.id(at);
            self.emit(ExecutionEvent::StepSkipped { node }, None);
            return true;
        }
        let Some(reused) = self.state.data.reuse.get(&at).cloned() else {
            return false;
        };
        let event = ExecutionEvent::StepReused {
            node: reused.node,
            output: reused.output,
            port: reused.port,
            from: reused.from,
        };
        self.emit(event, None);
        true
    }
}
