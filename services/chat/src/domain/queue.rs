//! Which answer's turn it is.
//!
//! **Invariant:** at most one answer of a session runs, and whatever waits has one that runs before it.

use chrono::{DateTime, Utc};
use contracts::{
    chat::{Concurrency, MessageState},
    id::MessageId,
};

use crate::{domain::Node, error::Error};

/// Answers of a session that may wait for their turn.
pub(crate) const WAITING: usize = 16;

/// What becomes of a new question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    Start,
    Wait,
    /// This answer is stopped, those that wait are dropped, and the new one is next.
    Interrupt(MessageId),
}

/// What is to be done for the answers of a session that are not final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: none waits, or one is being made.
    Rest,
    /// Someone is starting one, until then at the latest.
    Starting(DateTime<Utc>),
    Start(MessageId),
}

/// # Errors
/// [`Error::Answering`], [`Error::QueueFull`].
pub(crate) fn plan(policy: Concurrency, active: &[Node]) -> Result<Plan, Error> {
    let running = active
        .iter()
        .find(|node| node.state == MessageState::Running);
    let Some(running) = running else {
        return Ok(Plan::Start);
    };
    match policy {
        Concurrency::Reject => Err(Error::Answering),
        Concurrency::Enqueue if active.len() > WAITING => Err(Error::QueueFull),
        Concurrency::Enqueue => Ok(Plan::Wait),
        Concurrency::Interrupt => Ok(Plan::Interrupt(running.id)),
    }
}

pub(crate) fn next(active: &[Node], now: DateTime<Utc>) -> Next {
    let running = active
        .iter()
        .find(|node| node.state == MessageState::Running);
    if let Some(running) = running {
        return match (running.started_at, running.lease_until) {
            (Some(_), _) => Next::Rest,
            (None, Some(until)) if until > now => Next::Starting(until),
            (None, _) => Next::Start(running.id),
        };
    }
    // Ids are ordered by time.
    let oldest = active.iter().map(|node| node.id).min();
    oldest.map_or(Next::Rest, Next::Start)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use contracts::{
        chat::ChatRole,
        id::{ChatId, ExecutionId},
    };

    use super::*;

    fn node(state: MessageState) -> Node {
        Node {
            id: MessageId::generate(),
            session: ChatId::EXAMPLE,
            parent: Some(MessageId::EXAMPLE),
            depth: 1,
            role: ChatRole::Assistant,
            state,
            created_at: DateTime::UNIX_EPOCH,
            finished_at: None,
            execution: Some(ExecutionId::EXAMPLE),
            started_at: None,
            lease_until: None,
            attempts: 0,
        }
    }

    #[test]
    fn the_policy_decides_while_an_answer_runs() {
        let running = node(MessageState::Running);
        let id = running.id;
        for policy in Concurrency::ALL {
            assert_eq!(plan(policy, &[]).unwrap(), Plan::Start);
        }
        let mut active = vec![running];
        assert_eq!(plan(Concurrency::Enqueue, &active).unwrap(), Plan::Wait);
        let interrupt = plan(Concurrency::Interrupt, &active).unwrap();
        assert_eq!(interrupt, Plan::Interrupt(id));
        let rejected = plan(Concurrency::Reject, &active);
        assert!(matches!(rejected, Err(Error::Answering)));
        active.extend((0..15).map(|_| node(MessageState::Queued)));
        assert_eq!(plan(Concurrency::Enqueue, &active).unwrap(), Plan::Wait);
        active.push(node(MessageState::Queued));
        let full = plan(Concurrency::Enqueue, &active);
        assert!(matches!(full, Err(Error::QueueFull)));
    }

    #[test]
    fn one_runs_and_the_oldest_is_next() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::seconds(100);
        let (first, second) = (node(MessageState::Queued), node(MessageState::Queued));
        assert_eq!(next(&[], now), Next::Rest);
        let waiting = [second, first.clone()];
        assert_eq!(next(&waiting, now), Next::Start(first.id));

        let mut running = node(MessageState::Running);
        let with = |running: &Node| next(&[waiting[0].clone(), running.clone()], now);
        assert_eq!(with(&running), Next::Start(running.id));
        let until = now + TimeDelta::seconds(1);
        running.lease_until = Some(until);
        assert_eq!(with(&running), Next::Starting(until));
        running.lease_until = Some(now);
        assert_eq!(with(&running), Next::Start(running.id));
        running.started_at = Some(now);
        assert_eq!(with(&running), Next::Rest);
    }
}
