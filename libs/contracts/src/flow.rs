//! Flows: what a user draws, publishes and executes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Access, Permission,
    id::{AgentId, FlowId, UserId},
    message::request,
    page::{Page, Paging},
};

mod again;
mod cache;
mod concurrency;
mod drawing;
mod idempotency;
mod regression;
mod retry;
mod running;
mod versions;

pub use again::{ContinueExecution, ForkExecution, RetryExecution, TestFlow};
pub use cache::Cache;
pub use concurrency::{
    Concurrency, ConcurrencyPolicy, ConcurrencyScope, GetConcurrency, PlaceTaken, SetConcurrency,
};
pub use drawing::{Group, Note};
pub use idempotency::Idempotency;
pub use regression::{
    GetRegression, NodeVerdict, Regression, RegressionItem, RegressionState, StartRegression,
    Verdict,
};
pub use retry::{Backoff, Retry};
pub use running::{
    DraftWord, Executable, ExecuteFlow, RevisionChoice, RunAgent, RunCrew, RunTurn, TestCrew,
    TurnTarget,
};
pub use versions::{FlowUpgrade, NodeTypeVersion, NodeUpgrade, NotUpgraded, UpgradeFlow};

/// A node's configuration; sorted, so that equal definitions have equal hashes.
pub type NodeConfig = BTreeMap<String, Value>;

/// Nodes and edges, as drawn, and what is drawn beside them. A draft may be stored invalid; a revision is always valid.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Definition {
    pub nodes: Vec<Node>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub edges: Vec<Edge>,
    /// JSON Schema (2020-12) that the input of an execution must satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub input_schema: Option<Value>,
    /// Time that an execution may take, 1 s to a year. What its failure brings, compensations and the error handler, is not
    /// counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub timeout_seconds: Option<u64>,
    /// Texts on the canvas, at most 200; an execution knows nothing of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", oai(default, skip_serializing_if_is_empty))]
    pub notes: Vec<Note>,
    /// Nodes that belong together, at most 200 groups; an execution knows nothing of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", oai(default, skip_serializing_if_is_empty))]
    pub groups: Vec<Group>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Node {
    /// Unique in the flow: 1 to 64 letters, digits, `_` or `-`.
    pub id: String,
    /// One of `GET /api/v1/node-types`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", oai(rename = "type"))]
    pub kind: String,
    /// The version of the type that the node keeps to. Where a draft is saved without, it becomes that of the node of this id and
    /// type in the stored draft, else the current one; what is stored without is of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub type_version: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub name: Option<String>,
    /// What the node type's JSON Schema asks for; strings may hold `{{ expressions }}`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub config: NodeConfig,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub retry: Option<Retry>,
    /// Time one attempt may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub timeout_ms: Option<u64>,
    /// Time in which an attempt must show that it goes on: a model by a further word, a flow by a further event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub idle_timeout_ms: Option<u64>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub on_error: OnError,
    /// What a worker that breaks down in the middle of the node's work leaves to the next.
    #[serde(default, skip_serializing_if = "Idempotency::is_keyed")]
    #[cfg_attr(
        feature = "openapi",
        oai(default, skip_serializing_if = "Idempotency::is_keyed")
    )]
    pub idempotency: Idempotency,
    /// Takes the output of an earlier step that was the same, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub cache: Option<Cache>,
    /// The node that this one undoes: it runs where that one had succeeded, and the execution fails or is cancelled. No edge
    /// leads into it or out of it; it stands in the same body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub compensates: Option<String>,
    /// The `map` or `loop` in whose body the node stands; absent where it stands in none. Edges join nodes of one body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub parent: Option<String>,
    /// Where the editor draws the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub position: Option<Position>,
}

impl Node {
    /// The version of nodes that name none.
    pub const FIRST_VERSION: u32 = 1;

