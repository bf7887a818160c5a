//! Messages as users see them: the row, the text, the files, the versions.

use std::collections::HashMap;

use contracts::{
    chat::{Attachment, ChatMessage, ChatRole},
    id::{MessageId, TenantId},
};

use crate::{State, domain::Node, error::Error};

pub(crate) async fn one(state: &State, tenant: TenantId, node: Node) -> Result<ChatMessage, Error> {
    let mut shown = all(state, tenant, vec![node]).await?;
    Ok(shown.pop().expect("one message was given"))
}

/// In the order given; all are of one session.
pub(crate) async fn all(
    state: &State,
    tenant: TenantId,
    nodes: Vec<Node>,
) -> Result<Vec<ChatMessage>, Error> {
    let Some(session) = nodes.first().map(|node| node.session) else {
        return Ok(Vec::new());
    };
    let ids: Vec<MessageId> = nodes.iter().map(|node| node.id).collect();
    let mut texts = state.texts.chat_texts(tenant, &ids).await?;
    let mut siblings: HashMap<Option<MessageId>, Vec<MessageId>> = HashMap::new();
    for (place, id) in state.store.versions(tenant, session, &nodes).await? {
        siblings.entry(place).or_default().push(id);
    }
    let mut files: HashMap<MessageId, Vec<Attachment>> = HashMap::new();
    for (message, file) in state.store.attachments(tenant, &ids).await? {
        files.entry(message).or_default().push(file);
    }
    let shown = nodes.into_iter().map(|node| {
        let text = texts.remove(&node.id);
        if text.is_none() && node.role == ChatRole::User {
            return Err(Error::TextMissing(node.id));
        }
        // An answer has no text before it is over, nor when it never came to its turn.
        let text = text.unwrap_or_default();
        let dropped = node.state.is_final() && node.started_at.is_none();
        Ok(ChatMessage {
            id: node.id,
            parent_id: node.parent,
            siblings: siblings.get(&node.parent).cloned().unwrap_or_default(),
            role: node.role,
            content: text.content,
            attachments: files.remove(&node.id).unwrap_or_default(),
            state: node.state,
            execution_id: node.execution.filter(|_| !dropped || text.usage.is_some()),
            tool_calls: text.tool_calls,
            usage: text.usage,
            error: text.error,
            created_at: node.created_at,
            finished_at: node.finished_at,
        })
    });
    shown.collect()
}

/// Bytes of a message on the wire, about.
pub(crate) fn size(message: &ChatMessage) -> usize {
    let calls = message.tool_calls.iter().map(|call| {
        let result = call
            .result
            .as_ref()
            .map_or(0, |value| value.to_string().len());
        call.arguments.to_string().len() + result + 200
    });
    1000 + message.content.len() + calls.sum::<usize>()
}
