//! What can go wrong with flows, and how it is answered.

use contracts::{ErrorCode, FieldProblem, Problem, flow::FlowProblem, id::FlowId};

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
    #[error("the engine does not take the execution: {}", .0.detail)]
    Engine(Problem),
    #[error("the definition cannot be handed to the engine")]
    Definition(#[source] bus::Error),
    #[error("what the flow names cannot be looked up: {}", .0.detail)]
    Unresolved(Problem),
    #[error("`{0}` is needed")]
    NotAllowed(&'static str),
    #[error("the draft was changed while it was published: try again")]
    DraftChanged,
    #[error("{what} `{id}` does not exist")]
    NotThere { what: &'static str, id: String },
    #[error("a stored definition cannot be read")]
    Stored(#[source] serde_json::Error),
    #[error(transparent)]
    Store(#[from] sql::Error),
}

impl kernel::ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::FlowNotFound(_) | Self::RevisionNotFound { .. } | Self::NotThere { .. } => {
                ErrorCode::NotFound
            }
            Self::NotPublished(_)
            | Self::InvalidFlow(_)
            | Self::InvalidInput(_)
            | Self::InvalidField { .. }
            | Self::KeyReused => ErrorCode::InvalidInput,
            Self::VersionMismatch { .. } | Self::DraftChanged => ErrorCode::Conflict,
            Self::NotAllowed(_) => ErrorCode::Forbidden,
            Self::Engine(problem) | Self::Unresolved(problem) => problem.code,
            Self::Definition(_) => ErrorCode::Unavailable,
            Self::Stored(_) => ErrorCode::Internal,
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
            Self::InvalidField { field, rule } => problem.with_errors(vec![FieldProblem {
                path: format!("/{field}"),
                message: (*rule).to_owned(),
            }]),
            Self::NotPublished(_) => problem.with_reason("not_published"),
            Self::VersionMismatch { .. } => {
                problem.with_status(412).with_reason("version_mismatch")
            }
            Self::KeyReused => problem.with_reason("idempotency_key_reused"),
            Self::Engine(cause) | Self::Unresolved(cause) => Problem {
                retry_after_ms: cause.retry_after_ms,
                ..problem
            },
            Self::FlowNotFound(_)
            | Self::RevisionNotFound { .. }
            | Self::Definition(_)
            | Self::NotAllowed(_)
            | Self::NotThere { .. }
            | Self::DraftChanged
            | Self::Stored(_)
            | Self::Store(_) => problem,
        }
    }
}

fn first(problems: &[FlowProblem]) -> String {
    match problems {
        [] => "no reason is known".to_owned(),
        [only] => only.message.clone(),
        [first, rest @ ..] => format!("{} (and {} more)", first.message, rest.len()),
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
