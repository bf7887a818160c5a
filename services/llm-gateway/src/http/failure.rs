//! Failures in OpenAI's shape, `{"error": {"message", "type", "param", "code"}}`, and in Anthropic's.

use contracts::{ErrorCode, Problem};
use kernel::ServiceError;
use poem::{
    Response,
    http::{HeaderName, HeaderValue, StatusCode},
};
use serde_json::{Value, json};

use crate::Error;

/// A problem on its way to a client of OpenAI's API.
#[derive(Debug)]
pub(super) struct Failure {
    problem: Problem,
    /// The field of the request that is to blame.
    parameter: Option<String>,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            parameter: None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let problem = error.problem();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        match problem.code {
            ErrorCode::Internal => tracing::error!(%error, source, "a question over HTTP failed"),
            ErrorCode::Unavailable | ErrorCode::Timeout => {
                tracing::warn!(%error, source, "a question over HTTP failed")
            }
            _ => tracing::debug!(%error, "a question over HTTP was refused"),
        }
        let parameter = match &error {
            Error::InvalidQuestion { parameter, .. } => Some((*parameter).to_owned()),
            Error::Unresolved(_) => Some("model".to_owned()),
            _ => None,
        };
        Self { problem, parameter }
    }
}

impl Failure {
    pub(super) fn malformed(parameter: Option<&str>, text: impl Into<String>) -> Self {
        Self {
            problem: Problem::malformed(text),
            parameter: parameter.map(str::to_owned),
        }
    }

    pub(super) fn too_large() -> Self {
        Problem::new(ErrorCode::InvalidInput, "the question is too large")
            .with_status(413)
            .into()
    }

    pub(super) fn busy() -> Self {
        Problem::new(
            ErrorCode::Unavailable,
            "too many questions are being answered",
        )
        .with_retry_after_ms(1000)
        .into()
    }

    pub(super) fn unknown_path() -> Self {
        Problem::new(ErrorCode::NotFound, "there is nothing at this path").into()
    }

    pub(super) fn method_not_allowed() -> Self {
        Problem::new(ErrorCode::InvalidInput, "this path knows other methods")
            .with_status(405)
            .into()
    }

    /// The body, which is also what a stream says when it breaks off.
    pub(super) fn body(&self) -> Value {
        let code = self.problem.code;
        let kind = match code {
            _ if self.problem.status == 402 => "insufficient_quota",
            ErrorCode::InvalidInput | ErrorCode::NotFound | ErrorCode::Conflict => {
                "invalid_request_error"
            }
            ErrorCode::Unauthenticated => "authentication_error",
            ErrorCode::Forbidden => "permission_error",
            ErrorCode::RateLimited => "rate_limit_error",
            ErrorCode::Timeout | ErrorCode::Unavailable | ErrorCode::Internal => "server_error",
        };
        let word = match (&self.problem.reason, code) {
            (Some(reason), _) => reason.as_str(),
            (None, ErrorCode::Unauthenticated) => "invalid_api_key",
            (None, code) => code.as_str(),
        };
        json!({"error": {
            "message": self.problem.detail,
            "type": kind,
            "param": self.parameter,
            "code": word,
        }})
    }

    /// The body as Anthropic writes it.
    pub(super) fn messages_body(&self) -> Value {
        let kind = match self.problem.status {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            400..=428 => "invalid_request_error",
            429 => "rate_limit_error",
            503 => "overloaded_error",
            504 => "timeout_error",
            _ => "api_error",
        };
        let error = json!({"type": kind, "message": self.problem.detail});
        json!({"type": "error", "error": error})
    }

    pub(super) fn into_response(self, is_for_messages: bool) -> Response {
        let status =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = match is_for_messages {
            true => self.messages_body(),
            false => self.body(),
        };
        let mut response = super::respond(status, &body);
        if let Some(pause_ms) = self.problem.retry_after_ms {
            let mut set = |name: &'static str, number: u64| {
                let name = HeaderName::from_static(name);
                response
                    .headers_mut()
                    .insert(name, HeaderValue::from(number));
            };
            set("retry-after", pause_ms.div_ceil(1000));
            set("retry-after-ms", pause_ms);
        }
        response
    }
}
