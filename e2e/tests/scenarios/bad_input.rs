//! What users get wrong, or try.

use e2e::Platform;
use reqwest::Method;
use serde_json::{Value, json};

fn code(source: &str) -> Value {
    json!({"id": "step", "type": "code", "config": {"language": "javascript", "source": source}, "timeout_ms": 2000})
}

fn http(url: &str) -> Value {
    json!({"id": "step", "type": "http", "config": {"method": "GET", "url": url}})
}

#[tokio::test]
async fn requests_that_make_no_sense_are_problems() {
    let mut platform = Platform::start().await;
    let user = platform.user("ada").await;
    let post = async |body: &str| {
        user.send(Method::POST, "/api/v1/flows", Some(body.to_owned()), &[])
            .await
            .unwrap()
    };
    for (body, status) in [
        ("{", 400),
        ("[]", 400),
        (r#"{"name": 3, "definition": {"nodes": []}}"#, 400),
        (
            r#"{"name": "x", "definition": {"nodes": []}, "tenant_id": "org_x"}"#,
            400,
        ),
        (
            r#"{"name": "x", "definition": {"nodes": [], "owner": 1}}"#,
            400,
        ),
        (r#"{"name": "", "definition": {"nodes": []}}"#, 422),
    ] {
        let answer = post(body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert_eq!(answer.body["code"], "invalid_input");
        assert!(answer.body["trace_id"].is_string(), "{answer:?}");
    }
    let large = format!(r#"{{"name": "{}"}}"#, "x".repeat(3_000_000));
    // The connection ends with the refusal, so it is one of its own.
    let once = platform
        .stranger()
        .with_token(user.token.as_deref().unwrap());
    let refused = once
        .send(Method::POST, "/api/v1/flows", Some(large), &[])
        .await
        .unwrap();
    assert_eq!(refused.status, 413);
    for id in [
        "x",
        "flow_0",
        "flow_' OR 1=1",
        "%2e%2e",
        "exec_00000000000000000000000000000000",
    ] {
        let answer = user.read(&format!("/api/v1/flows/{id}")).await;
        assert!(matches!(answer.status, 400 | 404 | 422), "{id}: {answer:?}");
    }
    assert!(platform.lives());
}

#[tokio::test]
async fn tokens_that_are_not_ours_are_refused() {
    let platform = Platform::start().await;
    let user = platform.user("ada").await;
    let token = user.token.clone().unwrap();
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts[2] = parts[2].chars().rev().collect();
    let forged = parts.join(".");
    for token in [
        forged.as_str(),
        "",
        "x",
        "a.b.c",
        "x' OR pg_sleep(5)--",
        &"x".repeat(10_000),
    ] {
        let client = user.with_token(token);
        let answer = client.read("/api/v1/flows").await;
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (401, Some("unauthenticated")),
            "{token:.20}"
        );
    }
    let in_url = platform
        .stranger()
        .read(&format!("/api/v1/flows?token={token}"))
        .await;
    assert!(matches!(in_url.status, 400 | 401), "{in_url:?}");
}

#[tokio::test]
async fn a_flow_with_a_cycle_is_kept_but_not_published() {
    let platform = Platform::start().await;
    let user = platform.user("ada").await;
    let cycle = json!({"name": "Round", "definition": {
        "nodes": [{"id": "start", "type": "trigger"}, {"id": "a", "type": "transform", "config": {"value": 1}}, {"id": "b", "type": "transform", "config": {"value": 1}}],
        "edges": [{"from": "start", "to": "a"}, {"from": "a", "to": "b"}, {"from": "b", "to": "a"}]
    }});
    let created = user.post("/api/v1/flows", &cycle).await;
    assert_eq!(created.status, 201);
    let id = created.body["id"].as_str().unwrap();
    let validation = user
        .post(&format!("/api/v1/flows/{id}/validate"), &json!({}))
        .await;
    assert_eq!(validation.body["problems"][0]["code"], "cycle");
    let refused = user
        .post(&format!("/api/v1/flows/{id}/publish"), &json!({}))
        .await;
    assert_eq!(
        (refused.status, refused.body["reason"].as_str()),
        (422, Some("flow_invalid"))
    );
}

#[tokio::test]
async fn hostile_steps_fail_with_a_word_and_the_process_lives() {
    let mut platform = Platform::start().await;
    let user = platform.user("ada").await;
    let steps = [
        (code("export default () => { for (;;) {} }"), "code_timeout"),
        (
            code("export default () => { const a = []; for (;;) a.push(new Array(1e6).fill(7)); }"),
            "code_memory",
        ),
        (
            code("export default () => { throw new Error('no') }"),
            "code_exception",
        ),
        (code("this is no javascript"), "code_syntax"),
        (http("http://127.0.0.1:22/"), "blocked_address"),
        (
            http("http://169.254.169.254/latest/meta-data/"),
            "blocked_address",
        ),
        (http("http://[::ffff:127.0.0.1]/"), "blocked_address"),
        (http("http://localhost:8080/"), "blocked_address"),
    ];
    for (step, expect) in steps {
        let flow = user
            .publish(json!({"nodes": [{"id": "start", "type": "trigger"}, step], "edges": [{"from": "start", "to": "step"}]}))
            .await;
        let execution = user.execute(&flow, json!({})).await;
        let end = user.end_of(&execution).await;
        assert_eq!(
            (&end["state"], &end["error"]["code"]),
            (&json!("failed"), &json!(expect)),
            "{end}"
        );
        assert_eq!(end["error"]["node"], "step");
    }
    assert!(platform.lives());
    assert_eq!(user.read("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_provider_that_answers_garbage_fails_the_step() {
    let vendor = testkit::Ledger::start().await;
    let platform = Platform::allowing(&[vendor.address()]).await;
    let user = platform.user("ada").await;
    let provider = json!({"name": "bad", "kind": "openai_compatible", "base_url": format!("{}/v1", vendor.url()), "api_key": "sk-canary-123456", "models": [{"name": "m"}]});
    assert_eq!(
        user.post("/api/v1/llm-providers", &provider).await.status,
        201
    );
    let flow = user
        .publish(json!({
            "nodes": [{"id": "start", "type": "trigger"}, {"id": "ask", "type": "llm", "config": {"prompt": "x", "model": "bad/m"}}],
            "edges": [{"from": "start", "to": "ask"}]
        }))
        .await;
    let execution = user.execute(&flow, json!({})).await;
    let end = user.end_of(&execution).await;
    assert_eq!(
        (&end["state"], &end["error"]["node"]),
        (&json!("failed"), &json!("ask")),
        "{end}"
    );
    assert!(!end.to_string().contains("sk-canary"));
    assert!(!vendor.calls().is_empty());
}
