//! Messages to the owner of a partition, on `own.<p>.<kind>`: internal, so the tenant stands in the body.
//!
//! The answer comes after the commit to the partition's log.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Principal, Role,
    execution::{
        Accepted, AnswerExecution, Approve, Events, Execution, Origin, Pin, Source, StepError,
        Usage,
    },
    id::{ExecutionId, TenantId, UserId},
};

/// What an owner is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    Start,
    Release,
    Claim,
    Hold,
    Result,
    Ended,
    Cancel,
    Pause,
    Resume,
    Approve,
    Answer,
    Signal,
    Get,
    Events,
}

impl OwnerKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Release => "release",
            Self::Claim => "claim",
            Self::Hold => "hold",
            Self::Result => "result",
            Self::Ended => "ended",
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Approve => "approve",
            Self::Answer => "answer",
            Self::Signal => "signal",
            Self::Get => "get",
            Self::Events => "events",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Start,
            Self::Release,
            Self::Claim,
            Self::Hold,
            Self::Result,
            Self::Ended,
            Self::Cancel,
            Self::Pause,
            Self::Resume,
            Self::Approve,
            Self::Answer,
            Self::Signal,
            Self::Get,
            Self::Events,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

/// A question to a partition owner, with its kind and its answer.
pub trait OwnerRequest: crate::message::Wire {
    const KIND: OwnerKind;
    type Reply: crate::message::Wire;
    fn execution_id(&self) -> ExecutionId;
}

/// Begins an execution. Idempotent by `execution_id`: a second start answers as the first did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    pub tenant: TenantId,
    pub execution_id: ExecutionId,
    pub origin: Origin,
    /// The step that called this flow as a tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// Key of the executable in the bucket `FLOWDEF`.
    pub definition_hash: String,
    pub input: Value,
    /// The organization's variables, as expressions see them in `vars`.
    pub vars: Value,
    /// Whether its end is said with [`crate::execution::Finished`].
    #[serde(default)]
    pub notify: bool,
    /// Whether it waits for [`Release`] before anything of it begins.
    #[serde(default, skip_serializing_if = "crate::live::is_false")]
    pub queued: bool,
    /// What it goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// For whom the run acts; work done for it asks for a run token in this name.
    pub principal: Principal,
}

/// What an execution takes over before it begins: the owner reads the source's history, and decides what did not change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    pub source: Source,
    /// Outputs that were given, by node.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pins: BTreeMap<String, Pin>,
}

/// Where a run was begun from: a step of another run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    pub execution_id: ExecutionId,
    pub node: String,
    /// Each attempt of the step has an execution of its own.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub attempt: u32,
    /// 1 where the parent has none itself.
    pub depth: u32,
}

const fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_first(attempt: &u32) -> bool {
    *attempt == 1
}

/// An execution that was started to wait begins. Changes nothing where it does not wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    pub tenant: TenantId,
    pub execution_id: ExecutionId,
}

/// A worker is about to begin an attempt. Answered `not_found` when it is no longer wanted: the execution ended or is being
/// cancelled, or the attempt timed out while it waited in the queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    pub tenant: TenantId,
    pub execution_id: ExecutionId,
    pub node: String,
    pub attempt: u32,
}

/// A worker has an attempt in hand that was never queued, and its owner is another one by now: as long as it says so, nobody
/// else gets the attempt. Answered `not_found` when it is no longer wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    pub tenant: TenantId,
    pub execution_id: ExecutionId,
    pub node: String,
    pub attempt: u32,
}

/// The outcome of one attempt of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Result {
    pub tenant: TenantId,
    pub execution_id: ExecutionId,
    pub node: String,
    pub attempt: u32,
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    pub duration_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Outcome {
    Succeeded {
        output: Value,
    },
    Failed {
        error: StepError,
    },
    /// The work is an execution that has begun: it tells of its end itself ([`Ended`]), and no worker waits for it.
    HandedOn {
        /// When the attempt has had its time.
        until: DateTime<Utc>,
        /// Its time, for when it begins anew: it does not run while the execution is paused.
        timeout_ms: u64,
    },
}

/// The execution that a step had begun is over. Answered once that is stored, or nobody waits for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    pub tenant: TenantId,
    /// Of the step.
    pub execution_id: ExecutionId,
    pub node: String,
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub attempt: u32,
    pub outcome: Outcome,
    pub usage: Usage,
    pub duration_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    pub tenant: TenantId,
    pub execution_id: ExecutionId,
    pub by: UserId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    pub tenant: TenantId,
    pub execution_id: ExecutionId,
    pub by: UserId,
    /// The event with which the execution was paused that began this one, where it is paused with it. Changes nothing where a
    /// later one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_event: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    pub tenant: TenantId,
    pub execution_id: ExecutionId,
    pub by: UserId,
    /// As [`Pause::parent_event`]. Who was paused by a person stays so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_event: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GiveApproval {
    pub tenant: TenantId,
    pub execution_id: ExecutionId,
    pub word: Approve,
    pub by: UserId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GiveAnswer {
    pub tenant: TenantId,
    pub execution_id: ExecutionId,
    pub answer: AnswerExecution,
    pub by: UserId,
    pub role: Role,
}

/// What a node has waited for has come. Answered `not_found` where it waits no more; the same once more changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    pub tenant: TenantId,
    pub execution_id: ExecutionId,
    pub node: String,
    pub output: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Get {
    pub tenant: TenantId,
    pub execution_id: ExecutionId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadEvents {
    pub tenant: TenantId,
    pub execution_id: ExecutionId,
    pub after: u64,
    pub limit: u32,
}

macro_rules! owner_requests {
    ($($name:ident => $reply:ty, $kind:ident;)*) => {$(
        impl OwnerRequest for $name {
            const KIND: OwnerKind = OwnerKind::$kind;
            type Reply = $reply;
            fn execution_id(&self) -> ExecutionId {
                self.execution_id
            }
        }
    )*};
}

owner_requests! {
    Start => Accepted, Start;
    Release => Execution, Release;
    Claim => (), Claim;
    Hold => (), Hold;
    Result => (), Result;
    Ended => (), Ended;
    Cancel => Execution, Cancel;
    Pause => Execution, Pause;
    Resume => Execution, Resume;
    GiveApproval => Execution, Approve;
    GiveAnswer => Execution, Answer;
    Signal => (), Signal;
    Get => Execution, Get;
    ReadEvents => Events, Events;
}
