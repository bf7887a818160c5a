//! What waits for a person, in the order in which it is shown.
//!
//! **Invariant:** what is shown keeps its place until it is answered; what comes later stands below.

use std::{
    collections::{BTreeMap, HashSet},
    rc::Rc,
};

use chrono::{DateTime, Utc};
use contracts::{
    Permission,
    execution::{Execution, ExecutionSummary, Origin, PendingAnswer, PendingApproval},
    id::{ExecutionId, UserId},
    page::Page,
};

use crate::api::session;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) execution: ExecutionId,
    pub(super) origin: Origin,
    pub(super) started_by: UserId,
    pub(super) ask: Ask,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ask {
    /// A node's question.
    Answer(Rc<PendingAnswer>),
    /// An agent's call of a tool.
    Call(Rc<PendingApproval>),
}

impl Item {
    /// Nothing else in the inbox has it.
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.execution, self.node())
    }

    fn node(&self) -> &str {
        match &self.ask {
            Ask::Answer(asked) => &asked.node,
            Ask::Call(asked) => &asked.node,
        }
    }

    pub(super) fn title(&self) -> String {
        match &self.ask {
            Ask::Answer(asked) => asked.title.clone(),
            Ask::Call(asked) => format!("Call {}?", asked.name),
        }
    }

    pub(super) fn asked_at(&self) -> DateTime<Utc> {
        match &self.ask {
            Ask::Answer(asked) => asked.asked_at,
            Ask::Call(asked) => asked.asked_at,
        }
    }

    pub(super) fn until(&self) -> Option<DateTime<Utc>> {
        match &self.ask {
            Ask::Answer(asked) => asked.until,
            Ask::Call(_) => None,
        }
    }

    /// Whether the user at the page may answer it.
    fn is_mine(&self) -> bool {
        session::may(Permission::ExecutionApprove)
            && match &self.ask {
                Ask::Answer(asked) => {
                    session::identity().is_some_and(|me| asked.may_answer(me.user.id, me.role))
                }
                Ask::Call(_) => true,
            }
    }

    /// What has to be answered first comes first, then what waits longest.
    fn urgency(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let until = self.until().unwrap_or(DateTime::<Utc>::MAX_UTC);
        (until, self.asked_at())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Inbox {
    items: Vec<Item>,
    /// The last event of each execution when it was read.
    read: BTreeMap<ExecutionId, u64>,
}

impl Inbox {
    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    /// What is shown: all, or what this user may answer.
    pub(super) fn shown(&self, mine: bool) -> Vec<Item> {
        let items = self.items.iter();
        let items = items.filter(|item| !mine || item.is_mine());
        items.cloned().collect()
    }

    /// The executions of which something is shown, with the event after which to follow them.
    pub(super) fn followed(&self) -> Vec<(ExecutionId, u64)> {
        let mut seen = HashSet::new();
        let shown = self.items.iter().map(|item| item.execution);
        shown
            .filter(|id| seen.insert(*id))
            .map(|id| (id, self.read.get(&id).copied().unwrap_or_default()))
            .collect()
    }

    /// The executions that are to be read, since the list tells something else of them than is shown.
    pub(super) fn wanted(&self, page: &Page<ExecutionSummary>) -> Vec<ExecutionId> {
        let mut shown: BTreeMap<ExecutionId, u32> = BTreeMap::new();
        for item in &self.items {
            *shown.entry(item.execution).or_default() += 1;
        }
        let oldest = page.items.last().map(|row| row.id);
        let listed: BTreeMap<ExecutionId, u32> =
            page.items.iter().map(|row| (row.id, row.asks)).collect();
        // What is older than the page is on a later one, and not gone.
        let covered =
            |id: &ExecutionId| page.next.is_none() || oldest.is_some_and(|old| *id >= old);
        let gone = shown
            .keys()
            .filter(|id| !listed.contains_key(*id) && covered(id));
        let changed = listed
            .iter()
            .filter(|(id, asks)| shown.get(*id) != Some(*asks));
        changed.map(|(id, _)| id).chain(gone).copied().collect()
    }

    /// Takes executions as they are now.
    pub(super) fn take(&mut self, executions: Vec<Execution>) {
        let mut fresh = Vec::new();
        for execution in executions {
            let id = execution.id;
            self.read.insert(id, execution.last_event);
            let mut asked: BTreeMap<String, Item> =
                items_of(execution).map(|item| (item.key(), item)).collect();
            self.items.retain_mut(|item| {
                if item.execution != id {
                    return true;
                }
                let now = asked.remove(&item.key());
                now.map(|now| *item = now).is_some()
            });
            fresh.extend(asked.into_values());
        }
        fresh.sort_by_key(Item::urgency);
        self.items.extend(fresh);
    }

    /// There is no such execution any more.
    pub(super) fn forget(&mut self, id: ExecutionId) {
        self.items.retain(|item| item.execution != id);
        self.read.remove(&id);
    }

    /// What is to be looked at after the one with this key: the next, or else the one before.
    pub(super) fn after(&self, key: &str) -> Option<String> {
        let at = self.items.iter().position(|item| item.key() == key)?;
        let next = self.items.get(at + 1);
        let next = next.or_else(|| self.items.get(at.checked_sub(1)?));
        next.map(Item::key)
    }
}

fn items_of(execution: Execution) -> impl Iterator<Item = Item> {
    let Execution {
        id,
        origin,
        started_by,
        state,
        answers,
        approvals,
        ..
    } = execution;
    let answers = answers.into_iter().map(|asked| Ask::Answer(asked.into()));
    let calls = approvals.into_iter().map(|asked| Ask::Call(asked.into()));
    let asks = answers.chain(calls).filter(move |_| !state.is_final());
    asks.map(move |ask| Item {
        execution: id,
        origin,
        started_by,
        ask,
    })
}

#[cfg(test)]
mod tests {
    use contracts::execution::ExecutionState;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> ExecutionId {
        ExecutionId::from_uuid(Uuid::from_u128(n))
    }

    fn asked(node: &str, second: u32, until: Value) -> Value {
        json!({
            "node": node, "title": node, "text": "", "form": null, "buttons": [], "least_role": null, "users": [],
            "asked_at": format!("2026-01-01T00:00:{second:02}Z"), "until": until,
        })
    }

    fn execution(n: u128, answers: &[Value]) -> Execution {
        let usage = json!({"prompt_tokens": 0, "completion_tokens": 0, "cost": null});
        serde_json::from_value(json!({
            "id": id(n), "flow_id": null, "revision": null, "agent_id": null, "crew_id": null, "version": null,
            "parent_id": null, "state": "waiting", "input": {}, "output": null, "error": null, "usage": usage,
            "last_event": 4, "approvals": [], "answers": answers, "started_by": UserId::EXAMPLE,
            "created_at": "2026-01-01T00:00:00Z", "finished_at": null,
        }))
        .expect("an execution")
    }

    /// As a list tells of it.
    fn summary(execution: Execution) -> ExecutionSummary {
        let told = serde_json::to_value(execution).expect("it has a JSON form");
        serde_json::from_value(told).expect("a list tells less of it")
    }

    fn list(rows: &[(u128, u32)], next: Option<&str>) -> Page<ExecutionSummary> {
        let row = |&(n, asks): &(u128, u32)| ExecutionSummary {
            asks,
            ..summary(execution(n, &[]))
        };
        Page {
            items: rows.iter().map(row).collect(),
            next: next.map(str::to_owned),
        }
    }

    fn titles(inbox: &Inbox) -> Vec<String> {
        inbox.items().iter().map(Item::title).collect()
    }

    #[test]
    fn the_most_urgent_is_first_and_what_comes_later_is_below() {
        let mut inbox = Inbox::default();
        let due = asked("due", 9, json!("2026-01-02T00:00:00Z"));
        inbox.take(vec![
            execution(1, &[asked("young", 5, Value::Null)]),
            execution(2, &[asked("old", 1, Value::Null), due]),
        ]);
        assert_eq!(titles(&inbox), ["due", "old", "young"]);
        inbox.take(vec![execution(
            3,
            &[asked("new", 3, json!("2026-01-01T12:00:00Z"))],
        )]);
        assert_eq!(titles(&inbox), ["due", "old", "young", "new"]);
        assert_eq!(inbox.followed(), [(id(2), 4), (id(1), 4), (id(3), 4)]);
    }

    #[test]
    fn what_was_answered_goes_and_the_rest_stays() {
        let mut inbox = Inbox::default();
        let (first, second) = (asked("a", 1, Value::Null), asked("b", 2, Value::Null));
        inbox.take(vec![execution(1, &[first, second.clone()])]);
        let key = |at: usize| inbox.items()[at].key();
        assert_eq!(inbox.after(&key(0)), Some(key(1)));
        assert_eq!(inbox.after(&key(1)), Some(key(0)));
        inbox.take(vec![execution(1, &[second])]);
        assert_eq!(titles(&inbox), ["b"]);
        assert_eq!(inbox.after(&inbox.items()[0].key()), None);
        let mut over = execution(1, &[asked("b", 2, Value::Null)]);
        over.state = ExecutionState::Cancelled;
        inbox.take(vec![over]);
        assert!(inbox.items().is_empty());
    }

    #[test]
    fn only_what_differs_is_read() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.wanted(&list(&[(2, 1), (1, 1)], None)), [id(1), id(2)]);
        inbox.take(vec![
            execution(1, &[asked("a", 1, Value::Null)]),
            execution(2, &[asked("b", 2, Value::Null)]),
        ]);
        assert!(inbox.wanted(&list(&[(2, 1), (1, 1)], None)).is_empty());
        assert_eq!(inbox.wanted(&list(&[(2, 2), (1, 1)], None)), [id(2)]);
        assert_eq!(inbox.wanted(&list(&[(2, 1)], None)), [id(1)]);
        assert!(inbox.wanted(&list(&[(2, 1)], Some("more"))).is_empty());
        inbox.forget(id(1));
        assert_eq!(titles(&inbox), ["b"]);
    }
}
