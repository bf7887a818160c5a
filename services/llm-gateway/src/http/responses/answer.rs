//! Answers as responses: whole, and as numbered events (OpenAI API reference, "Responses", "Streaming events").
//!
//! **Invariant:** one item is open at a time, each that is added is done, and the last event has the whole response.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use contracts::{
    id::CallId,
    llm::{Delta, FinishReason, ToolCallDelta},
};
use serde_json::{Map, Value, json};

use crate::{
    calls::Call,
    domain::piece::Extra,
    http::{
        failure::Failure,
        speech::{Voice, named},
    },
    provider::conversation::KEPT,
};

/// An item that is being spoken.
enum Open {
    Reasoning {
        text: String,
        kept: Vec<Value>,
    },
    Message {
        text: String,
    },
    Call {
        index: u32,
        id: String,
        name: String,
        arguments: String,
    },
}

/// Tells an answer while it is spoken.
pub(super) struct Teller {
    call: CallId,
    model: String,
    created: i64,
    rehearsal: bool,
    /// What the question said, and the response says back.
    echo: Map<String, Value>,
    output: Vec<Value>,
    open: Option<Open>,
    /// Pieces of calls that wait: those of several calls may come mixed.
    waiting: Vec<ToolCallDelta>,
    events: Vec<Value>,
    told: u64,
}

impl Teller {
    pub(super) fn new(call: &Call, created: i64, echo: Map<String, Value>) -> Self {
        Self {
            call: call.id,
            model: call.target.id(),
            created,
            rehearsal: call.target.is_rehearsal(),
            echo,
            output: Vec::new(),
            open: None,
            waiting: Vec::new(),
            events: Vec::new(),
            told: 0,
        }
    }

    /// The response to an answer that is complete.
    pub(super) fn whole(mut self, call: &Call) -> Value {
        let message = call.answer().message();
        let calls = message.tool_calls.iter().zip(0..);
        let delta = Delta {
            content: message
                .content
                .as_str()
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
            reasoning_content: message
                .extra
                .get("reasoning_content")
                .and_then(Value::as_str)
                .map(str::to_owned),
            tool_calls: calls
                .map(|(call, index)| ToolCallDelta {
                    index,
                    id: Some(call.id.clone()),
                    name: Some(call.function.name.clone()),
                    arguments: call.function.arguments.clone(),
                    extra: Map::new(),
                })
                .collect(),
        };
        let extra = Extra {
            message: message.extra.clone(),
            ..Extra::default()
        };
        self.say(&delta, &extra);
        self.close_all();
        self.response(Some(call))
    }

    fn event(&mut self, kind: &str, fields: Value) {
        let mut event = fields;
        event["type"] = kind.into();
        event["sequence_number"] = self.told.into();
        self.told += 1;
        self.events.push(event);
    }

    fn take_events(&mut self) -> Bytes {
        named(&std::mem::take(&mut self.events))
    }

    /// The id of the item that is or will be open.
    fn item_id(&self, prefix: &str) -> String {
        format!(
            "{prefix}_{}_{}",
            self.call.uuid().simple(),
            self.output.len()
        )
    }

    /// The place of the open item, as events name it.
    fn place(&self, prefix: &str) -> Value {
        json!({"item_id": self.item_id(prefix), "output_index": self.output.len()})
    }

    fn at(&self, prefix: &str, field: &str, value: Value) -> Value {
        let mut place = self.place(prefix);
        let part = if prefix == "rs" {
            "summary_index"
        } else {
            "content_index"
        };
        if prefix != "fc" {
            place[part] = 0.into();
        }
        place[field] = value;
        place
    }

    fn add(&mut self, item: Value) {
        let index = self.output.len();
        self.event(
            "response.output_item.added",
            json!({"output_index": index, "item": item}),
        );
    }

    fn done(&mut self, item: Value) {
        let index = self.output.len();
        self.event(
            "response.output_item.done",
            json!({"output_index": index, "item": item}),
        );
        self.output.push(item);
    }

