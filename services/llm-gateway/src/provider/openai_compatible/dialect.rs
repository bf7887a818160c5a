//! What servers of the chat-completions API do otherwise, server by server.

use contracts::llm::ProviderKind;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{
    domain::settings::host,
    provider::{Fault, conversation::KEPT, shaped, terms::Terms},
};

/// The version of Azure's older API, which has a path for each deployment.
const AZURE_VERSION: &str = "2024-10-21";

const OPENAI_HOST: &str = "api.openai.com";
/// What others keep in messages for themselves: nobody misses it.
const UNSAID: [&str; 2] = ["reasoning_content", KEPT];

pub(crate) struct Dialect {
    /// Where the key stands; `Authorization: Bearer` where this is none.
    pub(crate) key_header: Option<&'static str>,
    /// Whether a model is a deployment with a path of its own.
    deployments: bool,
    /// Parameters that the server does not know, or takes without honouring them.
    unknown: &'static [&'static str],
    /// Parameters with another name there.
    renamed: &'static [(&'static str, &'static str)],
    /// Whether it counts tokens without being asked, and refuses to be asked.
    counts_unasked: bool,
    /// What it says for `tool_choice: required`.
    required: &'static str,
    /// Whether ids of calls have nine letters and digits.
    short_ids: bool,
    /// The fields that a message may have, where others are refused.
    fields: Option<&'static [&'static str]>,
    /// Whether the role `developer` is known; it is `system` elsewhere.
    has_developers: bool,
    /// Models that take a JSON Schema, by how their names begin; the others are told what they shall write.
    schemas: Option<&'static [&'static str]>,
    /// Whether it is a server that people run themselves.
    is_own: bool,
    /// Where a model's thoughts stand, beside `reasoning_content`.
    thoughts: Option<&'static str>,
    /// Beside which field of the envelope the usage stands.
    usage_in: Option<&'static str>,
}

pub(crate) static PLAIN: Dialect = Dialect {
    key_header: None,
    deployments: false,
    unknown: &[],
    renamed: &[],
    counts_unasked: false,
    required: "required",
    short_ids: false,
    fields: None,
    has_developers: true,
    schemas: None,
    is_own: false,
    thoughts: None,
    usage_in: None,
};

/// OpenAI's own server: its models that think refuse `max_tokens`, and all of them take the newer name.
static OPENAI: Dialect = Dialect {
    renamed: &[("max_tokens", "max_completion_tokens")],
    fields: Some(&[
        "role",
        "content",
        "name",
        "refusal",
        "audio",
        "tool_calls",
        "tool_call_id",
        "function_call",
    ]),
    ..PLAIN
};

static AZURE: Dialect = Dialect {
    key_header: Some("api-key"),
    deployments: true,
    ..OPENAI
};

static MISTRAL: Dialect = Dialect {
    unknown: &[
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "user",
        "store",
        "service_tier",
    ],
    renamed: &[
        ("max_completion_tokens", "max_tokens"),
        ("seed", "random_seed"),
    ],
    counts_unasked: true,
    required: "any",
    short_ids: true,
    fields: Some(&["role", "content", "tool_calls", "tool_call_id", "prefix"]),
    has_developers: false,
    ..PLAIN
};

static GROQ: Dialect = Dialect {
    unknown: &["logit_bias", "logprobs", "top_logprobs"],
    fields: Some(&["role", "content", "tool_calls", "tool_call_id", "reasoning"]),
    has_developers: false,
    schemas: Some(&["openai/gpt-oss", "moonshotai/kimi-k2", "meta-llama/llama-4"]),
    thoughts: Some("reasoning"),
    usage_in: Some("x_groq"),
    ..PLAIN
};

static OLLAMA: Dialect = Dialect {
    // Taken there without a word and without effect.
    unknown: &[
        "logit_bias",
        "user",
        "tool_choice",
        "parallel_tool_calls",
        "service_tier",
    ],
    renamed: &[("max_completion_tokens", "max_tokens")],
    has_developers: false,
    is_own: true,
    thoughts: Some("reasoning"),
    ..PLAIN
};

static VLLM: Dialect = Dialect {
    unknown: &["store", "service_tier"],
    has_developers: false,
    is_own: true,
    thoughts: Some("reasoning"),
    ..PLAIN
};

