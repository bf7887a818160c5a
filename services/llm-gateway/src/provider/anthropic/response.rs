//! The events of a streamed answer (`https://platform.claude.com/docs/en/build-with-claude/streaming`).
//!
//! **Invariant:** the answer is complete only after `message_stop`.

use std::collections::BTreeMap;

use contracts::llm::{Delta, FinishReason, ToolCallDelta};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    domain::{
        piece::{Extra, Piece, Tokens},
        price::{MAX_TOKENS, WRITTEN_1H},
    },
    provider::{
        connection::{self, Broken},
        conversation::KEPT,
        names::Names,
        shaped,
    },
};

/// Fields of the usage that say which prices hold: the tier, the place and the speed.
const TERMS: [&str; 3] = ["service_tier", "inference_geo", "speed"];
/// Fields of the usage that count.
const COUNTS: [&str; 4] = [
    "input_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "output_tokens",
];

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    message: Option<Begun>,
    #[serde(default)]
    index: u32,
    #[serde(default)]
    content_block: Option<Block>,
    #[serde(default)]
    delta: Option<Said>,
    #[serde(default)]
    usage: Option<Map<String, Value>>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Begun {
    #[serde(default)]
    usage: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    input: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    partial_json: Option<String>,
    #[serde(default)]
    citation: Option<Value>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_sequence: Option<String>,
}

/// A block that is being spoken.
enum Open {
    Text,
    Thinking {
        text: String,
        signature: String,
    },
    Redacted(String),
    Call {
        index: u32,
        /// What stood in the block's beginning; pieces take its place.
        input: Option<String>,
        is_begun: bool,
    },
    /// The call whose arguments are the answer.
    Answer,
    /// Something that was not asked for.
    Other,
}

pub(crate) struct Reader {
    names: Names,
    unwraps: bool,
    open: BTreeMap<u32, Open>,
    calls: u32,
    usage: Map<String, Value>,
    stop_reason: Option<String>,
    begun: bool,
    done: bool,
}

impl Reader {
    pub(crate) fn new(names: Names, unwraps: bool) -> Self {
        Self {
            names,
            unwraps,
            open: BTreeMap::new(),
            calls: 0,
            usage: Map::new(),
            stop_reason: None,
            begun: false,
            done: false,
        }
    }

    /// Counts are cumulative, and each may come at the beginning, at the end, or at both.
    fn count(&mut self, usage: Map<String, Value>) {
        for (name, value) in usage {
            let present = self.usage.get(&name).and_then(Value::as_u64).unwrap_or(0);
            let is_less = value.is_null()
                || COUNTS.contains(&name.as_str())
                    && value.as_u64().is_none_or(|value| value < present);
            if !is_less {
                self.usage.insert(name, value);
            }
        }
    }

