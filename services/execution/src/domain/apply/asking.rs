//! Nodes that wait for a person's answer, or for their deadline.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::{execution::PendingAnswer, id::UserId, live::ExecutionEvent};
use serde_json::{Value, json};

use super::{Failure, Run, after};
use crate::domain::{
    inline::{self, Done},
    limits,
    state::{At, Step},
};

/// After so many reminders nobody is reminded any more.
const MAX_REMINDERS: u32 = 100;

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
                let asked = Box::new(asked);
                self.emit(ExecutionEvent::AnswerAsked { asked }, None);
                self.look_after_later(at);
            }
            Err(error) => self.failed(at, Failure::of(1, error)),
        }
    }

    /// A person's word on a call.
    pub(super) fn decide(&mut self, node: At, approved: bool, comment: String, by: UserId) {
        if self.state.step(node) == Step::Asking && self.state.data.closing.is_none() {
            let event = ExecutionEvent::ApprovalGiven {
                node: self.id(node),
                approved,
                by,
                comment,
            };
            self.emit(event, None);
            self.advance();
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

    /// Sets the time at which something follows from nobody having answered, where there is one.
    pub(super) fn look_after_later(&mut self, node: At) {
        let Some(asked) = self.state.asked(node) else {
            return;
        };
        let others = asked.escalation.as_ref().filter(|others| !others.reached);
        let moments = [asked.until, others.map(|others| others.at), reminder(asked)];
        if let Some(at) = moments.into_iter().flatten().min() {
            self.wake_at(node, at);
        }
    }

    /// Nobody has answered: does what it is time for.
    pub(super) fn look_after(&mut self, node: At) {
        let Some(asked) = self.state.asked(node).cloned() else {
            return;
        };
        let is_due = |at: DateTime<Utc>| at <= self.now;
        if asked.until.is_some_and(is_due) {
            return self.overdue(node, &asked);
        }
        let others = asked.escalation.as_ref().filter(|others| !others.reached);
        let others = others.filter(|others| is_due(others.at));
        let reminder = reminder(&asked).filter(|at| is_due(*at));
        let id = self.id(node);
        if let Some(others) = others {
            let event = ExecutionEvent::AnswerEscalated {
                node: id.clone(),
                least_role: others.least_role,
                users: others.users.clone(),
            };
            self.emit(event, None);
        }
        if reminder.is_some() {
            let every = asked.remind_every_seconds.unwrap_or(1).max(1);
            let passed = self.since(asked.asked_at) / 1000 / u64::from(every);
            // Those that nobody was there to send are not made up for.
            let count = u32::try_from(passed).unwrap_or(u32::MAX);
            let count = count.max(asked.reminders + 1);
            self.emit(ExecutionEvent::AnswerReminded { node: id, count }, None);
        }
        self.look_after_later(node);
    }

    /// Goes on without an answer.
    fn overdue(&mut self, node: At, asked: &PendingAnswer) {
        let port = PendingAnswer::DEADLINE_PORT.to_owned();
        let duration = self.since(asked.asked_at);
        let output = json!({"port": port, "values": null, "comment": "", "by": null});
        self.succeed(node, 1, Done { output, port }, duration);
        self.advance();
    }
}

/// When the next reminder is due; none where there is none.
fn reminder(asked: &PendingAnswer) -> Option<DateTime<Utc>> {
    let every = asked.remind_every_seconds?;
    let next = (asked.reminders < MAX_REMINDERS).then(|| asked.reminders + 1)?;
    let pause = Duration::from_secs(u64::from(every) * u64::from(next));
    Some(after(asked.asked_at, pause))
}
