//! Tools: what an agent, a flow or a person may call, with the JSON Schema of its arguments.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Access, Permission, Role,
    agent::Pin,
    id::{ExecutionId, FlowId, ToolId, UserId},
    message::request,
    page::{Page, Paging},
};

/// What a tool is made of; it says what [`ToolSpec::config`] must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum ToolKind {
    /// Comes with the platform: `{"name": "time" | "calculator" | "json_query" | "http"}`.
    Builtin,
    /// One HTTP request: `{"method", "url", "headers"?, "query"?, "body"?}`; strings may hold `{{ arguments.x }}`.
    Http,
    /// JavaScript in the code worker: `{"source"}`, an ES module whose default export is a function of the arguments.
    Javascript,
    /// One operation of an OpenAPI document: `{"method", "url", "parameters"?, "body"?, "headers"?}`, as an import writes it.
    Openapi,
    /// Python, a subset of it, in the code worker: `{"source"}`, whose function `run` gets the arguments by name.
    Python,
    /// One line of JSON in and out of a locked-down container: `{"image", "command"?, "memory_mb"?, "cpus"?}`.
    Container,
    /// A micro service of the organization on NATS: `{"name"}`, which answers on `tool.<organization>.<name>`.
    Nats,
    /// A tool of an MCP server, over streamable HTTP: `{"url", "tool", "headers"?}`; or in a container, over its standard
    /// streams: `{"image", "command"?, "memory_mb"?, "cpus"?, "tool"}`.
    Mcp,
    /// A flow as a tool: `{"flow_id"}`. Only runs of agents call it.
    Flow,
}

impl ToolKind {
    pub const ALL: [Self; 9] = [
        Self::Builtin,
        Self::Http,
        Self::Javascript,
        Self::Openapi,
        Self::Python,
        Self::Container,
        Self::Nats,
        Self::Mcp,
        Self::Flow,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Http => "http",
            Self::Javascript => "javascript",
            Self::Openapi => "openapi",
            Self::Python => "python",
            Self::Container => "container",
            Self::Nats => "nats",
            Self::Mcp => "mcp",
            Self::Flow => "flow",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Whether a person must agree before an agent's call is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum Approval {
    #[default]
    None,
    /// Anyone who may approve, for exactly the arguments shown.
    Required,
    /// As `required`, and not the one for whom the agent runs.
    SecondPerson,
}

/// One version of a tool, as a run pins it and a model sees it.
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
    /// Set for a tool that is a flow: the engine runs it as an execution of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowPin>,
}

/// A flow as a tool. The service of tools knows the flow; the service of flows adds what is pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowPin {
    pub flow_id: FlowId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// Key of the executable in the bucket `FLOWDEF`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// Pins tools for a run, each at its newest version when none is named. What does not exist is missing from the answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResolveTools {
    /// Up to 1,024.
    pub tools: Vec<Pin<ToolId>>,
}
request!(ResolveTools => ResolvedTools, "tool.resolve", Access::Internal, example: ResolveTools::default());

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResolvedTools {
    pub items: Vec<ToolSnapshot>,
}

/// What its author says about a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct ToolSpec {
    /// Unique in the organization; what a model calls it: 1 to 64 letters, digits, `_` or `-`.
    pub name: String,
    pub kind: ToolKind,
    /// For the model and for people: 1 to 2,000 characters.
    pub description: String,
    /// JSON Schema (2020-12) of the arguments, an object.
    pub input_schema: Value,
    /// JSON Schema of the result; anything goes when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub output_schema: Option<Value>,
    /// What the kind asks for. `{"$secret": "name"}` stands for a secret of the organization.
    pub config: Value,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub approval: Approval,
    /// Time one call may take: 100 to 600,000, 30,000 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub timeout_ms: Option<u64>,
    /// The lowest role that may call it; `operator` when absent.
    #[serde(default = "ToolSpec::default_role")]
    #[cfg_attr(feature = "openapi", oai(default = "ToolSpec::default_role"))]
    pub least_role: Role,
}

impl ToolSpec {
    pub const DEFAULT_TIMEOUT_MS: u64 = 30_000;

    const fn default_role() -> Role {
        Role::Operator
    }

    pub fn timeout_ms(&self) -> u64 {
        self.timeout_ms.unwrap_or(Self::DEFAULT_TIMEOUT_MS)
    }

