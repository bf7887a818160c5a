//! Register a tool, try it, see its limits; nobody else's organization knows of it.

use std::time::Duration;

use e2e::{Client, Platform};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{ContainerEngine, containers::BUSYBOX_IMAGE, eventually};

const SOON: Duration = Duration::from_secs(20);

async fn register(user: &Client, tool: Value) -> String {
    let made = user.post("/api/v1/tools", &tool).await;
    assert_eq!(
        (made.status, &made.body["version"]),
        (201, &json!(1)),
        "{made:?}"
    );
    made.body["id"].as_str().unwrap().to_owned()
}

fn javascript(name: &str, source: &str) -> Value {
    json!({
        "name": name, "kind": "javascript", "description": "A tool of a test.",
        "input_schema": {"type": "object"}, "config": {"source": source}, "timeout_ms": 1000
    })
}

async fn invoke(user: &Client, tool: &str, arguments: Value) -> e2e::Answer {
    let path = format!("/api/v1/tools/{tool}/invoke");
    user.post(&path, &json!({"arguments": arguments})).await
}

/// Status and stable word of a call that fails.
async fn failure(user: &Client, tool: &str, arguments: Value) -> (u16, String) {
    let answer = invoke(user, tool, arguments).await;
    let reason = answer.body["reason"].as_str().unwrap_or_default();
    (answer.status, reason.to_owned())
}

