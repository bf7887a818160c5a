//! The events of a streamed answer: each is a whole `GenerateContentResponse`.
//!
//! **Invariant:** the answer is complete only after a finish reason, or where the question was blocked.

use contracts::{
    id::CallId,
    llm::{Delta, FinishReason, ToolCallDelta},
};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    domain::{
        piece::{Extra, Piece, Tokens},
        price::MAX_TOKENS,
    },
    provider::{
        connection::{self, Broken},
        conversation::KEPT,
        names::Names,
    },
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(default)]
    candidates: Vec<Candidate>,
    #[serde(default)]
    prompt_feedback: Option<Feedback>,
    #[serde(default)]
    usage_metadata: Option<Usage>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    index: u32,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    #[serde(default)]
    thought_signature: Option<String>,
    #[serde(default)]
    function_call: Option<Call>,
    #[serde(default)]
    inline_data: Option<Inline>,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    id: Option<String>,
    name: String,
    #[serde(default)]
    args: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inline {
    mime_type: String,
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    #[serde(default)]
    block_reason: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Usage {
    prompt_token_count: u64,
    candidates_token_count: u64,
    thoughts_token_count: u64,
    tool_use_prompt_token_count: u64,
    cached_content_token_count: u64,
    total_token_count: u64,
    prompt_tokens_details: Vec<OfKind>,
    candidates_tokens_details: Vec<OfKind>,
    service_tier: Option<String>,
    /// The same, as Vertex says it: `ON_DEMAND_PRIORITY`.
    traffic_type: Option<String>,
}

/// Tokens of one modality: `TEXT`, `IMAGE`, `AUDIO`, `VIDEO`, `DOCUMENT`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OfKind {
    modality: String,
    token_count: u64,
}

fn of_kind(counts: &[OfKind], modality: &str) -> u64 {
    let counts = counts.iter().filter(|it| it.modality == modality);
    counts.map(|it| it.token_count.min(MAX_TOKENS)).sum()
}

pub(super) struct Reader {
    names: Names,
    /// Calls of the whole answer: each comes in an event of its own.
    calls: u32,
    usage: Option<Usage>,
    finish: Option<FinishReason>,
    begun: bool,
}

impl Reader {
    pub(super) fn new(names: Names) -> Self {
        Self {
            names,
            calls: 0,
            usage: None,
            finish: None,
            begun: false,
        }
    }

    fn part(&mut self, part: Part) -> Option<Piece> {
        let mut delta = Delta::default();
        let mut extra = Extra::default();
        let signature = part.thought_signature.filter(|text| !text.is_empty());
        if let Some(call) = part.function_call {
            delta.tool_calls.push(self.call(call, signature));
            return Some(Piece::delta(delta));
        }
        if let Some(signature) = signature {
            let kept = json!([{"vendor": "gemini", "signature": signature}]);
            extra.message.insert(KEPT.to_owned(), kept);
        }
        if let Some(inline) = part.inline_data {
            let url = format!("data:{};base64,{}", inline.mime_type, inline.data);
            let image = json!([{"type": "image_url", "image_url": {"url": url}}]);
            extra.message.insert("images".to_owned(), image);
        }
        let text = part.text.filter(|text| !text.is_empty());
        match part.thought {
            true => delta.reasoning_content = text,
            false => delta.content = text,
        }
        let says_something = delta != Delta::default() || !extra.message.is_empty();
        says_something.then_some(Piece::Delta { delta, extra })
    }

    fn call(&mut self, call: Call, signature: Option<String>) -> ToolCallDelta {
        let index = self.calls;
        self.calls += 1;
        let mut extra = Map::new();
        if let Some(signature) = signature {
            let content = json!({"google": {"thought_signature": signature}});
            extra.insert("extra_content".to_owned(), content);
        }
        let id = call.id.filter(|id| !id.is_empty());
        ToolCallDelta {
            index,
            id: Some(id.unwrap_or_else(|| CallId::generate().to_string())),
            name: Some(self.names.own(&call.name)),
            arguments: call
                .args
                .map_or_else(|| "{}".to_owned(), |args| args.get().to_owned()),
            extra,
        }
    }

