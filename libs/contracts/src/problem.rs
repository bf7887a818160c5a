//! One error shape on every wire: NATS reply, HTTP `application/problem+json`, WebSocket frame (RFC 9457).

use serde::{Deserialize, Serialize};

use crate::execution::Usage;

/// A closed set. Add a code only when some caller will act differently on it; finer distinctions go to `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum ErrorCode {
    InvalidInput,
    Unauthenticated,
    Forbidden,
    NotFound,
    Conflict,
    RateLimited,
    Timeout,
    Unavailable,
    Internal,
}

impl ErrorCode {
    pub const ALL: [Self; 9] = [
        Self::InvalidInput,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::RateLimited,
        Self::Timeout,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The HTTP status of this code; a [`Problem`] may carry a finer one (400, 412, 413, 415).
    pub const fn http_status(self) -> u16 {
        match self {
            Self::InvalidInput => 422,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::RateLimited => 429,
            Self::Timeout => 504,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate_limited",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// Whether the same question may be answered otherwise a little later.
    pub const fn may_heal(self) -> bool {
        match self {
            Self::Unavailable | Self::Timeout | Self::RateLimited | Self::Internal => true,
            Self::InvalidInput
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::NotFound
            | Self::Conflict => false,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::InvalidInput => "the request is not valid",
            Self::Unauthenticated => "a valid access token is needed",
            Self::Forbidden => "not allowed",
            Self::NotFound => "not found",
            Self::Conflict => "in conflict with the present state",
            Self::RateLimited => "too many requests",
            Self::Timeout => "no answer in time",
            Self::Unavailable => "not available at present",
            Self::Internal => "something went wrong on our side",
        }
    }
}

/// One thing that is wrong with one field of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct FieldProblem {
    /// JSON pointer into the request body, for example `/definition/nodes/0/config/url`.
    pub path: String,
    pub message: String,
}

/// What went wrong, for programs (`code`, `reason`) and people (`detail`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Problem {
    /// `urn:troupe:problem:<code>`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", oai(rename = "type"))]
    pub kind: String,
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    pub code: ErrorCode,
    /// A finer, stable word for programs, for example `idempotency_key_reused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub reason: Option<String>,
    pub detail: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", oai(default, skip_serializing_if_is_empty))]
    pub errors: Vec<FieldProblem>,
    /// Try again after this many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub retry_after_ms: Option<u64>,
    /// Name this id when you ask for help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub trace_id: Option<String>,
    /// What a model took before the question failed: it is paid for all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub usage: Option<Box<Usage>>,
}

impl Problem {
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:troupe:problem:{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.http_status(),
            code,
            reason: None,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_ms: None,
            trace_id: None,
            usage: None,
        }
    }

    /// Sets a finer HTTP status than the code's own.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldProblem>) -> Self {
        self.errors = errors;
        self
    }

    #[must_use]
    pub fn with_retry_after_ms(mut self, retry_after_ms: u64) -> Self {
        self.retry_after_ms = Some(retry_after_ms);
        self
    }

    /// What does not parse: malformed JSON, unknown fields, wrong types.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidInput, detail).with_status(400)
    }
}
