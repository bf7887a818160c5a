//! What begins executions: of flows, agents, crews and turns of conversations, and what the engine is given to run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Definition;
use crate::{
    Access, Permission, Principal, Role,
    agent::AgentSnapshot,
    crew::CrewSnapshot,
    execution::Accepted,
    id::{AgentId, ChatId, CrewId, ExecutionId, FlowId, TenantId, ToolId, UserId},
    llm,
    message::request,
    tool::{FlowPin, ToolSnapshot},
};

/// Which state of a flow to execute: a revision's number, or `"draft"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RevisionChoice {
    Number(u32),
    Draft(DraftWord),
}

/// The word `"draft"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DraftWord {
    #[serde(rename = "draft")]
    Draft,
}

impl RevisionChoice {
    pub const DRAFT: Self = Self::Draft(DraftWord::Draft);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecuteFlow {
    pub flow_id: FlowId,
    #[serde(default)]
    pub input: Value,
    /// The latest revision when absent.
    #[serde(default)]
    pub revision: Option<RevisionChoice>,
    /// What the execution belongs to, where the flow's concurrency counts by session: 1 to 200 characters.
    #[serde(default)]
    pub session: Option<String>,
    /// Where the execution has to wait: -100 to 100, the highest first. As the flow's concurrency says when absent.
    #[serde(default)]
    pub priority: Option<i16>,
    /// The same key and body give the same execution; the same key with another body is refused. 1 to 255 characters.
    #[serde(default)]
    pub idempotency_key: Option<String>,
}
request!(ExecuteFlow => Accepted, "flow.execute", Access::Permission(Permission::FlowExecute), objects: &["flow_id"],
    example: ExecuteFlow { flow_id: FlowId::EXAMPLE, input: serde_json::json!({"name": "Ada"}), revision: None, session: None, priority: None, idempotency_key: None });

/// Runs an agent by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunAgent {
    pub agent_id: AgentId,
    /// The newest when absent.
    #[serde(default)]
    pub version: Option<u32>,
    /// A text is the prompt; anything else is given to the agent as JSON.
    #[serde(default)]
    pub input: Value,
    /// As for [`ExecuteFlow`].
    #[serde(default)]
    pub idempotency_key: Option<String>,
}
request!(RunAgent => Accepted, "flow.run_agent", Access::Permission(Permission::AgentRun), objects: &["agent_id"],
    example: RunAgent { agent_id: AgentId::EXAMPLE, version: None, input: "Say hello.".into(), idempotency_key: None });

/// Runs a crew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunCrew {
    pub crew_id: CrewId,
    /// The newest when absent.
    #[serde(default)]
    pub version: Option<u32>,
    #[serde(default)]
    pub input: Value,
    /// As for [`ExecuteFlow`].
    #[serde(default)]
    pub idempotency_key: Option<String>,
}
request!(RunCrew => Accepted, "flow.run_crew", Access::Permission(Permission::AgentRun), objects: &["crew_id"],
    example: RunCrew { crew_id: CrewId::EXAMPLE, version: None, input: serde_json::json!({"topic": "rust"}), idempotency_key: None });

/// Runs a crew with every agent on one model, the free offline one when none is named. Its tools are called for real.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestCrew {
    pub crew_id: CrewId,
    #[serde(default)]
    pub version: Option<u32>,
    #[serde(default)]
    pub input: Value,
    /// `rehearsal/rehearsal` when absent.
    #[serde(default)]
    pub model: Option<String>,
}
request!(TestCrew => Accepted, "flow.test_crew", Access::Permission(Permission::AgentRun), objects: &["crew_id"],
    example: TestCrew { crew_id: CrewId::EXAMPLE, version: None, input: Value::Null, model: None });

/// Begins the run that answers a message of a conversation, in the name of the user who wrote it. Idempotent by the
/// execution's id. The flow, agent or crew sees `{message, messages, attachments, session_id}` as its input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunTurn {
    pub principal: Principal,
    pub execution_id: ExecutionId,
    pub target: TurnTarget,
    pub session_id: ChatId,
    pub message: String,
    /// What was said before, the oldest first.
    pub messages: Vec<llm::Message>,
    /// `{name, content_type, text}` of each attachment.
    pub attachments: Vec<Value>,
}
request!(RunTurn => Accepted, "flow.run_turn", Access::Internal, example: RunTurn {
    principal: Principal { user_id: UserId::EXAMPLE, tenant: TenantId::EXAMPLE, role: Role::Operator, session_id: None, execution_id: None },
    execution_id: ExecutionId::EXAMPLE,
    target: TurnTarget::Agent { agent_id: AgentId::EXAMPLE },
    session_id: ChatId::EXAMPLE,
    message: "Hello".into(),
    messages: Vec::new(),
    attachments: Vec::new(),
});

/// Who answers in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TurnTarget {
    Agent { agent_id: AgentId },
    Crew { crew_id: CrewId },
    Flow { flow_id: FlowId },
}

/// A definition with all it refers to, pinned: what the engine runs. Its BLAKE3 is its key in the bucket `FLOWDEF`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Executable {
    pub definition: Definition,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub agents: BTreeMap<AgentId, AgentSnapshot>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub crews: BTreeMap<CrewId, CrewSnapshot>,
    /// The tools that nodes call.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tools: BTreeMap<ToolId, ToolSnapshot>,
    /// The flows that nodes run, by the id of the node.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flows: BTreeMap<String, FlowPin>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn revision_is_a_number_or_the_word_draft() {
        let parse = |value| serde_json::from_value::<RevisionChoice>(value);
        assert_eq!(parse(json!(3)).unwrap(), RevisionChoice::Number(3));
        assert_eq!(parse(json!("draft")).unwrap(), RevisionChoice::DRAFT);
        assert!(parse(json!("latest")).is_err());
    }
}
