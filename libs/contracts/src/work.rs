//! Durable work items: one attempt of one heavy step, on `work.<class>.<tenant>.<execution>.<step>.<attempt>`.
//!
//! **Invariant:** a work item carries no bearer token; the worker asks `auth.run_token` in the principal's name.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Principal,
    flow::NodeConfig,
    id::{ExecutionId, FlowId, TenantId},
};

/// A pool of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkClass {
    Llm,
    Http,
    Code,
    /// Calls of tools.
    Tool,
    /// Searches of knowledge, and what agents recall and remember.
    Knowledge,
    /// Flows within flows.
    Flow,
    /// Nodes whose work an integrator does.
    Custom,
}

impl WorkClass {
    pub const ALL: [Self; 7] = [
        Self::Llm,
        Self::Http,
        Self::Code,
        Self::Tool,
        Self::Knowledge,
        Self::Flow,
        Self::Custom,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Llm => "llm",
            Self::Http => "http",
            Self::Code => "code",
            Self::Tool => "tool",
            Self::Knowledge => "knowledge",
            Self::Flow => "flow",
            Self::Custom => "custom",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkItem {
    pub tenant: TenantId,
    pub execution_id: ExecutionId,
    /// The flow it runs for; none where an agent or a crew runs by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_id: Option<FlowId>,
    pub node: String,
    pub attempt: u32,
    /// `Idempotency-Key` for the outside world, constant over attempts (hexadecimal BLAKE3).
    pub key: String,
    pub principal: Principal,
    /// The node's configuration with all expressions evaluated.
    pub config: NodeConfig,
    /// The version of the node type that the configuration has the form of; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_version: Option<u32>,
    /// What code sees beside its configuration: `{input, nodes}`; null for other classes.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub argument: Value,
    /// Time this attempt may take from the moment a worker begins it.
    pub timeout_ms: u64,
    /// Time in which it must show that it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout_ms: Option<u64>,
    /// Whether a worker that gets it after another must leave it alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_most_once: bool,
}
