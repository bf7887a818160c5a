//! What every service counts: requests, errors, duration; and the registry behind `/metrics`.

use std::{sync::LazyLock, time::Duration};

use contracts::ErrorCode;
use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Histogram},
};
use prometheus::{Registry, TextEncoder};

/// Bounds of the duration buckets, in seconds.
const SECONDS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

pub(crate) static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::new);

struct Instruments {
    requests: Counter<u64>,
    duration: Histogram<f64>,
}

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| {
    let meter = global::meter("troupe");
    Instruments {
        requests: meter
            .u64_counter("troupe_requests")
            .with_description("Requests answered, by operation and outcome")
            .build(),
        duration: meter
            .f64_histogram("troupe_request_duration_seconds")
            .with_description("Time from the arrival of a request to its answer")
            .with_boundaries(SECONDS.to_vec())
            .build(),
    }
});

pub(crate) fn request(operation: &'static str, failure: Option<ErrorCode>, duration: Duration) {
    let outcome = failure.map_or("ok", ErrorCode::as_str);
    let labels = [
        KeyValue::new("operation", operation),
        KeyValue::new("outcome", outcome),
    ];
    INSTRUMENTS.requests.add(1, &labels);
    INSTRUMENTS
        .duration
        .record(duration.as_secs_f64(), &labels[..1]);
}

/// All metrics in the Prometheus text format.
pub(crate) fn text() -> String {
    TextEncoder::new()
        .encode_to_string(&REGISTRY.gather())
        .unwrap_or_default()
}
