use contracts::flow::Definition;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod failure;

/// A valid flow `trigger → a → end`, changed by a merge at JSON pointers.
fn flow(changes: &[(&str, Value)]) -> Definition {
    let mut flow = json!({
        "nodes": [
            {"id": "start", "type": "trigger"},
            {"id": "a", "type": "transform", "config": {"value": "{{ input.x }}"}},
            {"id": "end", "type": "output", "config": {"value": "{{ nodes.a.output }}"}}
        ],
        "edges": [{"from": "start", "to": "a"}, {"from": "a", "to": "end"}]
    });
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match flow.pointer_mut(parent).unwrap() {
            Value::Object(object) => drop(object.insert(key.to_owned(), value.clone())),
            Value::Array(items) => match key.parse::<usize>() {
                Ok(position) => items[position] = value.clone(),
                Err(_) => items.push(value.clone()),
            },
            other => panic!("{other}"),
        }
    }
    serde_json::from_value(flow).unwrap()
}

/// Checks that exactly these `(node, path, code)` are found.
fn check(changes: &[(&str, Value)], expect: &[(&str, &str, &str)]) {
    let problems = validate(&flow(changes));
    let found: Vec<_> = problems
        .iter()
        .map(|problem| {
            (
                problem.node.as_deref().unwrap_or(""),
                problem.path.as_str(),
                problem.code.as_str(),
            )
        })
        .collect();
    assert_eq!(found, expect, "{changes:?}: {problems:#?}");
    assert!(
        problems
            .iter()
            .all(|problem| !problem.message.is_empty() && problem.message.len() < 600)
    );
}

#[test]
fn a_valid_flow_has_no_problems() {
    check(&[], &[]);
    assert_eq!(validate(&Definition::example()), []);
}

#[test]
fn nodes_are_checked_one_by_one() {
    check(
        &[("/nodes/1/type", json!("transfrom"))],
        &[("a", "/nodes/1/type", "unknown_node_type")],
    );
    check(
        &[("/nodes/1/type_version", json!(7))],
        &[("a", "/nodes/1/type_version", "unknown_node_type_version")],
    );
    check(
        &[("/nodes/1/config", json!({}))],
        &[("a", "/nodes/1/config", "invalid_config")],
    );
    check(
        &[("/nodes/1/config", json!({"value": 1, "valeu": 2}))],
        &[("a", "/nodes/1/config", "invalid_config")],
    );
    check(
        &[(
            "/nodes/1",
            json!({"id": "a", "type": "http", "config": {"method": "FETCH", "url": 3}}),
        )],
        &[
            ("a", "/nodes/1/config/method", "invalid_config"),
            ("a", "/nodes/1/config/url", "invalid_config"),
        ],
    );
    check(
        &[("/nodes/1/timeout_ms", json!(0))],
        &[("a", "/nodes/1/timeout_ms", "invalid_timeout")],
    );
    check(
        &[(
            "/nodes/1/retry",
            json!({"max_attempts": 0, "backoff_ms": 10, "max_backoff_ms": 5, "jitter": 2.0, "max_elapsed_ms": 0, "on": []}),
        )],
        &[
            ("a", "/nodes/1/retry/max_attempts", "invalid_retry"),
            ("a", "/nodes/1/retry/max_backoff_ms", "invalid_retry"),
            ("a", "/nodes/1/retry/jitter", "invalid_retry"),
            ("a", "/nodes/1/retry/max_elapsed_ms", "invalid_retry"),
            ("a", "/nodes/1/retry/on", "invalid_retry"),
        ],
    );
    check(
        &[("/input_schema", json!({"type": "strnig"}))],
        &[("", "/input_schema", "invalid_input_schema")],
    );
}

#[test]
fn an_expression_may_stand_where_another_type_is_expected() {
    check(
        &[(
            "/nodes/1",
            json!({"id": "a", "type": "llm", "config": {"prompt": "x", "max_tokens": "{{ input.n }}", "temperature": "{{ vars.t }}"}}),
        )],
        &[],
    );
    check(
        &[(
            "/nodes/1",
            json!({"id": "a", "type": "llm", "config": {"prompt": "x", "max_tokens": "many"}}),
        )],
        &[("a", "/nodes/1/config/max_tokens", "invalid_config")],
    );
    // Text around an expression stays a text.
    check(
        &[(
            "/nodes/1",
            json!({"id": "a", "type": "llm", "config": {"prompt": "x{{ input.x }}", "max_tokens": "1{{ input.n }}"}}),
        )],
        &[("a", "/nodes/1/config/max_tokens", "invalid_config")],
    );
}

