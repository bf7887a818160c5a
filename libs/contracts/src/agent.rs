//! Agents: who works, with what, and within which limits; and what the agents of an organization remember.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Access, Permission,
    crew::CrewSnapshot,
    id::{AgentId, BaseId, CrewId, ExecutionId, MemoryId, ToolId, UserId},
    message::request,
    page::{Page, Paging},
    tool::ToolSnapshot,
};

/// What runs an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum Framework {
    /// The engine itself: each question and each call is a recorded step.
    #[default]
    Native,
    Crewai,
    Langgraph,
    Agno,
}

impl Framework {
    pub const ALL: [Self; 4] = [Self::Native, Self::Crewai, Self::Langgraph, Self::Agno];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Crewai => "crewai",
            Self::Langgraph => "langgraph",
            Self::Agno => "agno",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|framework| framework.as_str() == text)
    }
}

/// Who may see what an agent remembers from one run to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum MemoryScope {
    /// Nothing is kept.
    #[default]
    Off,
    /// Only runs started by the same user.
    User,
    /// All runs of the agent in the organization.
    Organization,
}

/// What one run of an agent may take. A run that would go beyond ends with `limit_reached`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields, default)
)]
pub struct Limits {
    /// Questions to the model: 1 to 200.
    pub max_steps: u32,
    /// Calls of tools in all: 0 to 1,000.
    pub max_tool_calls: u32,
    /// Tokens in and out together: 1 to 10,000,000.
    pub max_tokens: u64,
    /// How deep flows, called as tools, may call flows and agents: 1 to 8.
    pub max_depth: u32,
    /// US dollars; no bound when absent. A call of unknown price then counts as too dear.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub max_cost: Option<Decimal>,
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

/// A condition on an agent's answer. An answer that does not hold is given back once, with the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Guardrail {
    /// An expression over `output`, without braces, that must be true: `output | length < 500`.
    pub expression: String,
    /// What the agent is told: 1 to 500 characters.
    pub message: String,
}

/// What its author says about an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct AgentSpec {
    /// Unique in the organization: 1 to 100 characters.
    pub name: String,
    /// 1 to 500 characters.
    pub role: String,
    /// 1 to 2,000 characters.
    pub goal: String,
    /// Up to 8,000 characters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub backstory: String,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub framework: Framework,
    /// `<provider name>/<model>`; the organization's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub model: Option<String>,
    /// Up to 64 tools it may call, each at the version that is newest when a run begins.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub tools: Vec<ToolId>,
    /// Up to 8 knowledge bases it may search.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub knowledge: Vec<BaseId>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub memory: MemoryScope,
    /// Up to 8.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub guardrails: Vec<Guardrail>,
    /// JSON Schema (2020-12) of the answer; a text when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub output_schema: Option<Value>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub limits: Limits,
}

impl AgentSpec {
    /// A small agent for documentation and tests.
    pub fn example() -> Self {
        Self {
            name: "writer".into(),
            role: "a writer of short texts".into(),
            goal: "Say it in one sentence.".into(),
            backstory: String::new(),
            framework: Framework::Native,
            model: None,
            tools: Vec::new(),
            knowledge: Vec::new(),
            memory: MemoryScope::Off,
            guardrails: Vec::new(),
            output_schema: None,
            limits: Limits::default(),
        }
    }
}

/// An agent at its newest version, or at the one that was asked for. A version never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Agent {
    pub id: AgentId,
    /// From 1; each change makes the next. The agent's ETag.
    pub version: u32,
    pub name: String,
    pub role: String,
    pub goal: String,
    pub backstory: String,
    pub framework: Framework,
    pub model: Option<String>,
    pub tools: Vec<ToolId>,
    pub knowledge: Vec<BaseId>,
    pub memory: MemoryScope,
    pub guardrails: Vec<Guardrail>,
    pub output_schema: Option<Value>,
    pub limits: Limits,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
    /// When this version was made.
    pub updated_at: DateTime<Utc>,
}

/// An agent in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct AgentSummary {
    pub id: AgentId,
    pub version: u32,
    pub name: String,
    pub role: String,
    pub framework: Framework,
    pub updated_at: DateTime<Utc>,
}

/// One version of an agent or of a crew, in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct AgentVersion {
    pub version: u32,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateAgent {
    pub spec: AgentSpec,
}
request!(CreateAgent => Agent, "agent.create", Access::Permission(Permission::AgentWrite),
    example: CreateAgent { spec: AgentSpec::example() });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetAgent {
    pub agent_id: AgentId,
    /// The newest when absent.
    #[serde(default)]
    pub version: Option<u32>,
}
request!(GetAgent => Agent, "agent.get", Access::Permission(Permission::AgentRead), objects: &["agent_id"],
    example: GetAgent { agent_id: AgentId::EXAMPLE, version: None });

