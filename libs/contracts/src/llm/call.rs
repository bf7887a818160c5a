//! What is kept of a call: whom it asked, what it took, how it ended.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Access, Permission,
    execution::Usage,
    id::{CallId, ExecutionId, FlowId, UserId},
    message::request,
    page::{Page, Paging},
};

/// One call, as the archive keeps it; without question and answer, which are apart where they were kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct CallRecord {
    pub id: CallId,
    /// The last one that was asked.
    pub provider: String,
    pub model: String,
    /// The route that was named, where one was.
    #[serde(default)]
    pub route: Option<String>,
    pub execution_id: Option<ExecutionId>,
    pub flow_id: Option<FlowId>,
    pub node: Option<String>,
    /// In whose name was asked.
    #[serde(default)]
    pub user_id: Option<UserId>,
    pub usage: Usage,
    /// The version of the price table that the cost is by; none where the organization said the price, or nobody did.
    #[serde(default)]
    pub price_version: Option<String>,
    /// True when the provider did not say what the call took, because it was cut short or does not count.
    #[serde(default)]
    pub estimated: bool,
    /// True when the answer to an earlier question was told again.
    #[serde(default)]
    pub cached: bool,
    /// How near the earlier question was, as a cosine; none where it was equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub similarity: Option<f64>,
    pub duration_ms: u64,
    /// The failure's stable word, none on success.
    pub error: Option<String>,
    pub at: DateTime<Utc>,
    /// Who was asked, in order, the last 32; none where a model was named that has one key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", oai(default, skip_serializing_if_is_empty))]
    pub attempts: Vec<CallAttempt>,
    /// Whether the words of question and answer were kept.
    #[serde(default)]
    pub recorded: bool,
}

/// One provider that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct CallAttempt {
    pub provider: String,
    pub model: String,
    /// The number of the provider's key, from 1.
    pub key: u32,
    /// Why the next was asked; none where this one answered.
    pub error: Option<String>,
    /// Until it answered or failed. What it takes to speak an answer to its end is not in it.
    pub duration_ms: u64,
    /// What it took, also where its answer was of no use; none in records of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub usage: Option<Usage>,
}

/// The newest first; a call is there within seconds of its end, and as long as the archive keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListCalls {
    #[serde(default)]
    pub provider: Option<String>,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub route: Option<String>,
    /// Only what this execution asked.
    #[serde(default)]
    pub execution_id: Option<ExecutionId>,
    /// Only calls that failed, or only calls that did not.
    #[serde(default)]
    pub failed: Option<bool>,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListCalls => Page<CallRecord>, "llm.calls", Access::Permission(Permission::ExecutionRead), example: ListCalls::default());

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetCall {
    pub call_id: CallId,
}
request!(GetCall => CallRecord, "llm.get_call", Access::Permission(Permission::ExecutionRead), objects: &["call_id"],
    example: GetCall { call_id: CallId::EXAMPLE });
