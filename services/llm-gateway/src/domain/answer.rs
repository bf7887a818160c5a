//! An answer as it grows, piece by piece.
//!
//! **Invariant:** arguments of tool calls are the pieces put one after the other, nothing else; an answer without
//! [`Piece::Finish`] is never complete.

use contracts::llm::{
    Complete, Delta, FinishReason, FunctionCall, Message, ToolCall, ToolCallDelta, ToolSpec,
};
use serde_json::{Map, Value, map::Entry};

use super::piece::{Extra, Piece, Tokens};

/// Tool calls of one answer at most.
const MAX_TOOL_CALLS: usize = 256;
/// Bytes of one answer at most: as JSON it must fit into one message of the bus.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Tokens of an image: one of 1,024 by 1,024 takes 765 at OpenAI, 1,032 at Gemini and 1,398 at Anthropic, by their guides.
/// Of a sound or a file nobody knows before the vendor does.
const MEDIA_TOKENS: u64 = 1_000;

/// Why pieces make no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Nonsense {
    #[error("a tool call was skipped")]
    Gap,
    #[error("a tool call has no name")]
    Nameless,
    #[error("the answer is too long")]
    TooLong,
    #[error("the answer goes on after its end")]
    AfterTheEnd,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answer {
    content: Option<String>,
    reasoning: Option<String>,
    tool_calls: Vec<ToolCall>,
    extra: Extra,
    finish: Option<FinishReason>,
    tokens: Option<Tokens>,
    bytes: usize,
}

impl Answer {
    pub(crate) fn add(&mut self, piece: &Piece) -> Result<(), Nonsense> {
        match piece {
            Piece::Delta { delta, extra } => {
                if self.finish.is_some() {
                    return Err(Nonsense::AfterTheEnd);
                }
                self.grow(delta)?;
                merge(&mut self.extra.envelope, &extra.envelope);
                merge(&mut self.extra.choice, &extra.choice);
                merge(&mut self.extra.message, &extra.message);
            }
            Piece::Finish(reason) => {
                if self
                    .tool_calls
                    .iter()
                    .any(|call| call.function.name.is_empty())
                {
                    return Err(Nonsense::Nameless);
                }
                if self.finish.replace(*reason).is_some() {
                    return Err(Nonsense::AfterTheEnd);
                }
            }
            // Some vendors count in several events; the last one counts all.
            Piece::Tokens(tokens) => self.tokens = Some(tokens.clone()),
        }
        Ok(())
    }

    fn grow(&mut self, delta: &Delta) -> Result<(), Nonsense> {
        if let Some(text) = &delta.content {
            self.bytes += text.len();
            self.content.get_or_insert_default().push_str(text);
        }
        if let Some(text) = &delta.reasoning_content {
            self.bytes += text.len();
            self.reasoning.get_or_insert_default().push_str(text);
        }
        for call in &delta.tool_calls {
            self.bytes += call.arguments.len();
            self.grow_call(call)?;
        }
        if self.bytes > MAX_BYTES {
            return Err(Nonsense::TooLong);
        }
        Ok(())
    }

    fn grow_call(&mut self, delta: &ToolCallDelta) -> Result<(), Nonsense> {
        let index = usize::try_from(delta.index).map_err(|_| Nonsense::Gap)?;
        if index >= MAX_TOOL_CALLS {
            return Err(Nonsense::TooLong);
        }
        if index > self.tool_calls.len() {
            return Err(Nonsense::Gap);
        }
        if index == self.tool_calls.len() {
            self.tool_calls.push(ToolCall {
                id: String::new(),
                kind: "function".to_owned(),
                function: FunctionCall {
                    name: String::new(),
                    arguments: String::new(),
                },
                extra: Map::new(),
            });
        }
        let call = &mut self.tool_calls[index];
        if let Some(id) = delta.id.as_ref().filter(|_| call.id.is_empty()) {
            call.id.clone_from(id);
        }
        if let Some(name) = delta
            .name
            .as_ref()
            .filter(|_| call.function.name.is_empty())
        {
            call.function.name.clone_from(name);
        }
        call.function.arguments.push_str(&delta.arguments);
        merge(&mut call.extra, &delta.extra);
        Ok(())
    }

    pub(crate) fn finish(&self) -> Option<FinishReason> {
        self.finish
    }

    pub(crate) fn tokens(&self) -> Option<&Tokens> {
        self.tokens.as_ref()
    }

    pub(crate) fn extra(&self) -> &Extra {
        &self.extra
    }

    /// The assistant's message.
    pub(crate) fn message(&self) -> Message {
        let mut extra = self.extra.message.clone();
        if let Some(text) = &self.reasoning {
            extra.insert("reasoning_content".to_owned(), text.clone().into());
        }
        Message {
            role: "assistant".to_owned(),
            content: self.content.clone().map_or(Value::Null, Value::String),
            tool_calls: self.tool_calls.clone(),
            tool_call_id: None,
            extra,
        }
    }
}

/// The tokens that a question may have, with its tools, the form of its answer and what it shows, for a vendor that did not
/// say.
pub(crate) fn tokens_of_question(ask: &Complete) -> u64 {
    let tool = |tool: &ToolSpec| serde_json::to_string(tool).map_or(0, |text| text.len());
    let tools = ask.tools.iter().map(tool).sum::<usize>();
    let form = ask.response_format.as_ref();
    let form = form.map_or(0, |form| form.to_string().len());
    let said = ask.messages.iter().map(bytes_of_message).sum::<usize>();
    let shown = ask.messages.iter().map(|it| media_of(&it.content)).sum();
    MEDIA_TOKENS.saturating_mul(shown) + tokens_of_bytes(tools + form + said)
}

