//! What can go wrong with conversations, and how it is answered.

use contracts::{
    ErrorCode, FieldProblem, Problem,
    id::{AttachmentId, ChatId, MessageId, UploadId},
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("chat `{0}` does not exist")]
    SessionNotFound(ChatId),
    #[error("message `{0}` does not exist")]
    MessageNotFound(MessageId),
    #[error("attachment `{0}` does not exist, or belongs to a message already")]
    AttachmentNotFound(AttachmentId),
    #[error("attachment `{0}` does not exist")]
    FileNotFound(AttachmentId),
    #[error("upload `{0}` does not exist, or is older than an hour")]
    UploadNotFound(UploadId),
    #[error("`{field}` {rule}")]
    InvalidField {
        field: &'static str,
        rule: &'static str,
    },
    #[error("the idempotency key was used with another message before")]
    KeyReused,
    #[error("an answer is being made")]
    Answering,
    #[error("16 messages wait for their answers already")]
    QueueFull,
    #[error("the chat has as many messages as a chat may have: begin another")]
    SessionFull,
    #[error("the chat has as many attachments as a chat may have")]
    TooManyAttachments,
    #[error("the attachment has more than 10 MiB")]
    AttachmentTooLarge,
    #[error("the attachment is neither text nor PDF, PNG, JPEG, GIF or WebP")]
    AttachmentType,
    #[error("the text of the attachment cannot be read: {0}")]
    AttachmentUnreadable(String),
    /// Who shall answer is not there, or not for the caller.
    #[error("{}", .0.detail)]
    Target(Problem),
    #[error("the engine does not say what became of the answer: {}", .0.detail)]
    Engine(Problem),
    #[error("the uploads cannot be reached")]
    Bus(#[from] bus::Error),
    #[error("a stored conversation cannot be read: {0}")]
    Stored(&'static str),
    #[error("a stored principal cannot be read")]
    Principal(#[source] serde_json::Error),
    #[error("the text of message `{0}` is missing")]
    TextMissing(MessageId),
    #[error(transparent)]
    Store(#[from] sql::Error),
    #[error(transparent)]
    Texts(#[from] documents::Error),
}

impl Error {
    /// The stable word for programs; none where the code says all.
    fn reason(&self) -> Option<&'static str> {
        match self {
            Self::SessionNotFound(_) => Some("chat_not_found"),
            Self::MessageNotFound(_) => Some("message_not_found"),
            Self::AttachmentNotFound(_) | Self::FileNotFound(_) => Some("attachment_not_found"),
            Self::UploadNotFound(_) => Some("upload_not_found"),
            Self::KeyReused => Some("idempotency_key_reused"),
            Self::Answering => Some("answering"),
            Self::QueueFull => Some("queue_full"),
            Self::SessionFull => Some("chat_full"),
            Self::TooManyAttachments => Some("too_many_attachments"),
            Self::AttachmentTooLarge => Some("attachment_too_large"),
            Self::AttachmentType => Some("attachment_type"),
            Self::AttachmentUnreadable(_) => Some("attachment_unreadable"),
            Self::InvalidField { .. }
            | Self::Target(_)
            | Self::Engine(_)
            | Self::Bus(_)
            | Self::Stored(_)
            | Self::Principal(_)
            | Self::TextMissing(_)
            | Self::Store(_)
            | Self::Texts(_) => None,
        }
    }
}

impl kernel::ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::SessionNotFound(_)
            | Self::MessageNotFound(_)
            | Self::AttachmentNotFound(_)
            | Self::FileNotFound(_)
            | Self::UploadNotFound(_) => ErrorCode::NotFound,
            Self::InvalidField { .. }
            | Self::KeyReused
            | Self::SessionFull
            | Self::TooManyAttachments
            | Self::AttachmentTooLarge
            | Self::AttachmentType
            | Self::AttachmentUnreadable(_) => ErrorCode::InvalidInput,
            Self::Answering => ErrorCode::Conflict,
            Self::QueueFull => ErrorCode::RateLimited,
            Self::Target(problem) | Self::Engine(problem) => problem.code,
            Self::Bus(_) => ErrorCode::Unavailable,
            Self::Stored(_) | Self::Principal(_) | Self::TextMissing(_) => ErrorCode::Internal,
            Self::Store(error) => error.code(),
            Self::Texts(error) => error.code(),
        }
    }

    fn problem(&self) -> Problem {
        let mut problem = Problem::new(self.code(), self.to_string());
        problem.reason = self.reason().map(str::to_owned);
        match self {
            Self::InvalidField { field, .. } => problem.with_errors(vec![FieldProblem {
                path: format!("/{field}"),
                message: self.to_string(),
            }]),
            Self::AttachmentTooLarge => problem.with_status(413),
            Self::AttachmentType => problem.with_status(415),
            Self::Target(cause) => cause.clone(),
            Self::Engine(cause) => Problem {
                retry_after_ms: cause.retry_after_ms,
                ..problem
            },
            Self::SessionNotFound(_)
            | Self::MessageNotFound(_)
            | Self::AttachmentNotFound(_)
            | Self::FileNotFound(_)
            | Self::UploadNotFound(_)
            | Self::KeyReused
            | Self::Answering
            | Self::QueueFull
            | Self::SessionFull
            | Self::TooManyAttachments
            | Self::AttachmentUnreadable(_)
            | Self::Bus(_)
            | Self::Stored(_)
            | Self::Principal(_)
            | Self::TextMissing(_)
            | Self::Store(_)
            | Self::Texts(_) => problem,
        }
    }
}
