//! Executions: one run of a flow.

mod again;
mod answer;
mod heard;
mod holding;
mod keeping;
mod looking_back;
mod payloads;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Access, Permission,
    id::{AgentId, CrewId, ExecutionId, FlowId, ToolId, UserId},
    live::Frame,
    message::request,
    page::{Page, Paging},
};

pub use again::{Pin, Source, SourceKind};
pub use answer::{AnswerButton, AnswerExecution, Escalation, PendingAnswer};
pub use heard::{DeliverEvent, Delivered};
pub use holding::{PauseExecution, ResumeExecution};
pub use keeping::{DeleteExecution, GetRetention, Retention, SetRetention};
pub use looking_back::{
    CompareExecutions, Compared, Comparison, GetExecutionDefinition, NodeComparison, NodeEnd,
    NodeOutcome, ReplayExecution, Replayed, ReplayedStep,
};
pub use payloads::{GetPayload, ReadPayload};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum ExecutionState {
    /// Accepted, not begun.
    Queued,
    Running,
    /// Nothing to do until a timer or a person.
    Waiting,
    /// Nothing new begins until a person resumes it.
    Paused,
    Succeeded,
    Failed,
    Cancelled,
}

impl ExecutionState {
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Running,
        Self::Waiting,
        Self::Paused,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    pub const fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
            Self::Queued | Self::Running | Self::Waiting | Self::Paused => false,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Tokens and money. `cost` is exact; null means that some price is unknown, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// US dollars, a decimal string.
    pub cost: Option<Decimal>,
}

impl Usage {
    pub const ZERO: Self = Self {
        prompt_tokens: 0,
        completion_tokens: 0,
        cost: Some(Decimal::ZERO),
    };

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            completion_tokens: self
                .completion_tokens
                .saturating_add(other.completion_tokens),
            cost: self
                .cost
                .zip(other.cost)
                .and_then(|(a, b)| a.checked_add(b)),
        }
    }
}

/// Why a step or an execution failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct StepError {
    /// A stable word, for example `timeout`, `http_status`, `expression`, `code_exception`, `blocked_address`.
    pub code: String,
    pub message: String,
    /// The node that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub node: Option<String>,
    /// Whether another attempt may help.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub retryable: bool,
    /// The pause that whoever refused asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub retry_after_ms: Option<u64>,
}

impl StepError {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            node: None,
            retryable: false,
            retry_after_ms: None,
        }
    }

    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    #[must_use]
    pub fn after(mut self, pause_ms: Option<u64>) -> Self {
        self.retry_after_ms = pause_ms;
        self
    }
}

/// What an execution is a run of: of a flow, of an agent or of a crew. Exactly one id is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Origin {
    pub flow_id: Option<FlowId>,
    /// Of the flow; null when a draft was executed.
    pub revision: Option<u32>,
    pub agent_id: Option<AgentId>,
    pub crew_id: Option<CrewId>,
    /// Of the agent or the crew.
    pub version: Option<u32>,
}

impl Origin {
    pub fn flow(flow_id: FlowId, revision: Option<u32>) -> Self {
        Self {
            flow_id: Some(flow_id),
            revision,
            ..Self::default()
        }
    }
    pub fn agent(agent_id: AgentId, version: u32) -> Self {
        Self {
            agent_id: Some(agent_id),
            version: Some(version),
            ..Self::default()
        }
    }
    pub fn crew(crew_id: CrewId, version: u32) -> Self {
        Self {
            crew_id: Some(crew_id),
            version: Some(version),
            ..Self::default()
        }
    }
}

