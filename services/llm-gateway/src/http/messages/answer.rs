//! Answers as messages: whole, and as events (Anthropic API reference, "Messages", "Streaming").
//!
//! **Invariant:** one block is open at a time, indexes are dense, and each block that starts has its stop.

use bytes::Bytes;
use contracts::llm::{Delta, FinishReason, ToolCallDelta};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue, value::to_raw_value};

use super::MARK;
use crate::{
    Error,
    calls::Call,
    domain::{
        piece::{Extra, NATIVE_REASON, NATIVE_REASONS, STOP_SEQUENCE},
        price::WRITTEN_1H,
    },
    http::{
        failure::Failure,
        speech::{Voice, named},
    },
    provider::{Fault, conversation::KEPT, fault::FaultKind},
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Thinking,
    Text,
    /// The call of this index.
    Call(u32),
}

/// Tells an answer while it is spoken.
pub(super) struct Teller {
    id: String,
    model: String,
    open: Option<Open>,
    /// Blocks that have begun.
    begun: u32,
    /// Pieces of calls that wait: those of several calls may come mixed.
    waiting: Vec<ToolCallDelta>,
}

impl Teller {
    pub(super) fn new(call: &Call) -> Self {
        Self {
            id: id(call),
            model: call.target.id(),
            open: None,
            begun: 0,
            waiting: Vec::new(),
        }
    }

    fn close(&mut self, events: &mut Vec<Value>) {
        if self.open.take().is_some() {
            let index = self.begun - 1;
            events.push(json!({"type": "content_block_stop", "index": index}));
        }
    }

    /// Begins a block, unless it is the one that is open.
    fn begin_block(&mut self, kind: Open, block: Value, events: &mut Vec<Value>) {
        if self.open == Some(kind) {
            return;
        }
        self.close(events);
        let index = self.begun;
        events.push(json!({"type": "content_block_start", "index": index, "content_block": block}));
        self.begun += 1;
        self.open = Some(kind);
    }

    fn say(&self, delta: Value, events: &mut Vec<Value>) {
        let index = self.begun.saturating_sub(1);
        events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
    }

    /// What the vendor wants back.
    fn keep(&mut self, kept: &Value, events: &mut Vec<Value>) {
        let block = thought(kept, String::new());
        if block["type"] == "thinking" {
            let empty = json!({"type": "thinking", "thinking": "", "signature": ""});
            self.begin_block(Open::Thinking, empty, events);
            let signature = json!({"type": "signature_delta", "signature": block["signature"]});
            self.say(signature, events);
        } else {
            self.close(events);
            self.begin_block(Open::Thinking, block, events);
        }
        self.close(events);
    }

    fn call(&mut self, delta: &ToolCallDelta, events: &mut Vec<Value>) {
        if self.open != Some(Open::Call(delta.index)) {
            let block =
                json!({"type": "tool_use", "id": delta.id, "name": delta.name, "input": {}});
            self.begin_block(Open::Call(delta.index), block, events);
        }
        if !delta.arguments.is_empty() {
            let piece = json!({"type": "input_json_delta", "partial_json": delta.arguments});
            self.say(piece, events);
        }
    }
}

