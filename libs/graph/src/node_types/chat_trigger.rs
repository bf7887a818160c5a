//! Where an execution begins that answers a message of a conversation.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let description = "Where an execution begins that answers a message of a conversation. Its output is `{message, messages, attachments, session_id}`: what was said, what was said before, and the files that came with it.";
    let schema = object(&[], &json!({}));
    let mut kind = super::kind("chat_trigger", "Chat trigger", description, schema);
    kind.about.takes_input = false;
    kind
}
