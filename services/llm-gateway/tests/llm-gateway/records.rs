//! What is kept of a call.

use std::time::Duration;

use bus::Call;
use chrono::{TimeDelta, Utc};
use contracts::{
    Principal,
    id::{ExecutionId, FlowId},
    llm::{GetUsage, ListCalls, UsageBy},
    message::StreamMessage,
};
use documents::CallQuestion;
use futures::StreamExt;
use testkit::{eventually, fake_llm::Answer};

use crate::{Fixture, question};

#[tokio::test]
async fn each_call_leaves_one_record_without_its_words() {
    let mut fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let execution = ExecutionId::generate();
    let run = Principal {
        execution_id: Some(execution),
        ..owner.clone()
    };
    let flow = FlowId::generate();
    let mut ask = question("vendor/fake-large", "the secret question");
    ask.flow_id = Some(flow);
    ask.node = Some("summarise".into());
    fixture.vendor.script(Answer::text("the secret answer"));
    let done = fixture.complete(&run, &ask).await.1.unwrap();
    fixture.vendor.script(Answer::rate_limited("1"));
    fixture.refused(&run, &ask).await;
    // A name that leads nowhere is no call.
    fixture.refused(&run, &question("nobody", "hi")).await;
    fixture.drain().await;
    let calls = fixture
        .archive
        .calls(owner.tenant, execution, 10)
        .await
        .unwrap();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].id, done.id);
    assert_eq!(calls[0].usage, done.usage);
    assert_eq!(
        (calls[0].flow_id, calls[0].node.as_deref()),
        (Some(flow), Some("summarise"))
    );
    assert_eq!(
        (calls[0].error.as_deref(), calls[0].estimated),
        (None, false)
    );
    assert_eq!(calls[1].error.as_deref(), Some("upstream_rate_limited"));
    assert_eq!(calls[1].usage.prompt_tokens, 0);
    let kept = serde_json::to_string(&calls).unwrap();
    assert!(!kept.contains("secret"), "{kept}");
    let stranger = fixture.owner().await;
    assert_eq!(
        fixture
            .archive
            .calls(stranger.tenant, execution, 10)
            .await
            .unwrap(),
        []
    );
}

#[tokio::test]
async fn the_calls_of_an_execution_are_found() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let execution = ExecutionId::generate();
    let run = Principal {
        execution_id: Some(execution),
        ..owner.clone()
    };
    let ask = question("rehearsal", "hi");
    let theirs = fixture.complete(&run, &ask).await.1.unwrap();
    fixture.complete(&owner, &ask).await.1.unwrap();
    let all = ListCalls::default();
    testkit::eventually(Duration::from_secs(20), async || {
        let page = fixture.ask(&owner, &all).await.unwrap();
        (page.items.len() == 2).then_some(())
    })
    .await;
    let of = ListCalls {
        execution_id: Some(execution),
        ..ListCalls::default()
    };
    let page = fixture.ask(&owner, &of).await.unwrap();
    let found: Vec<_> = page.items.iter().map(|call| call.id).collect();
    assert_eq!(found, [theirs.id]);
    let stranger = fixture.owner().await;
    assert_eq!(fixture.ask(&stranger, &of).await.unwrap().items, []);
}

#[tokio::test]
async fn usage_is_reported_within_seconds() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let ask = question("vendor/fake-large", "hi");
    let since = Utc::now();
    fixture.vendor.script(Answer::text("hello"));
    let done = fixture.complete(&owner, &ask).await.1.unwrap();
    fixture.vendor.script(Answer::rate_limited("1"));
    fixture.refused(&owner, &ask).await;
    let usage = GetUsage {
        since,
        until: None,
        by: UsageBy::Model,
        daily: false,
    };
    let line = testkit::eventually(Duration::from_secs(20), async || {
        let mut report = fixture.ask(&owner, &usage).await.unwrap();
        report.items.pop().filter(|line| line.calls == 2)
    })
    .await;
    assert_eq!((line.failures, line.unpriced), (1, 0));
    assert_eq!(line.model.as_deref(), Some("fake-large"));
    assert_eq!(line.usage, done.usage);
    let by_user = GetUsage {
        by: UsageBy::User,
        ..usage.clone()
    };
    let report = fixture.ask(&owner, &by_user).await.unwrap();
    assert_eq!(report.items[0].user_id, Some(owner.user_id));
    let backwards = GetUsage {
        until: Some(since - TimeDelta::seconds(1)),
        ..usage.clone()
    };
    let refusal = fixture.ask(&owner, &backwards).await.unwrap_err();
    assert_eq!(refusal.reason.as_deref(), Some("invalid_usage"));
    assert_eq!(refusal.errors[0].path, "/until");
    let stranger = fixture.owner().await;
    assert_eq!(fixture.ask(&stranger, &usage).await.unwrap().items, []);
}

#[tokio::test]
async fn a_call_that_outlives_the_service_is_recorded_too() {
    let mut fixture = Fixture::start().await;
    let run = Principal {
        execution_id: Some(ExecutionId::generate()),
        ..fixture.owner().await
    };
    let token = testkit::token(&run);
    let ask = question(
        "rehearsal",
        r#"rehearsal: {"say": "one two three", "chunk_ms": 150}"#,
    );
    let answers = fixture
        .bus
        .call_stream(run.tenant, &ask, Call::with_token(&token))
        .await;
    let mut answers = std::pin::pin!(answers.unwrap());
    answers.next().await.unwrap().unwrap();
    let ((), rest) = tokio::join!(fixture.drain(), answers.collect::<Vec<_>>());
    assert!(matches!(rest.last(), Some(Ok(StreamMessage::Done { .. }))));
    let calls = fixture
        .archive
        .calls(run.tenant, run.execution_id.unwrap(), 10)
        .await
        .unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (calls[0].error.as_deref(), calls[0].usage.completion_tokens),
        (None, 3)
    );
}

#[tokio::test]
async fn an_archive_that_is_down_stops_nobody_and_gets_all_later() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let mut config = fixture.config.clone();
    config.documents.mongo_url = "mongodb://127.0.0.1:1/?directConnection=true".into();
    let state = llm_gateway::State::connect(&config).await.unwrap();
    assert!(state.ping_archive().await.is_err());
    assert!(state.ping().await.is_ok());
    // The service of the fixture steps aside for the one without an archive.
    let mut fixture = fixture;
    fixture.drain().await;
    let runtime = testkit::runtime(&fixture.bus).await;
    let running = llm_gateway::service(state).start(&runtime).await.unwrap();
    for _ in 0..3 {
        let done = fixture
            .complete(&owner, &question("rehearsal", "hi"))
            .await
            .1;
        assert!(done.is_ok(), "{done:?}");
    }
    running.drain().await;
    let calls = async || {
        let all = CallQuestion::default();
        let calls = fixture.archive.latest_calls(owner.tenant, &all, 10).await;
        calls.unwrap().len()
    };
    assert_eq!(calls().await, 0);
    let state = llm_gateway::State::connect(&fixture.config).await.unwrap();
    let running = llm_gateway::service(state).start(&runtime).await.unwrap();
    eventually(Duration::from_secs(40), async || {
        (calls().await == 3).then_some(())
    })
    .await;
    running.drain().await;
}
