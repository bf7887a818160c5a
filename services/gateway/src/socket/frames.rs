//! What is said on the socket: JSON, one object per text frame.
//!
//! **Invariant:** a `problem` with an `id` means that nothing is subscribed under that id, or not any more; a refused
//! frame that leaves a subscription alone is answered without.

use contracts::{
    Problem,
    id::{ChatId, ExecutionId, MessageId},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const MAX_ID: usize = 64;
pub(super) const PONG: &str = r#"{"pong":true}"#;

/// What a client asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Wish {
    Subscribe { id: String, to: Target, after: u64 },
    Unsubscribe { id: String },
    Ping,
}

#[derive(Debug, PartialEq)]
pub(super) enum Target {
    Execution(ExecutionId),
    /// The named answer, else the last one of the branch that is shown.
    Answer {
        session: ChatId,
        message: Option<MessageId>,
    },
}

/// A frame that cannot be followed, with its id where that can be read.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) id: Option<String>,
    pub(super) problem: Problem,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    subscribe: Option<Subscribe>,
    #[serde(default)]
    unsubscribe: Option<bool>,
    #[serde(default)]
    ping: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscribe {
    #[serde(default)]
    execution: Option<ExecutionId>,
    #[serde(default)]
    chat_session: Option<ChatId>,
    #[serde(default)]
    message: Option<MessageId>,
    #[serde(default)]
    after: u64,
}

/// Reads a client's frame.
pub(super) fn parse(text: &str) -> Result<Wish, Refused> {
    match serde_json::from_str::<Written>(text) {
        Ok(written) => {
            let id = written.id.clone().filter(|id| is_id(id));
            wish(written).map_err(|problem| Refused { id, problem })
        }
        Err(error) => {
            let value: Value = serde_json::from_str(text).unwrap_or_default();
            let id = value["id"].as_str().filter(|id| is_id(id));
            Err(Refused {
                id: id.map(str::to_owned),
                problem: Problem::malformed(format!("the frame cannot be read: {error}")),
            })
        }
    }
}

fn is_id(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.chars().count())
}

fn wish(written: Written) -> Result<Wish, Problem> {
    let Written {
        id,
        subscribe,
        unsubscribe,
        ping,
    } = written;
    let named = || match id {
        Some(id) if is_id(&id) => Ok(id),
        Some(_) | None => Err(Problem::malformed("`id` must have 1 to 64 characters")),
    };
    match (subscribe, unsubscribe, ping) {
        (Some(subscribe), None, None) => {
            let after = subscribe.after;
            let to = target(subscribe)?;
            Ok(Wish::Subscribe {
                id: named()?,
                to,
                after,
            })
        }
        (None, Some(true), None) => Ok(Wish::Unsubscribe { id: named()? }),
        (None, None, Some(true)) => Ok(Wish::Ping),
        _ => {
            let detail = "a frame has one of `subscribe`, `unsubscribe: true` and `ping: true`";
            Err(Problem::malformed(detail))
        }
    }
}

fn target(subscribe: Subscribe) -> Result<Target, Problem> {
    let message = subscribe.message;
    match (subscribe.execution, subscribe.chat_session) {
        (Some(execution), None) if message.is_none() => Ok(Target::Execution(execution)),
        (None, Some(session)) => Ok(Target::Answer { session, message }),
        _ => {
            let detail =
                "`subscribe` has either `execution`, or `chat_session` and perhaps `message`";
            Err(Problem::malformed(detail))
        }
    }
}

pub(super) fn event<E: Serialize>(id: &str, event: &E) -> String {
    #[derive(Serialize)]
    struct Event<'a, E> {
        id: &'a str,
        event: &'a E,
    }
    serde_json::to_string(&Event { id, event }).expect("events have only string keys")
}

/// As [`event`], of an event that is JSON already.
pub(super) fn written(id: &str, event: &str) -> String {
    let id = Value::from(id);
    format!(r#"{{"id":{id},"event":{event}}}"#)
}

pub(super) fn problem(id: Option<&str>, problem: &Problem) -> String {
    match id {
        Some(id) => json!({ "id": id, "problem": problem }).to_string(),
        None => json!({ "problem": problem }).to_string(),
    }
}

pub(super) fn end(id: &str) -> String {
    json!({ "id": id, "end": true }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_read() {
        let execution = ExecutionId::EXAMPLE;
        let check = |frame: Value, expect: Wish| {
            assert_eq!(parse(&frame.to_string()).expect("a wish"), expect);
        };
        check(
            json!({"id": "1", "subscribe": {"execution": execution, "after": 3}}),
            Wish::Subscribe {
                id: "1".into(),
                to: Target::Execution(execution),
                after: 3,
            },
        );
        check(
            json!({"id": "2", "subscribe": {"chat_session": ChatId::EXAMPLE}}),
            Wish::Subscribe {
                id: "2".into(),
                to: Target::Answer {
                    session: ChatId::EXAMPLE,
                    message: None,
                },
                after: 0,
            },
        );
        let id = "2".into();
        check(
            json!({"id": "2", "unsubscribe": true}),
            Wish::Unsubscribe { id },
        );
        check(json!({"ping": true}), Wish::Ping);
    }

    #[test]
    fn an_event_is_the_same_however_it_is_written() {
        let (id, told) = ("a \"b\" \n", json!({"n": 1, "text": "{}"}));
        assert_eq!(written(id, &told.to_string()), event(id, &told));
    }

    #[test]
    fn what_is_wrong_is_named_beside_the_id() {
        let execution = ExecutionId::EXAMPLE;
        let long = "x".repeat(65);
        for (frame, id, named) in [
            (
                json!({"id": "1", "subscribe": {"execution": execution, "from": 3}}),
                Some("1"),
                "`from`",
            ),
            (
                json!({"id": "1", "subscribe": {"execution": "x"}}),
                Some("1"),
                "exec_",
            ),
            (
                json!({"id": "1", "subscribe": {"execution": execution, "after": -1}}),
                Some("1"),
                "-1",
            ),
            (
                json!({"id": "1", "subscribe": {}}),
                Some("1"),
                "`execution`",
            ),
            (
                json!({"id": "1", "subscribe": {"execution": execution, "message": MessageId::EXAMPLE}}),
                Some("1"),
                "`message`",
            ),
            (
                json!({"id": "1", "subscribe": {"execution": execution}, "ping": true}),
                Some("1"),
                "`ping: true`",
            ),
            (
                json!({"id": "1", "unsubscribe": false}),
                Some("1"),
                "`unsubscribe: true`",
            ),
            (json!({"subscribe": {"execution": execution}}), None, "`id`"),
            (json!({"id": "", "unsubscribe": true}), None, "`id`"),
            (json!({"id": long, "unsubscribe": true}), None, "`id`"),
            (json!({"id": 1, "unsubscribe": true}), None, "integer"),
            (json!({"id": "1", "shout": true}), Some("1"), "`shout`"),
            (json!([]), None, "frame"),
        ] {
            let refused = parse(&frame.to_string()).expect_err("a problem");
            assert_eq!(refused.id.as_deref(), id, "{frame}");
            assert_eq!(refused.problem.status, 400, "{frame}");
            let detail = refused.problem.detail;
            assert!(detail.contains(named), "{frame}: {detail}");
        }
        assert_eq!(parse("{").expect_err("a problem").id, None);
    }
}
