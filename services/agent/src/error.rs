//! What can go wrong with agents and crews, and how it is answered.

use contracts::{
    ErrorCode, FieldProblem, Problem,
    id::{AgentId, BaseId, DocumentId, MemoryId, UploadId},
};

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
    #[error("knowledge base `{0}` does not exist")]
    BaseNotFound(BaseId),
    #[error("a knowledge base called `{0}` exists already")]
    BaseExists(String),
    #[error("knowledge base `{0}` has 10,000 documents, the most there can be")]
    BaseFull(BaseId),
    #[error("document `{0}` does not exist")]
    DocumentNotFound(DocumentId),
    #[error("upload `{0}` does not exist, or not any more")]
    UploadNotFound(UploadId),
    #[error(transparent)]
    Unreadable(#[from] passages::Error),
    #[error("the document has more than 5,000 passages")]
    DocumentPassages,
    #[error("the base would have more than 100,000 passages")]
    BasePassages,
    #[error("the document cannot be read, or not in time")]
    ReadingBroke,
    #[error("the attempts to index the document broke down")]
    AttemptsBroke,
    #[error("memory `{0}` does not exist")]
    MemoryNotFound(MemoryId),
    #[error("only a run may remember")]
    OnlyRuns,
    #[error("agent `{0}` keeps no memories")]
    MemoryOff(AgentId),
    #[error("the request is not valid: {}", first(.0))]
    InvalidInput(Vec<FieldProblem>),
    /// What another service answered.
    #[error(transparent)]
    Asked(#[from] Problem),
    #[error("uploads cannot be read at present")]
    Uploads(#[from] bus::Error),
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
            Self::BaseNotFound(_) => "base_not_found",
            Self::BaseExists(_) => "name_taken",
            Self::BaseFull(_) => "base_full",
            Self::DocumentNotFound(_) => "document_not_found",
            Self::UploadNotFound(_) => "upload_not_found",
            Self::Unreadable(error) => error.reason(),
            Self::DocumentPassages | Self::BasePassages => "too_many_passages",
            Self::ReadingBroke => "unreadable",
            Self::AttemptsBroke => "broke_down",
            Self::MemoryNotFound(_) => "memory_not_found",
            Self::OnlyRuns => "only_runs",
            Self::MemoryOff(_) => "memory_off",
            Self::InvalidInput(_) => "invalid_input",
            Self::Asked(_) => "asked",
            Self::Uploads(_) => "uploads",
            Self::Stored(_) | Self::Store(_) => "database",
        }
    }
}

impl kernel::ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound(_)
            | Self::VersionNotFound { .. }
            | Self::BaseNotFound(_)
            | Self::DocumentNotFound(_)
            | Self::MemoryNotFound(_) => ErrorCode::NotFound,
            Self::NameTaken { .. }
            | Self::VersionMismatch { .. }
            | Self::AgentInUse { .. }
            | Self::BaseExists(_)
            | Self::BaseFull(_)
            | Self::MemoryOff(_) => ErrorCode::Conflict,
            Self::InvalidInput(_)
            | Self::TooManyPins
            | Self::UploadNotFound(_)
            | Self::Unreadable(_)
            | Self::DocumentPassages
            | Self::BasePassages
            | Self::ReadingBroke => ErrorCode::InvalidInput,
            Self::OnlyRuns => ErrorCode::Forbidden,
            Self::Uploads(_) => ErrorCode::Unavailable,
            Self::Asked(problem) => problem.code,
            Self::AttemptsBroke | Self::Stored(_) => ErrorCode::Internal,
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
            Self::Unreadable(error) => {
                let problem = problem.with_reason(self.reason());
                match error {
                    passages::Error::Unsupported(_) => problem.with_status(415),
                    passages::Error::FileTooLarge | passages::Error::TextTooLarge => {
                        problem.with_status(413)
                    }
                    passages::Error::NotUtf8
                    | passages::Error::NoText
                    | passages::Error::DamagedPdf
                    | passages::Error::EncryptedPdf
                    | passages::Error::TooManyPages
                    | passages::Error::PdfBomb => problem,
                }
            }
            Self::VersionMismatch { .. } => problem.with_status(412).with_reason(self.reason()),
            Self::NotFound(_)
            | Self::VersionNotFound { .. }
            | Self::NameTaken { .. }
            | Self::AgentInUse { .. }
            | Self::TooManyPins
            | Self::BaseNotFound(_)
            | Self::BaseExists(_)
            | Self::BaseFull(_)
            | Self::DocumentNotFound(_)
            | Self::UploadNotFound(_)
            | Self::DocumentPassages
            | Self::BasePassages
            | Self::ReadingBroke
            | Self::AttemptsBroke
            | Self::MemoryNotFound(_)
            | Self::OnlyRuns
            | Self::MemoryOff(_)
            | Self::Uploads(_)
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
