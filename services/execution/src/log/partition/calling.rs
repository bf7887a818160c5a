//! What is heard of the executions that steps have begun.

use chrono::{DateTime, Utc};
use contracts::owner;

use super::{Answer, Partition, Ticket};
use crate::domain::{Input, apply, state::Step};

impl Partition {
    /// The execution is over that a step had begun. Nothing happens where the step waits for it no more.
    pub(crate) fn ended(&mut self, ticket: Ticket, ended: owner::Ended, now: DateTime<Utc>) {
        let id = ended.execution_id;
        let Some(slot) = self.slots.of(ended.tenant, id) else {
            return self.missing(ticket, ended.tenant, id);
        };
        let step = slot.state.at(&ended.node);
        let step = step.map(|node| (node, slot.state.step(node)));
        if let Some((node, Step::Running { attempt })) = step
            && slot.state.calls_flow(node)
        {
            let input = Input::Result(apply::StepResult {
                node,
                attempt,
                outcome: ended.outcome,
                usage: Some(ended.usage),
                duration_ms: ended.duration_ms,
            });
            self.input(id, input, now);
        }
        self.after_commit_of(id, ticket, Answer::Done);
    }
}