    fn tokens(&self) -> Result<Option<Tokens>, Broken> {
        let Some(usage) = &self.usage else {
            return Ok(None);
        };
        let is_count = |count: u64| count <= MAX_TOKENS;
        let counts = [
            usage.prompt_token_count,
            usage.candidates_token_count,
            usage.thoughts_token_count,
            usage.tool_use_prompt_token_count,
        ];
        if !counts.into_iter().all(is_count) {
            return Err(Broken::Garbage("its count of tokens is no count"));
        }
        let [prompt, candidates, thoughts, tools] = counts;
        // Some models count their thoughts among the candidates.
        let is_inclusive = prompt + candidates + tools == usage.total_token_count;
        let completion = if is_inclusive {
            candidates
        } else {
            candidates + thoughts
        };
        let mut tokens = Tokens::new(prompt + tools, completion);
        tokens.under(usage.service_tier.as_deref());
        let traffic = usage.traffic_type.as_deref();
        tokens.under(traffic.map(|it| it.strip_prefix("ON_DEMAND_").unwrap_or(it)));
        let mut details = |name: &str, counts: &[(&str, u64)]| {
            let counts = counts.iter().filter(|(_, count)| *count > 0);
            let counts: Map<_, _> = counts
                .map(|(field, count)| ((*field).to_owned(), (*count).into()))
                .collect();
            if !counts.is_empty() {
                tokens.details.insert(name.to_owned(), counts.into());
            }
        };
        let (asked, said) = (
            &usage.prompt_tokens_details,
            &usage.candidates_tokens_details,
        );
        let of_question = [
            ("cached_tokens", usage.cached_content_token_count),
            ("audio_tokens", of_kind(asked, "AUDIO")),
        ];
        let of_answer = [
            ("reasoning_tokens", thoughts),
            ("audio_tokens", of_kind(said, "AUDIO")),
            ("image_tokens", of_kind(said, "IMAGE")),
        ];
        details("prompt_tokens_details", &of_question);
        details("completion_tokens_details", &of_answer);
        Ok(Some(tokens))
    }
}

fn finish_reason(reason: &str) -> Result<FinishReason, Broken> {
    match reason {
        "STOP" => Ok(FinishReason::Stop),
        "MAX_TOKENS" => Ok(FinishReason::Length),
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "LANGUAGE"
        | "MODEL_ARMOR" => Ok(FinishReason::ContentFilter),
        reason if reason.starts_with("IMAGE_") => Ok(FinishReason::ContentFilter),
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "MISSING_THOUGHT_SIGNATURE" => {
            Err(Broken::Garbage("the model made a call that cannot be read"))
        }
        _ => Err(Broken::Garbage("its finish reason is unknown")),
    }
}

impl connection::Reader for Reader {
    fn event(&mut self, data: &[u8]) -> Result<Vec<Piece>, Broken> {
        let event: Event = serde_json::from_slice(data)
            .map_err(|_| Broken::Garbage("it is no answer of this API"))?;
        self.begun = true;
        if let Some(error) = event.error {
            return Err(Broken::Refusal(error));
        }
        self.usage = event.usage_metadata.or(self.usage.take());
        if event
            .prompt_feedback
            .is_some_and(|feedback| feedback.block_reason.is_some())
        {
            self.finish = Some(FinishReason::ContentFilter);
        }
        let mut pieces = Vec::new();
        // One answer is asked for.
        for candidate in event.candidates.into_iter().filter(|it| it.index == 0) {
            let parts = candidate.content.map(|content| content.parts);
            for part in parts.unwrap_or_default() {
                pieces.extend(self.part(part));
            }
            if let Some(reason) = candidate.finish_reason {
                self.finish = Some(finish_reason(&reason)?);
            }
        }
        Ok(pieces)
    }

    fn is_done(&self) -> bool {
        // There is no mark of the end, and the usage may come after the finish reason.
        false
    }

    fn end(&mut self) -> Result<Vec<Piece>, Broken> {
        let finish = match self.finish {
            // It says so after calls too.
            Some(FinishReason::Stop) if self.calls > 0 => FinishReason::ToolCalls,
            Some(finish) => finish,
            None if self.begun => return Err(Broken::Cut),
            None => return Err(Broken::Garbage("it is no stream of events")),
        };
        let tokens = self.tokens()?.map(Piece::Tokens);
        Ok(tokens.into_iter().chain([Piece::Finish(finish)]).collect())
    }
}
