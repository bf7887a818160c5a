//! What can go wrong with agents and crews, and how it is answered.

use contracts::{ErrorCode, FieldProblem, Problem, id::AgentId};

use crate::domain::item::Item;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} does not exist")]
    NotFound(Item),
    #[error("{item} has no version `{version}`")]
    VersionNotFound { item: Item, version: u32 },
    #[error("{kind} called `{name}` exists already")]
    NameTaken { kind: &'static str, name: String },
    #[error("{item} is at version {actual}, not {expected}: someone else has changed it")]
    VersionMismatch {
        item: Item,
        expected: u32,
        actual: u32,
    },
    #[error("agent `{agent}` works in the crew `{crew}`")]
    AgentInUse { agent: AgentId, crew: String },
    #[error("at most 256 agents, 64 crews and 64 knowledge bases can be pinned at once")]
    TooManyPins,
    #[error("the request is not valid: {}", first(.0))]
    InvalidInput(Vec<FieldProblem>),
    /// What another service answered.
    #[error(transparent)]
    Asked(#[from] Problem),
    #[error("a stored agent or crew cannot be read")]
    Stored(#[source] serde_json::Error),
    #[error(transparent)]
    Store(#[from] sql::Error),
}

impl Error {
    /// The stable word for programs.
    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound(Item::Agent(_)) => "agent_not_found",
            Self::NotFound(Item::Crew(_)) => "crew_not_found",
            Self::VersionNotFound { .. } => "version_not_found",
            Self::NameTaken { .. } => "name_taken",
            Self::VersionMismatch { .. } => "version_mismatch",
            Self::AgentInUse { .. } => "agent_in_use",
            Self::TooManyPins => "too_many_pins",
            Self::InvalidInput(_) => "invalid_input",
            Self::Asked(_) => "asked",
            Self::Stored(_) | Self::Store(_) => "database",
        }
    }
}

impl kernel::ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound(_) | Self::VersionNotFound { .. } => ErrorCode::NotFound,
            Self::NameTaken { .. } | Self::VersionMismatch { .. } | Self::AgentInUse { .. } => {
                ErrorCode::Conflict
            }
            Self::TooManyPins | Self::InvalidInput(_) => ErrorCode::InvalidInput,
            Self::Asked(problem) => problem.code,
            Self::Stored(_) => ErrorCode::Internal,
            Self::Store(error) => error.code(),
        }
    }

    fn problem(&self) -> Problem {
        let problem = Problem::new(self.code(), self.to_string());
        match self {
            // These have codes enough of their own.
            Self::Store(_) => problem,
            Self::Asked(asked) => asked.clone(),
            Self::InvalidInput(errors) => problem
                .with_reason(self.reason())
                .with_errors(errors.clone()),
            Self::VersionMismatch { .. } => problem.with_status(412).with_reason(self.reason()),
            Self::NotFound(_)
            | Self::VersionNotFound { .. }
            | Self::NameTaken { .. }
            | Self::AgentInUse { .. }
            | Self::TooManyPins
            | Self::Stored(_) => problem.with_reason(self.reason()),
        }
    }
}

fn first(problems: &[FieldProblem]) -> String {
    match problems {
        [] => "no reason is known".to_owned(),
        [only] => only.message.clone(),
        [first, rest @ ..] => format!("{} (and {} more)", first.message, rest.len()),
    }
}
