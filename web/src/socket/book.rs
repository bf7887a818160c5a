//! What is subscribed to, and how far each was heard. Knows the frames, not the socket.
//!
//! **Invariant:** an event is passed on once: what was heard before is dropped.
//! **Invariant:** after a new connection a subscription goes on after its last event.

use std::collections::BTreeMap;

use contracts::Problem;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Heard;

#[derive(Debug, Default)]
pub(super) struct Book {
    last_id: u64,
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    execution: String,
    after: u64,
}

#[derive(Deserialize)]
struct Incoming<'a> {
    id: Option<String>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(default)]
    end: bool,
    problem: Option<Problem>,
}

#[derive(Deserialize)]
struct Numbered {
    n: u64,
}

impl Book {
    /// A new subscription, by its id.
    pub(super) fn add(&mut self, execution: &str, after: u64) -> String {
        self.last_id += 1;
        let id = self.last_id.to_string();
        let execution = execution.to_owned();
        self.entries.insert(id.clone(), Entry { execution, after });
        id
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        self.entries.remove(id).is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The frame that subscribes, or subscribes again after what was heard.
    pub(super) fn subscribe(&self, id: &str) -> Option<String> {
        let Entry { execution, after } = self.entries.get(id)?;
        let frame =
            serde_json::json!({"id": id, "subscribe": {"execution": execution, "after": after}});
        Some(frame.to_string())
    }

    pub(super) fn subscribe_all(&self) -> Vec<String> {
        self.entries
            .keys()
            .filter_map(|id| self.subscribe(id))
            .collect()
    }

    pub(super) fn unsubscribe(id: &str) -> String {
        serde_json::json!({"id": id, "unsubscribe": true}).to_string()
    }

    /// Whom a frame concerns, and what it says.
    pub(super) fn hear(&mut self, text: &str) -> Option<(String, Heard)> {
        let incoming: Incoming<'_> = serde_json::from_str(text).ok()?;
        let id = incoming.id?;
        let entry = self.entries.get_mut(&id)?;
        let heard = match incoming {
            Incoming {
                problem: Some(problem),
                ..
            } => Heard::Problem(problem),
            Incoming { end: true, .. } => Heard::End,
            Incoming {
                event: Some(event), ..
            } => {
                let Numbered { n } = serde_json::from_str(event.get()).ok()?;
                if n <= entry.after {
                    return None;
                }
                entry.after = n;
                Heard::Event(event.get().to_owned())
            }
            _ => return None,
        };
        Some((id, heard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_heard_once_and_resumed_after() {
        let mut book = Book::default();
        let id = book.add("exec_1", 3);
        assert_eq!(
            book.subscribe(&id).unwrap(),
            r#"{"id":"1","subscribe":{"after":3,"execution":"exec_1"}}"#
        );
        let heard = book.hear(r#"{"id": "1", "event": {"n": 4, "type": "x"}}"#);
        assert_eq!(
            heard,
            Some((id.clone(), Heard::Event(r#"{"n": 4, "type": "x"}"#.into())))
        );
        assert_eq!(
            book.hear(r#"{"id": "1", "event": {"n": 4, "type": "x"}}"#),
            None
        );
        assert_eq!(
            book.subscribe_all(),
            [r#"{"id":"1","subscribe":{"after":4,"execution":"exec_1"}}"#]
        );
        assert_eq!(
            book.hear(r#"{"id": "1", "end": true}"#),
            Some((id.clone(), Heard::End))
        );
        assert!(book.remove(&id) && book.is_empty());
        assert_eq!(book.hear(r#"{"id": "1", "end": true}"#), None);
    }

    #[test]
    fn what_concerns_nobody_is_let_go() {
        let mut book = Book::default();
        book.add("exec_1", 0);
        for frame in [
            r#"{"pong": true}"#,
            "{",
            r#"{"id": "9", "end": true}"#,
            r#"{"id": "1", "event": {}}"#,
        ] {
            assert_eq!(book.hear(frame), None, "{frame}");
        }
    }
}
