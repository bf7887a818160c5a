//! The rules of conversations: pure, without clock and I/O.

pub(crate) mod checks;
pub(crate) mod files;
pub(crate) mod history;
pub(crate) mod outcome;
pub(crate) mod queue;
pub(crate) mod title;

use chrono::{DateTime, Utc};
use contracts::{
    chat::{ChatRole, MessageState},
    id::{ChatId, ExecutionId, MessageId},
};

/// A message's place in the tree of its session, and how far it is. What it says is kept elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) id: MessageId,
    pub(crate) session: ChatId,
    pub(crate) parent: Option<MessageId>,
    /// Messages before it in its branch.
    pub(crate) depth: u32,
    pub(crate) role: ChatRole,
    pub(crate) state: MessageState,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    /// Set on answers: the run that makes it.
    pub(crate) execution: Option<ExecutionId>,
    /// When the engine took the run.
    pub(crate) started_at: Option<DateTime<Utc>>,
    /// Until then one process alone may start the run.
    pub(crate) lease_until: Option<DateTime<Utc>>,
    /// How often the start was tried.
    pub(crate) attempts: u32,
}
