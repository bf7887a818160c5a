//! What can go wrong in the gateway.

use contracts::{ErrorCode, FieldProblem, Problem, id::ProviderId};
use kernel::ServiceError;

use crate::{domain::catalog::Unresolved, provider::Fault};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Unresolved(#[from] Unresolved),
    #[error("route `{0}` does not exist")]
    UnknownRoute(String),
    #[error("provider `{0}` does not exist")]
    UnknownProvider(ProviderId),
    #[error("provider `{0}` exists already")]
    ProviderExists(String),
    #[error("the provider is not valid")]
    InvalidProvider(Vec<FieldProblem>),
    #[error("the question is not valid: {what}")]
    InvalidQuestion {
        /// The field of the chat-completions API, where one is to blame.
        parameter: &'static str,
        what: String,
    },
    #[error("this usage cannot be reported")]
    InvalidUsage(Vec<FieldProblem>),
    #[error("{0}")]
    Provider(#[from] Fault),
    #[error("the execution was cancelled")]
    Cancelled,
    #[error("the caller is gone")]
    Gone,
    #[error("the answer took too long")]
    TooLong,
    #[error("a stored credential cannot be used")]
    Credential(#[from] vault::Error),
    #[error("{0}")]
    Database(#[from] sql::Error),
    #[error("provider `{id}` cannot be read from the database")]
    Unreadable {
        id: ProviderId,
        #[source]
        source: serde_json::Error,
    },
    #[error("{0}")]
    Archive(#[from] documents::Error),
    #[error("{0}")]
    Egress(#[from] egress::Error),
}

impl Error {
    /// The stable word for programs, and for the record of a call.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Unresolved(Unresolved::Unknown(_)) => "model_not_found",
            Self::Unresolved(Unresolved::Ambiguous(_)) => "model_ambiguous",
            Self::Unresolved(Unresolved::Empty) => "no_model",
            Self::UnknownRoute(_) => "route_not_found",
            Self::UnknownProvider(_) => "provider_not_found",
            Self::ProviderExists(_) => "provider_exists",
            Self::InvalidProvider(_) => "invalid_provider",
            Self::InvalidQuestion { .. } => "invalid_question",
            Self::InvalidUsage(_) => "invalid_usage",
            Self::Provider(fault) => fault.kind.reason(),
            Self::Cancelled => "cancelled",
            Self::Gone => "caller_gone",
            Self::TooLong => "answer_timeout",
            Self::Credential(_) => "credential",
            Self::Database(_) | Self::Unreadable { .. } => "database",
            Self::Archive(_) => "archive",
            Self::Egress(_) => "egress",
        }
    }
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unresolved(Unresolved::Unknown(_))
            | Self::UnknownRoute(_)
            | Self::UnknownProvider(_) => ErrorCode::NotFound,
            Self::Unresolved(Unresolved::Ambiguous(_) | Unresolved::Empty)
            | Self::InvalidProvider(_)
            | Self::InvalidUsage(_)
            | Self::InvalidQuestion { .. } => ErrorCode::InvalidInput,
            Self::ProviderExists(_) | Self::Cancelled => ErrorCode::Conflict,
            Self::Provider(fault) => fault.kind.code(),
            Self::Gone => ErrorCode::Unavailable,
            Self::TooLong => ErrorCode::Timeout,
            Self::Archive(error) => error.code(),
            Self::Credential(_) | Self::Unreadable { .. } | Self::Egress(_) => ErrorCode::Internal,
            Self::Database(error) => error.code(),
        }
    }

    fn problem(&self) -> Problem {
        let problem = match self {
            Self::Provider(fault) => return fault.problem(),
            Self::InvalidProvider(errors) | Self::InvalidUsage(errors) => {
                Problem::new(self.code(), self.to_string()).with_errors(errors.clone())
            }
            _ => Problem::new(self.code(), self.to_string()),
        };
        problem.with_reason(self.reason())
    }
}

impl From<vault::KeyError> for Error {
    fn from(error: vault::KeyError) -> Self {
        match error {
            vault::KeyError::Store(error) => Self::Database(error),
            vault::KeyError::Vault(error) => Self::Credential(error),
        }
    }
}