    fn start(&mut self, index: u32, block: Block) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let open = match block.kind.as_str() {
            "text" => {
                pieces.extend(block.text.filter(|text| !text.is_empty()).map(Piece::text));
                Open::Text
            }
            "thinking" => {
                let text = block.thinking.unwrap_or_default();
                pieces.extend((!text.is_empty()).then(|| thought(&text)));
                Open::Thinking {
                    text,
                    signature: block.signature.unwrap_or_default(),
                }
            }
            "redacted_thinking" => Open::Redacted(block.data.unwrap_or_default()),
            "tool_use" if self.unwraps && block.name.as_deref() == Some(shaped::TOOL) => {
                Open::Answer
            }
            "tool_use" => {
                let index = self.calls;
                self.calls += 1;
                let name = self.names.own(block.name.as_deref().unwrap_or_default());
                pieces.push(call(index, block.id, Some(name), String::new()));
                Open::Call {
                    index,
                    input: block.input.map(|input| input.get().to_owned()),
                    is_begun: false,
                }
            }
            _ => Open::Other,
        };
        self.open.insert(index, open);
        pieces
    }

    fn say(&mut self, index: u32, said: Said) -> Option<Piece> {
        match self.open.get_mut(&index)? {
            Open::Text => match said.citation {
                Some(citation) => {
                    let list = json!([citation]);
                    Some(beside(Map::from_iter([("annotations".to_owned(), list)])))
                }
                None => said.text.filter(|text| !text.is_empty()).map(Piece::text),
            },
            Open::Thinking { text, signature } => {
                signature.push_str(said.signature.as_deref().unwrap_or_default());
                let more = said.thinking.filter(|more| !more.is_empty())?;
                text.push_str(&more);
                Some(thought(&more))
            }
            Open::Call {
                index, is_begun, ..
            } => {
                let more = said.partial_json.filter(|more| !more.is_empty())?;
                *is_begun = true;
                Some(call(*index, None, None, more))
            }
            Open::Answer => {
                let more = said.partial_json.filter(|more| !more.is_empty());
                more.map(Piece::text)
            }
            Open::Redacted(_) | Open::Other => None,
        }
    }

    fn stop(&mut self, index: u32) -> Option<Piece> {
        let kept = match self.open.remove(&index)? {
            Open::Thinking { text, signature } => {
                json!({"vendor": "anthropic", "type": "thinking", "thinking": text, "signature": signature})
            }
            Open::Redacted(data) => {
                json!({"vendor": "anthropic", "type": "redacted_thinking", "data": data})
            }
            // A call without arguments has no piece of them.
            Open::Call {
                index,
                input,
                is_begun: false,
            } => {
                return Some(call(
                    index,
                    None,
                    None,
                    input.unwrap_or_else(|| "{}".to_owned()),
                ));
            }
            Open::Call { .. } | Open::Text | Open::Answer | Open::Other => return None,
        };
        Some(beside(Map::from_iter([(KEPT.to_owned(), json!([kept]))])))
    }

    fn tokens(&self) -> Result<Option<Tokens>, Broken> {
        let count = |name: &str| match self.usage.get(name) {
            None | Some(Value::Null) => Ok(0),
            Some(value) => value
                .as_u64()
                .filter(|count| *count <= MAX_TOKENS)
                .ok_or(Broken::Garbage("its count of tokens is no count")),
        };
        if !self.usage.contains_key("output_tokens") {
            return Ok(None);
        }
        let (read, written) = (count(COUNTS[1])?, count(COUNTS[2])?);
        // Here the input is told without what the cache had.
        let prompt = count(COUNTS[0])? + read + written;
        let mut tokens = Tokens::new(prompt, count(COUNTS[3])?);
        if read + written > 0 {
            let mut cached = json!({"cached_tokens": read, "cache_creation_tokens": written});
            let split = self.usage.get("cache_creation");
            let long = split.and_then(|split| split["ephemeral_1h_input_tokens"].as_u64());
            if let Some(long) = long.filter(|long| *long > 0) {
                cached[WRITTEN_1H] = long.into();
            }
            tokens
                .details
                .insert("prompt_tokens_details".to_owned(), cached);
        }
        for term in TERMS {
            tokens.under(self.usage.get(term).and_then(Value::as_str));
        }
        let thought = self.usage.get("output_tokens_details");
        if let Some(thought) = thought.and_then(|details| details["thinking_tokens"].as_u64()) {
            let reasoning = json!({"reasoning_tokens": thought});
            tokens
                .details
                .insert("completion_tokens_details".to_owned(), reasoning);
        }
        Ok(Some(tokens))
    }

    fn finish(&self) -> Result<FinishReason, Broken> {
        match self.stop_reason.as_deref() {
            Some("end_turn" | "stop_sequence" | "pause_turn") => Ok(FinishReason::Stop),
            Some("max_tokens" | "model_context_window_exceeded") => Ok(FinishReason::Length),
            // The forced tool was the answer, no call.
            Some("tool_use") if self.calls == 0 => Ok(FinishReason::Stop),
            Some("tool_use") => Ok(FinishReason::ToolCalls),
            Some("refusal") => Ok(FinishReason::ContentFilter),
            Some(_) => Err(Broken::Garbage("its stop reason is unknown")),
            None => Err(Broken::Cut),
        }
    }
}