fn bytes_of_message(message: &Message) -> usize {
    let calls = message.tool_calls.iter();
    let calls: usize = calls
        .map(|call| call.function.name.len() + call.function.arguments.len())
        .sum();
    calls + text_of(&message.content).len() + message.role.len()
}

/// How many images, sounds and files it has.
fn media_of(content: &Value) -> u64 {
    let parts = content.as_array().into_iter().flatten();
    let is_media = |part: &&Value| {
        let kind = part["type"].as_str();
        matches!(kind, Some("image_url" | "input_audio" | "file"))
    };
    u64::try_from(parts.filter(is_media).count()).unwrap_or(u64::MAX)
}

/// The text of a message's content, without images and files.
pub(crate) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<_> = parts
                .iter()
                .filter_map(|part| part.get("text")?.as_str())
                .collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

/// English text has about four bytes per token.
pub(crate) fn tokens_of_bytes(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX)
}

/// Texts and lists come in pieces, all else as a whole.
fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (key, value) in from {
        match into.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(value.clone());
            }
            Entry::Occupied(mut entry) => match (entry.get_mut(), value) {
                (Value::String(text), Value::String(more)) if is_spoken(key) => {
                    text.push_str(more);
                }
                (Value::Array(list), Value::Array(more)) => list.extend(more.iter().cloned()),
                (_, Value::Null) => {}
                (present, _) => *present = value.clone(),
            },
        }
    }
}

/// Texts of a vendor that are spoken in pieces, unlike names and fingerprints, which are repeated.
fn is_spoken(key: &str) -> bool {
    matches!(key, "refusal" | "reasoning" | "thinking")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(index: u32, id: Option<&str>, name: Option<&str>, arguments: &str) -> Piece {
        Piece::delta(Delta {
            tool_calls: vec![ToolCallDelta {
                index,
                id: id.map(str::to_owned),
                name: name.map(str::to_owned),
                arguments: arguments.to_owned(),
                extra: Map::new(),
            }],
            ..Delta::default()
        })
    }

    fn answer(pieces: &[Piece]) -> Result<Answer, Nonsense> {
        let mut answer = Answer::default();
        for piece in pieces {
            answer.add(piece)?;
        }
        Ok(answer)
    }

    #[test]
    fn interleaved_tool_calls_keep_their_bytes() {
        let answer = answer(&[
            call(0, Some("a"), Some("add"), ""),
            call(1, Some("b"), Some("add"), r#"{"x": 1e-7,"#),
            call(0, None, None, r#"{"n": 123456789012345678901234567890,"#),
            call(1, None, None, " \"y\":\t1.0}"),
            call(0, Some("a"), None, " \"u\": \"\\u00e9\"}"),
            Piece::Finish(FinishReason::ToolCalls),
        ])
        .unwrap();
        let message = answer.message();
        assert_eq!(message.content, Value::Null);
        let arguments: Vec<_> = message
            .tool_calls
            .iter()
            .map(|call| (call.id.as_str(), call.function.arguments.as_str()))
            .collect();
        assert_eq!(
            arguments,
            [
                (
                    "a",
                    "{\"n\": 123456789012345678901234567890, \"u\": \"\\u00e9\"}"
                ),
                ("b", "{\"x\": 1e-7, \"y\":\t1.0}"),
            ]
        );
    }

    #[test]
    fn an_estimate_counts_tools_the_form_and_what_is_shown() {
        let mut question = crate::domain::question::ask("x".repeat(400).into());
        assert_eq!(tokens_of_question(&question), 101, "the words and the role");
        question.response_format = Some(json!("y".repeat(398)));
        assert_eq!(tokens_of_question(&question), 201);
        let tool = json!({"type": "function", "function": {"name": "f", "parameters": {"title": "z".repeat(4000)}}});
        question.tools = vec![serde_json::from_value(tool).unwrap()];
        assert!(tokens_of_question(&question) > 1_201);
        let image = json!({"type": "image_url", "image_url": {"url": "https://x/y.png"}});
        let shown = json!([{"type": "text", "text": "x".repeat(400)}, image, image]);
        let shown = crate::domain::question::ask(shown);
        assert_eq!(tokens_of_question(&shown), 101 + 2 * MEDIA_TOKENS);
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(answer(&[call(1, None, Some("x"), "")]), Err(Nonsense::Gap));
        assert_eq!(
            answer(&[
                call(0, Some("a"), None, "{}"),
                Piece::Finish(FinishReason::ToolCalls)
            ]),
            Err(Nonsense::Nameless)
        );
        let stop = Piece::Finish(FinishReason::Stop);
        assert_eq!(
            answer(&[stop.clone(), Piece::text("more")]),
            Err(Nonsense::AfterTheEnd)
        );
        assert_eq!(answer(&[stop.clone(), stop]), Err(Nonsense::AfterTheEnd));
        assert_eq!(
            answer(&[Piece::text("x".repeat(MAX_BYTES + 1))]),
            Err(Nonsense::TooLong)
        );
    }

    #[test]
    fn texts_grow_and_extras_pass() {
        let with = |text: &str, extra: Value| Piece::Delta {
            delta: Delta {
                reasoning_content: Some(text.to_owned()),
                ..Delta::default()
            },
            extra: Extra {
                message: extra.as_object().unwrap().clone(),
                ..Extra::default()
            },
        };
        let answer = answer(&[
            with("I ", json!({"refusal": "no", "mark": "x"})),
            with("think", json!({"refusal": "pe", "mark": "x"})),
            Piece::text("Hel"),
            Piece::text("lo"),
        ])
        .unwrap();
        let message = answer.message();
        assert_eq!(message.content, "Hello");
        assert_eq!(
            Value::Object(message.extra),
            json!({"refusal": "nope", "mark": "x", "reasoning_content": "I think"})
        );
        assert_eq!(answer.finish(), None);
    }
}
