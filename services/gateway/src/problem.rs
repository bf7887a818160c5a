//! Everything that goes wrong leaves as `application/problem+json` (RFC 9457).
//!
//! **Invariant:** nothing but our own public texts reaches a client: what a library says of a failure of ours stays here.

use contracts::{ErrorCode, FieldProblem, Problem};
use poem::{
    Response,
    error::{MethodNotAllowedError, NotFoundError, ReadBodyError, ResponseError},
    http::StatusCode,
};
use poem_openapi::error::{
    AuthorizationError, ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError,
};

/// A problem on its way to the edge, where it becomes a response.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Refusal(pub(crate) Problem);

impl ResponseError for Refusal {
    fn status(&self) -> StatusCode {
        status_of(&self.0)
    }
}

/// The problem behind any error of the framework or of ours.
pub(crate) fn problem_of(error: &poem::Error) -> Problem {
    if let Some(Refusal(problem)) = error.downcast_ref::<Refusal>() {
        return problem.clone();
    }
    if error.is::<NotFoundError>() {
        return Problem::new(ErrorCode::NotFound, "there is nothing at this path");
    }
    if error.is::<MethodNotAllowedError>() {
        return with_code(405, "this path does not know the method");
    }
    if error.is::<AuthorizationError>() {
        return Problem::new(ErrorCode::Unauthenticated, "an access token is needed");
    }
    if let Some(error) = error.downcast_ref::<ContentTypeError>() {
        let detail = match error {
            ContentTypeError::NotSupported { content_type } => {
                let shown: String = content_type.chars().take(100).collect();
                format!("the content type `{shown}` is not known here: send `application/json`")
            }
            ContentTypeError::ExpectContentType => {
                "a body needs the content type `application/json`".to_owned()
            }
        };
        return with_code(415, detail);
    }
    if let Some(ParsePathError { reason, .. }) = error.downcast_ref() {
        return Problem::malformed(said(reason));
    }
    if let Some(ParseParamError { name, reason }) = error.downcast_ref() {
        return Problem::malformed(format!("the parameter `{name}` cannot be read"))
            .with_errors(vec![field(name, &said(reason))]);
    }
    if let Some(ParseRequestPayloadError { reason }) = error.downcast_ref() {
        return Problem::malformed(format!("the request cannot be read: {reason}"));
    }
    if error.is::<ReadBodyError>() {
        return Problem::malformed("the body broke off");
    }
    match error.status() {
        status if status.is_client_error() => with_code(
            status.as_u16(),
            status
                .canonical_reason()
                .unwrap_or("the request is not valid"),
        ),
        _ => {
            tracing::error!(%error, "a request failed");
            Problem::new(ErrorCode::Internal, "something went wrong on our side")
        }
    }
}

/// A problem with an HTTP status that none of the codes has of its own.
pub(crate) fn with_code(status: u16, detail: impl Into<String>) -> Problem {
    let code = ErrorCode::ALL
        .into_iter()
        .find(|code| code.http_status() == status)
        .unwrap_or(ErrorCode::InvalidInput);
    Problem::new(code, detail).with_status(status)
}

pub(crate) fn response(problem: &Problem) -> Response {
    let mut response = Response::builder()
        .status(status_of(problem))
        .content_type("application/problem+json");
    if let Some(after) = problem.retry_after_ms {
        response = response.header("retry-after", after.div_ceil(1000).max(1));
    }
    if problem.status == 401 {
        response = response.header("www-authenticate", "Bearer");
    }
    response.body(serde_json::to_vec(problem).unwrap_or_default())
}

fn status_of(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn field(name: &str, message: &str) -> FieldProblem {
    FieldProblem {
        path: format!("/{name}"),
        message: message.to_owned(),
    }
}

/// The framework puts `failed to parse "type": ` before what our own types say.
fn said(reason: &str) -> String {
    match reason.split_once("\": ") {
        Some((before, ours)) if before.starts_with("failed to parse") => ours.to_owned(),
        Some(_) | None => reason.to_owned(),
    }
}
