//! The headers of our messages: deadline, caller's token, trace.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use async_nats::HeaderMap;
use opentelemetry::propagation::{Extractor, Injector};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Unix milliseconds after which nobody waits for the answer.
pub(crate) const DEADLINE: &str = "Troupe-Deadline";
/// `Bearer <access token>` of the caller.
pub(crate) const AUTHORIZATION: &str = "Authorization";
/// Status text of a failed request, as NATS micro services write it.
pub(crate) const SERVICE_ERROR: &str = "Nats-Service-Error";
/// Status number of a failed request, as NATS micro services write it.
pub(crate) const SERVICE_ERROR_CODE: &str = "Nats-Service-Error-Code";
/// JetStream's deduplication key.
pub(crate) const MESSAGE_ID: &str = "Nats-Msg-Id";

struct Carrier<'a>(&'a mut HeaderMap);

impl Injector for Carrier<'_> {
    fn set(&mut self, key: &str, value: String) {
        self.0.insert(key, value);
    }
}

struct Source<'a>(&'a HeaderMap);

impl Extractor for Source<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(async_nats::HeaderValue::as_str)
    }
    fn keys(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// Writes the current span's W3C trace context.
pub(crate) fn inject_trace(headers: &mut HeaderMap) {
    let context = tracing::Span::current().context();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut Carrier(headers))
    });
}

/// Reads the sender's W3C trace context; empty where there is none.
pub fn extract_trace(headers: Option<&HeaderMap>) -> opentelemetry::Context {
    let Some(headers) = headers else {
        return opentelemetry::Context::new();
    };
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.extract(&Source(headers))
    })
}

pub(crate) fn deadline_header(deadline: Duration) -> String {
    let at = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        + deadline;
    at.as_millis().to_string()
}

/// The time left until the sender stops waiting; none where no deadline was sent.
pub fn deadline_in(headers: Option<&HeaderMap>) -> Option<Duration> {
    let at: u64 = headers?.get(DEADLINE)?.as_str().parse().ok()?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Some(Duration::from_millis(at).saturating_sub(now))
}
