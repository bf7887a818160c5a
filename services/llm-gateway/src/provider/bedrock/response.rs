//! The events of a streamed answer.
//!
//! **Invariant:** the answer is complete only after `metadata`, or after `messageStop` where the server closes then.

use std::collections::BTreeMap;

use contracts::llm::{Delta, FinishReason, ToolCallDelta};
use serde_json::{Map, Value, json};

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

/// Where a Claude model says at which text it stopped: its streams have it in `delta`, against the API's reference.
pub(super) const STOPPED_AT: [&str; 2] = ["/delta/stop_sequence", "/stop_sequence"];

/// A block that is being spoken.
enum Open {
    Thinking {
        text: String,
        signature: String,
    },
    Redacted(String),
    Call {
        index: u32,
        is_begun: bool,
    },
    /// The call whose arguments are the answer.
    Answer,
}

pub(super) struct Reader {
    names: Names,
    unwraps: bool,
    open: BTreeMap<u64, Open>,
    calls: u32,
    tokens: Option<Tokens>,
    stop_reason: Option<String>,
    begun: bool,
    done: bool,
}

impl Reader {
    pub(super) fn new(names: Names, unwraps: bool) -> Self {
        Self {
            names,
            unwraps,
            open: BTreeMap::new(),
            calls: 0,
            tokens: None,
            stop_reason: None,
            begun: false,
            done: false,
        }
    }

    fn start(&mut self, at: u64, said: &Value) -> Option<Piece> {
        let call = said.pointer("/start/toolUse")?;
        let name = call["name"].as_str().unwrap_or_default();
        if self.unwraps && name == shaped::TOOL {
            self.open.insert(at, Open::Answer);
            return None;
        }
        let index = self.calls;
        self.calls += 1;
        let open = Open::Call {
            index,
            is_begun: false,
        };
        self.open.insert(at, open);
        let id = call["toolUseId"].as_str().map(str::to_owned);
        Some(piece(index, id, Some(self.names.own(name)), String::new()))
    }

    fn say(&mut self, at: u64, delta: &Value) -> Option<Piece> {
        let text = |value: &Value| {
            value
                .as_str()
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        if let Some(said) = text(&delta["text"]) {
            return Some(Piece::text(said));
        }
        if let Some(more) = delta.pointer("/toolUse/input").and_then(text) {
            return match self.open.get_mut(&at)? {
                Open::Answer => Some(Piece::text(more)),
                Open::Call { index, is_begun } => {
                    *is_begun = true;
                    Some(piece(*index, None, None, more))
                }
                Open::Thinking { .. } | Open::Redacted(_) => None,
            };
        }
        let thought = delta.get("reasoningContent")?;
        if let Some(data) = text(&thought["redactedContent"]) {
            self.open.insert(at, Open::Redacted(data));
            return None;
        }
        let open = self.open.entry(at).or_insert_with(|| Open::Thinking {
            text: String::new(),
            signature: String::new(),
        });
        let Open::Thinking {
            text: so_far,
            signature,
        } = open
        else {
            return None;
        };
        signature.push_str(thought["signature"].as_str().unwrap_or_default());
        let more = text(&thought["text"])?;
        so_far.push_str(&more);
        Some(Piece::delta(Delta {
            reasoning_content: Some(more),
            ..Delta::default()
        }))
    }

    fn stop(&mut self, at: u64) -> Option<Piece> {
        let kept = match self.open.remove(&at)? {
            Open::Thinking { text, signature } => {
                json!({"vendor": "bedrock", "type": "thinking", "thinking": text, "signature": signature})
            }
            Open::Redacted(data) => {
                json!({"vendor": "bedrock", "type": "redacted_thinking", "data": data})
            }
            // A call without arguments has no piece of them.
            Open::Call {
                index,
                is_begun: false,
            } => return Some(piece(index, None, None, "{}".to_owned())),
            Open::Call { .. } | Open::Answer => return None,
        };
        Some(Piece::Delta {
            delta: Delta::default(),
            extra: Extra {
                message: Map::from_iter([(KEPT.to_owned(), json!([kept]))]),
                ..Extra::default()
            },
        })
    }

    fn finish(&self) -> Result<FinishReason, Broken> {
        match self.stop_reason.as_deref() {
            Some("end_turn" | "stop_sequence") => Ok(FinishReason::Stop),
            Some("max_tokens" | "model_context_window_exceeded") => Ok(FinishReason::Length),
            // The forced tool was the answer, no call.
            Some("tool_use") if self.calls == 0 => Ok(FinishReason::Stop),
            Some("tool_use") => Ok(FinishReason::ToolCalls),
            Some("guardrail_intervened" | "content_filtered") => Ok(FinishReason::ContentFilter),
            Some(_) => Err(Broken::Garbage("its stop reason is unknown")),
            None => Err(Broken::Cut),
        }
    }
}

fn tokens(usage: &Value) -> Result<Tokens, Broken> {
    let count = |name: &str| match &usage[name] {
        Value::Null => Ok(0),
        value => value
            .as_u64()
            .filter(|count| *count <= MAX_TOKENS)
            .ok_or(Broken::Garbage("its count of tokens is no count")),
    };
    let (read, written) = (
        count("cacheReadInputTokens")?,
        count("cacheWriteInputTokens")?,
    );
    // Here the input is told without what the cache had.
    let mut tokens = Tokens::new(
        count("inputTokens")? + read + written,
        count("outputTokens")?,
    );
    if read + written > 0 {
        let mut cached = json!({"cached_tokens": read, "cache_creation_tokens": written});
        let kept = usage["cacheDetails"].as_array().into_iter().flatten();
        let long = kept.filter(|kept| kept["ttl"] == "1h");
        let long: u64 = long.filter_map(|kept| kept["inputTokens"].as_u64()).sum();
        if long > 0 {
            cached[WRITTEN_1H] = long.into();
        }
        tokens
            .details
            .insert("prompt_tokens_details".to_owned(), cached);
    }
    Ok(tokens)
}

impl connection::Reader for Reader {
    fn event(&mut self, data: &[u8]) -> Result<Vec<Piece>, Broken> {
        let garbage = |_| Broken::Garbage("it is no event of a conversation");
        let event: Map<String, Value> = serde_json::from_slice(data).map_err(garbage)?;
        let Some((kind, said)) = event.into_iter().next() else {
            return Ok(Vec::new());
        };
        self.begun = true;
        let at = said["contentBlockIndex"].as_u64().unwrap_or(0);
        let piece = match kind.as_str() {
            "contentBlockStart" => self.start(at, &said),
            "contentBlockDelta" => self.say(at, &said["delta"]),
            "contentBlockStop" => self.stop(at),
            "messageStop" => {
                self.stop_reason = said["stopReason"].as_str().map(str::to_owned);
                let fields = &said["additionalModelResponseFields"];
                let sequence = STOPPED_AT
                    .iter()
                    .find_map(|at| fields.pointer(at)?.as_str());
                let reason = self.stop_reason.as_deref();
                reason.and_then(|reason| Piece::native(reason, sequence.map(str::to_owned)))
            }
            "metadata" => {
                self.done = self.stop_reason.is_some();
                let mut tokens = tokens(&said["usage"])?;
                tokens.under(said["serviceTier"]["type"].as_str());
                self.tokens = Some(tokens);
                None
            }
            kind if kind.ends_with("Exception") => {
                let error = json!({"type": kind, "message": said["message"]});
                return Err(Broken::Refusal(error));
            }
            _ => None,
        };
        Ok(piece.into_iter().collect())
    }