    /// A small tool for documentation and tests.
    pub fn example() -> Self {
        Self {
            name: "add".into(),
            kind: ToolKind::Javascript,
            description: "Adds two numbers.".into(),
            input_schema: serde_json::json!({
                "type": "object",
                "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
                "required": ["a", "b"],
                "additionalProperties": false
            }),
            output_schema: Some(serde_json::json!({"type": "number"})),
            config: serde_json::json!({"source": "export default ({a, b}) => a + b"}),
            approval: Approval::None,
            timeout_ms: None,
            least_role: Role::Operator,
        }
    }
}

/// A tool at its newest version, or at the one that was asked for. A version never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Tool {
    pub id: ToolId,
    /// From 1; each change makes the next. The tool's ETag.
    pub version: u32,
    pub name: String,
    pub kind: ToolKind,
    pub description: String,
    pub input_schema: Value,
    pub output_schema: Option<Value>,
    pub config: Value,
    pub approval: Approval,
    pub timeout_ms: u64,
    pub least_role: Role,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
    /// When this version was made.
    pub updated_at: DateTime<Utc>,
}

/// A tool in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ToolSummary {
    pub id: ToolId,
    pub version: u32,
    pub name: String,
    pub kind: ToolKind,
    pub description: String,
    pub approval: Approval,
    pub updated_at: DateTime<Utc>,
}

/// One version of a tool in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ToolVersion {
    pub version: u32,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTool {
    pub spec: ToolSpec,
}
request!(CreateTool => Tool, "tool.create", Access::Permission(Permission::ToolWrite),
    example: CreateTool { spec: ToolSpec::example() });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetTool {
    pub tool_id: ToolId,
    /// The newest when absent.
    #[serde(default)]
    pub version: Option<u32>,
}
request!(GetTool => Tool, "tool.get", Access::Permission(Permission::ToolRead), objects: &["tool_id"],
    example: GetTool { tool_id: ToolId::EXAMPLE, version: None });

/// By name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListTools {
    /// Only tools whose name or description contains this text, whatever the case.
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub kind: Option<ToolKind>,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListTools => Page<ToolSummary>, "tool.list", Access::Permission(Permission::ToolRead), example: ListTools::default());

/// Makes the next version. The name stays: models and flows know the tool by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateTool {
    pub tool_id: ToolId,
    pub spec: ToolSpec,
    /// Refused when the newest version is another.
    #[serde(default)]
    pub if_version: Option<u32>,
}
request!(UpdateTool => Tool, "tool.update", Access::Permission(Permission::ToolWrite), objects: &["tool_id"],
    example: UpdateTool { tool_id: ToolId::EXAMPLE, spec: ToolSpec::example(), if_version: None });

/// Hides the tool and frees its name; calls of it are refused from then on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteTool {
    pub tool_id: ToolId,
}
request!(DeleteTool => (), "tool.delete", Access::Permission(Permission::ToolWrite), objects: &["tool_id"],
    example: DeleteTool { tool_id: ToolId::EXAMPLE });

/// The newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListToolVersions {
    pub tool_id: ToolId,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListToolVersions => Page<ToolVersion>, "tool.versions", Access::Permission(Permission::ToolRead), objects: &["tool_id"],
    example: ListToolVersions { tool_id: ToolId::EXAMPLE, paging: Paging::default() });

/// One thing that is wrong with a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ToolProblem {
    /// JSON pointer into the tool.
    pub path: String,
    /// A stable word, for example `unknown_secret`.
    pub code: String,
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ToolValidation {
    pub valid: bool,
    pub problems: Vec<ToolProblem>,
}

/// Checks the tool as it is now: its schemas, its configuration, and the secrets it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidateTool {
    pub tool_id: ToolId,
}
request!(ValidateTool => ToolValidation, "tool.validate", Access::Permission(Permission::ToolRead), objects: &["tool_id"],
    example: ValidateTool { tool_id: ToolId::EXAMPLE });

/// Calls a tool once. A call that fails is a problem whose `reason` is the failure's stable word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvokeTool {
    pub tool_id: ToolId,
    /// The newest when absent.
    #[serde(default)]
    pub version: Option<u32>,
    pub arguments: Value,
    /// Passed to the outside as `Idempotency-Key`: 1 to 255 characters.
    #[serde(default)]
    pub idempotency_key: Option<String>,
}
request!(InvokeTool => ToolResult, "tool.invoke", Access::Permission(Permission::ToolInvoke), objects: &["tool_id"],
    example: InvokeTool { tool_id: ToolId::EXAMPLE, version: None, arguments: serde_json::json!({"a": 1, "b": 2}), idempotency_key: None });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ToolResult {
    pub result: Value,
    pub version: u32,
    pub duration_ms: u64,
}

