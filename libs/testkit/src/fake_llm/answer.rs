//! What a test can make the vendor say.

use std::time::Duration;

use serde_json::Value;

/// One scripted answer. Whether it is streamed is the client's choice, as with
/// the real vendor.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) kind: Kind,
    pub(super) usage: Usage,
    pub(super) before_first: Duration,
    pub(super) between: Duration,
    pub(super) cut_after: Option<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Text(String),
    Tools(Vec<ToolCall>),
    Embeddings(Vec<Vec<f32>>),
    Refused {
        status: u16,
        retry_after: Option<String>,
        message: String,
    },
    Raw(String),
}

/// A tool the model wants to have called.
#[derive(Clone, Debug)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    pub arguments: Value,
}

/// What the vendor charges for, in tokens.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
}

impl Answer {
    /// A text. A stream brings it word by word.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::of(Kind::Text(text.into()))
    }

    /// Tool calls, with `finish_reason` `tool_calls`.
    #[must_use]
    pub fn tools(calls: impl IntoIterator<Item = ToolCall>) -> Self {
        Self::of(Kind::Tools(calls.into_iter().collect()))
    }

    /// Vectors, one for each text. They are sent the last first, each with its
    /// index: the API promises no order.
    #[must_use]
    pub fn embeddings(vectors: impl IntoIterator<Item = Vec<f32>>) -> Self {
        Self::of(Kind::Embeddings(vectors.into_iter().collect()))
    }

    /// An HTTP error with the vendor's error body.
    #[must_use]
    pub fn status(status: u16, message: impl Into<String>) -> Self {
        Self::of(Kind::Refused {
            status,
            retry_after: None,
            message: message.into(),
        })
    }

    /// 429 with `Retry-After`: seconds, or an HTTP date.
    #[must_use]
    pub fn rate_limited(retry_after: impl Into<String>) -> Self {
        Self::of(Kind::Refused {
            status: 429,
            retry_after: Some(retry_after.into()),
            message: "rate limit reached".into(),
        })
    }

    /// 200 with this body, whatever it is, declared as what the client expects.
    #[must_use]
    pub fn garbage(body: impl Into<String>) -> Self {
        Self::of(Kind::Raw(body.into()))
    }

    /// Other usage than the 11 and 7 tokens that are reported by default.
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// Waits before the first byte, and between the chunks of a stream.
    #[must_use]
    pub fn slow(mut self, before_first: Duration, between: Duration) -> Self {
        self.before_first = before_first;
        self.between = between;
        self
    }

    /// Breaks the connection after that many chunks of a stream; without a
    /// stream, in the middle of the body.
    #[must_use]
    pub fn cut_after(mut self, chunks: usize) -> Self {
        self.cut_after = Some(chunks);
        self
    }

    fn of(kind: Kind) -> Self {
        Self {
            kind,
            usage: Usage {
                prompt_tokens: 11,
                completion_tokens: 7,
            },
            before_first: Duration::ZERO,
            between: Duration::ZERO,
            cut_after: None,
        }
    }
}
