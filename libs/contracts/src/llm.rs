//! Calls to large language models, and the providers that answer them.
//!
//! The shapes follow the OpenAI chat-completions API, the field's common tongue.

mod budget;
mod call;
mod guard;
mod limits;
mod recording;
mod route;
mod usage;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Access, Permission, StreamRequest,
    execution::Usage,
    id::{CallId, FlowId, ProviderId},
    message::request,
    page::{Page, Paging},
};

pub use budget::{
    Budget, BudgetAlert, BudgetPeriod, BudgetScope, BudgetSpec, BudgetUsage, CreateBudget,
    DeleteBudget, GetBudget, ListBudgets, Unpriced, UpdateBudget,
};
pub use call::{CallAttempt, CallRecord, GetCall, ListCalls};
pub use guard::{AnswerCache, Guardrails, Redaction, SemanticCache};
pub use limits::{GetLimits, RateLimits, SetLimits};
pub use recording::{
    CallBodies, GetCallBodies, GetRecording, RecordBodies, Recording, SetRecording,
};
pub use route::{
    CreateRoute, DeleteRoute, Deployment, Fallback, GetRoute, ListRoutes, Route, RouteSpec,
    RouteStrategy, UpdateRoute,
};
pub use usage::{GetUsage, UsageBy, UsageLine, UsageReport};

/// A question to a model. Answered in chunks, then by the whole [`Completion`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complete {
    /// `<provider name>/<model>`, `route/<route>`, the name of a route, or a model name that exactly one provider offers;
    /// the organization's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The name of a route, instead of a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    pub messages: Vec<Message>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_format: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Fields of the chat-completions API that pass to the provider as they are.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
    /// Whether what the provider cannot honour is left out, and named in the answer, instead of being refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lenient: bool,
    /// What the call is for; bound to the run by its token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_id: Option<FlowId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The same key within an execution names the same question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}
request!(Complete => Completion, "llm.complete", Access::Permission(Permission::LlmComplete), example: Complete {
    model: Some("rehearsal/rehearsal".into()), messages: vec![Message::user("Say hello.")], ..Complete::default() });
impl StreamRequest for Complete {
    type Chunk = Delta;
}

/// One message of a conversation, as the chat-completions API writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    pub role: String,
    /// A text, a list of parts, or null.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub content: Value,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// Fields of this vendor that pass through.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Message {
    pub fn user(text: impl Into<String>) -> Self {
        Self::text("user", text)
    }
    pub fn system(text: impl Into<String>) -> Self {
        Self::text("system", text)
    }
    fn text(role: &str, text: impl Into<String>) -> Self {
        Self {
            role: role.to_owned(),
            content: Value::String(text.into()),
            tool_calls: Vec::new(),
            tool_call_id: None,
            extra: Map::new(),
        }
    }
}

/// A tool the model may call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Always `function`.
    #[serde(rename = "type")]
    pub kind: String,
    pub function: FunctionSpec,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionSpec {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON Schema of the arguments.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub parameters: Value,
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    pub id: String,
    /// Always `function`.
    #[serde(rename = "type")]
    pub kind: String,
    pub function: FunctionCall,
    /// Fields of the vendor that must come back with the call, for example signatures of its thoughts.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionCall {
    pub name: String,
    /// JSON text, byte for byte as the model wrote it.
    pub arguments: String,
}

/// A piece of the answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallDelta>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCallDelta {
    pub index: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Appended to the arguments so far.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub arguments: String,
    /// As [`ToolCall::extra`].
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
}

/// The whole answer, with its tokens and its price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    pub id: CallId,
    pub provider: String,
    pub model: String,
    pub message: Message,
    pub finish_reason: FinishReason,
    pub usage: Usage,
    /// True when the offline provider `rehearsal` answered: no model was asked.
    pub rehearsal: bool,
    /// Parameters of the question that had no effect at this provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// True when the answer to an earlier question was told again: it cost nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
    /// How near the earlier question was, as a cosine; none where it was equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f64>,
}

/// Texts whose meaning is wanted as vectors, for example to find the nearest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embed {
    /// Named as in [`Complete`]; the organization's first embedding model when absent. Vectors of two models cannot be
    /// compared, so who keeps vectors keeps the name of their model too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The name of a route, instead of a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// 1 to [`Embed::MAX_TEXTS`] texts of 1 to [`Embed::MAX_TEXT_BYTES`], [`Embed::MAX_BYTES`] together.
    pub input: Vec<String>,
    /// Numbers of each vector, where the model leaves a choice; at most [`Embed::MAX_DIMENSIONS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
}
request!(Embed => Embeddings, "llm.embed", Access::Permission(Permission::LlmComplete), example: Embed {
    model: Some("rehearsal/rehearsal".into()), input: vec!["How do I get my money back?".into()], ..Embed::default() });

impl Embed {
    pub const MAX_TEXTS: usize = 256;
    pub const MAX_TEXT_BYTES: usize = 32 * 1024;
    pub const MAX_BYTES: usize = 1024 * 1024;
    pub const MAX_DIMENSIONS: u32 = 16_000;
    /// Numbers of all vectors of one answer over the bus at most; one takes 16 bytes of JSON at most.
    pub const MAX_NUMBERS: usize = 500_000;
}

/// The vectors of the texts, in the order of the texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Embeddings {
    pub id: CallId,
    pub provider: String,
    pub model: String,
    /// Numbers of each vector.
    pub dimensions: u32,
    pub embeddings: Vec<Vec<f32>>,
    /// Without completion tokens.
    pub usage: Usage,
    /// True when the offline provider `rehearsal` answered: texts are then near when they share words.
    pub rehearsal: bool,
}

