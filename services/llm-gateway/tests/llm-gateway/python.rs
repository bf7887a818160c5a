//! The official Python clients of OpenAI and Anthropic, unchanged.

use std::process::Stdio;

use contracts::Role;
use testkit::{
    FakeLlm,
    fake_llm::{Answer, ToolCall},
};
use tokio::process::Command;

use crate::Fixture;

async fn run(fixture: &Fixture, token: &str, part: &str) {
    run_script(fixture, token, "openai_client.py", part).await;
}

async fn run_script(fixture: &Fixture, token: &str, script: &str, part: &str) {
    let python = std::env::var("TROUPE_TEST_PYTHON")
        .expect("`TROUPE_TEST_PYTHON` is not set: run `cargo xtask test`");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/llm-gateway");
    let script = format!("{folder}/{script}");
    let output = Command::new(python)
        .args([script.as_str(), part])
        .env("OPENAI_BASE_URL", fixture.base_url())
        .env("OPENAI_API_KEY", token)
        // This client puts the version of the API behind its base URL itself.
        .env("ANTHROPIC_BASE_URL", format!("http://{}", fixture.address))
        .env("ANTHROPIC_API_KEY", token)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{part}: {said}");
}

#[tokio::test]
async fn it_works_with_the_rehearsal() {
    let fixture = Fixture::start().await;
    let token = testkit::token(&fixture.owner().await);
    run(&fixture, &token, "rehearsal").await;
    run(&fixture, &token, "embeddings").await;
    run(&fixture, &token, "responses").await;
}

#[tokio::test]
async fn anthropics_client_works_with_the_rehearsal_and_a_vendor() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let token = testkit::token(&owner);
    run_script(&fixture, &token, "anthropic_client.py", "rehearsal").await;
    fixture.vendor_of(&owner).await;
    let call = weather_in_rome();
    // In the order in which the script asks.
    for answer in [
        Answer::text("Good evening"),
        Answer::text("Good evening"),
        Answer::tools([call.clone()]),
        Answer::tools([call]),
        Answer::text("Sunny."),
        Answer::rate_limited("1"),
        Answer::status(500, "oh"),
        Answer::text("a b c d").cut_after(3),
    ] {
        fixture.vendor.script(answer);
    }
    run_script(&fixture, &token, "anthropic_client.py", "vendor").await;
    assert_eq!(fixture.vendor.requests().len(), 8);
    run_script(&fixture, "no-token", "anthropic_client.py", "stranger").await;
}

#[tokio::test]
async fn it_works_with_a_vendor_and_knows_its_errors() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let call = weather_in_rome();
    // In the order in which the script asks.
    for answer in [
        Answer::text("Good evening"),
        Answer::text("Good evening"),
        Answer::tools([call.clone()]),
        Answer::tools([call]),
        Answer::rate_limited("1"),
        Answer::status(500, "oh"),
        Answer::text("a b c d").cut_after(3),
    ] {
        fixture.vendor.script(answer);
    }
    run(&fixture, &testkit::token(&owner), "vendor").await;
    assert_eq!(fixture.vendor.requests().len(), 7);
    assert!(fixture.vendor.requests().iter().all(|request| {
        request.authorization.as_deref() == Some(&format!("Bearer {}", FakeLlm::API_KEY))
    }));
    let viewer = testkit::token(&testkit::principal(owner.tenant, Role::Viewer));
    run(&fixture, &viewer, "forbidden").await;
    run(&fixture, "no-token", "stranger").await;
}

/// The call that the scripts expect.
fn weather_in_rome() -> ToolCall {
    ToolCall {
        id: "call_1".into(),
        name: "get_weather".into(),
        arguments: serde_json::json!({"city": "Rome"}),
    }
}
