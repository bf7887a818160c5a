//! The cache of a route that tells its answers to questions that mean the same.

use std::time::Duration;

use contracts::{
    Principal,
    id::ExecutionId,
    llm::{
        AnswerCache, CallRecord, Complete, CreateProvider, CreateRoute, FunctionSpec, ListCalls,
        Message, ModelKind, Price, ProviderModel, RouteSpec, SemanticCache, ToolSpec,
    },
};
use rust_decimal::Decimal;
use serde_json::{Map, json};
use testkit::fake_llm::{Answer, ToolCall, Usage};

use crate::{
    Fixture,
    http::{read, send},
    question, text, vendor_at,
};

const ASKED: &str = "What is the invoice number of the customer?";
/// Nearly the same words.
const NEAR: &str = "What is the invoice-number of the customer, please?";
const FAR: &str = "Where does the river end?";

fn spec(name: &str, by: SemanticCache) -> RouteSpec {
    let mut spec = RouteSpec::ordered(name, [("vendor", "fake-large")]);
    spec.cache = Some(AnswerCache {
        ttl_s: 3600,
        semantic: Some(by),
    });
    spec
}

fn by_words() -> SemanticCache {
    SemanticCache {
        threshold: 0.7,
        ..SemanticCache::by("rehearsal/rehearsal")
    }
}

async fn ready() -> (Fixture, Principal) {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    make(&fixture, &owner, spec("r", by_words())).await;
    (fixture, owner)
}

async fn make(fixture: &Fixture, owner: &Principal, spec: RouteSpec) {
    fixture.ask(owner, &CreateRoute { spec }).await.unwrap();
}

/// All calls, once there are so many, the oldest first.
async fn calls(fixture: &Fixture, who: &Principal, count: usize) -> Vec<CallRecord> {
    testkit::eventually(Duration::from_secs(20), async || {
        let page = fixture.ask(who, &ListCalls::default()).await.unwrap();
        let mut calls = page.items;
        calls.reverse();
        (calls.len() == count).then_some(calls)
    })
    .await
}

#[tokio::test]
async fn a_question_that_means_the_same_gets_the_answer_and_says_how_near_it_is() {
    let (fixture, owner) = ready().await;
    let run = Principal {
        execution_id: Some(ExecutionId::generate()),
        ..owner.clone()
    };
    fixture.vendor.script(Answer::text("number 42"));
    let first = fixture.complete(&run, &question("r", ASKED)).await.1;
    let first = first.unwrap();
    assert_eq!((first.cached, first.similarity), (false, None));
    let (chunks, near) = fixture.complete(&run, &question("r", NEAR)).await;
    let near = near.unwrap();
    assert!(near.cached);
    let similarity = near.similarity.unwrap();
    assert!((0.7..1.0).contains(&similarity), "{similarity}");
    assert_eq!(near.message, first.message);
    assert_eq!(text(&chunks), "number 42");
    assert_eq!(near.usage.cost, Some(Decimal::ZERO));
    // An equal question needs no likeness.
    let equal = fixture.complete(&run, &question("r", ASKED)).await.1;
    let equal = equal.unwrap();
    assert_eq!((equal.cached, equal.similarity), (true, None));
    fixture.vendor.script(Answer::text("in the sea"));
    let far = fixture.complete(&run, &question("r", FAR)).await.1.unwrap();
    assert!(!far.cached);
    assert_eq!(fixture.vendor.requests().len(), 2);
    // Three questions were compared; each vector is a call of its own.
    let calls = calls(&fixture, &owner, 7).await;
    let made = calls.iter().filter(|call| call.provider == "rehearsal");
    let made: Vec<_> = made.collect();
    assert_eq!(made.len(), 3);
    assert!(
        made.iter()
            .all(|call| call.execution_id == run.execution_id)
    );
    let told = calls.iter().find(|call| call.id == near.id).unwrap();
    assert_eq!((told.cached, told.similarity), (true, Some(similarity)));
}

#[tokio::test]
async fn all_but_the_last_words_has_to_be_equal() {
    let (fixture, owner) = ready().await;
    fixture.vendor.otherwise(Answer::text("hello"));
    let ask = question("r", ASKED);
    fixture.complete(&owner, &ask).await.1.unwrap();
    let near = question("r", NEAR);
    let cached =
        async |who: &Principal, ask: &Complete| fixture.complete(who, ask).await.1.unwrap().cached;
    let mut warm = near.clone();
    warm.temperature = Some(0.5);
    assert!(!cached(&owner, &warm).await);
    let mut briefed = near.clone();
    briefed.messages.insert(0, Message::system("be kind"));
    assert!(!cached(&owner, &briefed).await);
    let mut seen = near.clone();
    seen.messages[0].content = json!([
        {"type": "text", "text": NEAR},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
    ]);
    assert!(!cached(&owner, &seen).await);
    make(&fixture, &owner, spec("other", by_words())).await;
    let other = question("other", NEAR);
    assert!(!cached(&owner, &other).await);
    let stranger = fixture.owner().await;
    fixture.vendor_of(&stranger).await;
    make(&fixture, &stranger, spec("r", by_words())).await;
    assert!(!cached(&stranger, &near).await);
    assert!(cached(&owner, &near).await);
}