/// A call of a tool that waits for a person's word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct PendingApproval {
    /// The step that waits, for example `writer/tool:0.1/approval`.
    pub node: String,
    pub tool_id: ToolId,
    /// The tool's name.
    pub name: String,
    /// Exactly what the tool will be called with.
    pub arguments: Value,
    /// BLAKE3 of the tool, its version and the canonical arguments, hexadecimal: what an approval names.
    pub arguments_hash: String,
    /// Whether the one for whom the run acts may not approve it.
    pub second_person: bool,
    pub asked_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Execution {
    pub id: ExecutionId,
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", oai(flatten))]
    pub origin: Origin,
    /// The execution that called this flow as a tool.
    pub parent_id: Option<ExecutionId>,
    /// What it goes on from; absent where it began by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub source: Option<Source>,
    pub state: ExecutionState,
    pub input: Value,
    /// Null until it succeeded; what its error handler gave where it failed.
    pub output: Option<Value>,
    pub error: Option<StepError>,
    /// Whether it failed, and the flow's error handler came to its end.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub handled: bool,
    /// The steps that could not be undone when it failed or was cancelled.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub uncompensated: Vec<String>,
    pub usage: Usage,
    /// The number of the last event.
    pub last_event: u64,
    /// Calls that wait for a person.
    pub approvals: Vec<PendingApproval>,
    /// What nodes ask, and nobody has answered.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub answers: Vec<PendingAnswer>,
    pub started_by: UserId,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// An execution in a list: without input and output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ExecutionSummary {
    pub id: ExecutionId,
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", oai(flatten))]
    pub origin: Origin,
    pub parent_id: Option<ExecutionId>,
    /// What it goes on from; absent where it began by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub source: Option<Source>,
    pub state: ExecutionState,
    pub error: Option<StepError>,
    pub usage: Usage,
    /// Answers and approvals that it waits for.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub asks: u32,
    pub started_by: UserId,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// The execution that an attempt of a step begins: a UUIDv7 with the time of the calling one; the rest is the step's key, and
/// the number of an attempt that is not the first.
pub fn begun_by(execution: ExecutionId, key: &str, attempt: u32) -> ExecutionId {
    let mut bytes = *execution.uuid().as_bytes();
    let mut hasher = blake3::Hasher::new();
    hasher.update(key.as_bytes());
    if attempt > 1 {
        hasher.update(&attempt.to_le_bytes());
    }
    bytes[6..].copy_from_slice(&hasher.finalize().as_bytes()[..10]);
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    ExecutionId::from_uuid(Uuid::from_bytes(bytes))
}

/// The answer to a start: durable from this moment on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Accepted {
    pub id: ExecutionId,
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", oai(flatten))]
    pub origin: Origin,
    pub state: ExecutionState,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetExecution {
    pub execution_id: ExecutionId,
}
request!(GetExecution => Execution, "execution.get", Access::Permission(Permission::ExecutionRead), objects: &["execution_id"],
    example: GetExecution { execution_id: ExecutionId::EXAMPLE });

/// The newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListExecutions {
    #[serde(default)]
    pub flow_id: Option<FlowId>,
    #[serde(default)]
    pub agent_id: Option<AgentId>,
    #[serde(default)]
    pub crew_id: Option<CrewId>,
    /// Only what a step of this execution began.
    #[serde(default)]
    pub parent_id: Option<ExecutionId>,
    #[serde(default)]
    pub state: Option<ExecutionState>,
    /// Only what waits for a person's answer or approval; only what does not, when false.
    #[serde(default)]
    pub asks: Option<bool>,
    /// Only what was started then or later.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
    /// Only what was started before.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// An execution's id, or a text that the code, the node or the message of its error contains, whatever the case.
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListExecutions => Page<ExecutionSummary>, "execution.list", Access::Permission(Permission::ExecutionRead),
    example: ListExecutions::default());

/// The history: events with `n` greater than `after`, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListEvents {
    pub execution_id: ExecutionId,
    #[serde(default)]
    pub after: u64,
    /// 1 to 1000, 200 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
}
request!(ListEvents => Events, "execution.events", Access::Permission(Permission::ExecutionRead), objects: &["execution_id"],
    example: ListEvents { execution_id: ExecutionId::EXAMPLE, after: 0, limit: None });

/// A stretch of an execution's history; `next` is the `after` of the following stretch, null at the present end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Events {
    pub items: Vec<Frame>,
    pub next: Option<u64>,
}

/// Answered once the wish is recorded; nothing new is begun after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelExecution {
    pub execution_id: ExecutionId,
}
request!(CancelExecution => Execution, "execution.cancel", Access::Permission(Permission::ExecutionCancel), objects: &["execution_id"],
    example: CancelExecution { execution_id: ExecutionId::EXAMPLE });

/// A person's word on a call that waits: it holds for exactly the arguments that the hash names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    pub execution_id: ExecutionId,
    /// The step that waits.
    pub node: String,
    pub approved: bool,
    pub arguments_hash: String,
    /// Told to the agent when the call is refused: up to 1,000 characters.
    #[serde(default)]
    pub comment: String,
}
request!(Approve => Execution, "execution.approve", Access::Permission(Permission::ExecutionApprove), objects: &["execution_id"],
    example: Approve { execution_id: ExecutionId::EXAMPLE, node: "agent/tool:0.0/approval".into(), approved: true, arguments_hash: "0".repeat(64), comment: String::new() });

/// An execution with a stretch of its history, for services that keep what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadExecution {
    pub execution_id: ExecutionId,
    #[serde(default)]
    pub after: u64,
}
request!(ReadExecution => ExecutionWithEvents, "execution.read", Access::Internal, objects: &["execution_id"],
    example: ReadExecution { execution_id: ExecutionId::EXAMPLE, after: 0 });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecutionWithEvents {
    pub execution: Execution,
    pub events: Events,
}

/// An execution that answers a message of a conversation, or has a place of a limited flow, came to its end; said once it is archived. Its outcome is read with `execution.read`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finished {
    pub execution_id: ExecutionId,
    pub origin: Origin,
    pub state: ExecutionState,
    pub usage: Usage,
}

impl crate::Event for Finished {
    const NAME: &'static str = "execution.finished";
    fn id(&self) -> String {
        self.execution_id.to_string()
    }
    fn dedup_key(&self) -> String {
        format!("finished.{}", self.execution_id)
    }
}