/// A model that can be named in a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Model {
    /// `<provider name>/<model>`, or `route/<route>`.
    pub id: String,
    /// `route` where it is a route.
    pub provider: String,
    pub name: String,
    pub price: Option<Price>,
    /// True for the offline provider.
    pub rehearsal: bool,
}

/// US dollars per million tokens, exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Price {
    pub prompt: Decimal,
    pub completion: Decimal,
    /// Tokens of the question that the vendor took from its cache; as `prompt` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub cache_read: Option<Decimal>,
    /// Tokens of the question that the vendor wrote into its cache; as `prompt` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub cache_write: Option<Decimal>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListModels {}
request!(ListModels => Page<Model>, "llm.models", Access::SignedIn, example: ListModels {});

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum ProviderKind {
    /// Offline, deterministic, free: answers without a model.
    Rehearsal,
    /// OpenAI and every server that speaks its chat-completions API.
    OpenaiCompatible,
    /// Anthropic's Messages API, at `https://api.anthropic.com/v1`.
    Anthropic,
    /// Google's Gemini API, at `https://generativelanguage.googleapis.com/v1beta`.
    Gemini,
    /// Azure `OpenAI`: `https://<resource>.openai.azure.com`, or with `/openai/v1` behind it; models are deployments.
    AzureOpenai,
    /// Amazon Bedrock's Converse API, at `https://bedrock-runtime.<region>.amazonaws.com`; the key is
    /// `<access key id>:<secret>`, with `:<session token>` behind it where there is one, or a Bedrock API key.
    Bedrock,
    /// Mistral, at `https://api.mistral.ai/v1`.
    Mistral,
    /// Groq, at `https://api.groq.com/openai/v1`.
    Groq,
    /// Ollama, at `http://<host>:11434/v1`.
    Ollama,
    /// vLLM, at `http://<host>:8000/v1`.
    Vllm,
}

/// What a model is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum ModelKind {
    /// It answers questions.
    #[default]
    Chat,
    /// It turns texts into vectors.
    Embedding,
}

/// A model a provider offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct ProviderModel {
    pub name: String,
    /// Decides which model is the default one, not whether it is asked.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub kind: ModelKind,
    /// When absent, that of the gateway's price table for the vendor's own server; where that has none it is unknown, and
    /// calls have a null cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub price: Option<Price>,
}

/// A configured provider. The key is sealed and never read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Provider {
    pub id: ProviderId,
    pub name: String,
    pub kind: ProviderKind,
    pub base_url: String,
    /// The last four characters of the key; of the first, where there are several.
    pub key_hint: Option<String>,
    /// Keys it has: a question goes on with the next where one is refused or has to rest.
    #[serde(default)]
    pub keys: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub limits: Option<RateLimits>,
    pub models: Vec<ProviderModel>,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct CreateProvider {
    /// Unique in the organization: 1 to 64 letters, digits, `_` or `-`.
    pub name: String,
    pub kind: ProviderKind,
    /// For example `https://api.openai.com/v1`; [`ProviderKind`] says which each kind has.
    pub base_url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub api_key: Option<String>,
    /// More keys, at most 19: questions go on with the next where one is refused or has to rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", oai(default, skip_serializing_if_is_empty))]
    pub more_api_keys: Vec<String>,
    /// How much it is asked at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub limits: Option<RateLimits>,
    pub models: Vec<ProviderModel>,
}
request!(CreateProvider => Provider, "llm.create_provider", Access::Permission(Permission::ProviderWrite), example: CreateProvider {
    name: "openai".into(), kind: ProviderKind::OpenaiCompatible, base_url: "https://api.openai.com/v1".into(),
    api_key: Some("sk-example".into()), more_api_keys: vec![], limits: None, models: vec![ProviderModel { name: "gpt-4o-mini".into(), kind: ModelKind::Chat, price: None }] });

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListProviders {
    #[serde(default)]
    pub paging: Paging,
}
request!(ListProviders => Page<Provider>, "llm.providers", Access::Permission(Permission::ProviderRead), example: ListProviders::default());

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetProvider {
    pub provider_id: ProviderId,
}
request!(GetProvider => Provider, "llm.get_provider", Access::Permission(Permission::ProviderRead), objects: &["provider_id"],
    example: GetProvider { provider_id: ProviderId::EXAMPLE });

/// Changes what is present.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateProvider {
    pub provider_id: ProviderId,
    #[serde(default)]
    pub base_url: Option<String>,
    /// Takes the place of all keys.
    #[serde(default)]
    pub api_key: Option<String>,
    /// Only with `api_key`: the keys behind it.
    #[serde(default)]
    pub more_api_keys: Vec<String>,
    #[serde(default)]
    pub limits: Option<RateLimits>,
    #[serde(default)]
    pub models: Option<Vec<ProviderModel>>,
}
request!(UpdateProvider => Provider, "llm.update_provider", Access::Permission(Permission::ProviderWrite), objects: &["provider_id"],
    example: UpdateProvider { provider_id: ProviderId::EXAMPLE, base_url: None, api_key: None, more_api_keys: vec![], limits: None, models: Some(vec![]) });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteProvider {
    pub provider_id: ProviderId,
}
request!(DeleteProvider => (), "llm.delete_provider", Access::Permission(Permission::ProviderWrite), objects: &["provider_id"],
    example: DeleteProvider { provider_id: ProviderId::EXAMPLE });

/// Asks the provider for one token and says how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestProvider {
    pub provider_id: ProviderId,
}
request!(TestProvider => ProviderTest, "llm.test_provider", Access::Permission(Permission::ProviderWrite), objects: &["provider_id"],
    example: TestProvider { provider_id: ProviderId::EXAMPLE });

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ProviderTest {
    pub ok: bool,
    pub message: String,
    pub duration_ms: u64,
}
