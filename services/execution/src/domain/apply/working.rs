//! Agents and crews at work: their calls are begun as steps.

use agents::{Call, Next, Wanted};
use contracts::{execution::StepError, live::ExecutionEvent};

use super::{Failure, Run};
use crate::domain::{
    calls,
    inline::Done,
    limits,
    retry::effect_key,
    state::{At, Step},
};

impl Run<'_> {
    /// Lets every agent at work go on. Says whether one is done, so that something else may begin.
    pub(super) fn work_on(&mut self) -> bool {
        let at_work: Vec<_> = self
            .state
            .open
            .iter()
            .filter_map(|at| match self.state.step(*at) {
                Step::Looping { attempt, since } => Some((*at, attempt, since)),
                _ => None,
            })
            .collect();
        let mut is_done = false;
        for (node, attempt, since) in at_work {
            match calls::next(self.state, node, attempt) {
                Next::Calls(wanted) => self.call(node, attempt, wanted),
                Next::Done(output) if limits::fits_into(self.state, &output) => {
                    let duration = self.since(since);
                    self.succeed(node, attempt, Done::with(output), duration);
                }
                Next::Done(output) => {
                    let failure = Failure::of(attempt, limits::too_large(&output));
                    self.failed(node, failure);
                }
                Next::Failed(error) => self.failed(node, Failure::of(attempt, error)),
            }
            is_done |= !matches!(self.state.step(node), Step::Looping { .. });
        }
        is_done
    }

    /// Begins the calls that were not begun yet.
    fn call(&mut self, node: At, attempt: u32, wanted: Vec<Wanted>) {
        for wanted in wanted {
            if self.state.at(&wanted.path).is_some() {
                continue;
            }
            if self.state.data.calls.len() >= calls::MAX_CALLS {
                let text = format!(
                    "the agents of an execution make at most {} calls",
                    calls::MAX_CALLS
                );
                let error = StepError::new("limit_reached", text);
                return self.failed(node, Failure::of(attempt, error));
            }
            if let Call::Approval { asked, by } = &wanted.call {
                let event = ExecutionEvent::ApprovalAsked {
                    node: wanted.path,
                    tool_id: asked.tool_id,
                    name: asked.name.clone(),
                    arguments_hash: asked.hash(),
                    arguments: asked.arguments.clone(),
                    approval: *by,
                };
                self.emit(event, None);
            } else {
                self.begin_call(&wanted, 1);
            }
        }
    }

    pub(super) fn begin_call(&mut self, wanted: &Wanted, attempt: u32) {
        let data = &self.state.data;
        let event = ExecutionEvent::StepStarted {
            node: wanted.path.clone(),
            attempt,
            key: effect_key(data.tenant, data.id, &wanted.path, 0),
            call: wanted.step_call(),
        };
        self.emit(event, None);
        let at = self.state.at(&wanted.path).expect("its record was folded");
        self.dispatch_call(at, wanted, attempt);
    }

    pub(super) fn dispatch_call(&mut self, at: At, wanted: &Wanted, attempt: u32) {
        if let Some((class, item)) = calls::work_item(self.state, wanted, attempt) {
            self.hand_out(at, class, item);
        }
    }
}
