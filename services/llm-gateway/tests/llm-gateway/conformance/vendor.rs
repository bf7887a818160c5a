//! The vendors of the suite, and what distinguishes them on the wire.

use std::net::SocketAddr;

use contracts::llm::ProviderKind;
use serde_json::Value;

use super::{
    mock::{Asked, Script},
    wire::{self, Said},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vendor {
    Openai,
    Azure,
    Mistral,
    Groq,
    Ollama,
    Vllm,
    Anthropic,
    Gemini,
    Bedrock,
}

/// Vendors whose messages look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Openai,
    Anthropic,
    Gemini,
    Bedrock,
}

impl Vendor {
    pub(crate) const ALL: [Self; 9] = [
        Self::Openai,
        Self::Azure,
        Self::Mistral,
        Self::Groq,
        Self::Ollama,
        Self::Vllm,
        Self::Anthropic,
        Self::Gemini,
        Self::Bedrock,
    ];

    pub(crate) fn family(self) -> Family {
        match self {
            Self::Openai | Self::Azure | Self::Mistral | Self::Groq | Self::Ollama | Self::Vllm => {
                Family::Openai
            }
            Self::Anthropic => Family::Anthropic,
            Self::Gemini => Family::Gemini,
            Self::Bedrock => Family::Bedrock,
        }
    }

    pub(crate) fn is_openai_like(self) -> bool {
        self.family() == Family::Openai
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Azure => "azure",
            Self::Mistral => "mistral",
            Self::Groq => "groq",
            Self::Ollama => "ollama",
            Self::Vllm => "vllm",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Openai => "OpenAI",
            Self::Azure => "Azure OpenAI",
            Self::Mistral => "Mistral",
            Self::Groq => "Groq",
            Self::Ollama => "Ollama",
            Self::Vllm => "vLLM",
            Self::Anthropic => "Anthropic",
            Self::Gemini => "Gemini",
            Self::Bedrock => "Bedrock",
        }
    }

    pub(crate) fn kind(self) -> ProviderKind {
        match self {
            Self::Openai => ProviderKind::OpenaiCompatible,
            Self::Azure => ProviderKind::AzureOpenai,
            Self::Mistral => ProviderKind::Mistral,
            Self::Groq => ProviderKind::Groq,
            Self::Ollama => ProviderKind::Ollama,
            Self::Vllm => ProviderKind::Vllm,
            Self::Anthropic => ProviderKind::Anthropic,
            Self::Gemini => ProviderKind::Gemini,
            Self::Bedrock => ProviderKind::Bedrock,
        }
    }

    pub(crate) fn base_url(self, address: SocketAddr) -> String {
        format!("http://{address}/{}", self.name())
    }

    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Bedrock => "AKIDCANARY:canary-secret-value",
            _ => "canary-key-0123456789",
        }
    }

    /// What of the key must never be seen.
    pub(crate) fn canary(self) -> &'static str {
        match self {
            Self::Bedrock => "canary-secret-value",
            _ => "canary-key-0123456789",
        }
    }

    /// Whether a request bears the vendor's key in the vendor's way.
    pub(crate) fn is_admitted(self, asked: &Asked) -> bool {
        let (header, value) = match self {
            Self::Azure => ("api-key", self.key().to_owned()),
            Self::Anthropic => ("x-api-key", self.key().to_owned()),
            Self::Gemini => ("x-goog-api-key", self.key().to_owned()),
            Self::Bedrock => {
                let signature = asked.header("authorization").unwrap_or_default();
                return signature.starts_with("AWS4-HMAC-SHA256 Credential=AKIDCANARY/");
            }
            _ => ("authorization", format!("Bearer {}", self.key())),
        };
        asked.header(header) == Some(&value)
    }

    pub(crate) fn model(self) -> &'static str {
        match self {
            Self::Anthropic => "claude-sonnet-4-5",
            Self::Bedrock => "anthropic.claude-sonnet-4-5-20250929-v1:0",
            Self::Gemini => "gemini-3-pro",
            Self::Groq => "openai/gpt-oss-120b",
            _ => "large",
        }
    }

    /// One that is otherwise: it takes no schemas, or makes vectors.
    pub(crate) fn other_model(self) -> &'static str {
        match self {
            Self::Anthropic => "claude-3-5-haiku-20241022",
            Self::Bedrock => "amazon.titan-embed-text-v2:0",
            Self::Gemini => "gemini-2.5-flash",
            Self::Groq => "llama-3.3-70b-versatile",
            _ => "small",
        }
    }

    /// Where questions go.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Azure => {
                "/azure/openai/deployments/large/chat/completions?api-version=2024-10-21"
            }
            Self::Anthropic => "/anthropic/messages",
            Self::Gemini => "/gemini/models/gemini-3-pro:streamGenerateContent?alt=sse",
            Self::Bedrock => {
                "/bedrock/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream"
            }
            Self::Openai => "/openai/chat/completions",
            Self::Mistral => "/mistral/chat/completions",
            Self::Groq => "/groq/chat/completions",
            Self::Ollama => "/ollama/chat/completions",
            Self::Vllm => "/vllm/chat/completions",
        }
    }

    /// A streamed answer.
    pub(crate) fn answer(self, said: &Said) -> Script {
        let kind = match self.family() {
            Family::Bedrock => "application/vnd.amazon.eventstream",
            _ => "text/event-stream",
        };
        Script {
            status: 200,
            headers: vec![("content-type", kind.into())],
            parts: wire::events(self, said),
            ..Script::default()
        }
    }

    /// An error in the vendor's shape.
    pub(crate) fn refusal(self, status: u16, message: &str) -> Script {
        Script::refusal(status, &wire::error(self, status, message))
    }

    /// The texts of the system, as the vendor got them.
    pub(crate) fn system(self, body: &Value) -> Vec<String> {
        let list = match self.family() {
            Family::Openai => {
                let messages = body["messages"].as_array().unwrap().iter();
                let of_system = messages.filter(|message| message["role"] == "system");
                return of_system.map(|message| text(&message["content"])).collect();
            }
            Family::Anthropic | Family::Bedrock => &body["system"],
            Family::Gemini => &body["systemInstruction"]["parts"],
        };
        list.as_array()
            .unwrap()
            .iter()
            .map(|part| text(&part["text"]))
            .collect()
    }

    /// Role and content of the turns, as the vendor got them.
    pub(crate) fn turns(self, body: &Value) -> Vec<(String, Vec<Value>)> {
        let (list, content) = match self.family() {
            Family::Gemini => ("contents", "parts"),
            _ => ("messages", "content"),
        };
        let turn = |turn: &Value| {
            let parts = turn[content].as_array().cloned();
            (text(&turn["role"]), parts.unwrap_or_default())
        };
        body[list].as_array().unwrap().iter().map(turn).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