#[test]
fn ids_are_unique_tokens() {
    check(
        &[(
            "/nodes/-",
            json!({"id": "a", "type": "transform", "config": {"value": 1}}),
        )],
        &[("a", "/nodes/3/id", "duplicate_node_id")],
    );
    check(
        &[
            (
                "/nodes/-",
                json!({"id": "a b", "type": "transform", "config": {"value": 1}}),
            ),
            ("/edges/-", json!({"from": "a", "to": "a b"})),
        ],
        &[("a b", "/nodes/3/id", "invalid_node_id")],
    );
}

#[test]
fn edges_must_fit() {
    check(
        &[("/edges/-", json!({"from": "a", "to": "ghost"}))],
        &[("", "/edges/2/to", "dangling_edge")],
    );
    check(
        &[("/edges/-", json!({"from": "a", "to": "end"}))],
        &[("", "/edges/2", "duplicate_edge")],
    );
    check(
        &[("/edges/0/from_port", json!("error"))],
        &[("start", "/edges/0/from_port", "unknown_port")],
    );
    check(
        &[
            ("/nodes/1/on_error", json!("branch")),
            (
                "/edges/-",
                json!({"from": "a", "from_port": "error", "to": "end"}),
            ),
        ],
        &[],
    );
    check(
        &[("/edges/-", json!({"from": "a", "to": "start"}))],
        &[
            ("start", "/edges/2/to", "edge_into_trigger"),
            ("start", "/edges", "cycle"),
        ],
    );
    check(
        &[("/edges/-", json!({"from": "end", "to": "a"}))],
        &[
            ("end", "/edges/2/from_port", "unknown_port"),
            ("a", "/edges", "cycle"),
        ],
    );
}

#[test]
fn conditions_have_the_ports_they_name() {
    let condition = json!({"id": "a", "type": "condition", "config": {"cases": [{"when": "input.x > 1", "port": "big"}], "default_port": "small"}});
    let fine = [
        ("/nodes/1", condition.clone()),
        ("/edges/1/from_port", json!("big")),
    ];
    check(&fine, &[]);
    check(
        &[("/nodes/1", condition)],
        &[("a", "/edges/1/from_port", "unknown_port")],
    );
    let broken = json!({"id": "a", "type": "condition", "config": {"cases": [{"when": "input.x >", "port": "big"}], "default_port": "big"}});
    check(
        &[("/nodes/1", broken), ("/edges/1/from_port", json!("big"))],
        &[("a", "/nodes/1/config/cases/0/when", "invalid_expression")],
    );
}

#[test]
fn a_flow_has_one_trigger_and_nothing_out_of_reach() {
    check(
        &[
            ("/nodes/0/type", json!("transform")),
            ("/nodes/0/config", json!({"value": 1})),
        ],
        &[("", "/nodes", "no_trigger")],
    );
    check(
        &[("/nodes/-", json!({"id": "t2", "type": "trigger"}))],
        &[("t2", "/nodes/3", "several_triggers")],
    );
    check(
        &[(
            "/nodes/-",
            json!({"id": "lone", "type": "transform", "config": {"value": 1}}),
        )],
        &[("lone", "/nodes/3", "unreachable_node")],
    );
    assert_eq!(validate(&Definition::default())[0].code, "no_trigger");
}

#[test]
fn expressions_see_only_what_is_upstream() {
    let value = |text: &str| [("/nodes/1/config/value", json!({"deep": [text]}))];
    let at = "/nodes/1/config/value/deep/0";
    check(
        &value("{{ nodes.start.output }} {{ vars.x }} {{ execution.id }}"),
        &[],
    );
    check(
        &value("{{ nodes.ghost.output }}"),
        &[("a", at, "unknown_node")],
    );
    check(
        &value("{{ nodes.end.output }}"),
        &[("a", at, "node_not_upstream")],
    );
    check(
        &value("{{ nodes.a.output }}"),
        &[("a", at, "node_not_upstream")],
    );
    check(
        &value("{{ nodes[input.x].output }}"),
        &[("a", at, "dynamic_node_reference")],
    );
    check(&value("{{ secrets.x }}"), &[("a", at, "unknown_name")]);
    check(&value("{{ input. }}"), &[("a", at, "invalid_expression")]);
    check(&value("{{ secrets[1:] }}"), &[("a", at, "unknown_name")]);
    check(
        &value("{{ nodes.start.text }}"),
        &[("a", at, "unknown_name")],
    );
    check(
        &value("{{ nodes }}"),
        &[("a", at, "dynamic_node_reference")],
    );
    check(
        &value("{{ input.x|nope }}"),
        &[("a", at, "invalid_expression")],
    );
    check(
        &value("{{ input.x is nope }}"),
        &[("a", at, "invalid_expression")],
    );
    check(
        &value("{% if input.x %}"),
        &[("a", at, "invalid_expression")],
    );
    check(
        &value("{{ input.x ~ }}"),
        &[("a", at, "invalid_expression")],
    );
    check(&value("{{ input.x"), &[("a", at, "invalid_expression")]);
}

