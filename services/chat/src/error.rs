//! What can go wrong with conversations, and how it is answered.

use contracts::{
    ErrorCode, FieldProblem, Problem,
    id::{ChatId, MessageId},
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("chat `{0}` does not exist")]
    SessionNotFound(ChatId),
    #[error("message `{0}` does not exist")]
    MessageNotFound(MessageId),
    #[error("`{field}` {rule}")]
    InvalidField {
        field: &'static str,
        rule: &'static str,
    },
    /// Who shall answer is not there, or not for the caller.
    #[error("{}", .0.detail)]
    Target(Problem),
    #[error("a stored conversation cannot be read: {0}")]
    Stored(&'static str),
    #[error(transparent)]
    Store(#[from] sql::Error),
    #[error(transparent)]
    Texts(#[from] documents::Error),
}

impl kernel::ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::SessionNotFound(_) | Self::MessageNotFound(_) => ErrorCode::NotFound,
            Self::InvalidField { .. } => ErrorCode::InvalidInput,
            Self::Target(problem) => problem.code,
            Self::Stored(_) => ErrorCode::Internal,
            Self::Store(error) => error.code(),
            Self::Texts(error) => error.code(),
        }
    }

    fn problem(&self) -> Problem {
        let problem = Problem::new(self.code(), self.to_string());
        match self {
            Self::InvalidField { field, .. } => problem.with_errors(vec![FieldProblem {
                path: format!("/{field}"),
                message: self.to_string(),
            }]),
            Self::Target(cause) => cause.clone(),
            Self::SessionNotFound(_) => problem.with_reason("chat_not_found"),
            Self::MessageNotFound(_) => problem.with_reason("message_not_found"),
            Self::Stored(_) | Self::Store(_) | Self::Texts(_) => problem,
        }
    }
}