impl connection::Reader for Reader {
    fn event(&mut self, data: &[u8]) -> Result<Vec<Piece>, Broken> {
        let event: Event = serde_json::from_slice(data)
            .map_err(|_| Broken::Garbage("it is no event of a message"))?;
        self.begun = true;
        match event.kind.as_str() {
            "message_start" => {
                let usage = event.message.and_then(|message| message.usage);
                self.count(usage.unwrap_or_default());
                Ok(Vec::new())
            }
            "content_block_start" => {
                let block = event.content_block;
                let block = block.ok_or(Broken::Garbage("a block has no beginning"))?;
                Ok(self.start(event.index, block))
            }
            "content_block_delta" => {
                let said = event.delta.ok_or(Broken::Garbage("a piece says nothing"))?;
                Ok(self.say(event.index, said).into_iter().collect())
            }
            "content_block_stop" => Ok(self.stop(event.index).into_iter().collect()),
            "message_delta" => {
                self.count(event.usage.unwrap_or_default());
                let said = event.delta;
                let (reason, sequence) = said
                    .map(|said| (said.stop_reason, said.stop_sequence))
                    .unwrap_or_default();
                let told = reason
                    .as_deref()
                    .and_then(|reason| Piece::native(reason, sequence));
                self.stop_reason = reason.or(self.stop_reason.take());
                Ok(told.into_iter().collect())
            }
            "message_stop" => {
                self.done = true;
                Ok(Vec::new())
            }
            "error" => Err(Broken::Refusal(event.error.unwrap_or_default())),
            // Pings, and what may come in future.
            _ => Ok(Vec::new()),
        }
    }

    fn is_done(&self) -> bool {
        self.done
    }

    fn end(&mut self) -> Result<Vec<Piece>, Broken> {
        match (self.done, self.begun) {
            (true, _) => {}
            (false, true) => return Err(Broken::Cut),
            (false, false) => return Err(Broken::Garbage("it is no stream of events")),
        }
        let tokens = self.tokens()?.map(Piece::Tokens);
        let finish = Piece::Finish(self.finish()?);
        Ok(tokens.into_iter().chain([finish]).collect())
    }
}

fn thought(text: &str) -> Piece {
    Piece::delta(Delta {
        reasoning_content: Some(text.to_owned()),
        ..Delta::default()
    })
}

fn call(index: u32, id: Option<String>, name: Option<String>, arguments: String) -> Piece {
    Piece::delta(Delta {
        tool_calls: vec![ToolCallDelta {
            index,
            id,
            name,
            arguments,
            extra: Map::new(),
        }],
        ..Delta::default()
    })
}

