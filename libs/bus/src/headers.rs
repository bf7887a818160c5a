//! The headers of our messages: time, caller's token, trace.

use std::time::Duration;

pub use async_nats::HeaderMap;
use opentelemetry::propagation::{Extractor, Injector};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Milliseconds for which the sender waits for the answer. Not a moment: the clocks of two machines differ.
pub(crate) const TIMEOUT: &str = "Troupe-Timeout";
/// `Bearer <access token>` of the caller.
pub(crate) const AUTHORIZATION: &str = "Authorization";
/// Status text of a failed request, as NATS micro services write it.
pub(crate) const SERVICE_ERROR: &str = "Nats-Service-Error";
/// Status number of a failed request, as NATS micro services write it.
pub(crate) const SERVICE_ERROR_CODE: &str = "Nats-Service-Error-Code";
/// Where whoever works on the message may say that they go on.
pub(crate) const HEARTBEAT: &str = "Troupe-Heartbeat";
/// Where the reader of an answer in chunks says how far it may go.
pub(crate) const PACE: &str = "Troupe-Pace";
/// Chunks that may come before the reader has said a word.
pub(crate) const WINDOW: &str = "Troupe-Window";
/// What an event of an integrator is known by while it waits.
pub(crate) const EVENT_ID: &str = "Troupe-Event-Id";
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

pub(crate) fn timeout_header(timeout: Duration) -> String {
    timeout.as_millis().to_string()
}

/// How long the sender waits, from when the message arrived; none where it does not say.
pub fn timeout_in(headers: Option<&HeaderMap>) -> Option<Duration> {
    let left = headers?.get(TIMEOUT)?.as_str().parse().ok()?;
    Some(Duration::from_millis(left))
}
