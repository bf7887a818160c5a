//! Which pages of other sites may call the API: those on the list, by exact comparison, and no others.
//!
//! **Invariant:** no origin is reflected that is not configured, and credentials are never allowed: other sites' pages
//! bring a token of their own.

use contracts::{ErrorCode, Problem};
use poem::{
    Request, Response,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
};

use crate::{Config, problem::Refusal};

const METHODS: &str = "GET, POST, PUT, DELETE";
const HEADERS: &str =
    "authorization, content-type, idempotency-key, if-match, last-event-id, prefer, traceparent";
const EXPOSED: &str = "etag, location, retry-after, ratelimit, ratelimit-policy, x-trace-id";

pub(super) fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a browser that asks before it sends. [`set`] adds the permission, where there is one.
pub(super) fn preflight(request: &Request, config: &Config) -> Response {
    let mut response = Response::builder().status(StatusCode::NO_CONTENT).finish();
    let origin = request.headers().get(header::ORIGIN);
    if allowed(origin.and_then(|it| it.to_str().ok()), config).is_some() {
        let headers = response.headers_mut();
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static(METHODS),
        );
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(HEADERS),
        );
        headers.insert(
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("600"),
        );
    }
    response
}

pub(super) fn set(response: &mut Response, origin: Option<&str>, config: &Config) {
    if config.cors_origins.is_empty() {
        return;
    }
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed(origin, config) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(EXPOSED),
        );
    }
}

/// Where browsers ask nobody before they send (WebSocket), or a rebound name could fool them (MCP): our own pages, those
/// on the list, and clients that are no browsers.
///
/// # Errors
/// `forbidden` for pages of other sites.
pub(crate) fn check_origin(headers: &HeaderMap, config: &Config) -> Result<(), Refusal> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok());
    let origin = origin.to_str().unwrap_or_default();
    let is_own = host.is_some_and(|host| origin.split("://").nth(1) == Some(host));
    if is_own || allowed(Some(origin), config).is_some() {
        return Ok(());
    }
    let text = format!("pages of `{origin}` may not use this server");
    Err(Refusal(Problem::new(ErrorCode::Forbidden, text)))
}

fn allowed(origin: Option<&str>, config: &Config) -> Option<HeaderValue> {
    let origin = origin?;
    let known = config
        .cors_origins
        .iter()
        .find(|it| it.as_str() == origin)?;
    HeaderValue::from_str(known.as_str()).ok()
}
