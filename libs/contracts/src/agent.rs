//! Agents and crews, as they are pinned when something runs them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    id::{AgentId, CrewId, ToolId},
    tool::Approval,
};

/// One version of an agent with all that a run needs: it never changes, so a run can be repeated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentSnapshot {
    pub id: AgentId,
    pub version: u32,
    pub name: String,
    pub role: String,
    pub goal: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub backstory: String,
    /// The organization's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSnapshot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    #[serde(default)]
    pub limits: Limits,
}

/// One version of a tool, as a model sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolSnapshot {
    pub id: ToolId,
    pub version: u32,
    pub name: String,
    pub description: String,
    pub input_schema: Value,
    #[serde(default)]
    pub approval: Approval,
    pub timeout_ms: u64,
}

/// What one run of an agent may take. A run that would go beyond ends with `limit_reached`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Questions to the model: 1 to 200.
    pub max_steps: u32,
    /// Calls of tools in all: 0 to 1,000.
    pub max_tool_calls: u32,
    /// Tokens in and out together.
    pub max_tokens: u64,
    /// How deep agents may ask agents: 1 to 8.
    pub max_depth: u32,
    /// US dollars; no bound when absent. A call of unknown price then counts as too dear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<rust_decimal::Decimal>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_steps: 20,
            max_tool_calls: 100,
            max_tokens: 200_000,
            max_depth: 3,
            max_cost: None,
        }
    }
}

/// How a crew goes about its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// One after the other, in their order.
    Sequential,
    /// A manager hands tasks out and looks at the results until it accepts them.
    Hierarchical,
    /// Each as soon as those in its context are done.
    Parallel,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Unique in the crew: 1 to 64 letters, digits, `_` or `-`.
    pub name: String,
    /// What is to be done; `{{ input.x }}` stands for a field of the crew's input.
    pub description: String,
    pub expected_output: String,
    pub agent_id: AgentId,
    /// Names of tasks whose results this one sees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
}

/// One version of a crew with its agents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrewSnapshot {
    pub id: CrewId,
    pub version: u32,
    pub name: String,
    pub process: Process,
    pub agents: Vec<AgentSnapshot>,
    pub tasks: Vec<Task>,
    #[serde(default)]
    pub limits: Limits,
}
