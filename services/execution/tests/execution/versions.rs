//! Nodes of older versions of their type run beside those of the current one.

use std::collections::BTreeMap;

use contracts::{
    execution::{Source, SourceKind},
    owner::Basis,
};

use super::{outside::*, *};

/// What arrived of a node with this version and configuration, and the call's output.
async fn sent(outside: &Outside, version: Option<u32>, config: Value) -> testkit::ledger::Call {
    let mut whole = json!({"method": "POST", "url": format!("{}/in?a=1", outside.ledger.url())});
    let fields = config.as_object().unwrap().clone();
    whole.as_object_mut().unwrap().extend(fields);
    let mut node = json!({"id": "h", "type": "http", "config": whole});
    if let Some(version) = version {
        node["type_version"] = json!(version);
    }
    let nodes = json!([
        {"id": "t", "type": "trigger"}, node,
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.h.output.status }}"}}
    ]);
    let edges = [("t", "out", "h"), ("h", "out", "o")];
    let fixture = &outside.fixture;
    let hash = fixture.define(nodes, &edges).await;
    let input = json!({"text": "a b&c=ü", "n": 3, "file": "AP/+gA=="});
    let id = fixture.execute(&hash, input).await;
    let execution = fixture.finished(id).await;
    assert_eq!(execution.output, Some(json!(200)), "{:?}", execution.error);
    outside.ledger.calls().pop().unwrap()
}

#[tokio::test]
async fn both_versions_of_a_call_send_what_they_say() {
    let outside = Outside::start().await;
    let json_body = json!({"body": {"t": "{{ input.text }}"}});
    let first = sent(&outside, None, json_body.clone()).await;
    assert_eq!(first.body, r#"{"t":"a b&c=ü"}"#);
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert_eq!(first.path, "/in?a=1");
    let named = sent(&outside, Some(1), json_body).await;
    let raw = sent(&outside, Some(1), json!({"body": "{{ input.text }}"})).await;
    assert_eq!(
        (named.bytes, raw.body.as_str()),
        (first.bytes.clone(), "a b&c=ü")
    );

    let upgraded = sent(
        &outside,
        Some(2),
        json!({"body": {"value": {"t": "{{ input.text }}"}}}),
    )
    .await;
    assert_eq!(
        (upgraded.bytes, upgraded.headers.len()),
        (first.bytes, first.headers.len())
    );
    let form = json!({"query": {"q": "{{ input.text }}", "n": "{{ input.n }}"}, "body": {"form": {"x y": "{{ input.text }}"}}});
    let form = sent(&outside, Some(2), form).await;
    assert_eq!(form.path, "/in?a=1&n=3&q=a%20b%26c%3D%C3%BC");
    assert_eq!(form.body, "x+y=a+b%26c%3D%C3%BC");
    assert_eq!(
        form.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    let bytes = sent(
        &outside,
        Some(2),
        json!({"body": {"base64": "{{ input.file }}"}}),
    )
    .await;
    assert_eq!(bytes.bytes, b"\x00\xff\xfe\x80");
    assert_eq!(
        bytes.header("content-type"),
        Some("application/octet-stream")
    );
    let typed =
        json!({"headers": {"Content-Type": "text/csv"}, "body": {"text": "a,{{ input.n }}"}});
    let typed = sent(&outside, Some(2), typed).await;
    assert_eq!(
        (typed.body.as_str(), typed.header("content-type")),
        ("a,3", Some("text/csv"))
    );
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_version_that_is_not_known_is_refused() {
    let fixture = Fixture::start().await;
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        {"id": "h", "type": "http", "type_version": 9, "config": {"method": "GET", "url": "https://example.com"}}
    ]);
    let hash = fixture.define(nodes, &[("t", "out", "h")]).await;
    let start = fixture.start_of(&hash, json!({}));
    let refused = eventually(SOON, async || {
        let answer = fixture.bus.ask_owner(&start, Duration::from_secs(5)).await;
        answer.err().filter(|problem| problem.status != 503)
    })
    .await;
    assert_eq!(refused.code, contracts::ErrorCode::InvalidInput);
    let told = "`h`: there is no version 9 of `http`, only 1, 2";
    assert!(refused.detail.contains(told), "{}", refused.detail);
    fixture.drain().await;
}

#[tokio::test]
async fn what_is_upgraded_is_taken_over_as_it_was() {
    let outside = Outside::start().await;
    let fixture = &outside.fixture;
    let flow = |version: u32, body: Value| {
        let mut call = outside.call("a", json!({"type_version": version}));
        call["config"]["body"] = body;
        json!([{"id": "t", "type": "trigger"}, call,
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output.body }}"}}])
    };
    let edges = [("t", "out", "a"), ("a", "out", "o")];
    let old = fixture.define(flow(1, json!({"n": 1})), &edges).await;
    let source = fixture
        .finished(fixture.execute(&old, json!({})).await)
        .await;
    let upgraded = flow(2, json!({"value": {"n": 1}}));
    let changed = flow(2, json!({"json": {"n": 1}}));
    for (nodes, calls) in [(upgraded, 1), (changed, 2)] {
        let hash = fixture.define(nodes, &edges).await;
        let mut start = fixture.start_of(&hash, json!({}));
        start.basis = Some(Basis {
            source: Source {
                execution_id: Some(source.id),
                kind: SourceKind::Continue,
                node: None,
            },
            pins: BTreeMap::new(),
        });
        let execution = fixture.finished(fixture.begin(&start).await.id).await;
        assert_eq!(execution.state, ExecutionState::Succeeded);
        assert_eq!(outside.ledger.calls().len(), calls);
    }
    outside.fixture.drain().await;
}
