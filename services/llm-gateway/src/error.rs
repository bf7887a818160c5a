//! What can go wrong in the gateway.

use std::sync::Arc;

use contracts::{
    ErrorCode, FieldProblem, Problem,
    execution::Usage,
    id::{BudgetId, CallId, ProviderId, RouteId},
};
use kernel::ServiceError;
use rust_decimal::Decimal;

use crate::{
    domain::catalog::Unresolved,
    provider::{Fault, fault::FaultKind},
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Unresolved(#[from] Unresolved),
    #[error("route `{0}` does not exist")]
    UnknownRoute(String),
    #[error("route `{0}` does not exist")]
    UnknownRouteId(RouteId),
    #[error("route `{0}` exists already")]
    RouteExists(String),
    #[error("the route is not valid")]
    InvalidRoute(Vec<FieldProblem>),
    #[error("route `{route}` has nobody to ask for now: all its deployments rest")]
    RouteRests { route: String, retry_after_ms: u64 },
    #[error("{what} is at version {actual}, not {expected}: someone else has changed it")]
    VersionMismatch {
        what: String,
        expected: u32,
        actual: u32,
    },
    #[error("budget `{0}` does not exist")]
    UnknownBudget(BudgetId),
    #[error("budget `{0}` exists already")]
    BudgetExists(String),
    #[error("the budget is not valid")]
    InvalidBudget(Vec<FieldProblem>),
    #[error("budget `{budget}` has not the {needed} US dollars left that this may cost")]
    BudgetExceeded { budget: String, needed: Decimal },
    #[error(
        "the price of model `{model}` is not known, and budget `{budget}` allows no such model"
    )]
    PriceUnknown { model: String, budget: String },
    #[error("these limits are not valid")]
    InvalidLimits(Vec<FieldProblem>),
    #[error("{whose} may not ask more for now")]
    LimitReached { whose: String, retry_after_ms: u64 },
    #[error("the guardrails of route `{0}` forbid the question")]
    Guarded(String),
    #[error("call `{0}` is not in the archive")]
    UnknownCall(CallId),
    #[error("the words of call `{0}` were not kept")]
    NotRecorded(CallId),
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
    #[error("{what} cannot be read from the database")]
    Unreadable {
        what: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("{0}")]
    Archive(#[from] documents::Error),
    #[error("{0}")]
    Egress(#[from] egress::Error),
    #[error("the price table `{file}` cannot be used: {what}")]
    Prices { file: String, what: String },
    /// What failed was paid for all the same.
    #[error("{error}")]
    Charged { error: Box<Self>, usage: Usage },
    /// Of something that several callers waited for.
    #[error(transparent)]
    Shared(Arc<Self>),
}

impl Error {
    /// The stable word for programs, and for the record of a call.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Unresolved(Unresolved::Unknown(_)) => "model_not_found",
            Self::Unresolved(Unresolved::Ambiguous(_)) => "model_ambiguous",
            Self::Unresolved(Unresolved::Empty) => "no_model",
            Self::Unresolved(Unresolved::DeadRoute(_)) => "route_empty",
            Self::UnknownRoute(_) | Self::UnknownRouteId(_) => "route_not_found",
            Self::RouteExists(_) => "route_exists",
            Self::VersionMismatch { .. } => "version_mismatch",
            Self::InvalidRoute(_) => "invalid_route",
            Self::RouteRests { .. } => "route_rests",
            Self::UnknownCall(_) => "call_not_found",
            Self::NotRecorded(_) => "not_recorded",
            Self::InvalidLimits(_) => "invalid_limits",
            Self::LimitReached { .. } => "limit_reached",
            Self::Guarded(_) => FaultKind::Withheld.reason(),
            Self::UnknownBudget(_) => "budget_not_found",
            Self::BudgetExists(_) => "budget_exists",
            Self::InvalidBudget(_) => "invalid_budget",
            Self::BudgetExceeded { .. } => "budget_exceeded",
            Self::PriceUnknown { .. } => "price_unknown",
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
            Self::Prices { .. } => "prices",
            Self::Charged { error, .. } => error.reason(),
            Self::Shared(error) => error.reason(),
        }
    }
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unresolved(Unresolved::Unknown(_))
            | Self::UnknownRoute(_)
            | Self::UnknownRouteId(_)
            | Self::UnknownCall(_)
            | Self::NotRecorded(_)
            | Self::UnknownBudget(_)
            | Self::UnknownProvider(_) => ErrorCode::NotFound,
            Self::Unresolved(
                Unresolved::Ambiguous(_) | Unresolved::Empty | Unresolved::DeadRoute(_),
            )
            | Self::InvalidProvider(_)
            | Self::InvalidRoute(_)
            | Self::InvalidBudget(_)
            | Self::InvalidLimits(_)
            | Self::Guarded(_)
            | Self::PriceUnknown { .. }
            | Self::InvalidUsage(_)
            | Self::InvalidQuestion { .. } => ErrorCode::InvalidInput,
            Self::ProviderExists(_)
            | Self::RouteExists(_)
            | Self::BudgetExists(_)
            | Self::VersionMismatch { .. }
            // No time heals it but the next period's, so nobody tries again.
            | Self::BudgetExceeded { .. }
            | Self::Cancelled => ErrorCode::Conflict,
            Self::LimitReached { .. } => ErrorCode::RateLimited,
            Self::Provider(fault) => fault.kind.code(),
            Self::Gone | Self::RouteRests { .. } => ErrorCode::Unavailable,
            Self::TooLong => ErrorCode::Timeout,
            Self::Archive(error) => error.code(),
            Self::Credential(_)
            | Self::Unreadable { .. }
            | Self::Egress(_)
            | Self::Prices { .. } => ErrorCode::Internal,
            Self::Database(error) => error.code(),
            Self::Charged { error, .. } => error.code(),
            Self::Shared(error) => error.code(),
        }
    }

    fn problem(&self) -> Problem {
        let problem = match self {
            Self::Provider(fault) => return fault.problem(),
            Self::Shared(error) => return error.problem(),
            Self::Charged { error, usage } => {
                let mut problem = error.problem();
                problem.usage = Some(Box::new(*usage));
                return problem;
            }
            Self::InvalidProvider(errors)
            | Self::InvalidRoute(errors)
            | Self::InvalidBudget(errors)
            | Self::InvalidLimits(errors)
            | Self::InvalidUsage(errors) => {
                Problem::new(self.code(), self.to_string()).with_errors(errors.clone())
            }
            Self::BudgetExceeded { .. } => {
                Problem::new(self.code(), self.to_string()).with_status(402)
            }
            Self::VersionMismatch { .. } => {
                Problem::new(self.code(), self.to_string()).with_status(412)
            }
            Self::Guarded(_) => Problem::new(self.code(), self.to_string()).with_status(400),
            Self::RouteRests { retry_after_ms, .. } | Self::LimitReached { retry_after_ms, .. } => {
                Problem::new(self.code(), self.to_string()).with_retry_after_ms(*retry_after_ms)
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
