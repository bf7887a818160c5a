//! Answers as each vendor's server writes them.

use serde_json::{Value, json};

use super::vendor::{Family, Vendor};

/// What a vendor says, whatever its protocol.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// A thought and its signature.
    pub(crate) thought: Option<(&'static str, &'static str)>,
    pub(crate) text: &'static str,
    /// Id, name, arguments.
    pub(crate) calls: Vec<(&'static str, &'static str, &'static str)>,
    /// Cut off at its limit.
    pub(crate) is_long: bool,
    pub(crate) is_refused: bool,
    pub(crate) usage: Usage,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Of the question, without what the cache had.
    pub(crate) fresh: u64,
    pub(crate) cached: u64,
    /// Of the answer, with its thoughts.
    pub(crate) answer: u64,
    pub(crate) thoughts: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            fresh: 8,
            cached: 4,
            answer: 20,
            thoughts: 0,
        }
    }
}

impl Said {
    pub(crate) fn text(text: &'static str) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }

    pub(crate) fn calls(calls: &[(&'static str, &'static str, &'static str)]) -> Self {
        Self {
            calls: calls.to_vec(),
            ..Self::default()
        }
    }
}

/// The events of a stream, each in a part of its own.
pub(crate) fn events(vendor: Vendor, said: &Said) -> Vec<Vec<u8>> {
    match vendor.family() {
        Family::Openai => {
            let events = openai(vendor, said).into_iter().map(|event| sse(&event));
            events.chain([b"data: [DONE]\n\n".to_vec()]).collect()
        }
        Family::Anthropic => anthropic(said).iter().map(named_sse).collect(),
        // Google ends its lines in two characters.
        Family::Gemini => gemini(said)
            .iter()
            .map(|event| format!("data: {event}\r\n\r\n").into_bytes())
            .collect(),
        Family::Bedrock => bedrock(said)
            .iter()
            .map(|(kind, payload)| frame(":event-type", kind, payload))
            .collect(),
    }
}

pub(crate) fn sse(event: &str) -> Vec<u8> {
    format!("data: {event}\n\n").into_bytes()
}

fn named_sse(event: &String) -> Vec<u8> {
    let kind: Value = serde_json::from_str(event).unwrap();
    format!(
        "event: {}\ndata: {event}\n\n",
        kind["type"].as_str().unwrap()
    )
    .into_bytes()
}

/// Pieces of a text: two, where it can be cut.
fn halves(text: &str) -> Vec<&str> {
    let middle = (text.len() / 2..text.len()).find(|at| text.is_char_boundary(*at));
    match middle {
        None | Some(0) => vec![text],
        Some(at) => vec![&text[..at], &text[at..]],
    }
}

pub(crate) fn openai_usage(vendor: Vendor, usage: Usage) -> Value {
    let prompt = usage.fresh + usage.cached;
    let said = json!({"prompt_tokens": prompt, "completion_tokens": usage.answer, "total_tokens": prompt + usage.answer,
        "prompt_tokens_details": {"cached_tokens": usage.cached}, "completion_tokens_details": {"reasoning_tokens": usage.thoughts}});
    match vendor {
        Vendor::Groq => json!({"x_groq": {"id": "req_1", "usage": said}}),
        _ => json!({"usage": said}),
    }
}

fn finish(said: &Said) -> &'static str {
    match said {
        _ if said.is_refused => "content_filter",
        _ if said.is_long => "length",
        _ if said.calls.is_empty() => "stop",
        _ => "tool_calls",
    }
}

fn openai(vendor: Vendor, said: &Said) -> Vec<String> {
    let chunk = |delta: Value, finish: Value| {
        json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    };
    let mut events = vec![chunk(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    )];
    if let Some((thought, _)) = said.thought {
        let field = match vendor {
            Vendor::Groq | Vendor::Ollama | Vendor::Vllm => "reasoning",
            _ => "reasoning_content",
        };
        let delta = match vendor {
            Vendor::Mistral => {
                json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": thought}]}]})
            }
            _ => json!({field: thought}),
        };
        events.push(chunk(delta, Value::Null));
    }
    for text in halves(said.text) {
        events.push(chunk(json!({"content": text}), Value::Null));
    }
    for (index, (id, name, arguments)) in said.calls.iter().enumerate() {
        let head = json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}]});
        events.push(chunk(head, Value::Null));
        for part in halves(arguments) {
            let part = json!({"tool_calls": [{"index": index, "function": {"arguments": part}}]});
            events.push(chunk(part, Value::Null));
        }
    }
    events.push(chunk(json!({}), finish(said).into()));
    let mut last = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []});
    let usage = openai_usage(vendor, said.usage);
    last.as_object_mut()
        .unwrap()
        .extend(usage.as_object().unwrap().clone());
    events.push(last);
    events.iter().map(Value::to_string).collect()
}

