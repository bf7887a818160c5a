//! Steps whose output is taken over, and steps that are left out: nothing is begun.

use contracts::live::ExecutionEvent;

use super::Run;
use crate::domain::state::{At, Step};

impl Run<'_> {
    /// Takes what is given before anything runs. Says whether there was something.
    pub(super) fn take_given(&mut self) -> bool {
        let given = self.state.data.reuse.iter();
        let given: Vec<_> = given
            .filter(|(at, it)| it.at_once && self.state.step(**at) == Step::Waiting)
            .map(|(at, _)| *at)
            .collect();
        for at in &given {
            self.reuse(*at);
        }
        !given.is_empty()
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
