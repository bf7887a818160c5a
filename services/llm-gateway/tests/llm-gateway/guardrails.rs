//! The guardrails of a route: what vendors never see, and what callers never hear.

use contracts::{
    Principal,
    llm::{CreateRoute, Guardrails, Message, Redaction, RouteSpec},
};
use serde_json::json;
use testkit::fake_llm::{Answer, ToolCall};

use crate::{Fixture, question, text};

async fn ready(rails: Guardrails) -> (Fixture, Principal) {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let models = [("vendor", "fake-large"), ("vendor", "fake-small")];
    let mut spec = RouteSpec::ordered("r", models);
    spec.guardrails = Some(rails);
    fixture.ask(&owner, &CreateRoute { spec }).await.unwrap();
    (fixture, owner)
}

#[tokio::test]
async fn who_somebody_is_stays_inside() {
    let (fixture, owner) = ready(Guardrails {
        redact: vec![Redaction::Email, Redaction::Card],
        ..Guardrails::default()
    })
    .await;
    fixture.vendor.script(Answer::text(
        "Write to grace@example.com, she knows 4111 1111 1111 1111.",
    ));
    let ask = question("r", "I am ada@example.com");
    let (chunks, done) = fixture.complete(&owner, &ask).await;
    let told = "Write to [email], she knows [card].";
    assert_eq!(text(&chunks), told);
    assert_eq!(done.unwrap().message.content, told);
    let put = fixture.vendor.requests()[0].body.to_string();
    assert!(
        put.contains("I am [email]") && !put.contains("ada@example.com"),
        "{put}"
    );
}

#[tokio::test]
async fn blocked_texts_are_neither_put_nor_told() {
    let (fixture, owner) = ready(Guardrails {
        blocked: vec!["Project X".into()],
        ..Guardrails::default()
    })
    .await;
    let problem = fixture
        .refused(&owner, &question("r", "what is project x?"))
        .await;
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (400, Some("guardrail"))
    );
    assert!(!problem.detail.to_lowercase().contains("project x"));
    assert!(fixture.vendor.requests().is_empty());
    fixture
        .vendor
        .script(Answer::text("It is PROJECT X, you know."));
    let (chunks, done) = fixture
        .complete(&owner, &question("r", "what is it?"))
        .await;
    let problem = done.unwrap_err();
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (400, Some("guardrail"))
    );
    assert_eq!(text(&chunks), "");
    // Nobody else is asked for what may not be told.
    assert_eq!(fixture.vendor.requests().len(), 1);
    fixture.vendor.script(Answer::text("It is a project."));
    let done = fixture
        .complete(&owner, &question("r", "what is it?"))
        .await
        .1;
    assert_eq!(done.unwrap().message.content, "It is a project.");
}

#[tokio::test]
async fn calls_of_tools_and_what_stands_beside_are_looked_at() {
    let (fixture, owner) = ready(Guardrails {
        redact: vec![Redaction::Email],
        blocked: vec!["Project X".into()],
        ..Guardrails::default()
    })
    .await;
    let call = |about: &str| {
        Answer::tools([ToolCall {
            id: "c".into(),
            name: "send".into(),
            arguments: json!({"to": "ada@example.com", "about": about}),
        }])
    };
    let mut ask = question("r", "hi");
    ask.tools = serde_json::from_value(json!([{"type": "function", "function": {"name": "send"}}]))
        .unwrap();
    fixture.vendor.script(call("lunch"));
    let (chunks, done) = fixture.complete(&owner, &ask).await;
    let message = done.unwrap().message;
    let told = r#"{"about":"lunch","to":"[email]"}"#;
    assert_eq!(message.tool_calls[0].function.arguments, told);
    let heard: String = chunks
        .iter()
        .flat_map(|chunk| chunk.tool_calls.iter().map(|call| call.arguments.as_str()))
        .collect();
    assert_eq!(heard, told);
    fixture.vendor.script(call("project x"));
    let problem = fixture.refused(&owner, &ask).await;
    assert_eq!(problem.reason.as_deref(), Some("guardrail"));
    // Earlier turns leave as clean as the last one.
    let mut turn = message.clone();
    turn.tool_calls[0].function.arguments = r#"{"to":"grace@example.com"}"#.into();
    turn.extra
        .insert("reasoning_content".into(), "grace@example.com?".into());
    let mut result = Message::user("sent");
    (result.role, result.tool_call_id) = ("tool".into(), Some("c".into()));
    ask.messages.extend([turn, result]);
    fixture.vendor.script(Answer::text("ok"));
    fixture.complete(&owner, &ask).await.1.unwrap();
    let put = fixture.vendor.requests().pop().unwrap().body.to_string();
    assert!(
        put.contains("[email]") && !put.contains("grace@example.com"),
        "{put}"
    );
}

#[tokio::test]
async fn answers_are_json_and_bounded() {
    let (fixture, owner) = ready(Guardrails {
        json_only: true,
        max_output_tokens: Some(9),
        ..Guardrails::default()
    })
    .await;
    fixture.vendor.script(Answer::text("no JSON"));
    fixture.vendor.script(Answer::text(r#"{"n": 1}"#));
    let mut ask = question("r", "hi");
    ask.max_tokens = Some(1000);
    let done = fixture.complete(&owner, &ask).await.1.unwrap();
    assert_eq!(done.message.content, r#"{"n": 1}"#);
    let put = &fixture.vendor.requests()[0].body;
    assert_eq!(put["max_tokens"], 9);
    assert_eq!(put["response_format"], json!({"type": "json_object"}));
}

#[tokio::test]
async fn odd_guardrails_are_refused_with_their_fields() {
    let (fixture, owner) = ready(Guardrails::default()).await;
    let mut spec = RouteSpec::ordered("s", [("vendor", "fake-large")]);
    spec.guardrails = Some(Guardrails {
        blocked: vec![String::new()],
        ..Guardrails::default()
    });
    let problem = fixture
        .ask(&owner, &CreateRoute { spec })
        .await
        .unwrap_err();
    assert_eq!(problem.errors[0].path, "/guardrails/blocked/0");
}