    fn is_done(&self) -> bool {
        self.done
    }

    fn end(&mut self) -> Result<Vec<Piece>, Broken> {
        if !self.begun {
            return Err(Broken::Garbage("it is no stream of events"));
        }
        let finish = Piece::Finish(self.finish()?);
        let tokens = self.tokens.take().map(Piece::Tokens);
        Ok(tokens.into_iter().chain([finish]).collect())
    }
}

fn piece(index: u32, id: Option<String>, name: Option<String>, arguments: String) -> Piece {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::answer::Answer, provider::connection::Reader as _};

    #[test]
    fn the_text_at_which_it_stopped_is_told() {
        let told = |stop: Value| {
            let mut reader = Reader::new(Names::default(), false);
            let usage = json!({"metadata": {"usage": {"inputTokens": 1, "outputTokens": 1}}});
            let mut pieces = Vec::new();
            for event in [json!({"messageStop": stop}), usage] {
                pieces.extend(reader.event(event.to_string().as_bytes()).unwrap());
            }
            pieces.extend(reader.end().unwrap());
            let mut answer = Answer::default();
            for piece in &pieces {
                answer.add(piece).unwrap();
            }
            (answer.finish().unwrap(), json!(answer.extra().choice))
        };
        let (stop, length) = (FinishReason::Stop, FinishReason::Length);
        let stopped = json!({"native_finish_reason": "stop_sequence", "stop_sequence": "END"});
        let fields = |fields: Value| json!({"stopReason": "stop_sequence", "additionalModelResponseFields": fields});
        for (said, expect) in [
            (json!({"stopReason": "end_turn"}), (stop, json!({}))),
            (
                json!({"stopReason": "stop_sequence"}),
                (stop, json!({"native_finish_reason": "stop_sequence"})),
            ),
            (
                fields(json!({"delta": {"stop_sequence": "END"}})),
                (stop, stopped.clone()),
            ),
            (fields(json!({"stop_sequence": "END"})), (stop, stopped)),
            (
                json!({"stopReason": "model_context_window_exceeded"}),
                (
                    length,
                    json!({"native_finish_reason": "model_context_window_exceeded"}),
                ),
            ),
        ] {
            assert_eq!(told(said), expect);
        }
    }
}
