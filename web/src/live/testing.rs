//! Frames for tests.

use contracts::{
    id::{FlowId, UserId},
    live::Frame,
};
use serde_json::{Value, json};

/// A frame `n` seconds and a bit after a fixed moment, with more fields.
pub(crate) fn with(n: u64, kind: &str, fields: Value) -> Frame {
    let mut frame = json!({"n": n, "ts": format!("2026-01-01T{:02}:{:02}:{:02}Z", n / 3600, n / 60 % 60, n % 60), "type": kind});
    let (Some(all), Value::Object(more)) = (frame.as_object_mut(), fields) else {
        panic!("fields are an object");
    };
    all.extend(more);
    serde_json::from_value(frame).unwrap()
}

pub(crate) fn frame(n: u64, kind: &str, node: &str) -> Frame {
    with(
        n,
        kind,
        json!({"node": node, "attempt": 1, "key": "k", "output": n, "port": "out", "duration_ms": 1000}),
    )
}

pub(crate) fn started() -> Frame {
    with(
        1,
        "execution_started",
        json!({"flow_id": FlowId::EXAMPLE, "revision": 1, "definition_hash": "h", "started_by": UserId::EXAMPLE, "input": {}}),
    )
}

/// The start and `steps` steps that each begin and succeed.
pub(crate) fn long(steps: u64) -> Vec<Frame> {
    let mut frames = vec![started()];
    for step in 0..steps {
        let n = 2 + step * 2;
        let node = format!("s{step}");
        frames.push(frame(n, "step_started", &node));
        frames.push(frame(n + 1, "step_succeeded", &node));
    }
    frames
}