    pub fn version(&self) -> u32 {
        self.type_version.unwrap_or(Self::FIRST_VERSION)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Position {
    pub x: f64,
    pub y: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Edge {
    pub from: String,
    /// The output port of `from`; `out` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub from_port: Option<String>,
    pub to: String,
}

impl Edge {
    /// The port of nodes that have only one.
    pub const DEFAULT_PORT: &'static str = "out";
    /// The port an error leaves by, where `on_error` is `branch`.
    pub const ERROR_PORT: &'static str = "error";

    pub fn port(&self) -> &str {
        self.from_port.as_deref().unwrap_or(Self::DEFAULT_PORT)
    }
}

/// What becomes of a step whose last attempt failed: `"fail"`, `"branch"` or `{"default": value}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The execution fails.
    #[default]
    Fail,
    /// The execution goes on at the port `error`; the node's output is the error.
    Branch,
    /// The execution goes on with this output.
    Default(Value),
}

/// A flow with its draft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Flow {
    pub id: FlowId,
    pub name: String,
    pub description: String,
    /// The draft.
    pub definition: Definition,
    /// Grows with each change of name, description or draft; the flow's ETag.
    pub version: u64,
    /// The number of the latest published revision.
    pub revision: Option<u32>,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A flow in a list: without its definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct FlowSummary {
    pub id: FlowId,
    pub name: String,
    pub description: String,
    pub version: u64,
    pub revision: Option<u32>,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A published, immutable state of a flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Revision {
    pub flow_id: FlowId,
    /// From 1.
    pub revision: u32,
    pub definition: Definition,
    /// BLAKE3 of the canonical definition, hexadecimal.
    pub hash: String,
    pub notes: String,
    pub published_by: UserId,
    pub published_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct RevisionSummary {
    pub revision: u32,
    pub hash: String,
    pub notes: String,
    pub published_by: UserId,
    pub published_at: DateTime<Utc>,
}

/// One thing that keeps a flow from being published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct FlowProblem {
    /// The node it is about; null when it is about the flow.
    pub node: Option<String>,
    /// JSON pointer into the definition.
    pub path: String,
    /// A stable word, for example `unknown_node_type`.
    pub code: String,
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Validation {
    pub valid: bool,
    pub problems: Vec<FlowProblem>,
}

/// A kind of node: what its configuration must look like and which ports it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct NodeType {
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", oai(rename = "type"))]
    pub kind: String,
    /// The current version: that of new nodes.
    pub version: u32,
    pub title: String,
    pub description: String,
    /// JSON Schema of `config`.
    pub config_schema: Value,
    /// Output ports; a condition adds the ports its cases name.
    pub ports: Vec<String>,
    /// Whether edges may lead into it.
    pub takes_input: bool,
    /// Whether other nodes may name it as their `parent`: it runs them again and again.
    pub has_body: bool,
    /// The earlier versions, whose nodes run as well.
    pub older: Vec<NodeTypeVersion>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct CreateFlow {
    /// 1 to 200 characters.
    pub name: String,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub description: String,
    pub definition: Definition,
}
request!(CreateFlow => Flow, "flow.create", Access::Permission(Permission::FlowWrite),
    example: CreateFlow { name: "Greet".into(), description: "Says hello.".into(), definition: Definition::example() });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetFlow {
    pub flow_id: FlowId,
}
request!(GetFlow => Flow, "flow.get", Access::Permission(Permission::FlowRead), objects: &["flow_id"],
    example: GetFlow { flow_id: FlowId::EXAMPLE });

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListFlows {
    /// Only flows whose name or description contains this text, whatever the case.
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListFlows => Page<FlowSummary>, "flow.list", Access::Permission(Permission::FlowRead), example: ListFlows::default());

/// A flow that names an agent in one of its nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct AgentFlow {
    pub id: FlowId,
    pub name: String,
    pub description: String,
    /// Whether its draft names the agent.
    pub draft: bool,
    /// Whether its newest revision names the agent.
    pub published: bool,
    /// The number of the newest revision.
    pub revision: Option<u32>,
    pub updated_at: DateTime<Utc>,
}

/// The flows whose draft or newest revision names the agent in a node; the last changed first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListAgentFlows {
    pub agent_id: AgentId,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListAgentFlows => Page<AgentFlow>, "flow.list_of_agent", Access::Permission(Permission::FlowRead), objects: &["agent_id"],
    example: ListAgentFlows { agent_id: AgentId::EXAMPLE, paging: Paging::default() });

/// Makes the draft of a flow that answers a conversation with the agent. Executed by itself it takes `{prompt}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateAgentFlow {
    pub agent_id: AgentId,
    /// 1 to 200 characters; the agent's name when absent.
    #[serde(default)]
    pub name: Option<String>,
}
request!(CreateAgentFlow => Flow, "flow.create_for_agent", Access::Permission(Permission::FlowWrite), objects: &["agent_id"],
    example: CreateAgentFlow { agent_id: AgentId::EXAMPLE, name: Some("Ask the clerk".into()) });

/// Changes what is present; `if_version` guards against overwriting someone else's change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateFlow {
    pub flow_id: FlowId,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub definition: Option<Definition>,
    #[serde(default)]
    pub if_version: Option<u64>,
}
request!(UpdateFlow => Flow, "flow.update", Access::Permission(Permission::FlowWrite), objects: &["flow_id"],
    example: UpdateFlow { flow_id: FlowId::EXAMPLE, name: Some("Greet twice".into()), description: Some(String::new()), definition: Some(Definition::example()), if_version: None });