impl Dialect {
    /// The dialect of a kind, or of the server behind the base URL; the plain one where it has none of its own.
    pub(crate) fn of(kind: ProviderKind, base_url: &str) -> &'static Self {
        match kind {
            ProviderKind::OpenaiCompatible
                if host(base_url).is_some_and(|host| host == OPENAI_HOST) =>
            {
                &OPENAI
            }
            ProviderKind::AzureOpenai => &AZURE,
            ProviderKind::Mistral => &MISTRAL,
            ProviderKind::Groq => &GROQ,
            ProviderKind::Ollama => &OLLAMA,
            ProviderKind::Vllm => &VLLM,
            ProviderKind::OpenaiCompatible
            | ProviderKind::Rehearsal
            | ProviderKind::Anthropic
            | ProviderKind::Gemini
            | ProviderKind::Bedrock => &PLAIN,
        }
    }

    /// Whether the server may stand in our own network: links that it would follow itself are followed here, where none
    /// leads inside.
    pub(super) fn is_inside(&self, base_url: &str) -> bool {
        self.is_own || base_url.starts_with("http://")
    }

    /// Behind the base URL.
    pub(super) fn path(&self, base_url: &str, path: &str, model: &str) -> String {
        // Azure's newer API is as everybody else's.
        if !self.deployments || base_url.ends_with("/openai/v1") {
            return path.to_owned();
        }
        let model = urlencoding::encode(model);
        format!("/openai/deployments/{model}{path}?api-version={AZURE_VERSION}")
    }

    /// The body of a question as this server wants it.
    pub(super) fn body(
        &self,
        mut body: Map<String, Value>,
        terms: &mut Terms<'_>,
    ) -> Result<Map<String, Value>, Fault> {
        if self.counts_unasked {
            body.remove("stream_options");
        }
        for (from, to) in self.renamed {
            if let Some(value) = body.remove(*from) {
                body.entry(*to).or_insert(value);
            }
        }
        let unknown = self.unknown.contains(&"tool_choice");
        match body.get("tool_choice").and_then(Value::as_str) {
            Some("auto") if unknown => drop(body.remove("tool_choice")),
            // Without tools none is called.
            Some("none") if unknown => {
                body.remove("tool_choice");
                body.remove("tools");
            }
            Some("required") => drop(body.insert("tool_choice".to_owned(), self.required.into())),
            _ => {}
        }
        let left_out = self.unknown.iter().filter_map(|name| {
            let value = body.remove(*name)?;
            Some(((*name).to_owned(), value))
        });
        terms.rest(&left_out.collect())?;
        self.tell_shape(&mut body);
        self.messages(&mut body, terms);
        Ok(body)
    }

    /// Where the model takes no schema, a message says what it shall write.
    fn tell_shape(&self, body: &mut Map<String, Value>) {
        let model = body["model"].as_str().unwrap_or_default();
        let takes_schema = self
            .schemas
            .is_none_or(|names| names.iter().any(|name| model.starts_with(name)));
        let format = body.get("response_format");
        let Some(schema) = format.and_then(|format| format.pointer("/json_schema/schema")) else {
            return;
        };
        if takes_schema {
            return;
        }
        let told = json!({"role": "system", "content": shaped::instruction(schema)});
        if let Some(messages) = body.get_mut("messages").and_then(Value::as_array_mut) {
            messages.insert(0, told);
        }
        body.insert("response_format".to_owned(), json!({"type": "json_object"}));
    }

    fn messages(&self, body: &mut Map<String, Value>, terms: &mut Terms<'_>) {
        let messages = body.get_mut("messages").and_then(Value::as_array_mut);
        for message in messages
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            if let Some(fields) = self.fields {
                keep(message, fields, terms);
            }
            if !self.has_developers && message.get("role").is_some_and(|role| role == "developer") {
                message.insert("role".to_owned(), "system".into());
            }
            if !self.short_ids {
                continue;
            }
            if let Some(Value::String(id)) = message.get_mut("tool_call_id") {
                *id = short(id);
            }
            let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
            for call in calls.into_iter().flatten() {
                if let Some(id) = call["id"].as_str().map(short) {
                    call["id"] = id.into();
                }
            }
        }
    }

    /// A model's thoughts, where this server has a field of its own for them.
    pub(super) fn thought(&self, message: &mut Map<String, Value>) -> Option<String> {
        match message.remove(self.thoughts?)? {
            Value::String(thought) => Some(thought),
            _ => None,
        }
    }

    /// The usage, where this server has another place for it.
    pub(super) fn usage(&self, envelope: &mut Map<String, Value>) -> Option<Map<String, Value>> {
        match envelope.get_mut(self.usage_in?)?.get_mut("usage")?.take() {
            Value::Object(usage) => Some(usage),
            _ => None,
        }
    }
}

/// Leaves out of a message what its server would refuse, also in the parts of its content.
fn keep(message: &mut Map<String, Value>, fields: &[&str], terms: &mut Terms<'_>) {
    message.retain(|name, _| {
        let is_kept = fields.contains(&name.as_str());
        if !is_kept && !UNSAID.contains(&name.as_str()) {
            terms.hint(&format!("messages.{name}"));
        }
        is_kept
    });
    let parts = message.get_mut("content").and_then(Value::as_array_mut);
    for part in parts.into_iter().flatten().filter_map(Value::as_object_mut) {
        if part.remove("cache_control").is_some() {
            terms.hint("cache_control");
        }
    }
}