/// Makes a tool of each operation of an OpenAPI 3.0 or 3.1 document. What cannot be a tool is told among the problems.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct ImportOpenapi {
    /// The document itself: an object, or JSON or YAML as a text of at most 1 MiB. Either this or `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub document: Option<Value>,
    /// Where the document is fetched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub url: Option<String>,
    /// The `operationId`s to import; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub operations: Option<Vec<String>>,
    /// Stands in for the servers that the document names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub base_url: Option<String>,
    /// Sent with each call; `{"$secret": "name"}` stands for a secret of the organization.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub headers: BTreeMap<String, Value>,
}
request!(ImportOpenapi => ImportedTools, "tool.import_openapi", Access::Permission(Permission::ToolWrite),
    example: ImportOpenapi { url: Some("https://api.example.com/openapi.json".into()), ..ImportOpenapi::default() });

/// Makes a tool of each tool of an MCP server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct ImportMcp {
    /// The server's address for streamable HTTP.
    pub url: String,
    /// Sent with each request; `{"$secret": "name"}` stands for a secret of the organization.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub headers: BTreeMap<String, Value>,
    /// The names of the tools to import; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub tools: Option<Vec<String>>,
}
request!(ImportMcp => ImportedTools, "tool.import_mcp", Access::Permission(Permission::ToolWrite),
    example: ImportMcp { url: "https://mcp.example.com/mcp".into(), ..ImportMcp::default() });

/// What an import has made, and what it could not make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ImportedTools {
    pub items: Vec<ToolSummary>,
    pub problems: Vec<ImportProblem>,
}

/// Why something became no tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ImportProblem {
    /// The `operationId` or the tool's name; where there is none, method and path.
    pub item: String,
    /// A stable word, for example `body_type`.
    pub code: String,
    pub message: String,
}

/// Looks for the organization's micro services on NATS that can be tools, as they run at this moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscoverTools {}
request!(DiscoverTools => DiscoveredTools, "tool.discover", Access::Permission(Permission::ToolRead), example: DiscoverTools::default());

/// By name, each once however many replicas answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct DiscoveredTools {
    pub items: Vec<DiscoveredTool>,
}

/// One endpoint of a micro service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct DiscoveredTool {
    /// The last token of its subject; the `name` of a `nats` tool's configuration.
    pub name: String,
    pub description: String,
    /// From the endpoint's metadata; any object where that has none that can be used.
    pub input_schema: Value,
    /// Why the schema in the metadata is not used.
    pub problem: Option<String>,
}

/// One call of a tool, without arguments and result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ToolCallRecord {
    pub at: DateTime<Utc>,
    pub version: u32,
    pub called_by: UserId,
    /// Set where a run called it.
    pub execution_id: Option<ExecutionId>,
    pub duration_ms: u64,
    /// The failure's stable word, null on success.
    pub error: Option<String>,
}

/// The last calls, the newest first; the platform keeps the last 1,000 of each tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListToolCalls {
    pub tool_id: ToolId,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListToolCalls => Page<ToolCallRecord>, "tool.calls", Access::Permission(Permission::ToolRead), objects: &["tool_id"],
    example: ListToolCalls { tool_id: ToolId::EXAMPLE, paging: Paging::default() });

/// A secret of the organization; its value is sealed and never read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Secret {
    /// 1 to 64 letters, digits, `_` or `-`.
    pub name: String,
    /// The hosts it may be sent to, `host` or `host:port`; nowhere else.
    pub hosts: Vec<String>,
    pub updated_by: UserId,
    pub updated_at: DateTime<Utc>,
}

/// Writes a secret, new or in place of the old one.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSecret {
    pub name: String,
    /// 1 to 16,384 characters.
    pub value: String,
    pub hosts: Vec<String>,
}
request!(SetSecret => Secret, "tool.set_secret", Access::Permission(Permission::SecretWrite),
    example: SetSecret { name: "weather_key".into(), value: "k-example".into(), hosts: vec!["api.example.com".into()] });

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSecrets {
    #[serde(default)]
    pub paging: Paging,
}
request!(ListSecrets => Page<Secret>, "tool.secrets", Access::Permission(Permission::ToolRead), example: ListSecrets::default());

/// Tools that name it fail from then on with `unknown_secret`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteSecret {
    pub name: String,
}
request!(DeleteSecret => (), "tool.delete_secret", Access::Permission(Permission::SecretWrite),
    example: DeleteSecret { name: "weather_key".into() });
