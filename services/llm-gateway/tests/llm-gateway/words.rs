//! The words of questions and answers: kept where an organization says so, redacted, and for nobody else.

use std::time::Duration;

use contracts::{
    Principal, Role,
    id::CallId,
    llm::{
        CallBodies, CallRecord, Embed, GetCallBodies, GetRecording, ListCalls, RecordBodies,
        Recording, Redaction, SetRecording,
    },
};
use serde_json::Value;
use testkit::fake_llm::{Answer, FakeLlm};

use crate::{Fixture, question};

async fn ready(bodies: RecordBodies) -> (Fixture, Principal) {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let recording = Recording {
        bodies,
        ..Recording::default()
    };
    let set = SetRecording {
        recording: recording.clone(),
    };
    assert_eq!(fixture.ask(&owner, &set).await.unwrap(), recording);
    let said = fixture.ask(&owner, &GetRecording {}).await.unwrap();
    assert_eq!(said, recording);
    (fixture, owner)
}

/// The newest call, once there are so many.
async fn newest(fixture: &Fixture, owner: &Principal, count: usize) -> CallRecord {
    testkit::eventually(Duration::from_secs(10), async || {
        let calls = fixture.ask(owner, &ListCalls::default()).await.unwrap();
        (calls.items.len() == count).then(|| calls.items[0].clone())
    })
    .await
}

async fn words(fixture: &Fixture, owner: &Principal, call_id: CallId) -> CallBodies {
    testkit::eventually(Duration::from_secs(10), async || {
        let bodies = fixture.ask(owner, &GetCallBodies { call_id }).await;
        bodies.ok()
    })
    .await
}

#[tokio::test]
async fn nothing_is_kept_unless_the_organization_says_so() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let said = fixture.ask(&owner, &GetRecording {}).await.unwrap();
    assert_eq!(said, Recording::default());
    fixture.vendor.script(Answer::text("hello"));
    let ask = question("vendor/fake-large", "hi");
    fixture.complete(&owner, &ask).await.1.unwrap();
    let call = newest(&fixture, &owner, 1).await;
    assert!(!call.recorded);
    let get = GetCallBodies { call_id: call.id };
    let problem = fixture.ask(&owner, &get).await.unwrap_err();
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (404, Some("not_recorded"))
    );
}

#[tokio::test]
async fn words_are_kept_without_what_tells_who_somebody_is() {
    let (fixture, owner) = ready(RecordBodies::All).await;
    fixture
        .vendor
        .script(Answer::text("Write to grace@example.com."));
    let ask = question("vendor/fake-large", "I am ada@example.com");
    let done = fixture.complete(&owner, &ask).await.1.unwrap();
    // What is kept is redacted, and nothing else.
    assert_eq!(done.message.content, "Write to grace@example.com.");
    let call = newest(&fixture, &owner, 1).await;
    assert!(call.recorded);
    let kept = words(&fixture, &owner, call.id).await;
    let request: Value = serde_json::from_str(&kept.request).unwrap();
    assert_eq!(request["messages"][0]["content"], "I am [email]");
    let response: Value = serde_json::from_str(kept.response.as_deref().unwrap()).unwrap();
    assert_eq!(response["message"]["content"], "Write to [email].");
    assert_eq!(response["finish_reason"], "stop");
    assert!(!kept.cut && !format!("{kept:?}").contains(FakeLlm::API_KEY));
    let get = GetCallBodies { call_id: call.id };
    let stranger = fixture.owner().await;
    let problem = fixture.ask(&stranger, &get).await.unwrap_err();
    assert_eq!(problem.reason.as_deref(), Some("not_recorded"));
    let viewer = Principal {
        role: Role::Viewer,
        ..owner
    };
    assert_eq!(fixture.ask(&viewer, &get).await.unwrap_err().status, 403);
    let embed = Embed {
        model: Some("rehearsal/rehearsal".into()),
        input: vec!["ada@example.com".into()],
        ..Embed::default()
    };
    fixture.ask(&owner, &embed).await.unwrap();
    let call = newest(&fixture, &owner, 2).await;
    let kept = words(&fixture, &owner, call.id).await;
    assert_eq!(kept.request, r#"{"input":["[email]"]}"#);
    assert_eq!(kept.response, None);
}

#[tokio::test]
async fn of_calls_that_failed_alone_what_came_of_the_answer_is_kept() {
    let (fixture, owner) = ready(RecordBodies::Failed).await;
    let open = SetRecording {
        recording: Recording {
            bodies: RecordBodies::Failed,
            redact: vec![Redaction::Card, Redaction::Card],
        },
    };
    let said = fixture.ask(&owner, &open).await.unwrap();
    assert_eq!(said.redact, [Redaction::Card]);
    fixture.vendor.script(Answer::text("hello"));
    fixture
        .vendor
        .script(Answer::text("for ada@example.com alone").cut_after(3));
    let ask = question("vendor/fake-large", "hi");
    fixture.complete(&owner, &ask).await.1.unwrap();
    assert!(!newest(&fixture, &owner, 1).await.recorded);
    fixture.refused(&owner, &ask).await;
    let call = newest(&fixture, &owner, 2).await;
    assert!(call.recorded && call.error.is_some());
    let kept = words(&fixture, &owner, call.id).await;
    let response: Value = serde_json::from_str(kept.response.as_deref().unwrap()).unwrap();
    assert!(response["finish_reason"].is_null());
    let heard = response["message"]["content"].as_str().unwrap();
    assert!(!heard.is_empty() && "for ada@example.com alone".starts_with(heard));
}
