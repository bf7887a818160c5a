//! Maps, and flows that run flows.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{flow::Definition, tool::FlowPin};

use super::{outside::Outside, *};

#[tokio::test]
async fn a_map_goes_on_with_another_owner() {
    let mut outside = Outside::start().await;
    let call = outside.call("call", json!({"parent": "each"}));
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        {"id": "each", "type": "map", "config": {"items": "{{ input }}", "parallel": 4}},
        call,
        {"id": "with", "type": "transform", "parent": "each",
         "config": {"value": ["{{ item }}", "{{ nodes.call.output.status }}"]}},
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.each.output }}"}},
    ]);
    let edges = [
        ("t", "out", "each"),
        ("call", "out", "with"),
        ("each", "out", "o"),
    ];
    let hash = outside.fixture.define(nodes, &edges).await;
    let items: Vec<_> = (0..40).collect();
    let id = outside.fixture.execute(&hash, json!(items)).await;
    outside.calls(6).await;
    let other = outside.fixture.engine().await;
    outside
        .fixture
        .running
        .replace(other)
        .unwrap()
        .drain()
        .await;
    let execution = outside.fixture.finished(id).await;
    let expected: Vec<_> = items.iter().map(|item| json!([item, 200])).collect();
    assert_eq!(
        execution.output,
        Some(json!(expected)),
        "{:?}",
        execution.error
    );
    // An owner that drains lets its workers end: no call is made twice.
    let calls = outside.ledger.calls();
    let keys: BTreeSet<_> = calls.iter().map(|call| &call.idempotency_key).collect();
    assert_eq!((keys.len(), calls.len()), (items.len(), items.len()));
    let kinds = outside.fixture.kinds(id).await;
    let begun = kinds.iter().filter(|kind| **kind == "iteration_started");
    assert_eq!(begun.count(), items.len());
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_flow_runs_a_flow() {
    let fixture = Fixture::start().await;
    let inner = inline_flow(&fixture).await;
    let pin = |hash: &str| FlowPin {
        flow_id: FlowId::EXAMPLE,
        revision: Some(1),
        hash: Some(hash.to_owned()),
    };
    let definition: Definition = serde_json::from_value(json!({"nodes": [
        {"id": "t", "type": "trigger"},
        {"id": "sub", "type": "flow", "config": {"flow_id": FlowId::EXAMPLE, "input": {"name": "{{ input.who }}"}}},
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.sub.output ~ '!' }}"}}
    ], "edges": [{"from": "t", "to": "sub"}, {"from": "sub", "to": "o"}]}))
    .unwrap();
    let run = async |flows: BTreeMap<String, FlowPin>| {
        let executable = Executable {
            definition: definition.clone(),
            flows,
            ..Executable::default()
        };
        let hash = fixture.store(&executable).await;
        let id = fixture.execute(&hash, json!({"who": "Ada"})).await;
        fixture.finished(id).await
    };
    let done = run([("sub".to_owned(), pin(&inner))].into()).await;
    assert_eq!(done.output, Some(json!("Hello Ada!")), "{:?}", done.error);
    let unpinned = run(BTreeMap::new()).await;
    assert_eq!(unpinned.error.unwrap().code, "not_pinned");
    fixture.drain().await;
}
