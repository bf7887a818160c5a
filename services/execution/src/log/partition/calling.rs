//! What is heard of the executions that steps have begun.

use chrono::{DateTime, Utc};
use contracts::owner;

use super::{Answer, Partition, Ticket};
use crate::domain::{Input, apply};

impl Partition {
    /// The execution is over that a step had begun. Where the step waits for it no more, only its price counts.
    pub(crate) fn ended(&mut self, ticket: Ticket, ended: owner::Ended, now: DateTime<Utc>) {
        let id = ended.execution_id;
        let Some(slot) = self.slots.of(ended.tenant, id) else {
            return self.missing(ticket, ended.tenant, id);
        };
        let step = slot.state.at(&ended.node);
        if let Some(node) = step.filter(|node| slot.state.calls_flow(*node)) {
            let input = Input::Result(apply::StepResult {
                node,
                attempt: ended.attempt,
                outcome: ended.outcome,
                usage: Some(ended.usage),
                duration_ms: ended.duration_ms,
            });
            self.input(id, input, now);
        }
        self.after_commit_of(id, ticket, Answer::Done);
    }
}
