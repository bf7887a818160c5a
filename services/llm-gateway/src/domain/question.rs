//! What a question must look like before anyone is asked.

use contracts::llm::Complete;
use serde_json::Value;

use crate::Error;

/// Fields of a question that `extra` must not say a second time.
const OWN_FIELDS: [&str; 10] = [
    "model",
    "route",
    "messages",
    "tools",
    "tool_choice",
    "response_format",
    "temperature",
    "max_tokens",
    "stream",
    "lenient",
];
const MAX_IDEMPOTENCY_KEY: usize = 255;

pub(crate) fn check(ask: &Complete) -> Result<(), Error> {
    let invalid = |parameter, what: &str| {
        Err(Error::InvalidQuestion {
            parameter,
            what: what.to_owned(),
        })
    };
    if ask.messages.is_empty() {
        return invalid("messages", "`messages` is empty");
    }
    const ROLES: [&str; 5] = ["system", "developer", "user", "assistant", "tool"];
    if let Some(message) = ask
        .messages
        .iter()
        .find(|m| !ROLES.contains(&m.role.as_str()))
    {
        let role: String = message.role.chars().take(32).collect();
        return invalid("messages", &format!("`{role}` is no role of a message"));
    }
    if let Some(name) = OWN_FIELDS
        .iter()
        .find(|name| ask.extra.contains_key(**name))
    {
        return invalid("extra", &format!("`{name}` is a field of its own"));
    }
    if ask
        .extra
        .get("n")
        .is_some_and(|n| *n != 1 && *n != Value::Null)
    {
        return invalid("n", "`n` is 1: one answer to one question");
    }
    let key = ask.idempotency_key.as_deref().unwrap_or("x");
    if key.is_empty()
        || key.len() > MAX_IDEMPOTENCY_KEY
        || !key.bytes().all(|b| b.is_ascii_graphic())
    {
        return invalid(
            "idempotency_key",
            "`idempotency_key` is 1 to 255 visible ASCII characters",
        );
    }
    Ok(())
}

/// A question of one message of this content.
#[cfg(test)]
pub(crate) fn ask(content: Value) -> Complete {
    let mut message = contracts::llm::Message::user("");
    message.content = content;
    Complete {
        messages: vec![message],
        ..Complete::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_refused(change: impl FnOnce(&mut Complete), expect: &str) {
        let mut ask = ask("hi".into());
        assert!(check(&ask).is_ok());
        change(&mut ask);
        match check(&ask) {
            Err(Error::InvalidQuestion { parameter, .. }) => assert_eq!(parameter, expect),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn odd_questions_are_refused() {
        check_refused(|ask| ask.messages.clear(), "messages");
        check_refused(|ask| ask.messages[0].role = "narrator".into(), "messages");
        for (name, value, parameter) in [
            ("stream", json!(true), "extra"),
            ("model", json!("x"), "extra"),
            ("n", json!(2), "n"),
            ("n", json!("1"), "n"),
        ] {
            check_refused(|ask| drop(ask.extra.insert(name.into(), value)), parameter);
        }
        for key in ["", "a\r\nb", &"x".repeat(256)] {
            check_refused(
                |ask| ask.idempotency_key = Some(key.into()),
                "idempotency_key",
            );
        }
    }
}
