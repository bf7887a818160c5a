//! Nodes that wait for an event, or for their deadline: no worker, and no poll.

use contracts::{execution::PendingAnswer, live::ExecutionEvent};
use serde_json::{Value, json};

use super::{Effect, Failure, Run};
use crate::domain::{
    inline::{self, Done, Wanted},
    limits,
    state::{At, Step},
};

impl Run<'_> {
    pub(super) fn listen(&mut self, at: At) {
        let (wanted, until) = match inline::listened(self.state, at, self.now) {
            Ok(listened) => listened,
            Err(error) => return self.failed(at, Failure::of(1, error)),
        };
        let Wanted { name, pointer, key } = wanted.clone();
        let event = ExecutionEvent::StepListening {
            node: self.id(at),
            event: name,
            pointer,
            key,
            until,
        };
        self.emit(event, None);
        self.tell_what_is_wanted(at, wanted);
    }

    /// Lets the event be found, once more after a change of owner.
    pub(super) fn listen_on(&mut self, at: At) {
        // What it reads has settled for good, so this is what it began with.
        if let Ok((wanted, _)) = inline::listened(self.state, at, self.now) {
            self.tell_what_is_wanted(at, wanted);
        }
    }

    fn tell_what_is_wanted(&mut self, at: At, wanted: Wanted) {
        let node = self.id(at);
        self.applied.effects.push(Effect::Listen { node, wanted });
        if let Step::Listening {
            until: Some(until), ..
        } = self.state.step(at)
        {
            self.wake_at(at, until);
        }
    }

    /// The event has come.
    pub(super) fn heard(&mut self, at: At, output: Value) {
        let Step::Listening { since, .. } = self.state.step(at) else {
            return;
        };
        if self.state.data.closing.is_some() {
            return;
        }
        let duration = self.since(since);
        match limits::fits_into(self.state, &output) {
            true => self.succeed(at, 1, Done::with(output), duration),
            false => self.failed(at, Failure::of(1, limits::too_large(&output))),
        }
        self.advance();
    }

    /// Goes on without the event where the time is over; where its timer was early, it waits on.
    pub(super) fn listened_long_enough(&mut self, at: At) {
        let Step::Listening {
            since,
            until: Some(until),
        } = self.state.step(at)
        else {
            return;
        };
        if until > self.now {
            return self.wake_at(at, until);
        }
        let port = PendingAnswer::DEADLINE_PORT.to_owned();
        let output = json!({"event": null, "id": null, "data": null, "at": null});
        let duration = self.since(since);
        self.succeed(at, 1, Done { output, port }, duration);
        self.advance();
    }
}
