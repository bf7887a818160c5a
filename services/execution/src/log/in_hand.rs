//! Attempts that workers of an earlier owner may have in hand: given out before the partition changed its owner.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use contracts::id::ExecutionId;

use super::effects::Dispatch;

/// How long nobody may say that he has an attempt, before it is queued.
const SILENCE: Duration = Duration::from_millis(800);

/// Names an attempt.
type Key = (ExecutionId, String, u32);

#[derive(Default)]
pub(crate) struct InHand(HashMap<Key, (Instant, Dispatch)>);

impl InHand {
    pub(crate) fn put(&mut self, dispatch: Dispatch, now: Instant) {
        self.0.insert(dispatch.key(), (now, dispatch));
    }

    /// A worker has said that he has it.
    pub(crate) fn said(&mut self, execution: ExecutionId, node: &str, attempt: u32, now: Instant) {
        if let Some((heard, _)) = self.0.get_mut(&(execution, node.to_owned(), attempt)) {
            *heard = now;
        }
    }

    /// It was in a queue all the time.
    pub(crate) fn was_queued(&mut self, execution: ExecutionId, node: &str, attempt: u32) {
        if !self.0.is_empty() {
            self.0.remove(&(execution, node.to_owned(), attempt));
        }
    }

    /// Those of which nobody has said anything for too long.
    pub(crate) fn take_silent(&mut self, now: Instant) -> Vec<Dispatch> {
        let is_silent = |_: &Key, (heard, _): &mut (Instant, Dispatch)| now >= *heard + SILENCE;
        let silent = self.0.extract_if(is_silent);
        silent.map(|(_, (_, dispatch))| dispatch).collect()
    }
}

#[cfg(test)]
mod tests {
    use contracts::{
        Principal, Role,
        id::{TenantId, UserId},
        work::{WorkClass, WorkItem},
    };

    use super::*;

    fn dispatch(node: &str) -> Dispatch {
        let principal = Principal {
            user_id: UserId::EXAMPLE,
            tenant: TenantId::EXAMPLE,
            role: Role::Editor,
            session_id: None,
            execution_id: None,
        };
        let item = WorkItem {
            tenant: TenantId::EXAMPLE,
            execution_id: ExecutionId::EXAMPLE,
            flow_id: None,
            node: node.into(),
            attempt: 1,
            key: String::new(),
            principal,
            config: Default::default(),
            type_version: None,
            argument: serde_json::Value::Null,
            timeout_ms: 1,
            idle_timeout_ms: None,
            at_most_once: false,
        };
        Dispatch {
            class: WorkClass::Http,
            item: Box::new(item),
        }
    }

    #[test]
    fn what_nobody_speaks_of_is_queued() {
        let (mut in_hand, start) = (InHand::default(), Instant::now());
        for node in ["silent", "held", "queued"] {
            in_hand.put(dispatch(node), start);
        }
        let later = start + SILENCE / 2;
        in_hand.said(ExecutionId::EXAMPLE, "held", 1, later);
        in_hand.was_queued(ExecutionId::EXAMPLE, "queued", 1);
        assert!(in_hand.take_silent(later).is_empty());
        let names =
            |taken: Vec<Dispatch>| -> Vec<_> { taken.into_iter().map(|it| it.item.node).collect() };
        assert_eq!(names(in_hand.take_silent(start + SILENCE)), ["silent"]);
        assert_eq!(names(in_hand.take_silent(later + SILENCE)), ["held"]);
        assert!(in_hand.take_silent(later + SILENCE * 2).is_empty());
    }
}
