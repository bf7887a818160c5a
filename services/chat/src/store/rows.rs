//! From rows to what the rules know.

use contracts::{
    chat::{ChatRole, MessageState},
    id::{ChatId, ExecutionId, MessageId},
};

use crate::{domain::Node, error::Error, store::entities::message};

pub(super) fn to_node(row: message::Model) -> Result<Node, Error> {
    let role = match row.role.as_str() {
        "user" => ChatRole::User,
        "assistant" => ChatRole::Assistant,
        _ => return Err(Error::Stored("an unknown `role`")),
    };
    Ok(Node {
        id: MessageId::from_uuid(row.id),
        session: ChatId::from_uuid(row.session_id),
        parent: row.parent_id.map(MessageId::from_uuid),
        depth: row.depth.unsigned_abs(),
        role,
        state: MessageState::parse(&row.state).ok_or(Error::Stored("an unknown `state`"))?,
        created_at: row.created_at,
        finished_at: row.finished_at,
        execution: row.execution_id.map(ExecutionId::from_uuid),
        started_at: row.started_at,
        lease_until: row.lease_until,
        attempts: row.start_attempts.unsigned_abs(),
    })
}

pub(super) fn depth(depth: u32) -> i32 {
    i32::try_from(depth).expect("a session has fewer than 2^31 messages")
}