/// Something in the message beside its text and calls.
fn beside(message: Map<String, Value>) -> Piece {
    Piece::beside(Extra {
        message,
        ..Extra::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::answer::Answer, provider::connection::Reader as _};

    fn read(events: &[Value]) -> Result<Answer, Broken> {
        let (mut reader, mut answer) = (Reader::new(Names::default(), false), Answer::default());
        let mut pieces = Vec::new();
        for event in events {
            pieces.extend(reader.event(event.to_string().as_bytes())?);
        }
        pieces.extend(reader.end()?);
        for piece in &pieces {
            answer.add(piece).unwrap();
        }
        Ok(answer)
    }

    fn delta(index: u32, delta: Value) -> Value {
        json!({"type": "content_block_delta", "index": index, "delta": delta})
    }

    #[test]
    fn thoughts_texts_and_calls_are_one_answer() {
        let start = |index: u32, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
        let stop = |index: u32| json!({"type": "content_block_stop", "index": index});
        let answer = read(&[
            json!({"type": "message_start", "message": {"usage": {"input_tokens": 8, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 3,
                "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2}, "output_tokens": 1}}}),
            start(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
            delta(0, json!({"type": "thinking_delta", "thinking": "hm"})),
            delta(0, json!({"type": "signature_delta", "signature": "sig"})),
            stop(0),
            start(1, json!({"type": "redacted_thinking", "data": "xx"})),
            stop(1),
            json!({"type": "ping"}),
            start(2, json!({"type": "text", "text": ""})),
            delta(2, json!({"type": "text_delta", "text": "Hi"})),
            stop(2),
            start(3, json!({"type": "tool_use", "id": "a", "name": "f", "input": {}})),
            delta(3, json!({"type": "input_json_delta", "partial_json": ""})),
            stop(3),
            start(4, json!({"type": "tool_use", "id": "b", "name": "g", "input": {}})),
            delta(4, json!({"type": "input_json_delta", "partial_json": "{\"n\": 1e"})),
            delta(4, json!({"type": "input_json_delta", "partial_json": "-7}"})),
            stop(4),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 20, "cache_creation": null}}),
            json!({"type": "message_stop"}),
        ])
        .unwrap();
        let message = answer.message();
        assert_eq!(message.content, "Hi");
        assert_eq!(message.extra["reasoning_content"], "hm");
        assert_eq!(
            message.extra[KEPT],
            json!([{"vendor": "anthropic", "type": "thinking", "thinking": "hm", "signature": "sig"},
                {"vendor": "anthropic", "type": "redacted_thinking", "data": "xx"}])
        );
        let calls: Vec<_> = message
            .tool_calls
            .iter()
            .map(|call| call.function.arguments.as_str())
            .collect();
        assert_eq!(calls, ["{}", "{\"n\": 1e-7}"]);
        assert_eq!(answer.finish(), Some(FinishReason::ToolCalls));
        let tokens = answer.tokens().unwrap();
        assert_eq!((tokens.prompt, tokens.completion), (15, 20));
        assert_eq!(
            tokens.details["prompt_tokens_details"],
            json!({"cached_tokens": 4, "cache_creation_tokens": 3, WRITTEN_1H: 2})
        );
    }

    #[test]
    fn why_it_stopped_is_told_in_its_own_words() {
        let end = |delta: Value| {
            let events = [
                json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 1}}),
                json!({"type": "message_stop"}),
            ];
            let answer = read(&events).unwrap();
            (answer.finish().unwrap(), json!(answer.extra().choice))
        };
        let (stop, length) = (FinishReason::Stop, FinishReason::Length);
        for (delta, expect) in [
            (
                json!({"stop_reason": "end_turn", "stop_sequence": null}),
                (stop, json!({})),
            ),
            (
                json!({"stop_reason": "stop_sequence", "stop_sequence": "END"}),
                (
                    stop,
                    json!({"native_finish_reason": "stop_sequence", "stop_sequence": "END"}),
                ),
            ),
            (
                json!({"stop_reason": "pause_turn"}),
                (stop, json!({"native_finish_reason": "pause_turn"})),
            ),
            (
                json!({"stop_reason": "model_context_window_exceeded"}),
                (
                    length,
                    json!({"native_finish_reason": "model_context_window_exceeded"}),
                ),
            ),
        ] {
            assert_eq!(end(delta), expect);
        }
    }

    #[test]
    fn an_answer_without_its_stop_is_cut() {
        let finish = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}});
        assert_eq!(read(&[finish]), Err(Broken::Cut));
        assert_eq!(read(&[json!({"type": "message_stop"})]), Err(Broken::Cut));
        assert!(matches!(read(&[]), Err(Broken::Garbage(_))));
        let error = read(&[json!({"type": "error", "error": {"type": "overloaded_error"}})]);
        assert!(matches!(error, Err(Broken::Refusal(_))));
    }
}
