//! What can go wrong in this service.
//!
//! **Invariant:** no text tells whether it was the email or the password that was wrong.

use contracts::{
    ErrorCode, FieldProblem, Problem,
    id::{TenantId, UserId},
};
use kernel::ServiceError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the input breaks a rule")]
    Invalid(Vec<FieldProblem>),
    #[error("email or password is wrong")]
    WrongCredentials,
    #[error("too many tries for this account: wait a moment")]
    TooManyTries { retry_after_ms: u64 },
    #[error("this email is registered already")]
    EmailTaken,
    #[error("the refresh token is not valid: log in again")]
    RefreshRefused,
    #[error("the ticket is not valid: it is good for one use within 30 seconds")]
    TicketRefused,
    #[error("tickets cannot be kept at present")]
    Tickets(#[source] bus::Error),
    #[error("you are no member of any organization")]
    NoOrganization,
    #[error("organization `{0}` does not exist")]
    UnknownOrganization(TenantId),
    #[error("user `{user}` is no member of organization `{tenant}`")]
    NoMember { user: UserId, tenant: TenantId },
    #[error("nobody is registered with the email `{0}`")]
    UnknownEmail(String),
    #[error("passwords cannot be checked at present")]
    Busy,
    /// Another service's answer, passed on.
    #[error(transparent)]
    Answered(#[from] Problem),
    #[error(transparent)]
    Store(#[from] sql::Error),
    #[error("sessions and keys cannot be published at present")]
    Publish(#[from] bus::Error),
    #[error("a password cannot be hashed")]
    Hash(#[source] argon2::password_hash::Error),
    #[error("the operating system gives no random bytes")]
    Random(#[source] getrandom::Error),
    #[error("an access token cannot be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
    #[error("the signing key `{0}` cannot be read")]
    SigningKey(String),
    #[error(
        "the signing key cannot be sealed or opened: is `TROUPE_MASTER_KEY` the one it was sealed with?"
    )]
    Vault(#[from] vault::Error),
    #[error("`TROUPE_NATS_ISSUER` is no NATS seed")]
    Issuer(#[source] nkeys::error::Error),
    #[error("`TROUPE_NATS_ISSUER` is no seed of an account (`SA…`)")]
    IssuerKind,
}

impl Error {
    /// One field that breaks a rule.
    pub(crate) fn field(path: &str, message: &str) -> Self {
        Self::Invalid(vec![FieldProblem {
            path: path.to_owned(),
            message: message.to_owned(),
        }])
    }
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::InvalidInput,
            Self::WrongCredentials | Self::RefreshRefused | Self::TicketRefused => {
                ErrorCode::Unauthenticated
            }
            Self::TooManyTries { .. } => ErrorCode::RateLimited,
            Self::EmailTaken => ErrorCode::Conflict,
            Self::NoOrganization | Self::NoMember { .. } => ErrorCode::Forbidden,
            Self::UnknownOrganization(_) | Self::UnknownEmail(_) => ErrorCode::NotFound,
            Self::Answered(problem) => problem.code,
            Self::Store(error) => error.code(),
            Self::Publish(_) | Self::Tickets(_) | Self::Busy => ErrorCode::Unavailable,
            Self::Hash(_)
            | Self::Random(_)
            | Self::Sign(_)
            | Self::SigningKey(_)
            | Self::Vault(_)
            | Self::Issuer(_)
            | Self::IssuerKind => ErrorCode::Internal,
        }
    }

    fn problem(&self) -> Problem {
        let problem = Problem::new(self.code(), self.to_string());
        match self {
            Self::Invalid(errors) => problem.with_errors(errors.clone()),
            Self::TooManyTries { retry_after_ms } => problem.with_retry_after_ms(*retry_after_ms),
            Self::Answered(problem) => problem.clone(),
            Self::WrongCredentials => problem.with_reason("wrong_credentials"),
            Self::RefreshRefused => problem.with_reason("refresh_refused"),
            Self::TicketRefused => problem.with_reason("ticket_refused"),
            Self::EmailTaken => problem.with_reason("email_taken"),
            _ => problem,
        }
    }
}
