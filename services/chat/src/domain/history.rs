//! What is told of a conversation to the one who answers next.
//!
//! **Invariant:** the newest is told first and the bounds are kept: what does not fit is left out whole, oldest first.

use contracts::{chat::ChatRole, llm::Message};
use serde_json::{Map, Value, json};

/// Messages at most.
pub(crate) const MESSAGES: u32 = 100;
/// Bytes of their texts at most.
const BYTES: usize = 200 * 1024;
/// Bytes of text of all attachments at most.
const ATTACHED_BYTES: usize = 200 * 1024;

/// A file of the branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attached {
    pub(crate) name: String,
    pub(crate) content_type: String,
    /// None where there is nothing to read, as in images.
    pub(crate) text: Option<String>,
}

/// The messages that fit, the oldest first, from those before the question, the newest first.
pub(crate) fn messages(newest_first: impl IntoIterator<Item = (ChatRole, String)>) -> Vec<Message> {
    let mut left = BYTES;
    let mut told = Vec::new();
    for (role, content) in newest_first {
        // A failed answer says nothing.
        if content.is_empty() {
            continue;
        }
        let Some(rest) = left.checked_sub(content.len()) else {
            break;
        };
        left = rest;
        told.push(message(role, content));
    }
    told.reverse();
    told
}

fn message(role: ChatRole, content: String) -> Message {
    let role = match role {
        ChatRole::User => "user",
        ChatRole::Assistant => "assistant",
    };
    Message {
        role: role.to_owned(),
        content: Value::String(content),
        tool_calls: Vec::new(),
        tool_call_id: None,
        extra: Map::new(),
    }
}

/// The files as a run sees them, in the order given; one whose text does not fit any more is only named.
pub(crate) fn attachments(newest_first: Vec<Attached>) -> Vec<Value> {
    let mut left = ATTACHED_BYTES;
    let told = newest_first.into_iter().map(|file| {
        let text = file.text.filter(|text| text.len() <= left);
        left -= text.as_ref().map_or(0, String::len);
        json!({"name": file.name, "content_type": file.content_type, "text": text})
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_fit_and_stand_in_order() {
        let say = |role, text: &str| (role, text.to_owned());
        let big = "x".repeat(150 * 1024);
        let told = messages([
            say(ChatRole::Assistant, "third"),
            say(ChatRole::Assistant, ""),
            say(ChatRole::User, "second"),
            say(ChatRole::Assistant, &big),
            say(ChatRole::User, &big),
            say(ChatRole::User, "small but older than what was left out"),
        ]);
        let contents: Vec<_> = told
            .iter()
            .map(|message| (message.role.as_str(), message.content.as_str().unwrap()))
            .collect();
        assert_eq!(contents.len(), 3);
        assert_eq!(contents[0], ("assistant", big.as_str()));
        assert_eq!(contents[1..], [("user", "second"), ("assistant", "third")]);
    }

    #[test]
    fn files_that_do_not_fit_are_named() {
        let file = |name: &str, bytes: usize| Attached {
            name: name.to_owned(),
            content_type: "text/plain".into(),
            text: Some("x".repeat(bytes)),
        };
        let image = Attached {
            text: None,
            ..file("a.png", 0)
        };
        let told = attachments(vec![file("new", 150_000), image, file("old", 150_000)]);
        assert_eq!(told[0]["text"].as_str().unwrap().len(), 150_000);
        assert_eq!(told[1]["text"], Value::Null);
        assert_eq!(told[2]["name"], "old");
        assert_eq!(told[2]["text"], Value::Null);
    }
}