#[tokio::test]
async fn what_calls_tools_is_told_to_equal_questions_alone() {
    let (fixture, owner) = ready().await;
    let call = ToolCall {
        id: "call_1".into(),
        name: "find".into(),
        arguments: json!({"city": "Paris"}),
    };
    fixture.vendor.script(Answer::tools([call]));
    fixture.vendor.otherwise(Answer::text("hello"));
    let with_tool = |text: &str| Complete {
        tools: vec![ToolSpec {
            kind: "function".into(),
            function: FunctionSpec {
                name: "find".into(),
                description: None,
                parameters: json!({"type": "object"}),
                extra: Map::new(),
            },
        }],
        ..question("r", text)
    };
    let first = fixture.complete(&owner, &with_tool(ASKED)).await.1.unwrap();
    assert_eq!(first.message.tool_calls.len(), 1);
    let near = fixture.complete(&owner, &with_tool(NEAR)).await.1.unwrap();
    assert!(!near.cached);
    let equal = fixture.complete(&owner, &with_tool(ASKED)).await.1.unwrap();
    assert!(equal.cached && equal.similarity.is_none());
}

#[tokio::test]
async fn a_route_compares_no_more_than_it_says() {
    let (fixture, owner) = ready().await;
    let one = SemanticCache {
        max_entries: 1,
        ..by_words()
    };
    make(&fixture, &owner, spec("small", one)).await;
    fixture.vendor.otherwise(Answer::text("hello"));
    for text in [ASKED, FAR] {
        let done = fixture.complete(&owner, &question("small", text)).await.1;
        assert!(!done.unwrap().cached);
    }
    // The newer question took the only place.
    let near = fixture.complete(&owner, &question("small", NEAR)).await.1;
    assert!(!near.unwrap().cached);
}

#[tokio::test]
async fn vectors_are_paid_for_and_whoever_makes_none_stops_no_question() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let mut vendor: CreateProvider = vendor_at(&fixture.vendor.base_url());
    vendor.models.push(ProviderModel {
        name: "fake-embedding".into(),
        kind: ModelKind::Embedding,
        price: Some(Price {
            prompt: "0.02".parse().unwrap(),
            completion: Decimal::ZERO,
            ..Price::default()
        }),
    });
    fixture.ask(&owner, &vendor).await.unwrap();
    let by = SemanticCache::by("vendor/fake-embedding");
    make(&fixture, &owner, spec("paid", by)).await;
    let counted = Usage {
        prompt_tokens: 9,
        completion_tokens: 0,
    };
    fixture
        .vendor
        .script(Answer::embeddings([vec![1.0, 0.0]]).usage(counted));
    fixture.vendor.script(Answer::text("hello"));
    fixture
        .complete(&owner, &question("paid", "one"))
        .await
        .1
        .unwrap();
    fixture
        .vendor
        .script(Answer::embeddings([vec![1.0, 0.01]]).usage(counted));
    let near = fixture.complete(&owner, &question("paid", "two")).await.1;
    assert!(near.unwrap().cached);
    fixture.vendor.script(Answer::status(500, "no"));
    fixture.vendor.script(Answer::text("hello"));
    let done = fixture.complete(&owner, &question("paid", "three")).await.1;
    assert!(!done.unwrap().cached);
    let calls = calls(&fixture, &owner, 6).await;
    let made = calls.iter().filter(|call| call.model == "fake-embedding");
    let costs: Vec<_> = made
        .map(|call| (call.usage.cost, call.error.as_deref()))
        .collect();
    let price = Some("0.00000018".parse().unwrap());
    assert_eq!(costs[..2], [(price, None), (price, None)]);
    assert_eq!(costs[2].1, Some("upstream_failed"));
}

#[tokio::test]
async fn over_http_the_header_tells_how_near_it_was() {
    let (fixture, owner) = ready().await;
    fixture.vendor.script(Answer::text("number 42"));
    let bearer = format!("Bearer {}", testkit::token(&owner));
    let headers = [("authorization", bearer.as_str())];
    let put = async |text: &str| {
        let body = json!({"model": "r", "messages": [{"role": "user", "content": text}]});
        send(
            &fixture,
            "POST",
            "/chat/completions",
            &headers,
            body.to_string(),
        )
        .await
    };
    assert_eq!(put(ASKED).await.header("x-gateway-cache"), Some("miss"));
    let near = put(NEAR).await;
    let told = near.header("x-gateway-cache").unwrap();
    assert!(told.starts_with("semantic; similarity=0."), "{told}");
    assert_eq!(read(&near)["usage"]["cost"], "0");
}

#[tokio::test]
async fn what_cannot_be_compared_by_is_refused_when_the_route_is_written() {
    let (fixture, owner) = ready().await;
    let wrong = SemanticCache {
        model: "vendor/fake-large".into(),
        threshold: 0.2,
        max_entries: 0,
    };
    let spec = spec("wrong", wrong);
    let refusal = fixture
        .ask(&owner, &CreateRoute { spec })
        .await
        .unwrap_err();
    let paths: Vec<_> = refusal.errors.iter().map(|it| it.path.as_str()).collect();
    let expected = ["model", "threshold", "max_entries"].map(|it| format!("/cache/semantic/{it}"));
    assert_eq!(paths, expected);
}
