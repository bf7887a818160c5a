//! Events of integrators, as executions that wait for them hear of them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Access, id::ExecutionId, message::request};

/// An event on `in.<organization>.event.<name>`, for the one execution whose wait it ends: of those that match, the one that
/// has waited longest. Where none does it is kept for an hour. Said twice it counts once, by name and id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliverEvent {
    pub name: String,
    /// What its sender called it, else its place in the stream.
    pub id: String,
    pub data: Value,
    pub at: DateTime<Utc>,
}
request!(DeliverEvent => Delivered, "execution.deliver_event", Access::Internal, example: DeliverEvent {
    name: "order-paid".into(), id: "m-1".into(), data: serde_json::json!({"order": 7}), at: DateTime::UNIX_EPOCH });

/// Where an event went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivered {
    /// None as long as nobody waits for it.
    pub execution_id: Option<ExecutionId>,
}
