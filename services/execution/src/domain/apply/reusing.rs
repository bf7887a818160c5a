//! Steps whose output is taken over: nothing is begun.

use contracts::live::ExecutionEvent;

use super::Run;
use crate::domain::state::At;

impl Run<'_> {
    /// Takes the output of a step over, where there is one. Says whether there is.
    pub(super) fn reuse(&mut self, at: At) -> bool {
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
