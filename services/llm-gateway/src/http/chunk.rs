//! The bodies of answers: `chat.completion` and `chat.completion.chunk` (OpenAI API reference, "Chat").

use bytes::Bytes;
use contracts::{
    execution::Usage,
    id::CallId,
    llm::{Delta, FinishReason, ToolCallDelta},
};
use serde_json::{Map, Value, json};

use super::{
    failure::Failure,
    speech::{Voice, event},
};
use crate::{calls::Call, domain::piece::Extra};

/// What all chunks of one answer have in common.
pub(super) struct Envelope {
    id: String,
    model: String,
    created: i64,
    rehearsal: bool,
    /// Where the usage was asked for, every chunk says it; all but the last say null.
    with_usage: bool,
}

impl Envelope {
    pub(super) fn new(call: &Call, created: i64, with_usage: bool) -> Self {
        Self {
            id: id(call.id),
            model: call.target.id(),
            created,
            rehearsal: call.target.is_rehearsal(),
            with_usage,
        }
    }

    fn fields(&self, object: &str) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("id".to_owned(), self.id.as_str().into());
        fields.insert("object".to_owned(), object.into());
        fields.insert("created".to_owned(), self.created.into());
        fields.insert("model".to_owned(), self.model.as_str().into());
        if self.rehearsal {
            fields.insert("rehearsal".to_owned(), true.into());
        }
        fields
    }

    /// A chunk of a stream.
    fn chunk(&self, choices: Value, usage: Option<Value>) -> Value {
        let mut fields = self.fields("chat.completion.chunk");
        fields.insert("choices".to_owned(), choices);
        if self.with_usage {
            fields.insert("usage".to_owned(), usage.unwrap_or(Value::Null));
        }
        fields.into()
    }

    fn first(&self) -> Value {
        let delta = json!({"role": "assistant", "content": ""});
        self.chunk(
            json!([{"index": 0, "delta": delta, "finish_reason": null}]),
            None,
        )
    }

    fn chunk_of(&self, delta: &Delta, extra: &Extra) -> Value {
        let mut said = extra.message.clone();
        let mut say = |name: &str, value: Value| said.insert(name.to_owned(), value);
        if let Some(text) = &delta.content {
            say("content", text.as_str().into());
        }
        if let Some(text) = &delta.reasoning_content {
            say("reasoning_content", text.as_str().into());
        }
        if !delta.tool_calls.is_empty() {
            say(
                "tool_calls",
                delta.tool_calls.iter().map(tool_call).collect(),
            );
        }
        let mut choice = extra.choice.clone();
        choice.insert("index".to_owned(), 0.into());
        choice.insert("delta".to_owned(), said.into());
        choice.insert("finish_reason".to_owned(), Value::Null);
        let mut chunk = self.chunk(json!([choice]), None);
        add(&mut chunk, &extra.envelope);
        chunk
    }

    fn finish(&self, reason: FinishReason) -> Value {
        self.chunk(
            json!([{"index": 0, "delta": {}, "finish_reason": reason}]),
            None,
        )
    }

    /// The chunk with the usage, for callers that asked for it.
    fn usage(&self, call: &Call) -> Option<Value> {
        let completion = call.completion().filter(|_| self.with_usage)?;
        Some(self.chunk(json!([]), Some(usage(call, completion.usage))))
    }

    /// The answer as a whole.
    pub(super) fn whole(&self, call: &Call) -> Option<Value> {
        let completion = call.completion()?;
        let mut fields = self.fields("chat.completion");
        // A message says `content: null` where it has only tool calls; `Message` leaves null out.
        let mut message = json!(completion.message);
        if message.get("content").is_none() {
            message["content"] = Value::Null;
        }
        let extra = call.answer().extra();
        let mut choice = extra.choice.clone();
        choice.insert("index".to_owned(), 0.into());
        choice.insert("message".to_owned(), message);
        choice.insert("finish_reason".to_owned(), json!(completion.finish_reason));
        fields.insert("choices".to_owned(), json!([choice]));
        fields.insert("usage".to_owned(), usage(call, completion.usage));
        let mut whole = Value::Object(fields);
        add(&mut whole, &extra.envelope);
        Some(whole)
    }
}

impl Voice for Envelope {
    fn begin(&mut self) -> Bytes {
        event(&self.first())
    }

    fn piece(&mut self, delta: &Delta, extra: &Extra) -> Bytes {
        event(&self.chunk_of(delta, extra))
    }

    fn end(&mut self, call: &Call) -> Bytes {
        let finish = call.answer().finish();
        let finish = finish.expect("a call without further pieces is complete");
        let mut events = event(&self.finish(finish)).to_vec();
        if let Some(usage) = self.usage(call) {
            events.extend_from_slice(&event(&usage));
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

/// What the vendor said beside the fields that are ours.
fn add(body: &mut Value, extra: &Map<String, Value>) {
    for (name, value) in extra {
        if body.get(name).is_none() {
            body[name] = value.clone();
        }
    }
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
