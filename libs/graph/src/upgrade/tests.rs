use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::validate;

/// A made-up type of three versions: the first step puts `x` into `y`, calls `out` `done` and takes `extra` away; the second
/// puts `y` into `z`, calls `done` `out` again and `more` `rest`.
fn kinds() -> Kinds {
    let version = |number: u32, ports: fn(&NodeConfig) -> Vec<&str>, next: Option<Step>| {
        let mut kind = node_types::kind("made_up", "Made up", "Nothing.", json!({}));
        kind.about.version = number;
        kind.ports = ports;
        kind.next = next;
        kind
    };
    let first = Step {
        changes: &["`x` is `y`."],
        config: |config| renamed(config, "x", "y"),
        ports: &[("out", "done")],
        output: None,
    };
    let second = Step {
        changes: &["`y` is `z`."],
        config: |config| renamed(config, "y", "z"),
        ports: &[("done", "out"), ("more", "rest")],
        output: None,
    };
    let told = Step {
        changes: &["It is new."],
        config: |config| config,
        ports: &[("yes", "both"), ("no", "both")],
        output: Some("It is a list."),
    };
    let mut kinds = vec![
        version(1, |_| vec!["out", "more", "extra"], Some(first)),
        version(2, |_| vec!["done", "more"], Some(second)),
        version(3, |_| vec!["out", "rest"], None),
        version(1, |_| vec!["yes", "no"], Some(told)),
        version(2, |_| vec!["both"], None),
    ];
    for kind in &mut kinds[3..] {
        kind.about.kind = "answer".to_owned();
    }
    Kinds(kinds)
}

fn renamed(mut config: NodeConfig, old: &str, new: &str) -> NodeConfig {
    if let Some(value) = config.remove(old) {
        config.insert(new.to_owned(), value);
    }
    config
}

fn definition(nodes: Value, edges: Value) -> Definition {
    serde_json::from_value(json!({"nodes": nodes, "edges": edges})).unwrap()
}

fn all(definition: &Definition) -> Upgrade {
    upgrade_to(&kinds(), definition, None)
}

#[test]
fn steps_are_chained_and_edges_follow_their_ports() {
    let before = definition(
        json!([
            {"id": "a", "type": "made_up", "name": "A", "config": {"x": 1}, "on_error": "branch", "timeout_ms": 5},
            {"id": "b", "type": "made_up", "type_version": 2, "config": {"y": 2}, "compensates": "a"},
            {"id": "c", "type": "made_up", "type_version": 3, "config": {"z": 3}, "parent": "b"}
        ]),
        json!([
            {"from": "a", "to": "b"}, {"from": "a", "from_port": "more", "to": "c"},
            {"from": "a", "from_port": "error", "to": "c"}, {"from": "b", "from_port": "done", "to": "c"},
            {"from": "a", "from_port": "never", "to": "c"}
        ]),
    );
    let upgraded = all(&before);
    let after = definition(
        json!([
            {"id": "a", "type": "made_up", "type_version": 3, "name": "A", "config": {"z": 1}, "on_error": "branch", "timeout_ms": 5},
            {"id": "b", "type": "made_up", "type_version": 3, "config": {"z": 2}, "compensates": "a"},
            {"id": "c", "type": "made_up", "type_version": 3, "config": {"z": 3}, "parent": "b"}
        ]),
        json!([
            {"from": "a", "to": "b"}, {"from": "a", "from_port": "rest", "to": "c"},
            {"from": "a", "from_port": "error", "to": "c"}, {"from": "b", "to": "c"},
            {"from": "a", "from_port": "never", "to": "c"}
        ]),
    );
    assert_eq!((upgraded.definition, upgraded.left), (after, vec![]));
    let told: Vec<_> = upgraded
        .nodes
        .iter()
        .map(|it| {
            (
                it.node.as_str(),
                it.from,
                it.to,
                it.changes.len(),
                json!(it.ports),
            )
        })
        .collect();
    let expect = [
        ("a", 1, 3, 2, json!({"more": "rest"})),
        ("b", 2, 3, 1, json!({"done": "out", "more": "rest"})),
    ];
    assert_eq!(told, expect);
    let only = upgrade_to(&kinds(), &before, Some(&["b".to_owned()]));
    assert_eq!(only.nodes.len(), 1);
    assert_eq!(only.definition.nodes[0], before.nodes[0]);
}

#[test]
fn a_node_stays_where_an_edge_would_be_lost() {
    let check = |nodes: Value, edges: Value, expect: Option<&str>| {
        let before = definition(nodes, edges);
        let upgraded = all(&before);
        let codes: Vec<_> = upgraded.left.iter().map(|it| it.code.as_str()).collect();
        assert_eq!(codes, expect.into_iter().collect::<Vec<_>>());
        if expect.is_some() {
            assert_eq!(upgraded.definition, before);
        }
    };
    let node = |kind: &str| json!({"id": "a", "type": kind});
    let edge = |port: &str| json!({"from": "a", "from_port": port, "to": "b"});
    check(
        json!([node("made_up")]),
        json!([edge("extra")]),
        Some("port_vanishes"),
    );
    check(
        json!([node("answer")]),
        json!([edge("yes"), edge("no")]),
        Some("edges_become_one"),
    );
    check(json!([node("answer")]), json!([edge("yes")]), None);
    check(
        json!([node("nobody")]),
        json!([]),
        Some("unknown_node_type"),
    );
    let newer = json!({"id": "a", "type": "answer", "type_version": 3});
    check(json!([newer]), json!([]), Some("unknown_node_type_version"));
}