/// An id of nine letters and digits: the same for the same id.
fn short(id: &str) -> String {
    if id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return id.to_owned();
    }
    let hash = Sha256::digest(id.as_bytes());
    hash.iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .take(9)
        .map(|digit| {
            char::from_digit(u32::from(digit), 16).expect("four bits are a hexadecimal digit")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use contracts::llm::Complete;

    use super::*;

    fn said(dialect: &Dialect, lenient: bool, body: Value) -> Result<(Value, Vec<String>), Fault> {
        let ask = Complete {
            lenient,
            ..Complete::default()
        };
        let mut terms = Terms::of("p", &ask);
        let mut body = body;
        body["model"] = "m".into();
        let body = dialect.body(body.as_object().unwrap().clone(), &mut terms)?;
        Ok((body.into(), terms.dropped()))
    }

    #[test]
    fn mistral_has_words_of_its_own() {
        let body = json!({"tool_choice": "required", "seed": 7, "max_completion_tokens": 5, "stream_options": {},
            "messages": [{"tool_calls": [{"id": "call_1"}]}, {"tool_call_id": "call_1"}, {"tool_call_id": "abcdefgh9"}]});
        let (said, dropped) = said(&MISTRAL, false, body).unwrap();
        assert_eq!(
            (&said["tool_choice"], &said["random_seed"]),
            (&json!("any"), &json!(7))
        );
        assert_eq!(said["max_tokens"], 5);
        assert!(said.get("stream_options").is_none() && dropped.is_empty());
        let id = said["messages"][0]["tool_calls"][0]["id"].as_str().unwrap();
        assert!(id.len() == 9 && said["messages"][1]["tool_call_id"] == id);
        assert_eq!(said["messages"][2]["tool_call_id"], "abcdefgh9");
    }

    #[test]
    fn what_a_server_would_ignore_is_refused_or_named() {
        let forced = || json!({"tool_choice": "required", "messages": []});
        assert!(said(&OLLAMA, false, forced()).is_err());
        let (body, dropped) = said(&OLLAMA, true, forced()).unwrap();
        assert_eq!(dropped, ["tool_choice"]);
        assert!(body.get("tool_choice").is_none());
        let none = json!({"tool_choice": "none", "tools": [1], "messages": []});
        let (body, dropped) = said(&OLLAMA, false, none).unwrap();
        assert!(body.get("tools").is_none() && dropped.is_empty());
        let named = json!({"messages": [{"role": "user", "name": "ada"}]});
        assert_eq!(said(&GROQ, false, named).unwrap().1, ["messages.name"]);
    }

    #[test]
    fn strict_servers_get_no_field_they_would_refuse() {
        let body = || {
            json!({"max_tokens": 5, "messages": [
                {"role": "user", "name": "ada", "content": [{"type": "text", "text": "hi", "cache_control": {}}]},
                {"role": "assistant", "content": "x", "reasoning_content": "hm", "reasoning_details": []},
                {"role": "tool", "tool_call_id": "abcdefgh9", "content": "no", "is_error": true}]})
        };
        let (plain, dropped) = said(&PLAIN, false, body()).unwrap();
        assert_eq!(plain["messages"], body()["messages"]);
        assert!(plain["max_tokens"] == 5 && dropped.is_empty());
        for dialect in [&OPENAI, &AZURE, &MISTRAL, &GROQ] {
            let (said, dropped) = said(dialect, false, body()).unwrap();
            assert_eq!(
                said["messages"][1],
                json!({"role": "assistant", "content": "x"})
            );
            let part = json!({"type": "text", "text": "hi"});
            assert_eq!(said["messages"][0]["content"][0], part);
            assert!(said["messages"][2].get("is_error").is_none());
            assert!(dropped.contains(&"messages.is_error".to_owned()));
        }
        let (said, dropped) = said(&OPENAI, false, body()).unwrap();
        assert_eq!(said["max_completion_tokens"], 5);
        assert!(said.get("max_tokens").is_none());
        assert_eq!(said["messages"][0]["name"], "ada");
        assert_eq!(dropped, ["cache_control", "messages.is_error"]);
        let openai = Dialect::of(ProviderKind::OpenaiCompatible, "https://api.openai.com/v1");
        assert!(std::ptr::eq(openai, &raw const OPENAI));
    }

    #[test]
    fn azure_has_a_path_for_each_deployment() {
        let check = |base, expect: &str| assert_eq!(AZURE.path(base, "/embeddings", "a b"), expect);
        check(
            "https://x.openai.azure.com",
            "/openai/deployments/a%20b/embeddings?api-version=2024-10-21",
        );
        check("https://x.openai.azure.com/openai/v1", "/embeddings");
    }

    #[test]
    fn a_model_without_schemas_is_told_what_to_write() {
        let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}});
        let (body, _) = said(
            &GROQ,
            false,
            json!({"messages": [], "response_format": format}),
        )
        .unwrap();
        assert_eq!(body["response_format"], json!({"type": "json_object"}));
        assert!(
            body["messages"][0]["content"]
                .as_str()
                .unwrap()
                .contains("\"object\"")
        );
        let (body, _) = said(
            &PLAIN,
            false,
            json!({"messages": [], "response_format": format}),
        )
        .unwrap();
        assert_eq!(body["response_format"], format);
    }
}
