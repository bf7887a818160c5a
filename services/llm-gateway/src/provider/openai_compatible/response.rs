//! Answers of chat-completions servers, whole and as a stream, read into pieces.
//!
//! **Invariant:** [`Piece::Finish`] comes last and only after the server ended the stream in order; texts of the
//! server are never quoted in an error.

use contracts::{
    id::CallId,
    llm::{Delta, FinishReason, ToolCallDelta},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

use super::dialect::Dialect;
use crate::{
    domain::{
        piece::{Extra, Piece, Tokens},
        price::MAX_TOKENS,
    },
    provider::connection::{self, Broken},
};

/// A chunk of a stream, or a whole answer.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Map<String, Value>>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default, rename = "id")]
    _id: Option<IgnoredAny>,
    #[serde(default, rename = "object")]
    _object: Option<IgnoredAny>,
    #[serde(default, rename = "created")]
    _created: Option<IgnoredAny>,
    #[serde(default, rename = "model")]
    _model: Option<IgnoredAny>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    #[serde(default, alias = "message")]
    delta: Option<Said>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default, rename = "role")]
    _role: Option<IgnoredAny>,
    /// A text; some servers send a list of parts.
    #[serde(default)]
    content: Option<Value>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<SaidCall>>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Deserialize)]
struct SaidCall {
    #[serde(default)]
    index: Option<u32>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<SaidFunction>,
    #[serde(default, rename = "type")]
    _kind: Option<IgnoredAny>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Deserialize)]
struct SaidFunction {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
}

/// Reads one answer.
pub(crate) struct Reader {
    dialect: &'static Dialect,
    finish: Option<FinishReason>,
    /// Under which of its prices the vendor took the question.
    tier: Option<String>,
    /// The ids of the tool calls begun so far.
    calls: Vec<String>,
    /// The server gives different calls one index.
    is_miscounted: bool,
    begun: bool,
    done: bool,
}

impl Reader {
    pub(crate) fn of(dialect: &'static Dialect) -> Self {
        Self {
            dialect,
            finish: None,
            tier: None,
            calls: Vec::new(),
            is_miscounted: false,
            begun: false,
            done: false,
        }
    }

    /// The pieces of an answer that came as a whole.
    pub(crate) fn whole(mut self, body: &[u8]) -> Result<Vec<Piece>, Broken> {
        let mut pieces = self.chunk(body)?;
        let end = self.last();
        pieces.push(end.map_err(|_| Broken::Garbage("it has no finish reason"))?);
        Ok(pieces)
    }

    fn last(&self) -> Result<Piece, Broken> {
        // Some servers do not send the end mark; the finish reason is then what tells an end from a cut.
        match self.finish {
            // Some servers say `stop` after tool calls.
            Some(FinishReason::Stop) if !self.calls.is_empty() => {
                Ok(Piece::Finish(FinishReason::ToolCalls))
            }
            Some(finish) => Ok(Piece::Finish(finish)),
            None if self.begun => Err(Broken::Cut),
            None => Err(Broken::Garbage("it is no stream of events")),
        }
    }

