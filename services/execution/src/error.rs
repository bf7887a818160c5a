//! What can go wrong in the execution service.

use contracts::{
    ErrorCode, FieldProblem, Problem,
    id::{DeadLetterId, ExecutionId},
};
use kernel::ServiceError;

/// A failure of the execution service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("execution `{0}` does not exist")]
    NotFound(ExecutionId),
    #[error("dead letter `{0}` does not exist")]
    NoDeadLetter(DeadLetterId),
    #[error(
        "the attempt of dead letter `{0}` is over, so it is not done once more: let its node `retry`, or start the execution again"
    )]
    NotWanted(DeadLetterId),
    /// A row of the database that no version of this service writes.
    #[error("dead letter `{0}` cannot be read")]
    UnreadableDeadLetter(DeadLetterId),
    #[error("execution `{0}` has not ended")]
    NotEnded(ExecutionId),
    #[error("the history of execution `{0}` is not kept any more")]
    Forgotten(ExecutionId),
    #[error("execution `{0}` has more than 100,000 events")]
    TooLong(ExecutionId),
    #[error("there was no time to read all events of execution `{0}`: nothing of it was compared")]
    NoTime(ExecutionId),
    #[error("the history of execution `{id}` lacks the event after number {after}")]
    Gap { id: ExecutionId, after: u64 },
    #[error("the history of execution `{id}` is not one that it can go on with")]
    BrokenHistory {
        id: ExecutionId,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the history of execution `{id}` lacks the value `{hash}`")]
    LostPayload { id: ExecutionId, hash: String },
    #[error("execution `{id}` does not exist, or has no value `{hash}`")]
    NoPayload { id: ExecutionId, hash: String },
    #[error("execution `{0}` was deleted, and does not begin again")]
    Deleted(ExecutionId),
    #[error("execution `{0}` is being archived: try again in a moment")]
    BeingArchived(ExecutionId),
    #[error("`days` must be 1 to 3650, or null")]
    InvalidRetention,
    #[error("the variables that execution `{0}` saw are not in the archive")]
    NoVariables(ExecutionId),
    #[error("definition `{hash}` does not exist")]
    NoDefinition { hash: String },
    #[error("definition `{hash}` cannot be executed: {reason}")]
    InvalidDefinition { hash: String, reason: String },
    /// Passed on from the owner of a partition.
    #[error("{0}")]
    Owner(Problem),
    #[error("`comment` must have at most 1,000 characters")]
    LongComment,
    #[error("the bus is not available at present")]
    Bus(#[from] bus::Error),
    #[error("{0}")]
    Database(#[from] sql::Error),
    #[error("the history is not available at present")]
    Archive(#[from] documents::Error),
    /// A row of the database that no version of this service writes.
    #[error("execution `{id}` cannot be read")]
    UnreadableRow { id: ExecutionId, reason: String },
    #[error("the log of partition {partition} is damaged and stands still")]
    CorruptLog {
        partition: u16,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the log of partition {partition} is written by others without end")]
    Contended { partition: u16 },
    #[error("an engine owns partition {partition}: stop all engines first")]
    Owned { partition: u16 },
    #[error("partition {partition} does not exist: there are {partitions}, from 0")]
    NoPartition { partition: u16, partitions: u16 },
    #[error("the log of partition {partition} is read no further: an entry does not come")]
    Silent { partition: u16 },
    #[error("the way out cannot be set up")]
    Egress(#[from] egress::Error),
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound(_)
            | Self::NoDeadLetter(_)
            | Self::NoPayload { .. }
            | Self::Deleted(_) => ErrorCode::NotFound,
            Self::NotWanted(_)
            | Self::NotEnded(_)
            | Self::Forgotten(_)
            | Self::NoVariables(_)
            | Self::Owned { .. } => ErrorCode::Conflict,
            Self::NoDefinition { .. }
            | Self::InvalidDefinition { .. }
            | Self::LongComment
            | Self::InvalidRetention
            | Self::NoPartition { .. }
            | Self::TooLong(_) => ErrorCode::InvalidInput,
            Self::NoTime(_) => ErrorCode::Timeout,
            Self::Owner(problem) => problem.code,
            Self::Bus(_)
            | Self::Archive(_)
            | Self::BeingArchived(_)
            | Self::Contended { .. }
            | Self::Silent { .. } => ErrorCode::Unavailable,
            Self::Database(error) => error.code(),
            Self::UnreadableDeadLetter(_)
            | Self::UnreadableRow { .. }
            | Self::CorruptLog { .. }
            | Self::Gap { .. }
            | Self::BrokenHistory { .. }
            | Self::LostPayload { .. }
            | Self::Egress(_) => ErrorCode::Internal,
        }
    }

    fn problem(&self) -> Problem {
        match self {
            Self::Owner(problem) => problem.clone(),
            Self::NotWanted(_) => {
                Problem::new(self.code(), self.to_string()).with_reason("not_wanted")
            }
            Self::Deleted(_) => Problem::new(self.code(), self.to_string()).with_reason("deleted"),
            Self::BeingArchived(_) => Problem::new(self.code(), self.to_string())
                .with_reason("being_archived")
                .with_retry_after_ms(1000),
            Self::InvalidRetention => {
                let field = FieldProblem {
                    path: "/days".to_owned(),
                    message: "must be 1 to 3650, or null".to_owned(),
                };
                Problem::new(self.code(), self.to_string()).with_errors(vec![field])
            }
            Self::NotEnded(_) => {
                Problem::new(self.code(), self.to_string()).with_reason("not_ended")
            }
            Self::Forgotten(_) => {
                Problem::new(self.code(), self.to_string()).with_reason("history_forgotten")
            }
            Self::NoVariables(_) => {
                Problem::new(self.code(), self.to_string()).with_reason("variables_not_kept")
            }
            Self::TooLong(_) | Self::NoTime(_) => {
                Problem::new(self.code(), self.to_string()).with_reason("history_too_long")
            }
            Self::LostPayload { .. } => {
                Problem::new(self.code(), self.to_string()).with_reason("payload_lost")
            }
            Self::BrokenHistory { .. } => {
                Problem::new(self.code(), self.to_string()).with_reason("unreadable_history")
            }
            Self::Gap { .. } => {
                Problem::new(self.code(), self.to_string()).with_reason("history_gap")
            }
            _ => Problem::new(self.code(), self.to_string()),
        }
    }
}

impl Error {
    /// Its causes, for the log.
    pub(crate) fn source_text(&self) -> String {
        let mut text = String::new();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