/// By name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListAgents {
    /// Only agents whose name, role or goal contains this text, whatever the case.
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListAgents => Page<AgentSummary>, "agent.list", Access::Permission(Permission::AgentRead), example: ListAgents::default());

/// Makes the next version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateAgent {
    pub agent_id: AgentId,
    pub spec: AgentSpec,
    /// Refused when the newest version is another.
    #[serde(default)]
    pub if_version: Option<u32>,
}
request!(UpdateAgent => Agent, "agent.update", Access::Permission(Permission::AgentWrite), objects: &["agent_id"],
    example: UpdateAgent { agent_id: AgentId::EXAMPLE, spec: AgentSpec::example(), if_version: None });

/// Hides the agent and frees its name, and forgets what it remembered. Refused with `conflict` while a crew names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteAgent {
    pub agent_id: AgentId,
}
request!(DeleteAgent => (), "agent.delete", Access::Permission(Permission::AgentWrite), objects: &["agent_id"],
    example: DeleteAgent { agent_id: AgentId::EXAMPLE });

/// The newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListAgentVersions {
    pub agent_id: AgentId,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListAgentVersions => Page<AgentVersion>, "agent.versions", Access::Permission(Permission::AgentRead), objects: &["agent_id"],
    example: ListAgentVersions { agent_id: AgentId::EXAMPLE, paging: Paging::default() });

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSnapshot>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub knowledge: Vec<KnowledgeSnapshot>,
    #[serde(default)]
    pub memory: MemoryScope,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guardrails: Vec<Guardrail>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    #[serde(default)]
    pub limits: Limits,
}

/// A knowledge base, as a model sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnowledgeSnapshot {
    pub id: BaseId,
    pub name: String,
    pub description: String,
}

/// An agent or a crew by id, at its newest version when none is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin<I> {
    pub id: I,
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// Pins agents and crews for a run: their versions, with their tools and the knowledge bases they may search.
/// What does not exist is missing from the answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// Up to 256.
    #[serde(default)]
    pub agents: Vec<Pin<AgentId>>,
    /// Up to 64.
    #[serde(default)]
    pub crews: Vec<Pin<CrewId>>,
    /// Bases that knowledge nodes search, up to 64.
    #[serde(default)]
    pub bases: Vec<BaseId>,
}
request!(Resolve => Resolved, "agent.resolve", Access::Internal, example: Resolve::default());

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    pub agents: Vec<AgentSnapshot>,
    pub crews: Vec<CrewSnapshot>,
    pub bases: Vec<KnowledgeSnapshot>,
}

/// Something an agent remembers, with where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Memory {
    pub id: MemoryId,
    /// Whom or what it is about, for example a name; null when it is about the work itself.
    pub entity: Option<String>,
    /// 1 to 2,000 characters.
    pub text: String,
    /// For whom the run was that learnt it.
    pub user_id: UserId,
    pub execution_id: ExecutionId,
    pub created_at: DateTime<Utc>,
}

/// What a run learnt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    pub text: String,
}

/// The nearest memories to a text, the nearest first. Asked by a run, in the name of its user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recall {
    pub agent_id: AgentId,
    pub scope: MemoryScope,
    pub query: String,
    /// 1 to 20.
    pub limit: u32,
}
request!(Recall => Recalled, "agent.recall", Access::Permission(Permission::MemoryUse), objects: &["agent_id"],
    example: Recall { agent_id: AgentId::EXAMPLE, scope: MemoryScope::User, query: "Ada".into(), limit: 5 });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recalled {
    pub items: Vec<Memory>,
}

/// Keeps facts, up to 20. Idempotent by the key: a second time keeps nothing twice. Only a run may.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remember {
    pub agent_id: AgentId,
    pub facts: Vec<Fact>,
    pub idempotency_key: String,
}
request!(Remember => (), "agent.remember", Access::Permission(Permission::MemoryUse), objects: &["agent_id"],
    example: Remember { agent_id: AgentId::EXAMPLE, facts: vec![Fact { entity: Some("Ada".into()), text: "likes short answers".into() }], idempotency_key: "k".into() });

/// What the agent remembers: the caller's own, and with `organization` in its scope everything. The newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListMemories {
    pub agent_id: AgentId,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListMemories => Page<Memory>, "agent.memories", Access::Permission(Permission::AgentRead), objects: &["agent_id"],
    example: ListMemories { agent_id: AgentId::EXAMPLE, paging: Paging::default() });

/// Forgets one memory, or all that the caller may see when none is named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forget {
    pub agent_id: AgentId,
    #[serde(default)]
    pub memory_id: Option<MemoryId>,
}
request!(Forget => (), "agent.forget", Access::Permission(Permission::AgentRun), objects: &["agent_id"],
    example: Forget { agent_id: AgentId::EXAMPLE, memory_id: None });
