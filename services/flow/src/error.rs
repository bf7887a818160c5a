//! What can go wrong with flows, and how it is answered.

use contracts::{
    ErrorCode, FieldProblem, Problem,
    flow::FlowProblem,
    id::{ExecutionId, FlowId, TriggerId, UserId},
};

/// Why a start is refused whose flow runs as often as it may.
pub(crate) const NO_PLACE: &str = "concurrency_limit";
/// How many running executions such a refusal names.
const NAMED: usize = 5;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("flow `{0}` does not exist")]
    FlowNotFound(FlowId),
    #[error("flow `{flow}` has no revision `{revision}`")]
    RevisionNotFound { flow: FlowId, revision: u32 },
    #[error("flow `{0}` has never been published: publish it, or execute its draft")]
    NotPublished(FlowId),
    #[error("the flow is not valid: {}", first(.0))]
    InvalidFlow(Vec<FlowProblem>),
    #[error("the input does not satisfy the flow's `input_schema`")]
    InvalidInput(Vec<FieldProblem>),
    #[error(
        "at `{0}` of the input stands no session: it is a text of 1 to 200 characters or a number"
    )]
    InvalidSession(String),
    #[error("`{field}` {rule}")]
    InvalidField {
        field: &'static str,
        rule: &'static str,
    },
    #[error("flow `{flow}` is at version {actual}, not {expected}: someone else has changed it")]
    VersionMismatch {
        flow: FlowId,
        expected: u64,
        actual: u64,
    },
    #[error("the idempotency key was used with another request before")]
    KeyReused,
    #[error("nothing of execution `{0}` has failed: name the `node` from which it runs again")]
    NothingFailed(ExecutionId),
    #[error("execution `{0}` has not ended")]
    NotEnded(ExecutionId),
    #[error("the history of execution `{0}` is not kept any more")]
    Forgotten(ExecutionId),
    #[error("execution `{0}` is none of a flow")]
    NoFlow(ExecutionId),
    #[error("flow `{flow}` runs {limit} at a time: {}", ids(.running))]
    Busy {
        flow: FlowId,
        limit: usize,
        running: Vec<ExecutionId>,
    },
    #[error("{room} executions of flow `{flow}` wait already")]
    QueueFull { flow: FlowId, room: usize },
    #[error("the place of execution `{0}` cannot be read from the database")]
    StoredPlace(ExecutionId),
    #[error("the engine does not take the execution: {}", .0.detail)]
    Engine(Problem),
    #[error("the definition cannot be handed to the engine")]
    Definition(#[source] bus::Error),
    #[error("what the flow names cannot be looked up: {}", .0.detail)]
    Unresolved(Problem),
    #[error("`{0}` is needed")]
    NotAllowed(&'static str),
    #[error("somebody else changed the draft meanwhile: try again")]
    DraftChanged,
    #[error("{what} `{id}` does not exist")]
    NotThere { what: &'static str, id: String },
    #[error("the draft has no node `{node}`")]
    NoSuchNode {
        /// Where in the request it is named.
        position: usize,
        node: String,
    },
    #[error("a stored definition cannot be read")]
    Stored(#[source] serde_json::Error),
    #[error("trigger `{0}` does not exist")]
    TriggerNotFound(TriggerId),
    #[error("the trigger is not valid: {}", first_field(.0))]
    InvalidTrigger(Vec<FieldProblem>),
    #[error("a flow has at most {0} triggers")]
    TooManyTriggers(u64),
    #[error("the kind of a trigger stays what it is")]
    KindFixed,
    #[error("only a webhook has a secret")]
    NoSecret,
    /// Deliberately without detail, also about whether there is such a trigger.
    #[error("the webhook is not signed as its trigger asks for")]
    NotSigned,
    #[error("trigger `{0}` is disabled")]
    TriggerDisabled(TriggerId),
    #[error("the body {0}")]
    InvalidBody(&'static str),
    /// What became of the same delivery before.
    #[error("{}", .0.detail)]
    Refused(Problem),
    #[error("the execution `{0}` did not succeed")]
    NotSucceeded(ExecutionId),
    #[error("the output of execution `{0}` is larger than 7 MiB, and is read over the API")]
    LargeOutput(ExecutionId),
    #[error("user `{0}`, in whose name the trigger executes, is no member any more")]
    OwnerLeft(UserId),
    #[error("user `{0}`, in whose name the trigger executes, may not execute flows any more")]
    OwnerMayNot(UserId),
    #[error("trigger `{0}` cannot be read from the database")]
    StoredTrigger(TriggerId),
    #[error("a message cannot be read")]
    Unreadable,
    #[error("a trigger cannot be woken at present")]
    Bus(#[source] bus::Error),
    #[error("the system gives no random bytes")]
    Random(#[from] getrandom::Error),
    #[error("the secrets of triggers cannot be used")]
    Vault(#[from] vault::Error),
    #[error(transparent)]
    Store(#[from] sql::Error),
}

impl From<vault::KeyError> for Error {
    fn from(error: vault::KeyError) -> Self {
        match error {
            vault::KeyError::Store(error) => Self::Store(error),
            vault::KeyError::Vault(error) => Self::Vault(error),
        }
    }
}

impl kernel::ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::FlowNotFound(_)
            | Self::RevisionNotFound { .. }
            | Self::NotThere { .. }
            | Self::TriggerNotFound(_) => ErrorCode::NotFound,
            Self::NotPublished(_)
            | Self::InvalidFlow(_)
            | Self::InvalidInput(_)
            | Self::InvalidField { .. }
            | Self::InvalidSession(_)
            | Self::KeyReused
            | Self::InvalidTrigger(_)
            | Self::TooManyTriggers(_)
            | Self::KindFixed
            | Self::NoSecret
            | Self::NothingFailed(_)
            | Self::NoFlow(_)
            | Self::NoSuchNode { .. }
            | Self::InvalidBody(_) => ErrorCode::InvalidInput,
            Self::VersionMismatch { .. }
            | Self::Busy { .. }
            | Self::DraftChanged
            | Self::NotEnded(_)
            | Self::Forgotten(_)
            | Self::TriggerDisabled(_) => ErrorCode::Conflict,
            Self::NotAllowed(_) | Self::OwnerLeft(_) | Self::OwnerMayNot(_) => ErrorCode::Forbidden,
            Self::NotSigned => ErrorCode::Unauthenticated,
            Self::QueueFull { .. } => ErrorCode::RateLimited,
            Self::Engine(problem) | Self::Unresolved(problem) | Self::Refused(problem) => {
                problem.code
            }
            Self::Definition(_) | Self::Bus(_) | Self::NotSucceeded(_) | Self::LargeOutput(_) => {
                ErrorCode::Unavailable
            }
            Self::Stored(_)
            | Self::StoredTrigger(_)
            | Self::StoredPlace(_)
            | Self::Unreadable
            | Self::Random(_)
            | Self::Vault(_) => ErrorCode::Internal,
            Self::Store(error) => error.code(),
        }
    }

    fn problem(&self) -> Problem {
        let problem = Problem::new(self.code(), self.to_string());
        match self {
            Self::InvalidFlow(problems) => problem
                .with_reason("flow_invalid")
                .with_errors(fields(problems)),
            Self::InvalidInput(errors) => problem
                .with_reason("input_invalid")
                .with_errors(errors.clone()),
            Self::InvalidSession(_) => problem.with_reason("session_invalid"),
            Self::InvalidField { field, rule } => problem.with_errors(vec![FieldProblem {
                path: format!("/{field}"),
                message: (*rule).to_owned(),
            }]),
            Self::NoSuchNode { position, node } => {
                let field = FieldProblem {
                    path: format!("/nodes/{position}"),
                    message: format!("the draft has no node `{node}`"),
                };
                problem.with_reason("no_such_node").with_errors(vec![field])
            }
            Self::NotPublished(_) => problem.with_reason("not_published"),
            Self::Busy { .. } => problem.with_reason(NO_PLACE),
            Self::QueueFull { .. } => problem.with_reason("queue_full").with_retry_after_ms(1000),
            Self::VersionMismatch { .. } => {
                problem.with_status(412).with_reason("version_mismatch")
            }
            Self::KeyReused => problem.with_reason("idempotency_key_reused"),
            Self::NothingFailed(_) => problem.with_reason("nothing_failed"),
            Self::NotEnded(_) => problem.with_reason("not_ended"),
            Self::Forgotten(_) => problem.with_reason("history_forgotten"),
            Self::NoFlow(_) => problem.with_reason("no_flow"),
            Self::InvalidTrigger(errors) => problem
                .with_reason("trigger_invalid")
                .with_errors(errors.clone()),
            Self::TooManyTriggers(_) => problem.with_reason("too_many_triggers"),
            Self::KindFixed => problem.with_reason("kind_fixed"),
            Self::NoSecret => problem.with_reason("no_secret"),
            Self::NotSigned => problem.with_reason("not_signed"),
            Self::TriggerDisabled(_) => problem.with_reason("trigger_disabled"),
            Self::InvalidBody(_) => problem.with_reason("body_invalid"),
            // Whoever sent the webhook need not try again, and learns nothing of the flow.
            Self::NotSucceeded(_) => problem.with_status(502).with_reason("execution_failed"),
            Self::LargeOutput(_) => problem.with_status(502).with_reason("output_too_large"),
            Self::OwnerLeft(_) => problem.with_reason("owner_left"),
            Self::OwnerMayNot(_) => problem.with_reason("owner_may_not"),
            Self::FlowNotFound(_) => problem.with_reason("flow_not_found"),
            Self::Refused(cause) => cause.clone(),
            Self::Engine(cause) | Self::Unresolved(cause) => Problem {
                retry_after_ms: cause.retry_after_ms,
                ..problem
            },
            Self::RevisionNotFound { .. }
            | Self::Definition(_)
            | Self::Bus(_)
            | Self::TriggerNotFound(_)
            | Self::StoredTrigger(_)
            | Self::StoredPlace(_)
            | Self::Unreadable
            | Self::Random(_)
            | Self::Vault(_)
            | Self::NotAllowed(_)
            | Self::NotThere { .. }
            | Self::DraftChanged
            | Self::Stored(_)
            | Self::Store(_) => problem,
        }
    }
}

/// The first few.
fn ids(executions: &[ExecutionId]) -> String {
    let named = executions.iter().take(NAMED).map(|id| format!("`{id}`"));
    let mut text = named.collect::<Vec<_>>().join(", ");
    if executions.len() > NAMED {
        text.push_str(&format!(" and {} more", executions.len() - NAMED));
    }
    text
}

fn first(problems: &[FlowProblem]) -> String {
    match problems {
        [] => "no reason is known".to_owned(),
        [only] => only.message.clone(),
        [first, rest @ ..] => format!("{} (and {} more)", first.message, rest.len()),
    }
}

fn first_field(problems: &[FieldProblem]) -> String {
    match problems {
        [] => "no reason is known".to_owned(),
        [first, ..] => format!("`{}` {}", first.path, first.message),
    }
}

fn fields(problems: &[FlowProblem]) -> Vec<FieldProblem> {
    problems
        .iter()
        .map(|problem| FieldProblem {
            path: format!("/definition{}", problem.path),
            message: problem.message.clone(),
        })
        .collect()
}
