//! What is counted of the durable engine.

use std::sync::LazyLock;

use opentelemetry::{KeyValue, global, metrics::Gauge};

static PARKED: LazyLock<Gauge<u64>> = LazyLock::new(|| {
    global::meter("troupe")
        .u64_gauge("troupe_parked_executions")
        .with_description("Executions that wait out of memory, by partition")
        .build()
});

/// How many executions of a partition wait out of its owner's memory.
pub fn parked_executions(partition: u16, count: usize) {
    let label = KeyValue::new("partition", i64::from(partition));
    PARKED.record(count as u64, &[label]);
}
