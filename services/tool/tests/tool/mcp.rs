//! Tools of MCP servers.

use contracts::tool::{ImportMcp, SetSecret};

use super::*;

#[tokio::test]
async fn the_tools_of_a_server_are_imported_and_called() {
    let fixture = Fixture::start().await;
    let secret = SetSecret {
        name: "mcp".into(),
        value: "k-canary".into(),
        hosts: vec![fixture.mcp.address().to_string()],
    };
    fixture.ask(&fixture.user, &secret).await.unwrap();
    let request = ImportMcp {
        url: fixture.mcp.url(),
        headers: [("Authorization".to_owned(), json!({"$secret": "mcp"}))].into(),
        tools: None,
    };
    let imported = fixture.ask(&fixture.user, &request).await.unwrap();
    let names: Vec<_> = imported
        .items
        .iter()
        .map(|tool| tool.name.as_str())
        .collect();
    assert_eq!(names, ["math_add", "echo", "fail", "large", "tree"]);
    let problem = &imported.problems[0];
    assert_eq!(
        (problem.item.as_str(), problem.code.as_str()),
        ("wrong", "schema")
    );

    let of = async |name: &str| {
        let item = imported
            .items
            .iter()
            .find(|tool| tool.name == name)
            .unwrap();
        let get = contracts::tool::GetTool {
            tool_id: item.id,
            version: None,
        };
        fixture.ask(&fixture.user, &get).await.unwrap()
    };
    let add = of("math_add").await;
    let mut call = invoke(&add, json!({"a": 1, "b": 2}));
    call.idempotency_key = Some("add-1".into());
    let sum = fixture.ask(&fixture.user, &call).await.unwrap();
    assert_eq!(sum.result, json!({"sum": 3.0}));
    assert_eq!(
        fixture.fails(&add, json!({"a": 1})).await,
        "arguments_invalid"
    );
    let echo = fixture
        .call(&of("echo").await, json!({"text": "hi, k-canary\nü"}))
        .await;
    assert_eq!(echo.unwrap(), json!("hi, [secret]\nü"));
    let failed = fixture
        .call(&of("fail").await, json!({}))
        .await
        .unwrap_err();
    assert_eq!(failed.reason.as_deref(), Some("mcp_tool_error"));
    assert!(!failed.detail.contains("private"));
    assert_eq!(
        fixture.fails(&of("large").await, json!({})).await,
        "response_too_large"
    );
    let seen = fixture.mcp.seen();
    let has_key =
        |seen: &testkit::mcp_server::Seen| seen.authorization.as_deref() == Some("k-canary");
    assert!(seen.iter().all(has_key));
    let called: Vec<_> = seen
        .iter()
        .filter(|seen| seen.method == "tools/call")
        .collect();
    assert_eq!(called[0].idempotency_key.as_deref(), Some("add-1"));
    assert_eq!(fixture.mcp.open_sessions(), 0);
    fixture.drain().await;
}

#[tokio::test]
async fn chosen_tools_are_imported_and_strange_servers_refused() {
    let fixture = Fixture::start().await;
    let mut request = ImportMcp {
        url: fixture.mcp.url(),
        tools: Some(vec!["echo".into(), "nothing".into()]),
        ..ImportMcp::default()
    };
    let imported = fixture.ask(&fixture.user, &request).await.unwrap();
    assert_eq!(imported.items.len(), 1);
    assert_eq!(imported.problems[0].code, "unknown_tool");
    let refused = async |request: &ImportMcp| {
        let refused = fixture.ask(&fixture.user, request).await.unwrap_err();
        refused.reason.unwrap()
    };
    request.url = fixture.ledger.url();
    assert_eq!(refused(&request).await, "mcp_answer");
    let old = r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2024-01-01"}}"#;
    fixture.ledger.answer_next(200, old);
    assert_eq!(refused(&request).await, "mcp_version");
    fixture.ledger.answer_next(404, "");
    assert_eq!(refused(&request).await, "http_status");
    request.url = "http://10.0.0.1/mcp".into();
    assert_eq!(refused(&request).await, "blocked_address");
    request.url = fixture.mcp.url();
    request.headers = [("x".to_owned(), json!({"$secret": "none"}))].into();
    assert_eq!(refused(&request).await, "unknown_secret");
    let unknown = json!({"url": fixture.mcp.url(), "tool": "none"});
    let unknown = fixture.make(ToolKind::Mcp, "none", unknown).await;
    assert_eq!(fixture.fails(&unknown, json!({})).await, "mcp_error");
    fixture.drain().await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let fixture = Fixture::start().await;
    let config = json!({"url": fixture.ledger.url(), "tool": "x"});
    let mut slow = spec(ToolKind::Mcp, "slow", config);
    slow.timeout_ms = Some(200);
    let slow = fixture.make_of(slow).await;
    fixture.ledger.hold();
    assert_eq!(fixture.fails(&slow, json!({})).await, "timeout");
    fixture.ledger.release();
    fixture.drain().await;
}
