//! The pieces that every provider's answer is cut into.

use contracts::llm::{Delta, FinishReason};
use serde_json::{Map, Value};

/// One step of an answer. A complete answer has exactly one [`Piece::Finish`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Delta { delta: Delta, extra: Extra },
    Finish(FinishReason),
    Tokens(Tokens),
}

impl Piece {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::delta(Delta {
            content: Some(text.into()),
            ..Delta::default()
        })
    }

    /// Whether it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Delta { delta, extra } => {
                *delta == Delta::default() && *extra == Extra::default()
            }
            Self::Finish(_) | Self::Tokens(_) => false,
        }
    }

    /// Its text, where it says nothing else to those who hear of no vendor's own fields.
    pub(crate) fn text_alone(&mut self) -> Option<&mut String> {
        match self {
            Self::Delta { delta, .. }
                if delta.reasoning_content.is_none() && delta.tool_calls.is_empty() =>
            {
                delta.content.as_mut()
            }
            Self::Delta { .. } | Self::Finish(_) | Self::Tokens(_) => None,
        }
    }

    /// Whether a caller hears something by it: then nobody else can answer in its place.
    pub(crate) fn is_heard(&self) -> bool {
        match self {
            Self::Delta { delta, extra } => *delta != Delta::default() || !extra.message.is_empty(),
            Self::Finish(_) => true,
            Self::Tokens(_) => false,
        }
    }

    pub(crate) fn delta(delta: Delta) -> Self {
        Self::Delta {
            delta,
            extra: Extra::default(),
        }
    }

    /// What is said beside the answer itself.
    pub(crate) fn beside(extra: Extra) -> Self {
        Self::Delta {
            delta: Delta::default(),
            extra,
        }
    }

    /// Why it stopped in Anthropic's words, where no reason of chat completions says as much.
    pub(crate) fn native(reason: &str, sequence: Option<String>) -> Option<Self> {
        if !NATIVE_REASONS.contains(&reason) {
            return None;
        }
        let mut choice = Map::from_iter([(NATIVE_REASON.to_owned(), reason.into())]);
        choice.extend(sequence.map(|text| (STOP_SEQUENCE.to_owned(), text.into())));
        Some(Self::beside(Extra {
            choice,
            ..Extra::default()
        }))
    }
}

/// Beside a choice: why the answer stopped, in the words of Anthropic, and at which of the caller's texts.
pub(crate) const NATIVE_REASON: &str = "native_finish_reason";
pub(crate) const STOP_SEQUENCE: &str = "stop_sequence";
/// Reasons of Anthropic that chat completions have no word for.
pub(crate) const NATIVE_REASONS: [&str; 3] = [
    "stop_sequence",
    "pause_turn",
    "model_context_window_exceeded",
];

/// What a vendor says beside the chat-completions fields we know; it passes to HTTP callers as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Extra {
    /// Beside `choices`, for example `system_fingerprint`.
    pub(crate) envelope: Map<String, Value>,
    /// Beside `delta` or `message`, for example `logprobs`.
    pub(crate) choice: Map<String, Value>,
    /// In `delta` or `message`, for example `refusal`.
    pub(crate) message: Map<String, Value>,
}

/// Tokens as the provider counted them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tokens {
    pub(crate) prompt: u64,
    pub(crate) completion: u64,
    /// Finer counts of the vendor, for example `prompt_tokens_details`.
    pub(crate) details: Map<String, Value>,
    /// What the vendor charges other prices for than its usual ones, in its words: `flex`, `priority`, a region.
    pub(crate) terms: Vec<String>,
}

/// Words for the prices that hold where nothing is said.
const USUAL: [&str; 8] = [
    "",
    "auto",
    "default",
    "standard",
    "on_demand",
    "global",
    "not_available",
    "traffic_type_unspecified",
];
/// Characters of a term; a longer one has no price anyway.
const MAX_TERM: usize = 64;

impl Tokens {
    pub(crate) fn new(prompt: u64, completion: u64) -> Self {
        Self {
            prompt,
            completion,
            details: Map::new(),
            terms: Vec::new(),
        }
    }

    /// What the vendor says it charges for.
    pub(crate) fn under(&mut self, term: Option<&str>) {
        let term: String = term.unwrap_or_default().chars().take(MAX_TERM).collect();
        let term = term.to_lowercase();
        if !USUAL.contains(&term.as_str()) && !self.terms.contains(&term) {
            self.terms.push(term);
        }
    }
}
