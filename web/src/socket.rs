//! One WebSocket per tab, for everything that is followed live.
//!
//! [`book`] knows what is subscribed to and how far it was heard; [`line`](self::line) opens the socket, and opens it again.
//!
//! **Invariant:** a subscription hears each event once and in order, however often the socket is lost.

mod book;
mod line;
mod queue;

use std::rc::Rc;

use contracts::Problem;

use self::queue::Queue;

/// What a subscriber hears.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    /// The JSON of an event.
    Event(String),
    /// There is nothing more to come.
    End,
    Problem(Problem),
    /// The socket stands, again or for the first time.
    Open,
    /// The socket is lost; it is opened again by itself.
    Lost,
    /// There is no socket to be had here: other ways must do.
    Unavailable,
}

/// Ends when it is dropped.
pub(crate) struct Subscription {
    id: String,
    heard: Rc<Queue<Heard>>,
}

/// Follows an execution after one of its events.
pub(crate) fn follow_execution(execution: &str, after: u64) -> Subscription {
    line::subscribe(execution, after)
}

impl Subscription {
    pub(crate) async fn next(&self) -> Heard {
        self.heard.next().await
    }

    /// What is here already.
    pub(crate) fn try_next(&self) -> Option<Heard> {
        self.heard.take()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        line::unsubscribe(&self.id);
    }
}