#[test]
fn bodies_hold_nodes_that_only_lead_to_each_other() {
    let map = json!({"id": "a", "type": "map", "config": {"items": "{{ input.list }}"}});
    let inner = |config: Value| json!({"id": "in", "type": "transform", "parent": "a", "config": {"value": config}});
    let with = |changes: &[(&'static str, Value)]| {
        let mut all = vec![("/nodes/1", map.clone())];
        all.extend_from_slice(changes);
        all
    };
    check(
        &with(&[(
            "/nodes/-",
            inner(json!("{{ item }} {{ index }} {{ nodes.start.output }}")),
        )]),
        &[],
    );
    check(&with(&[]), &[("a", "/nodes/1", "empty_body")]);
    check(
        &with(&[("/nodes/-", inner(json!("{{ previous }}")))]),
        &[("in", "/nodes/3/config/value", "unknown_name")],
    );
    check(
        &with(&[("/nodes/-", inner(json!("{{ nodes.a.output }}")))]),
        &[("in", "/nodes/3/config/value", "node_not_upstream")],
    );
}

#[test]
fn nothing_leads_into_a_body_or_out_of_it() {
    let inner = |config: Value| json!({"id": "in", "type": "transform", "parent": "a", "config": {"value": config}});
    let with = |changes: &[(&'static str, Value)]| {
        let map = json!({"id": "a", "type": "map", "config": {"items": "{{ input.list }}"}});
        let mut all = vec![("/nodes/1", map)];
        all.extend_from_slice(changes);
        all
    };
    check(
        &with(&[
            ("/nodes/-", inner(json!(1))),
            ("/nodes/2/config/value", json!("{{ nodes.in.output }}")),
        ]),
        &[("end", "/nodes/2/config/value", "node_not_upstream")],
    );
    check(
        &with(&[
            ("/nodes/-", inner(json!(1))),
            ("/edges/-", json!({"from": "in", "to": "end"})),
        ]),
        &[("", "/edges/2", "edge_crosses_body")],
    );
    check(
        &with(&[
            ("/nodes/-", inner(json!(1))),
            ("/nodes/1/retry", json!({"max_attempts": 2})),
        ]),
        &[("a", "/nodes/1/retry", "invalid_retry")],
    );
    check(
        &[("/nodes/1/parent", json!("ghost"))],
        &[
            ("a", "/nodes/1/parent", "unknown_parent"),
            ("", "/edges/0", "edge_crosses_body"),
            ("", "/edges/1", "edge_crosses_body"),
        ],
    );
    check(
        &[(
            "/nodes/-",
            json!({"id": "x", "type": "transform", "parent": "a", "config": {"value": 1}}),
        )],
        &[("x", "/nodes/3/parent", "no_body")],
    );
    check(
        &[
            (
                "/nodes/1",
                json!({"id": "a", "type": "loop", "config": {"while": "index < 3 and previous != 1"}}),
            ),
            ("/nodes/-", inner(json!("{{ previous }}"))),
        ],
        &[],
    );
    check(
        &[
            ("/nodes/1", json!({"id": "a", "type": "loop", "config": {}})),
            ("/nodes/-", inner(json!(1))),
        ],
        &[("a", "/nodes/1/config", "invalid_config")],
    );
}

#[test]
fn an_early_join_hides_what_need_not_have_ended() {
    let joined = |config: Value, reads: &str| {
        let value = json!({"nodes": [
            {"id": "t", "type": "trigger"},
            {"id": "a", "type": "transform", "config": {"value": 1}},
            {"id": "b", "type": "transform", "config": {"value": 2}},
            {"id": "j", "type": "join", "config": config},
            {"id": "o", "type": "output", "config": {"value": format!("{{{{ nodes.{reads}.output }}}}")}}
        ], "edges": [{"from": "t", "to": "a"}, {"from": "t", "to": "b"}, {"from": "a", "to": "j"}, {"from": "b", "to": "j"}, {"from": "j", "to": "o"}]});
        let problems = validate(&serde_json::from_value(value).unwrap());
        let codes = problems.into_iter().map(|problem| problem.code);
        codes.collect::<Vec<_>>()
    };
    for reads in ["a", "j", "t"] {
        assert_eq!(joined(json!({}), reads), Vec::<String>::new(), "{reads}");
    }
    for reads in ["j", "t"] {
        assert_eq!(
            joined(json!({"wait_for": "any"}), reads),
            Vec::<String>::new(),
            "{reads}"
        );
    }
    assert_eq!(
        joined(json!({"wait_for": "any"}), "a"),
        ["node_not_upstream"]
    );
    assert_eq!(
        joined(json!({"wait_for": "some", "count": 2}), "b"),
        ["node_not_upstream"]
    );
}

#[test]
fn ids_with_a_dash_are_named_in_brackets() {
    let dashed = |text: &str| {
        [
            ("/nodes/0/id", json!("my-start")),
            ("/edges/0/from", json!("my-start")),
            ("/nodes/1/config/value", json!(text)),
        ]
    };
    check(&dashed("{{ nodes['my-start'].output }}"), &[]);
    let problems = validate(&flow(&dashed("{{ nodes.my-start.output }}")));
    let messages: Vec<_> = problems.iter().map(|problem| &problem.message).collect();
    assert!(
        messages
            .iter()
            .any(|text| text.contains("write `nodes['my-start']`")),
        "{messages:?}"
    );
}

#[test]
fn keys_that_hold_no_expressions_have_no_drafts() {
    let code =
        json!({"id": "a", "type": "code", "config": {"language": "{{ input.x }}", "source": "x"}});
    check(
        &[("/nodes/1", code)],
        &[("a", "/nodes/1/config/language", "invalid_config")],
    );
    let condition = json!({"id": "a", "type": "condition", "config": {"cases": [{"when": "true", "port": "{{ input.x }}"}], "default_port": "small"}});
    check(
        &[
            ("/nodes/1", condition),
            ("/edges/1/from_port", json!("small")),
        ],
        &[("a", "/nodes/1/config/cases/0/port", "invalid_config")],
    );
}

#[test]
fn schemas_of_users_are_checked() {
    let llm = json!({"id": "a", "type": "llm", "config": {"prompt": "x", "output_schema": {"type": "strnig"}}});
    check(
        &[("/nodes/1", llm)],
        &[("a", "/nodes/1/config/output_schema", "invalid_schema")],
    );
    let looping = json!({"$ref": "#"});
    check(
        &[("/input_schema", looping)],
        &[("", "/input_schema", "invalid_input_schema")],
    );
}

#[test]
fn code_is_never_a_template() {
    let code = json!({"id": "a", "type": "code", "config": {"language": "javascript", "source": "export default () => `{{ nodes.ghost }}`"}});
    check(&[("/nodes/1", code)], &[]);
}

#[test]
fn there_are_limits() {
    let nodes: Vec<_> = (0..1001)
        .map(|n| json!({"id": format!("n{n}"), "type": "transform", "config": {"value": n}}))
        .collect();
    let many: Definition = serde_json::from_value(json!({"nodes": nodes, "edges": []})).unwrap();
    assert_eq!(validate(&many)[0].code, "too_many_nodes");
    let many = vec![json!("{{ 1 }}"); 1001];
    check(
        &[("/nodes/1/config/value", json!(many))],
        &[("a", "/nodes/1/config", "too_many_expressions")],
    );
    check(
        &[("/nodes/1/name", json!("x".repeat(201)))],
        &[("a", "/nodes/1/name", "invalid_node_name")],
    );
    let large = flow(&[("/nodes/1/config/value", json!("x".repeat(600_000)))]);
    assert_eq!(validate(&large)[0].code, "too_large");
}

proptest! {
    #[test]
    fn any_definition_is_judged(
        kinds in prop::collection::vec(prop::sample::select(vec!["trigger", "transform", "condition", "code", "x"]), 0..8),
        edges in prop::collection::vec((0usize..9, 0usize..9, prop::option::of("[a-z]{0,5}")), 0..16),
        text in ".{0,40}",
    ) {
        let nodes: Vec<_> = kinds.iter().enumerate().map(|(n, kind)| json!({"id": format!("n{n}"), "type": kind, "config": {"value": text, "when": 1}})).collect();
        let edges: Vec<_> = edges.iter().map(|(from, to, port)| json!({"from": format!("n{from}"), "to": format!("n{to}"), "from_port": port})).collect();
        let definition: Definition = serde_json::from_value(json!({"nodes": nodes, "edges": edges})).unwrap();
        prop_assert!(!validate(&definition).is_empty());
    }
}
