//! What may come in.

use contracts::{
    chat::{CreateSession, SendMessage},
    flow::TurnTarget,
};

use crate::error::Error;

/// Characters of a title, and of a file's name, at most.
const NAME: usize = 200;
/// Characters of a question at most.
const CONTENT: usize = 32_000;
/// Attachments of one question at most.
const ATTACHMENTS: usize = 8;
/// Characters of an idempotency key at most.
const KEY: usize = 255;

pub(crate) fn title(title: &str) -> Result<(), Error> {
    name("title", title)
}

/// # Errors
/// When it is empty, too long, or has characters that the database does not take.
pub(crate) fn name(field: &'static str, text: &str) -> Result<(), Error> {
    if text.trim().is_empty() || text.chars().count() > NAME || text.contains('\0') {
        return Err(Error::InvalidField {
            field,
            rule: "must have 1 to 200 characters",
        });
    }
    Ok(())
}

pub(crate) fn message(request: &SendMessage) -> Result<(), Error> {
    let refuse = |field, rule| Err(Error::InvalidField { field, rule });
    if request.content.trim().is_empty() && request.attachments.is_empty() {
        return refuse("content", "must not be empty without attachments");
    }
    if request.content.chars().count() > CONTENT {
        return refuse("content", "must have 32,000 characters at most");
    }
    let mut ids = request.attachments.clone();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > ATTACHMENTS || ids.len() < request.attachments.len() {
        return refuse("attachments", "must be up to 8 different attachments");
    }
    let key = request.idempotency_key.as_deref().unwrap_or("key");
    if !(1..=KEY).contains(&key.len()) || !key.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return refuse(
            "idempotency_key",
            "must have 1 to 255 printable ASCII characters",
        );
    }
    Ok(())
}

/// What a repeated question must be equal in.
pub(crate) fn body_hash(request: &SendMessage) -> String {
    let body = serde_json::json!([request.content, request.attachments, request.replaces]);
    blake3::hash(body.to_string().as_bytes())
        .to_hex()
        .to_string()
}

/// Who shall answer.
pub(crate) fn target(request: &CreateSession) -> Result<TurnTarget, Error> {
    match (request.agent_id, request.crew_id, request.flow_id) {
        (Some(agent_id), None, None) => Ok(TurnTarget::Agent { agent_id }),
        (None, Some(crew_id), None) => Ok(TurnTarget::Crew { crew_id }),
        (None, None, Some(flow_id)) => Ok(TurnTarget::Flow { flow_id }),
        _ => Err(Error::InvalidField {
            field: "agent_id",
            rule: "or `crew_id` or `flow_id` must be set, and only one of them",
        }),
    }
}

#[cfg(test)]
mod tests {
    use contracts::{
        Request,
        id::{AgentId, AttachmentId, FlowId, MessageId},
    };

    use super::*;

    #[test]
    fn titles_have_a_length() {
        for (text, valid) in [
            ("Plans", true),
            (&*"ä".repeat(200), true),
            (&*"ä".repeat(201), false),
            (" ", false),
            ("a\0", false),
        ] {
            assert_eq!(title(text).is_ok(), valid, "{text:?}");
        }
    }

    #[test]
    fn exactly_one_answers() {
        let mut request = CreateSession::default();
        assert!(target(&request).is_err());
        request.agent_id = Some(AgentId::EXAMPLE);
        let agent_id = AgentId::EXAMPLE;
        assert_eq!(target(&request).unwrap(), TurnTarget::Agent { agent_id });
        request.flow_id = Some(FlowId::EXAMPLE);
        assert!(target(&request).is_err());
    }

    #[test]
    fn questions_have_bounds() {
        let with = |content: &str, attachments: Vec<AttachmentId>, key: Option<&str>| {
            let request = SendMessage {
                content: content.to_owned(),
                attachments,
                idempotency_key: key.map(str::to_owned),
                ..SendMessage::example()
            };
            message(&request).is_ok()
        };
        let files = |n| (0..n).map(|_| AttachmentId::generate()).collect::<Vec<_>>();
        assert!(with("Hello", vec![], None));
        assert!(with(&"ä".repeat(32_000), vec![], Some("a key")));
        assert!(with("", files(8), None));
        assert!(!with("", vec![], None));
        assert!(!with(&"ä".repeat(32_001), vec![], None));
        assert!(!with("x", files(9), None));
        assert!(!with("x", vec![AttachmentId::EXAMPLE; 2], None));
        for key in ["", "ä", "a\n", &"k".repeat(256)] {
            assert!(!with("x", vec![], Some(key)), "{key:?}");
        }
    }

    #[test]
    fn the_hash_is_of_all_that_counts() {
        let request = SendMessage::example();
        let hash = body_hash(&request);
        let keyed = SendMessage {
            idempotency_key: Some("k".into()),
            ..request.clone()
        };
        assert_eq!(body_hash(&keyed), hash);
        let replaces = SendMessage {
            replaces: Some(MessageId::EXAMPLE),
            ..request
        };
        assert_ne!(body_hash(&replaces), hash);
    }
}