    fn chunk(&mut self, data: &[u8]) -> Result<Vec<Piece>, Broken> {
        let chunk: Chunk = serde_json::from_slice(data)
            .map_err(|_| Broken::Garbage("it is not a chat completion"))?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(Broken::Refusal(error));
        }
        if chunk.choices.is_none() && chunk.usage.is_none() {
            return Err(Broken::Garbage("it has no choices"));
        }
        let mut pieces = Vec::new();
        let choices = chunk.choices.unwrap_or_default();
        let mut envelope = without_nulls(chunk.extra);
        let usage = chunk.usage.or_else(|| self.dialect.usage(&mut envelope));
        if let Some(tier) = envelope.get("service_tier").and_then(Value::as_str) {
            self.tier = Some(tier.to_owned());
        }
        // One answer is asked for; a server that gives more is read up to the first.
        for choice in choices.into_iter().filter(|choice| choice.index == 0) {
            pieces.extend(self.choice(choice, std::mem::take(&mut envelope))?);
        }
        if let Some(usage) = usage {
            let mut tokens = tokens(usage)?;
            if let Some(tokens) = &mut tokens {
                tokens.under(self.tier.as_deref());
            }
            pieces.extend(tokens.map(Piece::Tokens));
        }
        Ok(pieces)
    }

    fn choice(
        &mut self,
        choice: Choice,
        envelope: Map<String, Value>,
    ) -> Result<Option<Piece>, Broken> {
        let mut extra = Extra {
            envelope,
            choice: without_nulls(choice.extra),
            message: Map::new(),
        };
        let mut delta = Delta::default();
        if let Some(said) = choice.delta {
            let thought = thoughts(said.content.as_ref());
            delta.content = text(said.content)?.filter(|text| !text.is_empty());
            for call in said.tool_calls.unwrap_or_default() {
                delta.tool_calls.push(self.call(call)?);
            }
            extra.message = without_nulls(said.extra);
            let thought = said
                .reasoning_content
                .or_else(|| self.dialect.thought(&mut extra.message))
                .or(thought);
            delta.reasoning_content = thought.filter(|text| !text.is_empty());
        }
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
            self.finish = Some(finish_reason(&reason)?);
        }
        let says_something = delta != Delta::default()
            || !extra.choice.is_empty()
            || !extra.message.is_empty()
            || self.finish.is_some() && !extra.envelope.is_empty();
        Ok(says_something.then_some(Piece::Delta { delta, extra }))
    }

    /// Whether another call has begun at this index: some servers give all the same.
    fn is_taken(&self, index: u32, id: &String) -> bool {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.calls.get(index).is_some_and(|begun| begun != id) && !self.calls.contains(id)
    }

    /// Where the call with this id stands, or else the last one.
    fn last_of(&self, id: Option<&str>) -> Result<u32, Broken> {
        let found = self
            .calls
            .iter()
            .position(|begun| Some(begun.as_str()) == id);
        place(found.unwrap_or(self.calls.len().saturating_sub(1)))
    }

    fn call(&mut self, call: SaidCall) -> Result<ToolCallDelta, Broken> {
        let function = call.function.unwrap_or(SaidFunction {
            name: None,
            arguments: None,
        });
        let id = call.id.filter(|id| !id.is_empty());
        let is_named = function.name.as_ref().is_some_and(|name| !name.is_empty());
        let index = match (call.index, &id) {
            (Some(index), Some(id)) if is_named && self.is_taken(index, id) => {
                self.is_miscounted = true;
                place(self.calls.len())?
            }
            (Some(_), _) if self.is_miscounted => self.last_of(id.as_deref())?,
            (Some(index), _) => index,
            // Servers that leave the index out send each call with its id.
            (None, Some(id)) if self.calls.last() != Some(id) => place(self.calls.len())?,
            (None, _) => place(self.calls.len().saturating_sub(1))?,
        };
        let begins = place(self.calls.len())? == index;
        let id = match (begins, id) {
            (true, id) => {
                let id = id.unwrap_or_else(|| CallId::generate().to_string());
                self.calls.push(id.clone());
                Some(id)
            }
            (false, _) => None,
        };
        Ok(ToolCallDelta {
            index,
            id,
            name: function.name.filter(|name| !name.is_empty()),
            arguments: function.arguments.unwrap_or_default(),
            extra: without_nulls(call.extra),
        })
    }
}

impl connection::Reader for Reader {
    fn event(&mut self, data: &[u8]) -> Result<Vec<Piece>, Broken> {
        self.begun = true;
        if data.trim_ascii() == b"[DONE]" {
            self.done = true;
            return Ok(Vec::new());
        }
        if self.done || data.trim_ascii().is_empty() {
            return Ok(Vec::new());
        }
        self.chunk(data)
    }

