//! What is counted of calls to models, by OpenTelemetry's conventions for generative AI. Names that organizations choose are
//! no labels: there is no end of them.

use std::{sync::LazyLock, time::Duration};

use opentelemetry::{KeyValue, global, metrics::Histogram};

/// Bounds of the duration buckets, in seconds (semantic conventions, "gen_ai.client.operation.duration").
const SECONDS: [f64; 14] = [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
/// Bounds of the token buckets ("gen_ai.client.token.usage").
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// One call to a model that is over.
#[derive(Clone, Copy, Debug)]
pub struct ModelCall {
    /// `chat` or `embeddings`.
    pub operation: &'static str,
    /// `openai`, `anthropic` and so on: a word of the conventions.
    pub provider: &'static str,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub duration: Duration,
    /// Until the first piece of the answer; none where nothing of it came.
    pub first_token: Option<Duration>,
    /// The failure's stable word.
    pub error: Option<&'static str>,
}

struct Instruments {
    duration: Histogram<f64>,
    first_token: Histogram<f64>,
    tokens: Histogram<u64>,
}

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| {
    let meter = global::meter("troupe");
    Instruments {
        duration: meter
            .f64_histogram("gen_ai.client.operation.duration")
            .with_unit("s")
            .with_description("Time from a question to the end of its answer")
            .with_boundaries(SECONDS.to_vec())
            .build(),
        first_token: meter
            .f64_histogram("gen_ai.server.time_to_first_token")
            .with_unit("s")
            .with_description("Time from a question to the first piece of its answer")
            .with_boundaries(SECONDS.to_vec())
            .build(),
        tokens: meter
            .u64_histogram("gen_ai.client.token.usage")
            .with_unit("{token}")
            .with_description("Tokens of questions and answers")
            .with_boundaries(TOKENS.to_vec())
            .build(),
    }
});

/// Counts a call.
pub fn model_call(call: ModelCall) {
    let labels = |more: Option<KeyValue>| {
        let operation = KeyValue::new("gen_ai.operation.name", call.operation);
        let provider = KeyValue::new("gen_ai.provider.name", call.provider);
        let labels = [Some(operation), Some(provider), more];
        labels.into_iter().flatten().collect::<Vec<_>>()
    };
    let error = call.error.map(|error| KeyValue::new("error.type", error));
    let instruments = &*INSTRUMENTS;
    instruments
        .duration
        .record(call.duration.as_secs_f64(), &labels(error));
    if let Some(first) = call.first_token {
        let first = first.as_secs_f64();
        instruments.first_token.record(first, &labels(None));
    }
    for (kind, count) in [("input", call.input_tokens), ("output", call.output_tokens)] {
        let kind = KeyValue::new("gen_ai.token.type", kind);
        instruments.tokens.record(count, &labels(Some(kind)));
    }
}