impl Voice for Teller {
    fn begin(&mut self) -> Bytes {
        // Clients read a usage here; what it is in truth is known at the end.
        let usage = json!({"input_tokens": 0, "output_tokens": 0});
        let message = json!({"id": self.id, "type": "message", "role": "assistant", "model": self.model,
            "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage});
        named([&json!({"type": "message_start", "message": message})])
    }

    fn piece(&mut self, delta: &Delta, extra: &Extra) -> Bytes {
        let mut events = Vec::new();
        if let Some(text) = &delta.reasoning_content {
            let empty = json!({"type": "thinking", "thinking": "", "signature": ""});
            self.begin_block(Open::Thinking, empty, &mut events);
            self.say(
                json!({"type": "thinking_delta", "thinking": text}),
                &mut events,
            );
        }
        let kept = extra.message.get(KEPT).and_then(Value::as_array);
        for kept in kept.into_iter().flatten() {
            self.keep(kept, &mut events);
        }
        if let Some(text) = &delta.content {
            let empty = json!({"type": "text", "text": ""});
            self.begin_block(Open::Text, empty, &mut events);
            self.say(json!({"type": "text_delta", "text": text}), &mut events);
        }
        for call in &delta.tool_calls {
            // The first call is told as it is spoken, the others when it must be over.
            match call.index {
                0 => self.call(call, &mut events),
                _ => self.waiting.push(call.clone()),
            }
        }
        named(&events)
    }

    fn end(&mut self, call: &Call) -> Bytes {
        let mut events = Vec::new();
        let mut waiting = std::mem::take(&mut self.waiting);
        // Stable, so the pieces of each call keep their order.
        waiting.sort_by_key(|piece| piece.index);
        for piece in &waiting {
            self.call(piece, &mut events);
        }
        self.close(&mut events);
        let delta = json!({"stop_reason": stop_reason(call), "stop_sequence": stop_sequence(call)});
        events.push(json!({"type": "message_delta", "delta": delta, "usage": usage(call)}));
        events.push(json!({"type": "message_stop"}));
        named(&events)
    }

    fn failure(&mut self, failure: &Failure) -> Bytes {
        named([&failure.messages_body()])
    }

    fn ping(&self) -> &'static [u8] {
        b"event: ping\ndata: {\"type\": \"ping\"}\n\n"
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'a str,
    role: &'a str,
    model: String,
    /// As they are: the input of calls keeps its bytes.
    content: Vec<Box<RawValue>>,
    stop_reason: &'a str,
    stop_sequence: Option<&'a str>,
    usage: Value,
}

#[derive(Serialize)]
struct ToolUse<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    id: &'a str,
    name: &'a str,
    input: &'a RawValue,
}

/// The body of a whole answer.
pub(super) fn whole(call: &Call) -> Result<String, Failure> {
    let message = call.answer().message();
    let mut content = Vec::new();
    let mut add = |block: &Value| content.push(raw(block));
    let thoughts = message
        .extra
        .get("reasoning_content")
        .and_then(Value::as_str);
    let kept = message.extra.get(KEPT).and_then(Value::as_array);
    match (kept, thoughts) {
        (Some(kept), _) => {
            for kept in kept {
                let text = kept["thinking"].as_str().unwrap_or_default();
                add(&thought(kept, text.to_owned()));
            }
        }
        (None, Some(text)) => add(&json!({"type": "thinking", "thinking": text, "signature": ""})),
        (None, None) => {}
    }
    if let Some(text) = message.content.as_str().filter(|text| !text.is_empty()) {
        add(&json!({"type": "text", "text": text}));
    }
    for made in &message.tool_calls {
        let arguments = match made.function.arguments.trim() {
            "" => "{}",
            arguments => arguments,
        };
        let input = RawValue::from_string(arguments.to_owned()).map_err(|_| {
            let why = "the arguments of a call are no JSON";
            Error::from(Fault::new(&call.target.provider, FaultKind::Garbage).because(why))
        })?;
        let block = ToolUse {
            kind: "tool_use",
            id: &made.id,
            name: &made.function.name,
            input: &input,
        };
        content.push(to_raw_value(&block).expect("a call can be written as JSON"));
    }
    let whole = Whole {
        id: id(call),
        kind: "message",
        role: "assistant",
        model: call.target.id(),
        content,
        stop_reason: stop_reason(call),
        stop_sequence: stop_sequence(call),
        usage: usage(call),
    };
    Ok(serde_json::to_string(&whole).expect("a message can be written as JSON"))
}

/// A block of what the vendor wants back, marked with a vendor that is not Anthropic.
fn thought(kept: &Value, text: String) -> Value {
    let marked = |field: &str| {
        let value = kept[field].as_str().unwrap_or_default();
        match kept["vendor"].as_str() {
            None | Some("anthropic") => value.to_owned(),
            Some(vendor) => format!("{vendor}{MARK}{value}"),
        }
    };
    match kept["type"].as_str() {
        Some("redacted_thinking") => json!({"type": "redacted_thinking", "data": marked("data")}),
        _ => json!({"type": "thinking", "thinking": text, "signature": marked("signature")}),
    }
}

fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).expect("a value can be written as JSON")
}

fn id(call: &Call) -> String {
    format!("msg_{}", call.id.uuid().simple())
}

fn stop_reason(call: &Call) -> &'static str {
    let native = call.answer().extra().choice.get(NATIVE_REASON);
    let native = NATIVE_REASONS
        .iter()
        .find(|it| native.is_some_and(|native| native == **it));
    if let Some(native) = native {
        return native;
    }
    match call.answer().finish() {
        Some(FinishReason::Stop) | None => "end_turn",
        Some(FinishReason::Length) => "max_tokens",
        Some(FinishReason::ToolCalls) => "tool_use",
        Some(FinishReason::ContentFilter) => "refusal",
    }
}

fn stop_sequence(call: &Call) -> Option<&str> {
    call.answer().extra().choice.get(STOP_SEQUENCE)?.as_str()
}

/// Here the input is told without what the cache had.
fn usage(call: &Call) -> Value {
    let Some(completion) = call.completion() else {
        return json!({"input_tokens": 0, "output_tokens": 0});
    };
    let details = call
        .answer()
        .tokens()
        .and_then(|tokens| tokens.details.get("prompt_tokens_details"));
    let count = |name: &str| {
        details
            .and_then(|details| details[name].as_u64())
            .unwrap_or(0)
    };
    let (read, written) = (count("cached_tokens"), count("cache_creation_tokens"));
    let usage = completion.usage;
    let long = count(WRITTEN_1H).min(written);
    json!({
        "input_tokens": usage.prompt_tokens.saturating_sub(read + written),
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "cache_creation": {"ephemeral_5m_input_tokens": written - long, "ephemeral_1h_input_tokens": long},
        "output_tokens": usage.completion_tokens,
        "cost": usage.cost,
    })
}
