//! Times, caches, and what follows a failure.

use serde_json::{Value, json};

use super::{check, flow, validate};

#[test]
fn what_a_failure_brings_is_checked() {
    let http = |more: Value| {
        let mut node = json!({"id": "x", "type": "http", "config": {"method": "GET", "url": "https://example.com"}});
        let fields = more.as_object().unwrap().clone();
        node.as_object_mut().unwrap().extend(fields);
        node
    };
    let undo = |of: &str| http(json!({"compensates": of}));
    check(&[("/nodes/-", undo("a"))], &[]);
    let refused = [("x", "/nodes/3/compensates", "invalid_compensation")];
    check(&[("/nodes/-", undo("start"))], &refused);
    let branching = http(json!({"compensates": "a", "on_error": "branch"}));
    check(&[("/nodes/-", branching)], &refused);
    let waiting = json!({"id": "x", "type": "wait", "config": {"seconds": 1}, "compensates": "a"});
    check(&[("/nodes/-", waiting)], &refused);
    let unknown = [
        ("x", "/nodes/3", "unreachable_node"),
        ("x", "/nodes/3/compensates", "invalid_compensation"),
    ];
    check(&[("/nodes/-", undo("b"))], &unknown);
    let edge = ("/edges/-", json!({"from": "a", "to": "x"}));
    check(&[("/nodes/-", undo("a")), edge], &refused);
    let second =
        json!({"id": "y", "type": "transform", "config": {"value": 1}, "compensates": "a"});
    let twice = [("y", "/nodes/4/compensates", "invalid_compensation")];
    check(&[("/nodes/-", undo("a")), ("/nodes/-", second)], &twice);
    let reads = http(
        json!({"compensates": "a", "config": {"method": "GET", "url": "{{ nodes.a.output }}/{{ nodes.start.output }}"}}),
    );
    check(&[("/nodes/-", reads)], &[]);
    let ahead = http(
        json!({"compensates": "a", "config": {"method": "GET", "url": "{{ nodes.end.output }}"}}),
    );
    check(
        &[("/nodes/-", ahead)],
        &[("x", "/nodes/3/config/url", "node_not_upstream")],
    );
}

#[test]
fn an_error_handler_stands_apart() {
    let handler = ("/nodes/-", json!({"id": "f", "type": "error_handler"}));
    let tell = json!({"id": "g", "type": "transform", "config": {"value": "{{ nodes.f.output.error.code }} {{ nodes.a.output }}"}});
    let led = ("/edges/-", json!({"from": "f", "to": "g"}));
    check(
        &[handler.clone(), ("/nodes/-", tell.clone()), led.clone()],
        &[],
    );
    let joined = ("/edges/-", json!({"from": "a", "to": "g"}));
    check(
        &[handler.clone(), ("/nodes/-", tell), led, joined],
        &[("g", "/nodes/4", "handler_not_apart")],
    );
    let second = ("/nodes/-", json!({"id": "h", "type": "error_handler"}));
    check(
        &[handler.clone(), second],
        &[("h", "/nodes/4", "several_handlers")],
    );
    let into = ("/edges/-", json!({"from": "a", "to": "f"}));
    let problems = validate(&flow(&[handler, into]));
    let codes: Vec<_> = problems.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(codes, ["edge_into_trigger", "handler_not_apart"]);
}

#[test]
fn times_and_caches_are_checked() {
    check(
        &[("/timeout_seconds", json!(0))],
        &[("", "/timeout_seconds", "invalid_timeout")],
    );
    check(&[("/timeout_seconds", json!(3600))], &[]);
    check(
        &[("/nodes/1/idle_timeout_ms", json!(100))],
        &[("a", "/nodes/1/idle_timeout_ms", "invalid_timeout")],
    );
    let code = json!({"id": "a", "type": "code", "idle_timeout_ms": 100,
        "config": {"language": "javascript", "source": "export default () => 1"}});
    check(
        &[("/nodes/1", code)],
        &[("a", "/nodes/1/idle_timeout_ms", "invalid_timeout")],
    );
    for (kind, config) in [
        (
            "http",
            json!({"method": "GET", "url": "https://example.com"}),
        ),
        ("custom", json!({"name": "invoice"})),
    ] {
        let node = json!({"id": "a", "type": kind, "idle_timeout_ms": 100, "config": config});
        check(&[("/nodes/1", node)], &[]);
    }
    check(
        &[("/nodes/1/cache", json!({"ttl_seconds": 60}))],
        &[("a", "/nodes/1/cache", "invalid_cache")],
    );
    let llm = |more: Value| {
        let mut node = json!({"id": "a", "type": "llm", "config": {"prompt": "x"}});
        let fields = more.as_object().unwrap().clone();
        node.as_object_mut().unwrap().extend(fields);
        ("/nodes/1", node)
    };
    check(
        &[llm(
            json!({"idle_timeout_ms": 100, "cache": {"ttl_seconds": 60}}),
        )],
        &[],
    );
    check(
        &[llm(
            json!({"idle_timeout_ms": 0, "cache": {"ttl_seconds": 0}}),
        )],
        &[
            ("a", "/nodes/1/idle_timeout_ms", "invalid_timeout"),
            ("a", "/nodes/1/cache/ttl_seconds", "invalid_cache"),
        ],
    );
    check(&[llm(json!({"idempotency": "at_most_once"}))], &[]);
    check(
        &[llm(
            json!({"idempotency": "at_most_once", "retry": {"max_attempts": 2}}),
        )],
        &[("a", "/nodes/1/retry", "invalid_retry")],
    );
    check(
        &[("/nodes/1/idempotency", json!("at_most_once"))],
        &[("a", "/nodes/1/idempotency", "invalid_idempotency")],
    );
}
