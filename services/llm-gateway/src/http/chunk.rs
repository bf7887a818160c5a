//! The bodies of answers: `chat.completion` and `chat.completion.chunk` (OpenAI API reference, "Chat").

use bytes::Bytes;
use contracts::{
    execution::Usage,
    id::CallId,
    llm::{Delta, FinishReason, ToolCallDelta},
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{
    failure::Failure,
    speech::{Voice, event},
};
use crate::{calls::Call, domain::piece::Extra};

/// What all chunks of one answer have in common.
pub(super) struct Envelope {
    head: Head,
    /// Where the usage was asked for, every chunk says it; all but the last say null.
    with_usage: bool,
}

/// The fields that each body begins with.
#[derive(Serialize)]
struct Head {
    id: String,
    created: i64,
    model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rehearsal: Option<bool>,
}

/// A chunk of a stream, or an answer as a whole.
#[derive(Serialize)]
struct Body<'a, Choice> {
    object: &'static str,
    #[serde(flatten)]
    head: &'a Head,
    choices: &'a [Choice],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
    #[serde(flatten)]
    extra: Beside<'a>,
}

#[derive(Serialize)]
struct Piece<'a, Said> {
    index: u32,
    delta: Said,
    finish_reason: Option<FinishReason>,
    #[serde(flatten)]
    extra: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct Whole<'a> {
    index: u32,
    message: Value,
    finish_reason: FinishReason,
    #[serde(flatten)]
    extra: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct Said<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<Vec<Value>>,
    #[serde(flatten)]
    extra: &'a Map<String, Value>,
}

/// What the vendor said beside the fields that are ours.
struct Beside<'a>(&'a Map<String, Value>);

/// Names of fields that the vendor does not set.
const OURS: [&str; 6] = ["id", "object", "created", "model", "choices", "usage"];

impl Serialize for Beside<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let beside = self.0.iter();
        serializer.collect_map(beside.filter(|(name, _)| !OURS.contains(&name.as_str())))
    }
}

impl Envelope {
    pub(super) fn new(call: &Call, created: i64, with_usage: bool) -> Self {
        Self {
            head: Head {
                id: id(call.id),
                created,
                model: call.target.id(),
                rehearsal: call.target.is_rehearsal().then_some(true),
            },
            with_usage,
        }
    }

    /// An event with a chunk of a stream.
    fn chunk(
        &self,
        choices: &[impl Serialize],
        usage: Option<Value>,
        extra: &Map<String, Value>,
    ) -> Bytes {
        event(&Body {
            object: "chat.completion.chunk",
            head: &self.head,
            choices,
            usage: self.with_usage.then(|| usage.unwrap_or(Value::Null)),
            extra: Beside(extra),
        })
    }

    fn only(&self, delta: impl Serialize, finish_reason: Option<FinishReason>) -> Bytes {
        let piece = Piece {
            index: 0,
            delta,
            finish_reason,
            extra: &Map::new(),
        };
        self.chunk(&[piece], None, &Map::new())
    }

    /// The chunk with the usage, for callers that asked for it.
    fn usage(&self, call: &Call) -> Option<Bytes> {
        let completion = call.completion().filter(|_| self.with_usage)?;
        let usage = usage(call, completion.usage);
        Some(self.chunk(&[(); 0], Some(usage), &Map::new()))
    }

    /// The answer as a whole, as JSON.
    pub(super) fn whole(&self, call: &Call) -> Option<String> {
        let completion = call.completion()?;
        // A message says `content: null` where it has only tool calls; `Message` leaves null out.
        let mut message = json!(completion.message);
        if message.get("content").is_none() {
            message["content"] = Value::Null;
        }
        let extra = call.answer().extra();
        let choice = Whole {
            index: 0,
            message,
            finish_reason: completion.finish_reason,
            extra: &extra.choice,
        };
        let whole = Body {
            object: "chat.completion",
            head: &self.head,
            choices: &[choice],
            usage: Some(usage(call, completion.usage)),
            extra: Beside(&extra.envelope),
        };
        Some(serde_json::to_string(&whole).expect("what is ours can be written as JSON"))
    }
}

impl Voice for Envelope {
    fn begin(&mut self) -> Bytes {
        self.only(json!({"role": "assistant", "content": ""}), None)
    }

    fn piece(&mut self, delta: &Delta, extra: &Extra) -> Bytes {
        let calls = &delta.tool_calls;
        let said = Said {
            content: delta.content.as_deref(),
            reasoning_content: delta.reasoning_content.as_deref(),
            tool_calls: (!calls.is_empty()).then(|| calls.iter().map(tool_call).collect()),
            extra: &extra.message,
        };
        let piece = Piece {
            index: 0,
            delta: said,
            finish_reason: None,
            extra: &extra.choice,
        };
        self.chunk(&[piece], None, &extra.envelope)
    }

    fn end(&mut self, call: &Call) -> Bytes {
        let finish = call.answer().finish();
        let finish = finish.expect("a call without further pieces is complete");
        let mut events = self.only(json!({}), Some(finish)).to_vec();
        if let Some(usage) = self.usage(call) {
            events.extend_from_slice(&usage);
        }
        events.extend_from_slice(b"data: [DONE]\n\n");
        events.into()
    }

    fn failure(&mut self, failure: &Failure) -> Bytes {
        event(&failure.body())
    }

    fn ping(&self) -> &'static [u8] {
        b": ping\n\n"
    }
}

pub(super) fn id(call: CallId) -> String {
    format!("chatcmpl-{}", call.uuid().simple())
}

fn tool_call(call: &ToolCallDelta) -> Value {
    let mut function = Map::new();
    if let Some(name) = &call.name {
        function.insert("name".to_owned(), name.as_str().into());
    }
    function.insert("arguments".to_owned(), call.arguments.as_str().into());
    let mut said = call.extra.clone();
    said.insert("index".to_owned(), call.index.into());
    if let Some(id) = &call.id {
        said.insert("id".to_owned(), id.as_str().into());
        said.insert("type".to_owned(), "function".into());
    }
    said.insert("function".to_owned(), function.into());
    said.into()
}

fn usage(call: &Call, usage: Usage) -> Value {
    let details = call.answer().tokens().map(|tokens| tokens.details.clone());
    let mut said = details.unwrap_or_default();
    let total = usage.prompt_tokens.saturating_add(usage.completion_tokens);
    said.insert("prompt_tokens".to_owned(), usage.prompt_tokens.into());
    said.insert(
        "completion_tokens".to_owned(),
        usage.completion_tokens.into(),
    );
    said.insert("total_tokens".to_owned(), total.into());
    // US dollars, exact; null where the price is not known.
    said.insert("cost".to_owned(), json!(usage.cost));
    said.into()
}