/// The same answer as a whole.
pub(crate) fn whole(vendor: Vendor, said: &Said) -> Value {
    let calls: Vec<Value> = said.calls.iter().map(|(id, name, arguments)| {
        json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
    }).collect();
    let mut message = json!({"role": "assistant", "content": said.text});
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    let mut whole = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish(said)}]});
    let usage = openai_usage(vendor, said.usage);
    whole
        .as_object_mut()
        .unwrap()
        .extend(usage.as_object().unwrap().clone());
    whole
}

fn anthropic(said: &Said) -> Vec<String> {
    let usage = said.usage;
    let mut events = vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
        "content": [], "model": "m", "usage": {"input_tokens": usage.fresh, "cache_read_input_tokens": usage.cached, "output_tokens": 1}}}),
    ];
    let mut index = 0;
    let mut block = |start: Value, deltas: Vec<Value>| {
        events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
        events.extend(
            deltas.into_iter().map(
                |delta| json!({"type": "content_block_delta", "index": index, "delta": delta}),
            ),
        );
        events.push(json!({"type": "content_block_stop", "index": index}));
        index += 1;
    };
    if let Some((thought, signature)) = said.thought {
        block(
            json!({"type": "thinking", "thinking": "", "signature": ""}),
            vec![
                json!({"type": "thinking_delta", "thinking": thought}),
                json!({"type": "signature_delta", "signature": signature}),
            ],
        );
    }
    if !said.text.is_empty() {
        let deltas = halves(said.text)
            .into_iter()
            .map(|text| json!({"type": "text_delta", "text": text}));
        block(json!({"type": "text", "text": ""}), deltas.collect());
    }
    for (id, name, arguments) in &said.calls {
        let deltas = halves(arguments)
            .into_iter()
            .map(|part| json!({"type": "input_json_delta", "partial_json": part}));
        block(
            json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
            deltas.collect(),
        );
    }
    let reason = match finish(said) {
        "content_filter" => "refusal",
        "length" => "max_tokens",
        "tool_calls" => "tool_use",
        _ => "end_turn",
    };
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null},
        "usage": {"output_tokens": usage.answer, "output_tokens_details": {"thinking_tokens": usage.thoughts}}}));
    events.push(json!({"type": "message_stop"}));
    events.iter().map(Value::to_string).collect()
}

