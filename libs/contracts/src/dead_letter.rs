//! Dead letters: work items that nobody could do, kept for a person to look at and to put back.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Access, Permission,
    id::{DeadLetterId, ExecutionId, UserId},
    message::request,
    page::{Page, Paging},
};

/// Why a work item was put away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum DeadReason {
    /// Worker after worker broke down while it had the item.
    Exhausted,
    /// It could not be read: another version wrote it, or it is damaged.
    Unreadable,
}

impl DeadReason {
    pub const ALL: [Self; 2] = [Self::Exhausted, Self::Unreadable];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Unreadable => "unreadable",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// A work item that was put away. Kept for 30 days, the newest 10,000 of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct DeadLetter {
    pub id: DeadLetterId,
    /// The class of the work, for example `http`: who did not do it.
    pub class: String,
    pub reason: DeadReason,
    /// How often it was handed to a worker.
    pub deliveries: u64,
    pub died_at: DateTime<Utc>,
    pub execution_id: ExecutionId,
    /// The step, as the queue names it.
    pub step: String,
    pub attempt: u32,
    /// The beginning of the item, at most 4,096 bytes.
    pub payload: String,
    /// The length of the whole item.
    pub payload_bytes: u64,
    /// When it was put back; null while it was not.
    pub redriven_at: Option<DateTime<Utc>>,
    pub redriven_by: Option<UserId>,
}

/// The newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListDeadLetters {
    #[serde(default)]
    pub paging: Paging,
}
request!(ListDeadLetters => Page<DeadLetter>, "execution.dead_letters", Access::Permission(Permission::DeadLetterRead),
    example: ListDeadLetters::default());

/// Puts a work item back into its queue, once: asked again, it changes nothing. Refused with the reason `not_wanted` when
/// its execution no longer waits for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redrive {
    pub dead_letter_id: DeadLetterId,
}
request!(Redrive => DeadLetter, "execution.redrive", Access::Permission(Permission::DeadLetterWrite), objects: &["dead_letter_id"],
    example: Redrive { dead_letter_id: DeadLetterId::EXAMPLE });
