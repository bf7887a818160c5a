//! The span of a request, its trace id, the access log and the counters.
//!
//! **Invariant:** only the path's template is logged: ids, queries and bodies stay out.

use std::sync::LazyLock;

use contracts::id::TenantId;
use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Histogram},
    trace::TraceContextExt,
};
use poem::{Request, http::StatusCode};
use tokio::time::Instant;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use super::Seen;

const SECONDS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

struct Instruments {
    requests: Counter<u64>,
    duration: Histogram<f64>,
}

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| {
    let meter = global::meter("troupe");
    Instruments {
        requests: meter
            .u64_counter("troupe_http_requests")
            .with_description("HTTP requests, by route, method and status")
            .build(),
        duration: meter
            .f64_histogram("troupe_http_request_duration_seconds")
            .with_description("Time until the head of the answer")
            .with_boundaries(SECONDS.to_vec())
            .build(),
    }
});

/// A span that continues the caller's trace, where there is one.
pub(super) fn span(request: &Request) -> Span {
    let span = tracing::info_span!("http", otel.name = "http", otel.kind = "server");
    let mut headers = bus::HeaderMap::new();
    for name in ["traceparent", "tracestate"] {
        if let Some(value) = request.header(name).filter(|value| value.len() <= 512) {
            headers.insert(name, value);
        }
    }
    if let Err(error) = span.set_parent(bus::extract_trace(Some(&headers))) {
        tracing::debug!(%error, "a trace cannot be continued");
    }
    span
}

/// The trace's id; a random one where no trace is recorded, so that every problem can be named.
pub(super) fn id_of(span: &Span) -> String {
    let id = span.context().span().span_context().trace_id();
    if id == opentelemetry::TraceId::INVALID {
        return Uuid::now_v7().simple().to_string();
    }
    id.to_string()
}

/// One line in the log, one observation in the metrics.
pub(super) fn finish(
    span: &Span,
    seen: &Seen,
    route: &str,
    status: StatusCode,
    begun: Instant,
    tenant: Option<TenantId>,
) {
    let (method, status, taken) = (method_of(seen), status.as_u16(), begun.elapsed());
    span.context()
        .span()
        .update_name(format!("{method} {route}"));
    let labels = [
        KeyValue::new("route", route.to_owned()),
        KeyValue::new("method", method.to_owned()),
        KeyValue::new("status", i64::from(status)),
    ];
    INSTRUMENTS.requests.add(1, &labels);
    INSTRUMENTS
        .duration
        .record(taken.as_secs_f64(), &labels[..2]);
    let _entered = span.enter();
    let tenant = tenant.map(|tenant| tenant.to_string());
    let duration_ms = u64::try_from(taken.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        http.method = method,
        http.route = route,
        http.status = status,
        tenant.id = tenant,
        duration_ms,
        "{method} {route} {status}"
    );
}

/// Methods that nobody knows must not make new metrics.
fn method_of(seen: &Seen) -> &str {
    match seen.method.as_str() {
        known @ ("GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS") => known,
        _ => "OTHER",
    }
}