fn gemini(said: &Said) -> Vec<String> {
    let usage = said.usage;
    let prompt = usage.fresh + usage.cached;
    let counted = json!({"promptTokenCount": prompt, "cachedContentTokenCount": usage.cached, "candidatesTokenCount": usage.answer - usage.thoughts,
        "thoughtsTokenCount": usage.thoughts, "totalTokenCount": prompt + usage.answer});
    let event = |part: String| {
        format!(
            r#"{{"candidates":[{{"index":0,"content":{{"role":"model","parts":[{part}]}}}}],"usageMetadata":{counted},"modelVersion":"m"}}"#
        )
    };
    let mut events = Vec::new();
    if let Some((thought, _)) = said.thought {
        events.push(event(json!({"text": thought, "thought": true}).to_string()));
    }
    for text in halves(said.text)
        .into_iter()
        .filter(|text| !text.is_empty())
    {
        events.push(event(json!({"text": text}).to_string()));
    }
    for (at, (_, name, arguments)) in said.calls.iter().enumerate() {
        let arguments = if arguments.is_empty() {
            "{}"
        } else {
            arguments
        };
        // Only the first call bears a signature.
        let signature = match said.thought.filter(|_| at == 0) {
            Some((_, signature)) => format!(r#","thoughtSignature":"{signature}""#),
            None => String::new(),
        };
        events.push(event(format!(
            r#"{{"functionCall":{{"name":"{name}","args":{arguments}}}{signature}}}"#
        )));
    }
    let reason = match finish(said) {
        "content_filter" => "SAFETY",
        "length" => "MAX_TOKENS",
        _ => "STOP",
    };
    let last = json!({"candidates": [{"index": 0, "content": {"role": "model", "parts": []}, "finishReason": reason}], "usageMetadata": counted});
    events.push(last.to_string());
    events
}

fn bedrock(said: &Said) -> Vec<(&'static str, Value)> {
    let usage = said.usage;
    let mut events = vec![("messageStart", json!({"role": "assistant"}))];
    let mut index = 0;
    let mut block = |start: Option<Value>, deltas: Vec<Value>| {
        if let Some(start) = start {
            events.push((
                "contentBlockStart",
                json!({"start": start, "contentBlockIndex": index}),
            ));
        }
        events.extend(deltas.into_iter().map(|delta| {
            (
                "contentBlockDelta",
                json!({"delta": delta, "contentBlockIndex": index}),
            )
        }));
        events.push(("contentBlockStop", json!({"contentBlockIndex": index})));
        index += 1;
    };
    if let Some((thought, signature)) = said.thought {
        block(
            None,
            vec![
                json!({"reasoningContent": {"text": thought}}),
                json!({"reasoningContent": {"signature": signature}}),
            ],
        );
    }
    if !said.text.is_empty() {
        block(
            None,
            halves(said.text)
                .into_iter()
                .map(|text| json!({"text": text}))
                .collect(),
        );
    }
    for (id, name, arguments) in &said.calls {
        let deltas = halves(arguments)
            .into_iter()
            .map(|part| json!({"toolUse": {"input": part}}));
        block(
            Some(json!({"toolUse": {"toolUseId": id, "name": name}})),
            deltas.collect(),
        );
    }
    let reason = match finish(said) {
        "content_filter" => "content_filtered",
        "length" => "max_tokens",
        "tool_calls" => "tool_use",
        _ => "end_turn",
    };
    events.push(("messageStop", json!({"stopReason": reason})));
    let prompt = usage.fresh + usage.cached;
    events.push(("metadata", json!({"usage": {"inputTokens": usage.fresh, "cacheReadInputTokens": usage.cached,
        "outputTokens": usage.answer, "totalTokens": prompt + usage.answer}, "metrics": {"latencyMs": 1}})));
    events
}

/// A frame of AWS's event stream.
pub(crate) fn frame(header: &str, kind: &str, payload: &Value) -> Vec<u8> {
    let payload = payload.to_string();
    let mut head = vec![u8::try_from(header.len()).unwrap()];
    head.extend_from_slice(header.as_bytes());
    head.push(7);
    head.extend_from_slice(&u16::try_from(kind.len()).unwrap().to_be_bytes());
    head.extend_from_slice(kind.as_bytes());
    let total = u32::try_from(12 + head.len() + payload.len() + 4).unwrap();
    let mut frame = total.to_be_bytes().to_vec();
    frame.extend_from_slice(&u32::try_from(head.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame.extend_from_slice(&head);
    frame.extend_from_slice(payload.as_bytes());
    let checksum = crc32fast::hash(&frame);
    frame.extend_from_slice(&checksum.to_be_bytes());
    frame
}

/// An error's body.
pub(crate) fn error(vendor: Vendor, status: u16, message: &str) -> Value {
    match vendor.family() {
        Family::Openai => {
            json!({"error": {"message": message, "type": "x", "param": null, "code": null}})
        }
        Family::Anthropic => {
            let kind = match status {
                400 | 413 => "invalid_request_error",
                401 => "authentication_error",
                403 => "permission_error",
                404 => "not_found_error",
                429 => "rate_limit_error",
                529 => "overloaded_error",
                _ => "api_error",
            };
            json!({"type": "error", "error": {"type": kind, "message": message}})
        }
        Family::Gemini => json!({"error": {"code": status, "message": message, "status": "X"}}),
        Family::Bedrock => json!({"message": message}),
    }
}

/// An error in the midst of a stream, as the vendor says that it is overloaded.
pub(crate) fn overload(vendor: Vendor) -> Vec<u8> {
    match vendor.family() {
        Family::Openai => sse(&json!({"error": {"message": "overloaded", "code": 503}}).to_string()),
        Family::Anthropic => named_sse(&json!({"type": "error", "error": {"type": "overloaded_error", "message": "overloaded"}}).to_string()),
        Family::Gemini => sse(&json!({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}).to_string()),
        Family::Bedrock => frame(":exception-type", "serviceUnavailableException", &json!({"message": "overloaded"})),
    }
}

/// A call of a tool in the history of a conversation.
pub(crate) fn called(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

/// A tool.
pub(crate) fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {"n": {"type": "number"}}}}})
}
