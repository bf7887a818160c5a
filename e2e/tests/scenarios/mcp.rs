//! The organization as an MCP server, used by the official client.

use std::{path::Path, process::Stdio, time::Duration};

use e2e::{Client, Platform};
use serde_json::{Value, json};
use testkit::{FakeLlm, fake_llm::Answer};
use tokio::{process::Command, time::timeout};

use crate::agents::{agent, made, provider};

/// What the client says of a call, and of all that it may call.
async fn called(user: &Client, platform: &Platform, title: &str, arguments: Value) -> Value {
    let python = std::env::var("TROUPE_TEST_PYTHON")
        .expect("`TROUPE_TEST_PYTHON` is not set: run `cargo xtask test`");
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/mcp_client.py"))
        .args([title, &arguments.to_string()])
        .env("MCP_URL", format!("{}/api/v1/mcp", platform.url()))
        .env("TROUPE_TOKEN", user.token.as_deref().unwrap())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(Duration::from_secs(60), output).await;
    let output = output.expect("in time").unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn an_mcp_client_calls_flows_agents_and_tools_of_its_organization() {
    let vendor = FakeLlm::start().await;
    let platform = Platform::allowing(&[vendor.address()]).await;
    let (user, stranger) = (platform.user("ada").await, platform.user("eve").await);
    provider(&user, &vendor).await;
    let add = json!({
        "name": "add", "kind": "javascript", "description": "Adds.", "input_schema": {"type": "object"},
        "config": {"source": "export default ({a, b}) => ({sum: a + b})"}
    });
    made(&user, "/api/v1/tools", add.clone()).await;
    let mut pay = add;
    pay["name"] = json!("pay");
    pay["approval"] = json!("required");
    made(&user, "/api/v1/tools", pay).await;
    agent(&user, "clerk", &[], json!({})).await;
    let flow = json!({
        "nodes": [{"id": "start", "type": "trigger"}, {"id": "end", "type": "output", "config": {"value": "Hello {{ input.name }}"}}],
        "edges": [{"from": "start", "to": "end"}],
        "input_schema": {"type": "object", "required": ["name"]}
    });
    user.publish(flow).await;
    let flows = user.read("/api/v1/flows").await.body;
    let flow = flows["items"][0]["name"].as_str().unwrap().to_owned();

    let said = called(&user, &platform, "add", json!({"a": 1, "b": 2})).await;
    let mut names = vec!["add", "clerk", "pay", flow.as_str()];
    names.sort_unstable();
    assert_eq!(said["tools"], json!(names), "{said}");
    assert_eq!(
        (&said["texts"], &said["is_error"]),
        (&json!(["{\"sum\":3}"]), &json!(false))
    );
    let said = called(&user, &platform, &flow, json!({"name": "Ada"})).await;
    assert_eq!(said["texts"], json!(["Hello Ada"]), "{said}");
    let said = called(&user, &platform, &flow, json!({})).await;
    assert_eq!(said["is_error"], json!(true), "{said}");
    vendor.script(Answer::text("Done."));
    let said = called(&user, &platform, "clerk", json!({"prompt": "Work."})).await;
    assert_eq!(said["texts"], json!(["Done."]), "{said}");
    let said = called(&user, &platform, "pay", json!({"a": 1, "b": 2})).await;
    assert_eq!(said["is_error"], json!(true), "{said}");

    // Whoever is of another organization finds nothing there, and whoever is nobody gets nothing.
    let list =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"cursor": "tools:"}});
    let theirs = stranger.post("/api/v1/mcp", &list).await;
    assert_eq!(theirs.body["result"]["tools"], json!([]), "{theirs:?}");
    let nobody = platform.stranger().post("/api/v1/mcp", &list).await;
    assert_eq!(nobody.status, 401, "{nobody:?}");
    let foreign = [("origin", "https://evil.example")];
    let page = user.send(
        reqwest::Method::POST,
        "/api/v1/mcp",
        Some(list.to_string()),
        &foreign,
    );
    assert_eq!(page.await.unwrap().status, 403);
    assert_eq!(user.read("/api/v1/mcp").await.status, 405);
}
