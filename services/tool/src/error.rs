//! What can go wrong with tools, and how it is answered.

use contracts::{
    ErrorCode, FieldProblem, Problem, Role,
    id::ToolId,
    tool::{ToolKind, ToolProblem},
};

use crate::failure::Failure;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("tool `{0}` does not exist")]
    ToolNotFound(ToolId),
    #[error("tool `{tool}` has no version `{version}`")]
    VersionNotFound { tool: ToolId, version: u32 },
    #[error("a tool called `{0}` exists already")]
    NameTaken(String),
    #[error("a tool keeps its name: this one is called `{0}`")]
    OtherName(String),
    #[error("a tool keeps its kind: this one is `{}`", .0.as_str())]
    OtherKind(ToolKind),
    #[error("the tool is not valid: {}", first(.0))]
    InvalidTool(Vec<ToolProblem>),
    #[error("tool `{tool}` is at version {actual}, not {expected}: someone else has changed it")]
    VersionMismatch {
        tool: ToolId,
        expected: u32,
        actual: u32,
    },
    #[error("at most 1,024 tools can be pinned at once")]
    TooManyPins,
    #[error("secret `{0}` does not exist")]
    SecretNotFound(String),
    #[error("the secret is not valid")]
    InvalidSecret(Vec<FieldProblem>),
    #[error("`idempotency_key` must have 1 to 255 printable ASCII characters")]
    InvalidKey,
    #[error("tool `{tool}` is for the role `{}` and above", .least.as_str())]
    RoleTooLow { tool: String, least: Role },
    #[error("the arguments do not satisfy the tool's `input_schema`")]
    InvalidArguments(Vec<FieldProblem>),
    #[error("the OpenAPI document cannot be read: {0}")]
    InvalidDocument(String),
    #[error("the arguments have more than 1 MiB of JSON")]
    ArgumentsTooLarge,
    #[error("the organization has too many calls of tools under way")]
    TooManyCalls,
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error("the execution was cancelled")]
    Cancelled,
    #[error("the caller is gone")]
    Gone,
    #[error("a stored secret cannot be used")]
    Vault(#[from] vault::Error),
    #[error("a stored tool or secret cannot be read")]
    Stored(#[source] serde_json::Error),
    #[error(transparent)]
    Store(#[from] sql::Error),
    #[error(transparent)]
    Egress(egress::Error),
}

impl Error {
    /// The stable word for programs, and for the record of a call.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::ToolNotFound(_) => "tool_not_found",
            Self::VersionNotFound { .. } => "version_not_found",
            Self::NameTaken(_) => "tool_exists",
            Self::OtherName(_) => "name_fixed",
            Self::OtherKind(_) => "kind_fixed",
            Self::InvalidTool(_) => "tool_invalid",
            Self::VersionMismatch { .. } => "version_mismatch",
            Self::TooManyPins => "too_many_pins",
            Self::SecretNotFound(_) => "secret_not_found",
            Self::InvalidSecret(_) => "secret_invalid",
            Self::InvalidKey => "idempotency_key",
            Self::RoleTooLow { .. } => "role",
            Self::InvalidArguments(_) => "arguments_invalid",
            Self::InvalidDocument(_) => "document_invalid",
            Self::ArgumentsTooLarge => "arguments_too_large",
            Self::TooManyCalls => "too_many_calls",
            Self::Failed(failure) => failure.reason,
            Self::Cancelled => "cancelled",
            Self::Gone => "caller_gone",
            Self::Vault(_) => "credential",
            Self::Stored(_) | Self::Store(_) => "database",
            Self::Egress(_) => "egress",
        }
    }
}

impl kernel::ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::ToolNotFound(_) | Self::VersionNotFound { .. } | Self::SecretNotFound(_) => {
                ErrorCode::NotFound
            }
            Self::NameTaken(_) | Self::VersionMismatch { .. } | Self::Cancelled => {
                ErrorCode::Conflict
            }
            Self::OtherName(_)
            | Self::OtherKind(_)
            | Self::InvalidTool(_)
            | Self::TooManyPins
            | Self::InvalidSecret(_)
            | Self::InvalidKey
            | Self::InvalidArguments(_)
            | Self::InvalidDocument(_)
            | Self::ArgumentsTooLarge => ErrorCode::InvalidInput,
            Self::RoleTooLow { .. } => ErrorCode::Forbidden,
            Self::TooManyCalls => ErrorCode::RateLimited,
            Self::Failed(failure) => failure.code,
            Self::Gone => ErrorCode::Unavailable,
            Self::Vault(_) | Self::Stored(_) | Self::Egress(_) => ErrorCode::Internal,
            Self::Store(error) => error.code(),
        }
    }

    fn problem(&self) -> Problem {
        let problem = Problem::new(self.code(), self.to_string());
        let field = |path: &str| {
            vec![FieldProblem {
                path: path.to_owned(),
                message: self.to_string(),
            }]
        };
        match self {
            // What the database says has codes enough of its own.
            Self::Store(_) => problem,
            Self::InvalidTool(problems) => problem
                .with_reason(self.reason())
                .with_errors(fields(problems)),
            Self::InvalidSecret(errors) | Self::InvalidArguments(errors) => problem
                .with_reason(self.reason())
                .with_errors(errors.clone()),
            Self::OtherName(_) => problem
                .with_reason(self.reason())
                .with_errors(field("/spec/name")),
            Self::OtherKind(_) => problem
                .with_reason(self.reason())
                .with_errors(field("/spec/kind")),
            Self::InvalidDocument(_) => problem
                .with_reason(self.reason())
                .with_errors(field("/document")),
            Self::InvalidKey => problem
                .with_reason(self.reason())
                .with_errors(field("/idempotency_key")),
            Self::VersionMismatch { .. } => problem.with_status(412).with_reason(self.reason()),
            Self::ArgumentsTooLarge => problem.with_status(413).with_reason(self.reason()),
            Self::ToolNotFound(_)
            | Self::VersionNotFound { .. }
            | Self::SecretNotFound(_)
            | Self::NameTaken(_)
            | Self::TooManyPins
            | Self::RoleTooLow { .. }
            | Self::TooManyCalls
            | Self::Failed(_)
            | Self::Cancelled
            | Self::Gone
            | Self::Vault(_)
            | Self::Stored(_)
            | Self::Egress(_) => problem.with_reason(self.reason()),
        }
    }
}

fn first(problems: &[ToolProblem]) -> String {
    match problems {
        [] => "no reason is known".to_owned(),
        [only] => only.message.clone(),
        [first, rest @ ..] => format!("{} (and {} more)", first.message, rest.len()),
    }
}

fn fields(problems: &[ToolProblem]) -> Vec<FieldProblem> {
    problems
        .iter()
        .map(|problem| FieldProblem {
            path: format!("/spec{}", problem.path),
            message: problem.message.clone(),
        })
        .collect()
}

impl From<vault::KeyError> for Error {
    fn from(error: vault::KeyError) -> Self {
        match error {
            vault::KeyError::Store(error) => Self::Store(error),
            vault::KeyError::Vault(error) => Self::Vault(error),
        }
    }
}
