//! The flows that the simulation runs.

use std::{collections::HashMap, sync::Arc};

use contracts::owner::Start;
use serde_json::{Value, json};

use crate::domain::{Program, Reused, TakenOver, tests as flows};

/// What an execution takes over; the same for a start that is repeated.
pub(super) fn taken_over(plan: &Program, start: &Start) -> TakenOver {
    if !start.input["n"].as_u64().unwrap_or(0).is_multiple_of(4) {
        return TakenOver::default();
    }
    let given = ["t", "a"].into_iter().filter(|id| plan.index(id).is_some());
    let reused = given.map(|id| Reused {
        node: id.to_owned(),
        output: json!({"given": id}),
        port: "out".to_owned(),
        from: None,
        anyway: false,
    });
    TakenOver {
        reused: reused.collect(),
        left_out: Vec::new(),
    }
}

/// A chain with retries, branches side by side, and a flow that the core does alone.
pub(super) fn plans() -> HashMap<String, Arc<Program>> {
    let chain = flows::plan(
        json!([
            trigger(),
            call(
                "a",
                json!({"retry": {"max_attempts": 3, "backoff_ms": 100, "jitter": 0.5}})
            ),
            {"id": "w", "type": "wait", "config": {"seconds": 2}},
            call("b", json!({"on_error": {"default": 0}})),
            {"id": "e", "type": "event", "config": {"name": "go", "deadline_seconds": 2}},
            {"id": "q", "type": "approval", "config": {"title": "Go on?", "deadline_seconds": 1}},
            output("{{ nodes.b.output }}")
        ]),
        &[
            ("t", "out", "a"),
            ("a", "out", "w"),
            ("w", "out", "b"),
            ("b", "out", "e"),
            ("e", "out", "q"),
            ("e", "deadline", "q"),
            ("q", "deadline", "o"),
        ],
    );
    let parallel = flows::plan(
        json!([
            trigger(),
            call("a", json!({})),
            call("b", json!({"retry": {"max_attempts": 2, "backoff_ms": 5000}})),
            {"id": "c", "type": "condition", "config": {"cases": [{"when": "input.n > 9", "port": "big"}], "default_port": "small"}},
            call("d", json!({"on_error": "branch"})),
            output("{{ nodes.d.output }}")
        ]),
        &[
            ("t", "out", "a"),
            ("t", "out", "b"),
            ("t", "out", "c"),
            ("c", "big", "d"),
            ("c", "small", "o"),
            ("a", "out", "o"),
            ("b", "out", "o"),
            ("d", "out", "o"),
            ("d", "error", "o"),
        ],
    );
    let inline = flows::plan(
        json!([trigger(), {"id": "x", "type": "transform", "config": {"value": "{{ input.n }}"}}, output("{{ nodes.x.output }}")]),
        &[("t", "out", "x"), ("x", "out", "o")],
    );
    [
        ("bodies", bodies()),
        ("chain", chain),
        ("inline", inline),
        ("parallel", parallel),
        ("saga", saga()),
    ]
    .into_iter()
    .map(|(name, plan)| (name.to_owned(), plan))
    .collect()
}

/// Items side by side of which some fail, and what is done until it is enough.
fn bodies() -> Arc<Program> {
    let within = |id: &str, parent: &str, more: Value| {
        let mut node = call(id, more);
        node["parent"] = json!(parent);
        node
    };
    flows::plan(
        json!([
            trigger(),
            {"id": "each", "type": "map",
             "config": {"items": "{{ [1, 2, 3, input.n] }}", "parallel": 2, "on_item_error": "keep"}},
            within("m", "each", json!({"retry": {"max_attempts": 2, "backoff_ms": 100}})),
            {"id": "nap", "type": "wait", "parent": "each", "config": {"seconds": 1}},
            {"id": "until", "type": "loop",
             "config": {"while": "index < 2 or (index < 4 and previous.n < 500)"}, "on_error": {"default": 0}},
            within("l", "until", json!({})),
            output("{{ nodes.each.output | length }}")
        ]),
        &[
            ("t", "out", "each"),
            ("m", "out", "nap"),
            ("each", "out", "until"),
            ("until", "out", "o"),
        ],
    )
}

/// Steps that are undone, an error handler, an end in time, and outputs that are taken again.
fn saga() -> Arc<Program> {
    flows::plan_with(
        json!([
            trigger(),
            call("a", json!({"cache": {"ttl_seconds": 60}})),
            call("b", json!({})),
            call("c", json!({})),
            call("not_a", json!({"compensates": "a", "retry": {"max_attempts": 5, "backoff_ms": 100}})),
            call("not_b", json!({"compensates": "b"})),
            {"id": "f", "type": "error_handler"},
            call("tell", json!({"on_error": {"default": 0}})),
            {"id": "told", "type": "output", "config": {"value": "{{ nodes.tell.output }}"}},
            output("{{ nodes.c.output }}")
        ]),
        &[
            ("t", "out", "a"),
            ("t", "out", "b"),
            ("a", "out", "c"),
            ("b", "out", "c"),
            ("c", "out", "o"),
            ("f", "out", "tell"),
            ("tell", "out", "told"),
        ],
        json!({"timeout_seconds": 5}),
    )
}

fn call(id: &str, more: Value) -> Value {
    let mut node = json!({"id": id, "type": "http", "config": {"method": "GET", "url": "https://example.com/{{ input.path }}"}});
    let fields = more.as_object().unwrap().clone();
    node.as_object_mut().unwrap().extend(fields);
    node
}

fn trigger() -> Value {
    json!({"id": "t", "type": "trigger"})
}

fn output(value: &str) -> Value {
    json!({"id": "o", "type": "output", "config": {"value": value}})
}