#[tokio::test]
async fn a_javascript_tool_is_tried_changed_and_kept_in_its_versions() {
    let platform = Platform::start().await;
    let user = platform.user("ada").await;
    let mut add = javascript("add", "export default ({a, b}) => a + b");
    add["input_schema"] = json!({"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "number"}, "b": {"type": "number"}}});
    let tool = register(&user, add.clone()).await;
    let called = invoke(&user, &tool, json!({"a": 1, "b": 2})).await;
    assert_eq!(
        (called.status, &called.body["result"]),
        (200, &json!(3)),
        "{called:?}"
    );
    let refused = failure(&user, &tool, json!({"a": "1"})).await;
    assert_eq!(refused, (422, "arguments_invalid".to_owned()));

    add["config"]["source"] = json!("export default ({a, b}) => a - b");
    let path = format!("/api/v1/tools/{tool}");
    let put = async |tag: &str| {
        let headers = [("If-Match", tag)];
        let sent = user.send(Method::PUT, &path, Some(add.to_string()), &headers);
        sent.await.unwrap()
    };
    let next = put("\"1\"").await;
    assert_eq!(
        (next.status, &next.body["version"]),
        (200, &json!(2)),
        "{next:?}"
    );
    assert_eq!(put("\"1\"").await.status, 412);
    let arguments = json!({"a": 5, "b": 2});
    let newest = invoke(&user, &tool, arguments.clone()).await;
    assert_eq!(newest.body["result"], 3);
    let older = json!({"arguments": arguments, "version": 1});
    let older = user.post(&format!("{path}/invoke"), &older).await;
    assert_eq!(
        (&older.body["result"], &older.body["version"]),
        (&json!(7), &json!(1))
    );
    let versions = user.read(&format!("{path}/versions")).await;
    assert_eq!(versions.body["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_tool_that_goes_too_far_is_cut() {
    let mut platform = Platform::start().await;
    let user = platform.user("ada").await;
    for (name, source, expect) in [
        (
            "forever",
            "export default () => { for (;;) {} }",
            (504, "code_timeout"),
        ),
        (
            "greedy",
            "export default () => { const a = []; for (;;) a.push(new Array(1e6).fill(7)); }",
            (422, "code_memory"),
        ),
        (
            "throws",
            "export default () => { throw new Error('no') }",
            (422, "code_exception"),
        ),
    ] {
        let tool = register(&user, javascript(name, source)).await;
        let (status, reason) = failure(&user, &tool, json!({})).await;
        // The call's own limit may end before the sandbox has said what it saw.
        let reason = if reason == "timeout" {
            "code_timeout"
        } else {
            &reason
        };
        assert_eq!((status, reason), expect, "{name}");
        let calls = format!("/api/v1/tools/{tool}/calls");
        eventually(SOON, async || {
            let listed = user.read(&calls).await.body;
            listed["items"][0]["error"].is_string().then_some(())
        })
        .await;
    }
    let mut inward = javascript("inward", "");
    inward["kind"] = json!("http");
    inward["config"] = json!({"method": "GET", "url": "http://169.254.169.254/latest/meta-data/"});
    let inward = register(&user, inward).await;
    let refused = failure(&user, &inward, json!({})).await;
    assert_eq!(refused, (422, "blocked_address".to_owned()));
    assert!(platform.lives());
}

#[tokio::test]
async fn the_container_of_a_killed_process_is_removed_by_the_next() {
    let engine = ContainerEngine::start().await;
    let mut platform = Platform::with_containers(&engine, &[]).await;
    let user = platform.user("ada").await;
    let sh = |name: &str, script: &str| {
        let mut tool = javascript(name, "");
        tool["kind"] = json!("container");
        tool["config"] = json!({"image": BUSYBOX_IMAGE, "command": ["/bin/sh", "-c", script]});
        tool["timeout_ms"] = json!(60_000);
        tool
    };
    // Deaf to signals and to the end of its input: nothing but its removal ends it.
    let deaf = sh("deaf", "trap '' TERM INT HUP; while :; do sleep 1; done");
    let deaf = register(&user, deaf).await;
    let path = format!("/api/v1/tools/{deaf}/invoke");
    let body = Some(json!({"arguments": {}}).to_string());
    let (lost, ()) = tokio::join!(user.send(Method::POST, &path, body, &[]), async {
        eventually(SOON, async || {
            (engine.running().await.len() == 1).then_some(())
        })
        .await;
        platform.kill();
    });
    assert!(lost.is_err(), "{lost:?}");
    assert_eq!(engine.running().await.len(), 1, "nobody has removed it");
    platform.restart().await;
    engine.nothing_left(SOON).await;
    let echo = register(&user, sh("echo", "cat")).await;
    let said = invoke(&user, &echo, json!({"a": 1})).await;
    assert_eq!(said.body["result"], json!({"a": 1}), "{said:?}");
}

#[tokio::test]
async fn an_http_tool_sends_its_secret_to_its_host_alone() {
    let weather = testkit::Ledger::start().await;
    let platform = Platform::allowing(&[weather.address()]).await;
    let user = platform.user("ada").await;
    let tool = register(
        &user,
        json!({
            "name": "forecast", "kind": "http", "description": "Tells the weather of a city.",
            "input_schema": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}},
            "config": {
                "method": "GET", "url": format!("{}/v1/{{{{ arguments.city }}}}", weather.url()),
                "headers": {"x-key": {"$secret": "weather_key"}}
            }
        }),
    )
    .await;
    let rome = json!({"city": "Rome/../x"});
    let missing = failure(&user, &tool, rome.clone()).await;
    assert_eq!(missing, (422, "unknown_secret".to_owned()));
    let set = async |host: &str| {
        let body = json!({"value": "k-canary", "hosts": [host]}).to_string();
        let path = "/api/v1/secrets/weather_key";
        let set = user.send(Method::PUT, path, Some(body), &[]).await.unwrap();
        assert_eq!(set.status, 200, "{set:?}");
        assert!(!set.body.to_string().contains("k-canary"));
    };
    set("api.example.com").await;
    let elsewhere = failure(&user, &tool, rome.clone()).await;
    assert_eq!(elsewhere, (422, "secret_host".to_owned()));
    assert!(weather.calls().is_empty());
    set(&weather.address().to_string()).await;
    weather.answer_next(200, r#"{"echo": "k-canary"}"#);
    let path = format!("/api/v1/tools/{tool}/invoke");
    let body = json!({"arguments": rome}).to_string();
    let key = [("Idempotency-Key", "forecast-1")];
    let called = user
        .send(Method::POST, &path, Some(body), &key)
        .await
        .unwrap();
    assert_eq!(called.status, 200, "{called:?}");
    assert!(!called.body.to_string().contains("k-canary"), "{called:?}");
    let calls = weather.calls();
    assert_eq!(calls[0].path, "/v1/Rome%2F..%2Fx");
    assert_eq!(calls[0].header("x-key"), Some("k-canary"));
    assert_eq!(calls[0].idempotency_key.as_deref(), Some("forecast-1"));
    let listed = user.read("/api/v1/secrets").await;
    assert!(!listed.body.to_string().contains("k-canary"));
}

#[tokio::test]
async fn tools_and_secrets_of_another_organization_are_unknown() {
    let platform = Platform::start().await;
    let (owner, stranger) = (platform.user("ada").await, platform.user("eve").await);
    let tool = register(&owner, javascript("own", "export default () => 1")).await;
    let secret = json!({"value": "k-canary", "hosts": ["api.example.com"]}).to_string();
    let path = "/api/v1/secrets/own";
    let set = owner.send(Method::PUT, path, Some(secret), &[]).await;
    assert_eq!(set.unwrap().status, 200);
    assert_eq!(invoke(&stranger, &tool, json!({})).await.status, 404);
    let deleted = stranger.send(Method::DELETE, path, None, &[]).await;
    assert_eq!(deleted.unwrap().status, 404);
    for list in ["/api/v1/tools", "/api/v1/secrets"] {
        assert_eq!(stranger.read(list).await.body["items"], json!([]), "{list}");
        assert_eq!(
            owner.read(list).await.body["items"]
                .as_array()
                .map(Vec::len),
            Some(1)
        );
    }
}
