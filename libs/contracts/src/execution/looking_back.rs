//! Looking back at executions that have ended: beside another, and whether the engine would do the same once more.

use serde::{Deserialize, Serialize};

use super::{ExecutionState, Origin, StepError, Usage};
use crate::{Access, Permission, flow::Definition, id::ExecutionId, message::request};

/// Two executions that have ended, node by node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareExecutions {
    pub execution_id: ExecutionId,
    pub with_execution_id: ExecutionId,
}
request!(CompareExecutions => Comparison, "execution.compare", Access::Permission(Permission::ExecutionRead),
    objects: &["execution_id", "with_execution_id"],
    example: CompareExecutions { execution_id: ExecutionId::EXAMPLE, with_execution_id: ExecutionId::EXAMPLE });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Comparison {
    pub execution: Compared,
    /// The other one.
    pub with: Compared,
    pub same_input: bool,
    pub same_output: bool,
    /// Every node of either definition that stands in no body, in the order of the first, then those that only the other has.
    pub nodes: Vec<NodeComparison>,
    /// The ids of the nodes that did not do the same.
    pub changed: Vec<String>,
}

/// One of two executions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Compared {
    pub id: ExecutionId,
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", oai(flatten))]
    pub origin: Origin,
    pub state: ExecutionState,
    pub error: Option<StepError>,
    pub usage: Usage,
    /// From its start to its end.
    pub duration_ms: u64,
}

/// A node in two executions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct NodeComparison {
    pub node: String,
    /// What became of it; null where the definition lacks it.
    pub execution: Option<NodeOutcome>,
    /// What became of it in the other one.
    pub with: Option<NodeOutcome>,
    /// Whether both ended alike, went on at the same port and gave the same output.
    pub same: bool,
    pub same_output: bool,
    /// Whether its type, configuration and what it names are the same; null where one of the definitions lacks it.
    pub same_config: Option<bool>,
    /// Whether the execution's input and the outputs of all nodes before it are the same; null where one lacks it.
    pub same_input: Option<bool>,
}

/// How a node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum NodeEnd {
    Succeeded,
    /// Its last attempt failed; with a `port` the execution went on.
    Failed,
    Skipped,
    /// The execution ended before it did.
    Stopped,
    /// Its turn did not come.
    Pending,
}

/// What became of a node, with all that ran in its body or was called by its agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct NodeOutcome {
    pub end: NodeEnd,
    /// 0 where none was begun.
    pub attempts: u32,
    pub port: Option<String>,
    pub error: Option<StepError>,
    pub duration_ms: u64,
    pub usage: Usage,
    /// Whether the output was taken over from another execution, given, or that of an earlier step that was the same.
    pub reused: bool,
}

/// Has the engine decide an execution that has ended once more, from what was recorded: answers, outputs, events and the times
/// at which they came. No model, no tool and nobody outside is called, and nothing is begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayExecution {
    pub execution_id: ExecutionId,
}
request!(ReplayExecution => Replayed, "execution.replay", Access::Permission(Permission::ExecutionRead), objects: &["execution_id"],
    example: ReplayExecution { execution_id: ExecutionId::EXAMPLE });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Replayed {
    pub execution_id: ExecutionId,
    /// Whether every event that was looked at came out again as it was recorded, but for times.
    pub same: bool,
    /// How many events were recorded.
    pub events: u64,
    /// How many of them, from the first, came out again; fewer than there are where something else came out, or where there was
    /// no time to look at more.
    pub checked: u64,
    /// The number of the first event instead of which something else came out: what follows was not looked at. Null where
    /// there is none.
    pub diverged_at: Option<u64>,
    /// What came out instead.
    pub instead: Option<String>,
    /// The nodes that stand in no body, in the order in which they were first heard of.
    pub steps: Vec<ReplayedStep>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ReplayedStep {
    pub node: String,
    pub same: bool,
    /// What differs, as `<number of the event>: <field>`; the first 100.
    pub differences: Vec<String>,
}

/// What an execution executes, as it was when it began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetExecutionDefinition {
    pub execution_id: ExecutionId,
}
request!(GetExecutionDefinition => Definition, "execution.definition", Access::Permission(Permission::ExecutionRead), objects: &["execution_id"],
    example: GetExecutionDefinition { execution_id: ExecutionId::EXAMPLE });