/// Hides the flow; its executions stay readable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteFlow {
    pub flow_id: FlowId,
}
request!(DeleteFlow => (), "flow.delete", Access::Permission(Permission::FlowWrite), objects: &["flow_id"],
    example: DeleteFlow { flow_id: FlowId::EXAMPLE });

/// Checks the draft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidateFlow {
    pub flow_id: FlowId,
}
request!(ValidateFlow => Validation, "flow.validate", Access::Permission(Permission::FlowRead), objects: &["flow_id"],
    example: ValidateFlow { flow_id: FlowId::EXAMPLE });

/// Makes the draft the next revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishFlow {
    pub flow_id: FlowId,
    #[serde(default)]
    pub notes: String,
}
request!(PublishFlow => Revision, "flow.publish", Access::Permission(Permission::FlowWrite), objects: &["flow_id"],
    example: PublishFlow { flow_id: FlowId::EXAMPLE, notes: String::new() });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListRevisions {
    pub flow_id: FlowId,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListRevisions => Page<RevisionSummary>, "flow.list_revisions", Access::Permission(Permission::FlowRead), objects: &["flow_id"],
    example: ListRevisions { flow_id: FlowId::EXAMPLE, paging: Paging::default() });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetRevision {
    pub flow_id: FlowId,
    pub revision: u32,
}
request!(GetRevision => Revision, "flow.get_revision", Access::Permission(Permission::FlowRead), objects: &["flow_id"],
    example: GetRevision { flow_id: FlowId::EXAMPLE, revision: 1 });

/// Makes an old revision's definition the draft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreRevision {
    pub flow_id: FlowId,
    pub revision: u32,
}
request!(RestoreRevision => Flow, "flow.restore_revision", Access::Permission(Permission::FlowWrite), objects: &["flow_id"],
    example: RestoreRevision { flow_id: FlowId::EXAMPLE, revision: 1 });

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListNodeTypes {}
request!(ListNodeTypes => Page<NodeType>, "flow.node_types", Access::SignedIn, example: ListNodeTypes {});

/// The organization's variables, as expressions see them in `vars`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Variables {
    /// Names are 1 to 64 letters, digits or `_`, not beginning with a digit; values are any JSON. Not for secrets.
    pub variables: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetVariables {}
request!(GetVariables => Variables, "flow.variables", Access::Permission(Permission::FlowRead), example: GetVariables {});

/// Replaces all variables; executions that run keep those they began with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetVariables {
    pub variables: BTreeMap<String, Value>,
}
request!(SetVariables => Variables, "flow.set_variables", Access::Permission(Permission::FlowWrite),
    example: SetVariables { variables: BTreeMap::from([("region".into(), "eu".into())]) });

impl Definition {
    /// A small flow for documentation and tests.
    pub fn example() -> Self {
        serde_json::from_value(serde_json::json!({
            "nodes": [
                {"id": "start", "type": "trigger", "config": {}},
                {"id": "greet", "type": "transform", "config": {"value": {"text": "Hello {{ input.name }}"}}},
                {"id": "end", "type": "output", "config": {"value": "{{ nodes.greet.output }}"}}
            ],
            "edges": [{"from": "start", "to": "greet"}, {"from": "greet", "to": "end"}]
        }))
        .expect("the example is a definition")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_drawn_leaves_no_trace_where_it_is_not() {
        let plain = serde_json::to_value(Definition::example()).unwrap();
        let keys: Vec<_> = plain.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["edges", "nodes"]);
        let mut drawn = plain.clone();
        drawn["notes"] = json!([{"id": "n", "text": "Why", "position": {"x": 0.5, "y": -8.0}, "width": 240.0, "height": 96.0}]);
        drawn["groups"] =
            json!([{"id": "g", "name": "Work", "nodes": ["greet"], "collapsed": true}]);
        let definition: Definition = serde_json::from_value(drawn.clone()).unwrap();
        assert_eq!(serde_json::to_value(definition).unwrap(), drawn);
    }

    #[test]
    fn on_error_has_three_forms() {
        for (json, value) in [
            (json!("fail"), OnError::Fail),
            (json!("branch"), OnError::Branch),
            (json!({"default": [1]}), OnError::Default(json!([1]))),
        ] {
            assert_eq!(
                serde_json::from_value::<OnError>(json.clone()).unwrap(),
                value
            );
            assert_eq!(serde_json::to_value(value).unwrap(), json);
        }
    }
}
