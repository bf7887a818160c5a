//! Nodes that wait for a person's answer, or for their deadline.

use contracts::{execution::PendingAnswer, id::UserId, live::ExecutionEvent};
use serde_json::{Value, json};

use super::{Failure, Run};
use crate::domain::{
    inline::{self, Done},
    limits,
    state::At,
};

/// An answer that [`crate::domain::State::may_answer`] let through.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) port: String,
    pub(crate) values: Value,
    pub(crate) comment: String,
    pub(crate) by: UserId,
}

impl Answer {
    /// The output of the node.
    pub(crate) fn output(&self) -> Value {
        json!({"port": self.port, "values": self.values, "comment": self.comment, "by": self.by})
    }

    pub(crate) fn fits(&self) -> bool {
        limits::fits(&self.output())
    }
}

impl Run<'_> {
    pub(super) fn ask(&mut self, at: At) {
        match inline::asked(self.state, at, self.now) {
            Ok(asked) => {
                let until = asked.until;
                let asked = Box::new(asked);
                self.emit(ExecutionEvent::AnswerAsked { asked }, None);
                if let Some(until) = until {
                    self.wake_at(at, until);
                }
            }
            Err(error) => self.failed(at, Failure::of(1, error)),
        }
    }

    pub(super) fn answer(&mut self, node: At, answer: Answer) {
        let Some(asked) = self.state.asked(node) else {
            return;
        };
        if self.state.data.closing.is_some() {
            return;
        }
        let event = ExecutionEvent::AnswerGiven {
            node: self.id(node),
            output: answer.output(),
            port: answer.port,
            by: answer.by,
            duration_ms: self.since(asked.asked_at),
        };
        self.emit(event, None);
        self.advance();
    }

    /// Goes on without an answer where the time is over; where its timer was early, it waits on.
    pub(super) fn overdue(&mut self, node: At) {
        let Some(asked) = self.state.asked(node) else {
            return;
        };
        let Some(until) = asked.until else {
            return;
        };
        if until > self.now {
            return self.wake_at(node, until);
        }
        let port = PendingAnswer::DEADLINE_PORT.to_owned();
        let duration = self.since(asked.asked_at);
        let output = json!({"port": port, "values": null, "comment": "", "by": null});
        self.succeed(node, 1, Done { output, port }, duration);
        self.advance();
    }
}