    fn is_done(&self) -> bool {
        self.done
    }

    fn end(&mut self) -> Result<Vec<Piece>, Broken> {
        Ok(vec![self.last()?])
    }
}

fn place(count: usize) -> Result<u32, Broken> {
    u32::try_from(count).map_err(|_| Broken::Garbage("it has too many tool calls"))
}

fn text(content: Option<Value>) -> Result<Option<String>, Broken> {
    match content {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            Ok(Some(texts.collect()))
        }
        Some(_) => Err(Broken::Garbage("its content is no text")),
    }
}

/// Thoughts that stand among the parts of a content, as Mistral's models write them.
fn thoughts(content: Option<&Value>) -> Option<String> {
    let parts = content?.as_array()?.iter();
    let thoughts = parts.filter_map(|part| part.get("thinking")?.as_array());
    let texts = thoughts.flatten().filter_map(|part| part["text"].as_str());
    Some(texts.collect()).filter(|text: &String| !text.is_empty())
}

fn finish_reason(reason: &str) -> Result<FinishReason, Broken> {
    match reason {
        "stop" | "eos" | "end_turn" | "stop_sequence" => Ok(FinishReason::Stop),
        "length" | "max_tokens" | "model_length" => Ok(FinishReason::Length),
        "tool_calls" | "function_call" | "tool_use" => Ok(FinishReason::ToolCalls),
        "content_filter" | "safety" | "refusal" => Ok(FinishReason::ContentFilter),
        _ => Err(Broken::Garbage("its finish reason is unknown")),
    }
}

fn tokens(mut usage: Map<String, Value>) -> Result<Option<Tokens>, Broken> {
    let mut take = |name: &str| usage.remove(name).filter(|count| !count.is_null());
    let (prompt, completion) = (take("prompt_tokens"), take("completion_tokens"));
    take("total_tokens");
    let (Some(prompt), Some(completion)) = (prompt, completion) else {
        return Ok(None);
    };
    let count = |value: Value| {
        let count = value.as_u64().filter(|count| *count <= MAX_TOKENS);
        count.ok_or(Broken::Garbage("its count of tokens is no count"))
    };
    Ok(Some(Tokens {
        prompt: count(prompt)?,
        completion: count(completion)?,
        details: without_nulls(usage),
        terms: Vec::new(),
    }))
}

