//! Executions: one run of a flow.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Access, Permission,
    id::{ExecutionId, FlowId, UserId},
    live::Frame,
    message::request,
    page::{Page, Paging},
};

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
    Succeeded,
    Failed,
    Cancelled,
}

impl ExecutionState {
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Running,
        Self::Waiting,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    pub const fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
            Self::Queued | Self::Running | Self::Waiting => false,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
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
}

impl StepError {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            node: None,
            retryable: false,
        }
    }

    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Execution {
    pub id: ExecutionId,
    pub flow_id: FlowId,
    /// Null when a draft was executed.
    pub revision: Option<u32>,
    pub state: ExecutionState,
    pub input: Value,
    /// Null until it succeeded.
    pub output: Option<Value>,
    pub error: Option<StepError>,
    pub usage: Usage,
    /// The number of the last event.
    pub last_event: u64,
    pub started_by: UserId,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// An execution in a list: without input and output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ExecutionSummary {
    pub id: ExecutionId,
    pub flow_id: FlowId,
    pub revision: Option<u32>,
    pub state: ExecutionState,
    pub error: Option<StepError>,
    pub usage: Usage,
    pub started_by: UserId,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// The answer to a start: durable from this moment on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Accepted {
    pub id: ExecutionId,
    pub flow_id: FlowId,
    pub revision: Option<u32>,
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
    pub state: Option<ExecutionState>,
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