#[test]
fn a_node_stays_where_others_read_an_output_that_changes() {
    let is_left = |reader: Value| {
        let nodes = json!([{"id": "a", "type": "answer"}, reader]);
        let before = definition(nodes, json!([{"from": "a", "from_port": "yes", "to": "b"}]));
        // The kinds of the readers are not those of the test: they are told too.
        all(&before)
            .left
            .iter()
            .any(|it| it.code == "output_is_read")
    };
    assert!(is_left(
        json!({"id": "b", "type": "transform", "config": {"value": "{{ nodes.a.output }}"}})
    ));
    assert!(is_left(
        json!({"id": "b", "type": "http", "compensates": "a", "config": {"url": "https://{{ nodes['a'].output }}"}})
    ));
    assert!(is_left(
        json!({"id": "b", "type": "code", "config": {"source": "({nodes}) => nodes.a.output"}})
    ));
    assert!(is_left(json!({"id": "b", "type": "join"})));
    assert!(!is_left(
        json!({"id": "b", "type": "transform", "config": {"value": "{{ input.a }}"}})
    ));
    assert!(!is_left(json!({"id": "c", "type": "custom"})));
}

#[test]
fn a_flow_of_the_first_version_is_valid_before_and_after() {
    let before = definition(
        json!([
            {"id": "start", "type": "trigger"},
            {"id": "call", "type": "http", "cache": {"ttl_seconds": 5},
             "config": {"method": "POST", "url": "https://example.com", "body": {"n": "{{ input.n }}"}}},
            {"id": "undo", "type": "http", "compensates": "call",
             "config": {"method": "POST", "url": "https://example.com", "body": "{{ nodes.call.output.body }}"}},
            {"id": "end", "type": "output", "config": {"value": "{{ nodes.call.output.status }}"}}
        ]),
        json!([{"from": "start", "to": "call"}, {"from": "call", "to": "end"}]),
    );
    assert_eq!(validate(&before), []);
    let upgraded = upgrade(&before, None);
    assert_eq!(
        (validate(&upgraded.definition), upgraded.left),
        (vec![], vec![])
    );
    assert_eq!(upgraded.nodes.len(), 2);
    assert_eq!(
        upgraded.nodes[1].after["body"],
        json!({"value": "{{ nodes.call.output.body }}"})
    );
    assert_eq!(upgraded.definition.edges, before.edges);
}

/// Definitions of nodes of the made-up types, of any version, with edges at any port.
fn any_definition() -> impl Strategy<Value = Definition> {
    let kind = prop::sample::select(vec!["made_up", "answer", "nobody"]);
    let node = (kind, prop::option::of(0u32..5), any::<bool>());
    let ports = vec![
        "out", "done", "more", "rest", "extra", "yes", "no", "both", "error", "x",
    ];
    let edge = (0usize..6, prop::sample::select(ports), 0usize..6);
    let nodes = prop::collection::vec(node, 1..6);
    (nodes, prop::collection::vec(edge, 0..12)).prop_map(|(nodes, edges)| {
        let node = |(at, (kind, version, branch)): (usize, (&str, Option<u32>, bool))| {
            let on_error = if branch { "branch" } else { "fail" };
            json!({"id": format!("n{at}"), "type": kind, "type_version": version, "config": {"x": at, "y": 1}, "on_error": on_error})
        };
        let edge = |(from, port, to)| json!({"from": format!("n{from}"), "from_port": port, "to": format!("n{to}")});
        let nodes: Vec<_> = nodes.into_iter().enumerate().map(node).collect();
        let edges: Vec<_> = edges.into_iter().map(edge).collect();
        definition(json!(nodes), json!(edges))
    })
}

proptest! {
    #[test]
    fn edges_change_in_the_names_of_ports_alone(before in any_definition()) {
        let upgraded = all(&before);
        prop_assert_eq!(before.edges.len(), upgraded.definition.edges.len());
        for (old, new) in before.edges.iter().zip(&upgraded.definition.edges) {
            let change = upgraded.nodes.iter().find(|change| change.node == old.from);
            let port = change.and_then(|change| change.ports.get(old.port()));
            let port = port.map_or(old.port(), String::as_str);
            prop_assert_eq!((&old.from, port, &old.to), (&new.from, new.port(), &new.to));
        }
        let different = |edges: &[Edge]| {
            let edges = edges.iter().map(|edge| (edge.from.clone(), edge.port().to_owned(), edge.to.clone()));
            edges.collect::<BTreeSet<_>>().len()
        };
        prop_assert_eq!(different(&before.edges), different(&upgraded.definition.edges));
    }

    #[test]
    fn twice_is_once(before in any_definition()) {
        let once = all(&before);
        let twice = all(&once.definition);
        prop_assert_eq!(&twice.definition, &once.definition);
        prop_assert!(twice.nodes.is_empty());
        prop_assert_eq!(twice.left, once.left);
    }
}