fn without_nulls(map: Map<String, Value>) -> Map<String, Value> {
    map.into_iter()
        .filter(|(_, value)| !value.is_null())
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::{domain::answer::Answer, provider::connection::Reader as _};

    use super::{super::dialect::PLAIN, *};

    fn read(events: &[&str]) -> Result<Answer, Broken> {
        let (mut reader, mut answer) = (Reader::of(&PLAIN), Answer::default());
        for event in events {
            for piece in reader.event(event.as_bytes())? {
                answer
                    .add(&piece)
                    .map_err(|_| Broken::Garbage("nonsense"))?;
            }
        }
        for piece in reader.end()? {
            answer
                .add(&piece)
                .map_err(|_| Broken::Garbage("nonsense"))?;
        }
        Ok(answer)
    }

    const DONE: &str = "[DONE]";

    #[test]
    fn a_stream_becomes_an_answer() {
        let answer = read(&[
            r#"{"id":"x","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null}],"usage":null}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"Hé"}}],"system_fingerprint":"fp"}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"llo"},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18,"prompt_tokens_details":{"cached_tokens":4}}}"#,
            DONE,
        ])
        .unwrap();
        assert_eq!(answer.message().content, "Héllo");
        assert_eq!(answer.finish(), Some(FinishReason::Stop));
        let tokens = answer.tokens().unwrap();
        assert_eq!((tokens.prompt, tokens.completion), (11, 7));
        assert_eq!(tokens.details["prompt_tokens_details"]["cached_tokens"], 4);
        assert_eq!(answer.extra().envelope["system_fingerprint"], "fp");
    }

    #[test]
    fn tool_calls_without_index_or_id_are_told_apart() {
        let answer = read(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"id":"b","function":{"name":"g","arguments":"{\"x\":"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":" 1}"}}]},"finish_reason":"stop"}]}"#,
        ])
        .unwrap();
        assert_eq!(answer.finish(), Some(FinishReason::ToolCalls));
        let calls = answer.message().tool_calls;
        assert_eq!(calls[1].function.arguments, "{\"x\": 1}");
        assert_eq!((calls[0].id.as_str(), calls[1].id.as_str()), ("a", "b"));
        let nameless = read(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f"}}]},"finish_reason":"tool_calls"}]}"#,
        ])
        .unwrap();
        assert!(!nameless.message().tool_calls[0].id.is_empty());
    }

    #[test]
    fn calls_with_one_index_are_told_apart_by_their_ids() {
        let answer = read(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{\"x\":"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":" 1}"}}]},"finish_reason":"tool_calls"}]}"#,
        ])
        .unwrap();
        let calls = answer.message().tool_calls;
        let told: Vec<_> = calls
            .iter()
            .map(|it| {
                (
                    it.id.as_str(),
                    it.function.name.as_str(),
                    it.function.arguments.as_str(),
                )
            })
            .collect();
        assert_eq!(told, [("a", "f", "{}"), ("b", "g", "{\"x\": 1}")]);
        // An id of its own in each piece makes no call of each.
        let answer = read(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"arguments":"}"}}]},"finish_reason":"tool_calls"}]}"#,
        ])
        .unwrap();
        assert_eq!(answer.message().tool_calls.len(), 1);
    }

    #[test]
    fn a_cut_stream_is_never_an_answer() {
        let begun = r#"{"choices":[{"index":0,"delta":{"content":"Hel"}}]}"#;
        assert_eq!(read(&[begun]), Err(Broken::Cut));
        assert_eq!(read(&[begun, DONE]), Err(Broken::Cut));
        assert!(matches!(read(&[]), Err(Broken::Garbage(_))));
    }

    #[test]
    fn garbage_is_told() {
        for data in [
            "<html>",
            "null",
            "[]",
            "{}",
            r#"{"choices":7}"#,
            r#"{"choices":[{"delta":{"content":{"a":1}}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":{}}}]}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"sandwich"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":-1,"completion_tokens":1}}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":1e15,"completion_tokens":1}}"#,
        ] {
            assert!(matches!(read(&[data]), Err(Broken::Garbage(_))), "{data}");
        }
        assert!(matches!(
            Reader::of(&PLAIN).whole(br#"{"choices":[{"message":{"content":"x"}}]}"#),
            Err(Broken::Garbage(_))
        ));
        assert!(matches!(
            Reader::of(&PLAIN).whole(br#"{"choices":[]}"#),
            Err(Broken::Garbage(_))
        ));
    }

    #[test]
    fn an_error_in_the_stream_is_an_error() {
        let error = read(&[r#"{"error":{"message":"overloaded","code":503}}"#]);
        assert!(matches!(error, Err(Broken::Refusal(error)) if error["code"] == 503));
    }

    #[test]
    fn a_whole_answer_is_read_alike() {
        let pieces = Reader::of(&PLAIN).whole(
            br#"{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","refusal":null,"annotations":[1]},"finish_reason":"length","logprobs":{"content":[]}}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},"service_tier":"default"}"#,
        )
        .unwrap();
        let mut answer = Answer::default();
        for piece in &pieces {
            answer.add(piece).unwrap();
        }
        assert_eq!(answer.finish(), Some(FinishReason::Length));
        assert_eq!(answer.extra().envelope["service_tier"], "default");
        assert!(answer.extra().choice.contains_key("logprobs"));
        assert_eq!(answer.extra().message["annotations"][0], 1);
        assert_eq!(answer.tokens(), Some(&Tokens::new(1, 2)));
    }
}