    fn say(&mut self, delta: &Delta, extra: &Extra) {
        if let Some(more) = &delta.reasoning_content {
            self.begin_reasoning();
            if let Some(Open::Reasoning { text, .. }) = &mut self.open {
                text.push_str(more);
            }
            let fields = self.at("rs", "delta", more.as_str().into());
            self.event("response.reasoning_summary_text.delta", fields);
        }
        let said = extra.message.get(KEPT).and_then(Value::as_array);
        for entry in said.into_iter().flatten() {
            self.begin_reasoning();
            if let Some(Open::Reasoning { kept, .. }) = &mut self.open {
                kept.push(entry.clone());
            }
        }
        if let Some(more) = &delta.content {
            self.begin_message();
            if let Some(Open::Message { text }) = &mut self.open {
                text.push_str(more);
            }
            let mut fields = self.at("msg", "delta", more.as_str().into());
            fields["logprobs"] = json!([]);
            self.event("response.output_text.delta", fields);
        }
        for call in &delta.tool_calls {
            // The first call is told as it is spoken, the others when it must be over.
            match call.index {
                0 => self.say_call(call),
                _ => self.waiting.push(call.clone()),
            }
        }
    }

    fn begin_reasoning(&mut self) {
        if matches!(self.open, Some(Open::Reasoning { .. })) {
            return;
        }
        self.close();
        let item = json!({"id": self.item_id("rs"), "type": "reasoning", "summary": []});
        self.add(item);
        let part = json!({"type": "summary_text", "text": ""});
        let fields = self.at("rs", "part", part);
        self.event("response.reasoning_summary_part.added", fields);
        self.open = Some(Open::Reasoning {
            text: String::new(),
            kept: Vec::new(),
        });
    }

    fn begin_message(&mut self) {
        if matches!(self.open, Some(Open::Message { .. })) {
            return;
        }
        self.close();
        let id = self.item_id("msg");
        self.add(json!({"id": id, "type": "message", "role": "assistant", "status": "in_progress", "content": []}));
        let fields = self.at("msg", "part", text_part(""));
        self.event("response.content_part.added", fields);
        self.open = Some(Open::Message {
            text: String::new(),
        });
    }

    fn say_call(&mut self, delta: &ToolCallDelta) {
        let is_open = matches!(&self.open, Some(Open::Call { index, .. }) if *index == delta.index);
        if !is_open {
            self.close();
            let (id, name) = (
                delta.id.clone().unwrap_or_default(),
                delta.name.clone().unwrap_or_default(),
            );
            let item = self.call_item(&id, &name, "", "in_progress");
            self.add(item);
            self.open = Some(Open::Call {
                index: delta.index,
                id,
                name,
                arguments: String::new(),
            });
        }
        if delta.arguments.is_empty() {
            return;
        }
        if let Some(Open::Call { arguments, .. }) = &mut self.open {
            arguments.push_str(&delta.arguments);
        }
        let fields = self.at("fc", "delta", delta.arguments.as_str().into());
        self.event("response.function_call_arguments.delta", fields);
    }

    fn call_item(&self, id: &str, name: &str, arguments: &str, status: &str) -> Value {
        json!({"id": self.item_id("fc"), "type": "function_call", "call_id": id, "name": name,
            "arguments": arguments, "status": status})
    }

