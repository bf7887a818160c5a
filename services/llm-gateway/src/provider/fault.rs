//! How providers fail, and what that is to a caller.
//!
//! **Invariant:** no text of a fault holds a key: answers to bad credentials are not quoted, all others are scrubbed.

use contracts::{ErrorCode, Problem};

/// A failure of a provider, or of the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(crate) provider: String,
    pub(crate) kind: FaultKind,
    /// What the provider said, fit to be shown.
    pub(crate) detail: Option<String>,
    pub(crate) retry_after_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The question is longer than the model takes.
    ContextLength,
    /// Our credential was refused.
    Auth,
    /// The provider does not have the model.
    ModelNotFound,
    /// The provider refuses the question, with this HTTP status.
    Refused(u16),
    /// The question holds a parameter that this provider cannot honour.
    Unsupported,
    /// The question makes no sense to any provider of this kind.
    Invalid,
    /// The provider's rules on content forbid the question.
    ContentPolicy,
    /// The answer does not fit the schema that was asked for, also after it was asked again.
    Unfit,
    /// The guardrails of the route forbid the answer.
    Withheld,
    /// The script of a rehearsal cannot be read.
    Script,
    /// No value fits the schema, as far as the rehearsal can tell.
    Schema,
    RateLimited,
    /// No money left at the provider.
    InsufficientQuota,
    /// The provider failed, with this HTTP status.
    Failed(u16),
    /// It cannot be reached.
    Unreachable,
    /// Its address is not allowed.
    Blocked,
    /// It did not answer in time.
    Slow,
    /// Its answer cannot be understood.
    Garbage,
    /// Its answer broke off.
    Cut,
}

impl FaultKind {
    /// The stable word for programs and for the record of the call.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::ContextLength => "context_length_exceeded",
            Self::Auth => "upstream_auth",
            Self::ModelNotFound => "upstream_model_not_found",
            Self::Refused(_) => "upstream_refused",
            Self::Unsupported => "unsupported_parameter",
            Self::Invalid => "invalid_question",
            Self::ContentPolicy => "content_policy",
            Self::Unfit => "answer_unfit",
            Self::Withheld => "guardrail",
            Self::Script => "rehearsal_script",
            Self::Schema => "rehearsal_schema",
            Self::RateLimited => "upstream_rate_limited",
            Self::InsufficientQuota => "insufficient_quota",
            Self::Failed(_) => "upstream_failed",
            Self::Unreachable => "upstream_unreachable",
            Self::Blocked => "blocked_address",
            Self::Slow => "upstream_timeout",
            Self::Garbage => "upstream_garbage",
            Self::Cut => "upstream_cut",
        }
    }

    pub(crate) const fn code(self) -> ErrorCode {
        match self {
            Self::ContextLength
            | Self::Refused(_)
            | Self::Unsupported
            | Self::Invalid
            | Self::ContentPolicy
            | Self::Withheld
            | Self::Script
            | Self::Schema
            | Self::Blocked => ErrorCode::InvalidInput,
            Self::ModelNotFound => ErrorCode::NotFound,
            Self::RateLimited | Self::InsufficientQuota => ErrorCode::RateLimited,
            Self::Slow => ErrorCode::Timeout,
            Self::Auth
            | Self::Failed(_)
            | Self::Unreachable
            | Self::Garbage
            | Self::Cut
            | Self::Unfit => ErrorCode::Unavailable,
        }
    }

    /// The HTTP status, finer than the code's own.
    const fn status(self) -> u16 {
        match self {
            Self::ContextLength
            | Self::Unsupported
            | Self::Invalid
            | Self::ContentPolicy
            | Self::Withheld
            | Self::Script => 400,
            Self::Refused(status) => status,
            Self::Failed(503 | 529) => 503,
            Self::Auth
            | Self::Failed(_)
            | Self::Unreachable
            | Self::Garbage
            | Self::Cut
            | Self::Unfit => 502,
            Self::ModelNotFound => 404,
            Self::Schema | Self::Blocked => 422,
            Self::RateLimited | Self::InsufficientQuota => 429,
            Self::Slow => 504,
        }
    }

    fn text(self, provider: &str) -> String {
        match self {
            Self::ContextLength => {
                format!("the question is longer than the model of provider `{provider}` takes")
            }
            Self::Auth => format!("provider `{provider}` refused our credential"),
            Self::ModelNotFound => format!("provider `{provider}` does not have the model"),
            Self::Refused(status) => {
                format!("provider `{provider}` refused the question with status {status}")
            }
            Self::Unsupported => {
                format!("provider `{provider}` cannot honour a parameter of the question")
            }
            Self::Invalid => format!("the question cannot be put to provider `{provider}`"),
            Self::ContentPolicy => {
                format!("the rules of provider `{provider}` forbid the question")
            }
            Self::Unfit => {
                format!("the answer of provider `{provider}` does not fit the schema asked for")
            }
            Self::Withheld => {
                format!("the route's guardrails forbid the answer of provider `{provider}`")
            }
            Self::Script => "the script of the rehearsal cannot be read".to_owned(),
            Self::Schema => "the rehearsal finds no value that fits the schema".to_owned(),
            Self::RateLimited => format!("provider `{provider}` takes no more questions for now"),
            Self::InsufficientQuota => format!("the quota at provider `{provider}` is used up"),
            Self::Failed(status) => format!("provider `{provider}` failed with status {status}"),
            Self::Unreachable => format!("provider `{provider}` cannot be reached"),
            Self::Blocked => format!("the address of provider `{provider}` is not allowed"),
            Self::Slow => format!("provider `{provider}` did not answer in time"),
            Self::Garbage => {
                format!("the answer of provider `{provider}` cannot be understood")
            }
            Self::Cut => format!("the answer of provider `{provider}` broke off"),
        }
    }
}

impl Fault {
    pub(crate) fn new(provider: &str, kind: FaultKind) -> Self {
        Self {
            provider: provider.to_owned(),
            kind,
            detail: None,
            retry_after_ms: None,
        }
    }

    #[must_use]
    pub(crate) fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn problem(&self) -> Problem {
        let mut problem = Problem::new(self.kind.code(), self.to_string())
            .with_status(self.kind.status())
            .with_reason(self.kind.reason());
        problem.retry_after_ms = self.retry_after_ms;
        problem
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.kind.text(&self.provider))?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}
