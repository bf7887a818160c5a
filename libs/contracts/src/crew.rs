//! Crews: agents with tasks that depend on each other.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Access, Permission,
    agent::{Agent, AgentSnapshot, AgentVersion, Limits},
    id::{AgentId, CrewId, UserId},
    message::request,
    page::{Page, Paging},
};

/// How a crew goes about its tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum Process {
    /// One after the other, in their order; those marked `async` run beside what follows.
    #[default]
    Sequential,
    /// A manager hands tasks out and looks at the results until it accepts them.
    Hierarchical,
    /// Each as soon as those in its context are done.
    Parallel,
}

impl Process {
    pub const ALL: [Self; 3] = [Self::Sequential, Self::Hierarchical, Self::Parallel];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Hierarchical => "hierarchical",
            Self::Parallel => "parallel",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|process| process.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Task {
    /// Unique in the crew: 1 to 64 letters, digits, `_` or `-`.
    pub name: String,
    /// What is to be done; `{{ input.x }}` stands for a field of the crew's input. 1 to 8,000 characters.
    pub description: String,
    /// 1 to 2,000 characters.
    pub expected_output: String,
    /// One of the crew's agents.
    pub agent_id: AgentId,
    /// Names of tasks whose results this one sees; without a cycle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub context: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub output_schema: Option<Value>,
    /// In a sequential crew: the next task does not wait for it, unless its context names it.
    #[serde(default, rename = "async")]
    #[cfg_attr(feature = "openapi", oai(default, rename = "async"))]
    pub is_async: bool,
}

/// What its author says about a crew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct CrewSpec {
    /// Unique in the organization: 1 to 100 characters.
    pub name: String,
    /// Up to 2,000 characters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub description: String,
    pub process: Process,
    /// 1 to 32.
    pub agents: Vec<AgentId>,
    /// 1 to 64. The last one's result is the crew's, but for a hierarchical crew, where the manager answers.
    pub tasks: Vec<Task>,
    /// The model of the manager, in a hierarchical crew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub manager_model: Option<String>,
    /// Of the whole crew; each agent's own hold beside them.
    #[serde(default = "CrewSpec::default_limits")]
    #[cfg_attr(feature = "openapi", oai(default = "CrewSpec::default_limits"))]
    pub limits: Limits,
}

impl CrewSpec {
    /// Those of a crew that names none.
    pub fn default_limits() -> Limits {
        Limits {
            max_steps: 100,
            max_tool_calls: 500,
            max_tokens: 1_000_000,
            ..Limits::default()
        }
    }

    /// A small crew for documentation and tests.
    pub fn example() -> Self {
        Self {
            name: "newsroom".into(),
            description: String::new(),
            process: Process::Sequential,
            agents: vec![AgentId::EXAMPLE],
            tasks: vec![Task {
                name: "write".into(),
                description: "Write about {{ input.topic }}.".into(),
                expected_output: "One paragraph.".into(),
                agent_id: AgentId::EXAMPLE,
                context: Vec::new(),
                output_schema: None,
                is_async: false,
            }],
            manager_model: None,
            limits: Self::default_limits(),
        }
    }
}

/// A crew at its newest version, or at the one that was asked for. A version never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Crew {
    pub id: CrewId,
    /// From 1; each change makes the next. The crew's ETag.
    pub version: u32,
    pub name: String,
    pub description: String,
    pub process: Process,
    pub agents: Vec<AgentId>,
    pub tasks: Vec<Task>,
    pub manager_model: Option<String>,
    pub limits: Limits,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
    /// When this version was made.
    pub updated_at: DateTime<Utc>,
}

/// A crew in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct CrewSummary {
    pub id: CrewId,
    pub version: u32,
    pub name: String,
    pub description: String,
    pub process: Process,
    pub updated_at: DateTime<Utc>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager_model: Option<String>,
    #[serde(default)]
    pub limits: Limits,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateCrew {
    pub spec: CrewSpec,
}
request!(CreateCrew => Crew, "agent.create_crew", Access::Permission(Permission::AgentWrite),
    example: CreateCrew { spec: CrewSpec::example() });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetCrew {
    pub crew_id: CrewId,
    /// The newest when absent.
    #[serde(default)]
    pub version: Option<u32>,
}
request!(GetCrew => Crew, "agent.get_crew", Access::Permission(Permission::AgentRead), objects: &["crew_id"],
    example: GetCrew { crew_id: CrewId::EXAMPLE, version: None });

/// By name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListCrews {
    /// Only crews whose name or description contains this text, whatever the case.
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListCrews => Page<CrewSummary>, "agent.crews", Access::Permission(Permission::AgentRead), example: ListCrews::default());

/// Makes the next version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateCrew {
    pub crew_id: CrewId,
    pub spec: CrewSpec,
    /// Refused when the newest version is another.
    #[serde(default)]
    pub if_version: Option<u32>,
}
request!(UpdateCrew => Crew, "agent.update_crew", Access::Permission(Permission::AgentWrite), objects: &["crew_id"],
    example: UpdateCrew { crew_id: CrewId::EXAMPLE, spec: CrewSpec::example(), if_version: None });

/// Hides the crew and frees its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteCrew {
    pub crew_id: CrewId,
}
request!(DeleteCrew => (), "agent.delete_crew", Access::Permission(Permission::AgentWrite), objects: &["crew_id"],
    example: DeleteCrew { crew_id: CrewId::EXAMPLE });

/// The newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListCrewVersions {
    pub crew_id: CrewId,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListCrewVersions => Page<AgentVersion>, "agent.crew_versions", Access::Permission(Permission::AgentRead), objects: &["crew_id"],
    example: ListCrewVersions { crew_id: CrewId::EXAMPLE, paging: Paging::default() });

/// Makes agents and a crew from the two files of a CrewAI project. Either all is made or nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct ImportCrew {
    pub name: String,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub process: Process,
    /// The text of `agents.yaml`, up to 256 KiB.
    pub agents_yaml: String,
    /// The text of `tasks.yaml`, up to 256 KiB.
    pub tasks_yaml: String,
}
request!(ImportCrew => ImportedCrew, "agent.import_crew", Access::Permission(Permission::AgentWrite),
example: ImportCrew {
    name: "newsroom".into(),
    process: Process::Sequential,
    agents_yaml: "writer:\n  role: a writer\n  goal: write well\n".into(),
    tasks_yaml: "write:\n  description: Write about {topic}.\n  expected_output: One paragraph.\n  agent: writer\n".into(),
});

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ImportedCrew {
    pub crew: Crew,
    pub agents: Vec<Agent>,
    /// What the files say that has no counterpart here, for example `agents.yaml: writer.allow_code_execution`.
    pub ignored: Vec<String>,
}
