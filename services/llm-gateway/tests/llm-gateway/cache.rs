//! The cache of a route: equal questions get the same answer again, at no price, and are put once.

use std::time::Duration;

use contracts::{
    Principal,
    llm::{
        AnswerCache, Complete, CreateRoute, FunctionSpec, ListCalls, RouteSpec, ToolSpec,
        UpdateRoute,
    },
};
use futures::future::join_all;
use rust_decimal::Decimal;
use serde_json::{Map, json};
use testkit::fake_llm::{Answer, ToolCall};

use crate::{
    Fixture,
    http::{read, send},
    question, text,
};

fn spec() -> RouteSpec {
    let mut spec = RouteSpec::ordered("r", [("vendor", "fake-large")]);
    spec.cache = Some(AnswerCache::exact(3600));
    spec
}

async fn ready() -> (Fixture, Principal) {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let create = CreateRoute { spec: spec() };
    fixture.ask(&owner, &create).await.unwrap();
    (fixture, owner)
}

#[tokio::test]
async fn an_equal_question_costs_nothing_and_says_so() {
    let (fixture, owner) = ready().await;
    let said = format!("{}é and more.", "Good evening, Ada. ".repeat(10));
    fixture.vendor.script(Answer::text(said.clone()));
    let mut ask = question("r", "hi");
    ask.idempotency_key = Some("one".into());
    let (first_chunks, first) = fixture.complete(&owner, &ask).await;
    let first = first.unwrap();
    assert!(!first.cached && first.usage.cost > Some(Decimal::ZERO));
    ask.idempotency_key = Some("two".into());
    let (chunks, again) = fixture.complete(&owner, &ask).await;
    let again = again.unwrap();
    assert!(again.cached);
    assert_eq!(again.usage.cost, Some(Decimal::ZERO));
    assert_eq!(
        (&again.message, again.finish_reason),
        (&first.message, first.finish_reason)
    );
    assert_eq!(again.usage.prompt_tokens, first.usage.prompt_tokens);
    assert_eq!((text(&chunks), text(&first_chunks)), (said.clone(), said));
    assert_eq!(fixture.vendor.requests().len(), 1);
    let call = testkit::eventually(Duration::from_secs(20), async || {
        let page = fixture.ask(&owner, &ListCalls::default()).await.unwrap();
        page.items
            .into_iter()
            .next()
            .filter(|call| call.id == again.id)
    })
    .await;
    assert!(call.cached && call.usage.cost == Some(Decimal::ZERO));
    // Another question, another organization, another route: other answers.
    fixture.vendor.otherwise(Answer::text("other"));
    let other = question("r", "ho");
    assert!(!fixture.complete(&owner, &other).await.1.unwrap().cached);
    let stranger = fixture.owner().await;
    fixture.vendor_of(&stranger).await;
    let create = CreateRoute { spec: spec() };
    let route = fixture.ask(&stranger, &create).await.unwrap();
    assert!(!fixture.complete(&stranger, &ask).await.1.unwrap().cached);
    let mut changed = spec();
    changed.max_attempts = 2;
    let update = UpdateRoute {
        route_id: route.id,
        spec: changed,
        if_version: None,
    };
    fixture.ask(&stranger, &update).await.unwrap();
    assert!(!fixture.complete(&stranger, &ask).await.1.unwrap().cached);
}

#[tokio::test]
async fn calls_of_tools_are_told_again_byte_for_byte() {
    let (fixture, owner) = ready().await;
    let call = |id: &str| ToolCall {
        id: id.into(),
        name: "add".into(),
        arguments: json!({"a": 1.5, "b": "é"}),
    };
    fixture
        .vendor
        .script(Answer::tools([call("call_1"), call("call_2")]));
    let mut ask = question("r", "hi");
    ask.tools = vec![ToolSpec {
        kind: "function".into(),
        function: FunctionSpec {
            name: "add".into(),
            description: None,
            parameters: json!({"type": "object"}),
            extra: Map::new(),
        },
    }];
    let first = fixture.complete(&owner, &ask).await.1.unwrap();
    let again = fixture.complete(&owner, &ask).await.1.unwrap();
    assert_eq!((again.cached, &again.message), (true, &first.message));
    assert_eq!(again.message.tool_calls.len(), 2);
}

#[tokio::test]
async fn equal_questions_at_the_same_time_are_put_once() {
    let (fixture, owner) = ready().await;
    let slow = Answer::text("hello").slow(Duration::from_millis(100), Duration::ZERO);
    fixture.vendor.script(slow);
    let ask = question("r", "hi");
    let crowd = join_all((0..16).map(|_| async { fixture.complete(&owner, &ask).await.1 }));
    let outcomes = crowd.await;
    let cached = outcomes.iter().filter(|done| done.as_ref().unwrap().cached);
    assert_eq!(cached.count(), 15);
    assert_eq!(fixture.vendor.requests().len(), 1);
}

#[tokio::test]
async fn what_failed_is_not_kept_and_the_next_one_asks() {
    let (fixture, owner) = ready().await;
    let ask = question("r", "hi");
    let slow = Answer::text("one two").slow(Duration::from_millis(100), Duration::ZERO);
    fixture.vendor.script(slow.cut_after(2));
    fixture.vendor.script(Answer::text("whole"));
    let (first, second): (_, _) =
        tokio::join!(async { fixture.complete(&owner, &ask).await.1 }, async {
            fixture.complete(&owner, &ask).await.1
        });
    let outcomes = [first, second];
    let failed = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    let reasons: Vec<_> = failed.map(|problem| problem.reason.as_deref()).collect();
    assert_eq!(reasons, [Some("upstream_cut")]);
    let told = outcomes.iter().find_map(|outcome| outcome.as_ref().ok());
    assert_eq!(told.unwrap().message.content, "whole");
    assert!(fixture.complete(&owner, &ask).await.1.unwrap().cached);
}

#[tokio::test]
async fn over_http_the_header_tells_hits_and_the_stream_is_whole() {
    let (fixture, owner) = ready().await;
    fixture.vendor.script(Answer::text("one two three"));
    let bearer = format!("Bearer {}", testkit::token(&owner));
    let headers = [("authorization", bearer.as_str())];
    let body = |stream: bool| {
        let body = json!({"model": "r", "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
        body.to_string()
    };
    let path = "/chat/completions";
    let first = send(&fixture, "POST", path, &headers, body(false)).await;
    assert_eq!(first.header("x-gateway-cache"), Some("miss"));
    let again = send(&fixture, "POST", path, &headers, body(false)).await;
    assert_eq!(again.header("x-gateway-cache"), Some("hit"));
    assert_eq!(read(&again)["usage"]["cost"], "0");
    let (first, again) = (read(&first), read(&again));
    let message = "/choices/0/message";
    assert_eq!(again.pointer(message), first.pointer(message));
    let streamed = send(&fixture, "POST", path, &headers, body(true)).await;
    assert_eq!(streamed.header("x-gateway-cache"), Some("hit"));
    let said = String::from_utf8_lossy(&streamed.body).into_owned();
    assert!(said.contains("one two three") && said.trim_end().ends_with("[DONE]"));
}

#[tokio::test]
async fn a_question_without_a_cache_is_put_each_time() {
    let (fixture, owner) = ready().await;
    fixture.vendor.otherwise(Answer::text("hello"));
    let ask: Complete = question("vendor/fake-large", "hi");
    for _ in 0..2 {
        assert!(!fixture.complete(&owner, &ask).await.1.unwrap().cached);
    }
    assert_eq!(fixture.vendor.requests().len(), 2);
}