    fn close(&mut self) {
        match self.open.take() {
            None => {}
            Some(Open::Reasoning { text, kept }) => {
                let fields = self.at("rs", "text", text.as_str().into());
                self.event("response.reasoning_summary_text.done", fields);
                let part = json!({"type": "summary_text", "text": text});
                let fields = self.at("rs", "part", part.clone());
                self.event("response.reasoning_summary_part.done", fields);
                let mut item =
                    json!({"id": self.item_id("rs"), "type": "reasoning", "summary": [part]});
                if !kept.is_empty() {
                    let kept = BASE64_STANDARD.encode(json!(kept).to_string());
                    item["encrypted_content"] = kept.into();
                }
                self.done(item);
            }
            Some(Open::Message { text }) => {
                let mut fields = self.at("msg", "text", text.as_str().into());
                fields["logprobs"] = json!([]);
                self.event("response.output_text.done", fields);
                let fields = self.at("msg", "part", text_part(&text));
                self.event("response.content_part.done", fields);
                let id = self.item_id("msg");
                self.done(json!({"id": id, "type": "message", "role": "assistant", "status": "completed", "content": [text_part(&text)]}));
            }
            Some(Open::Call {
                id,
                name,
                arguments,
                ..
            }) => {
                let mut fields = self.at("fc", "arguments", arguments.as_str().into());
                fields["name"] = name.as_str().into();
                self.event("response.function_call_arguments.done", fields);
                let item = self.call_item(&id, &name, &arguments, "completed");
                self.done(item);
            }
        }
    }

    fn close_all(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        // Stable, so the pieces of each call keep their order.
        waiting.sort_by_key(|piece| piece.index);
        for piece in &waiting {
            self.say_call(piece);
        }
        self.close();
    }

    /// The response as it is now; with the call once that is complete.
    fn response(&self, call: Option<&Call>) -> Value {
        let finish = call.and_then(|call| call.answer().finish());
        let (status, why) = match finish {
            None => ("in_progress", None),
            Some(FinishReason::Stop | FinishReason::ToolCalls) => ("completed", None),
            Some(FinishReason::Length) => ("incomplete", Some("max_output_tokens")),
            Some(FinishReason::ContentFilter) => ("incomplete", Some("content_filter")),
        };
        let mut response = json!({
            "id": format!("resp_{}", self.call.uuid().simple()),
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": null,
            "incomplete_details": why.map(|why| json!({"reason": why})),
            "instructions": null,
            "metadata": {},
            "model": self.model,
            "output": self.output,
            "parallel_tool_calls": true,
            "previous_response_id": null,
            "store": false,
            "temperature": null,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_p": null,
            "truncation": "disabled",
            "usage": call.and_then(usage),
        });
        for (name, value) in &self.echo {
            response[name] = value.clone();
        }
        if self.rehearsal {
            response["rehearsal"] = true.into();
        }
        response
    }
}

impl Voice for Teller {
    fn begin(&mut self) -> Bytes {
        let response = self.response(None);
        self.event("response.created", json!({"response": response}));
        self.event("response.in_progress", json!({"response": response}));
        self.take_events()
    }

    fn piece(&mut self, delta: &Delta, extra: &Extra) -> Bytes {
        self.say(delta, extra);
        self.take_events()
    }

    fn end(&mut self, call: &Call) -> Bytes {
        self.close_all();
        let response = self.response(Some(call));
        let kind = match response["status"].as_str() {
            Some("incomplete") => "response.incomplete",
            _ => "response.completed",
        };
        self.event(kind, json!({"response": response}));
        self.take_events()
    }

    fn failure(&mut self, failure: &Failure) -> Bytes {
        let error = failure.body()["error"].take();
        let fields =
            json!({"code": error["code"], "message": error["message"], "param": error["param"]});
        self.event("error", fields);
        self.take_events()
    }

    fn ping(&self) -> &'static [u8] {
        b": ping\n\n"
    }
}

fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn usage(call: &Call) -> Option<Value> {
    let usage = call.completion()?.usage;
    let details = call.answer().tokens().map(|tokens| &tokens.details);
    let count = |pointer: [&str; 2]| {
        let found = details.and_then(|details| details.get(pointer[0])?.get(pointer[1])?.as_u64());
        found.unwrap_or(0)
    };
    Some(json!({
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {
            "cached_tokens": count(["prompt_tokens_details", "cached_tokens"]),
            "cache_write_tokens": count(["prompt_tokens_details", "cache_creation_tokens"]),
        },
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {
            "reasoning_tokens": count(["completion_tokens_details", "reasoning_tokens"]),
        },
        "total_tokens": usage.prompt_tokens.saturating_add(usage.completion_tokens),
        "cost": usage.cost,
    }))
}
