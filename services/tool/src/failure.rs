//! Why a call of a tool has no result.
//!
//! **Invariant:** a message holds no secret, and nothing of what a server answered.

use contracts::ErrorCode;

/// A failed call: a stable word for programs, a text for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Tells callers whether another try may help: `unavailable` and `timeout` say so.
    pub(crate) code: ErrorCode,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Failure {
    /// The same call fails the same way again.
    pub(crate) fn lasting(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidInput, reason, message)
    }

    /// Another try may help.
    pub(crate) fn passing(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, reason, message)
    }

    pub(crate) fn timeout(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Timeout, "timeout", message)
    }

    pub(crate) fn new(code: ErrorCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
        }
    }
}

impl From<egress::Error> for Failure {
    fn from(error: egress::Error) -> Self {
        let message = error.to_string();
        match error {
            egress::Error::Timeout(_) => Self::timeout(message),
            error if error.is_temporary() => Self::passing(error.code(), message),
            error => Self::lasting(error.code(), message),
        }
    }
}

impl From<sandbox::Error> for Failure {
    fn from(error: sandbox::Error) -> Self {
        let (reason, message) = (error.code(), error.to_string());
        match error {
            sandbox::Error::Unavailable { .. } | sandbox::Error::Crashed => {
                Self::passing(reason, message)
            }
            sandbox::Error::Timeout { .. } => Self::new(ErrorCode::Timeout, reason, message),
            sandbox::Error::Memory { .. }
            | sandbox::Error::Stack
            | sandbox::Error::Exception { .. }
            | sandbox::Error::Syntax { .. }
            | sandbox::Error::OutputTooLarge { .. }
            | sandbox::Error::NotJson { .. }
            | sandbox::Error::InputTooLarge { .. } => Self::lasting(reason, message),
        }
    }
}
