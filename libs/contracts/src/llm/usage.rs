//! What the calls of an organization took, put together by model, flow or user.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Access, Permission,
    execution::Usage,
    id::{FlowId, UserId},
    message::request,
};

/// By what calls are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum UsageBy {
    /// By provider and model.
    #[default]
    Model,
    /// By the flow whose execution asked; calls of agents, crews and clients by themselves have none.
    Flow,
    /// By the user in whose name was asked.
    User,
}

/// A call counts within seconds of its end, and as long as the archive keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetUsage {
    /// Only calls that began then or later.
    pub since: DateTime<Utc>,
    /// Only calls that began before; now when absent. At most 400 days after `since`.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    #[serde(default)]
    pub by: UsageBy,
    /// A line for each day (UTC) instead of one for the whole time.
    #[serde(default)]
    pub daily: bool,
}
request!(GetUsage => UsageReport, "llm.usage", Access::Permission(Permission::ExecutionRead),
    example: GetUsage { since: DateTime::UNIX_EPOCH, until: None, by: UsageBy::Model, daily: false });

/// By day, then what cost most first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct UsageReport {
    pub items: Vec<UsageLine>,
    /// Whether there were more than 5,000 lines, which were left out.
    pub cut: bool,
}

/// The sum of some calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct UsageLine {
    /// Set where each day has its line.
    pub day: Option<NaiveDate>,
    /// Set by model.
    pub provider: Option<String>,
    /// Set by model.
    pub model: Option<String>,
    /// Set by flow, where one asked.
    pub flow_id: Option<FlowId>,
    /// Set by user.
    pub user_id: Option<UserId>,
    pub calls: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// The cost is the sum of the prices that are known.
    pub usage: Usage,
    /// Calls whose price is unknown.
    pub unpriced: u64,
}
