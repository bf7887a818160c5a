//! HTTP tools.

use contracts::ErrorCode;

use super::*;

#[tokio::test]
async fn a_request_is_made_of_the_arguments() {
    let fixture = Fixture::start().await;
    let config = json!({
        "method": "POST",
        "url": format!("{}/items/{{{{ arguments.id }}}}?fixed=1", fixture.ledger.url()),
        "headers": {"x-user": "u-{{ arguments.user }}"},
        "query": {"q": "{{ arguments.text }}", "n": 5},
        "body": {"all": "{{ arguments }}", "list": ["{{ arguments.user }}"]}
    });
    let tool = fixture.make(ToolKind::Http, "items", config).await;
    let arguments = json!({"id": "a/../b?c#d", "user": "Ada", "text": "x&y=1 {{ arguments.id }}"});
    let mut request = invoke(&tool, arguments.clone());
    request.idempotency_key = Some("key-1".into());
    let answer = fixture.ask(&fixture.user, &request).await.unwrap();
    assert_eq!(answer.result, json!({"status": 200, "body": {"call": 1}}));
    let calls = fixture.ledger.calls();
    let call = &calls[0];
    assert_eq!(
        call.path,
        "/items/a%2F..%2Fb%3Fc%23d?fixed=1&n=5&q=x%26y%3D1%20%7B%7B%20arguments.id%20%7D%7D"
    );
    assert_eq!(call.idempotency_key.as_deref(), Some("key-1"));
    assert_eq!(call.header("x-user"), Some("u-Ada"));
    let body: Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!(body, json!({"all": arguments, "list": ["Ada"]}));
    let upwards = json!({"id": "..", "user": "x", "text": ""});
    assert_eq!(fixture.fails(&tool, upwards).await, "invalid_url");
    let split = json!({"id": "1", "user": "x\r\ny: z", "text": ""});
    assert_eq!(fixture.fails(&tool, split).await, "invalid_header");
    let missing = json!({"id": "1"});
    assert_eq!(fixture.fails(&tool, missing).await, "template");
    assert_eq!(fixture.ledger.calls().len(), 1);
    fixture.drain().await;
}

#[tokio::test]
async fn a_status_that_is_no_success_is_a_failure() {
    let fixture = Fixture::start().await;
    let config = json!({"method": "GET", "url": fixture.ledger.url()});
    let tool = fixture.make(ToolKind::Http, "status", config).await;
    for (status, code) in [
        (404, ErrorCode::InvalidInput),
        (302, ErrorCode::InvalidInput),
        (503, ErrorCode::Unavailable),
        (429, ErrorCode::Unavailable),
    ] {
        fixture.ledger.answer_next(status, "private");
        let problem = fixture.call(&tool, json!({})).await.unwrap_err();
        assert_eq!(
            (problem.code, problem.reason.as_deref()),
            (code, Some("http_status")),
            "{status}"
        );
        assert!(!problem.detail.contains("private"));
    }
    fixture.ledger.answer_next(200, "not json");
    let text = fixture.call(&tool, json!({})).await.unwrap();
    assert_eq!(text["body"], "not json");
    fixture.ledger.answer_next(200, "x".repeat(2_000_000));
    assert_eq!(fixture.fails(&tool, json!({})).await, "response_too_large");
    fixture.drain().await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let fixture = Fixture::start().await;
    let config = json!({"method": "GET", "url": fixture.ledger.url()});
    let mut slow = spec(ToolKind::Http, "slow", config);
    slow.timeout_ms = Some(200);
    let slow = fixture.make_of(slow).await;
    fixture.ledger.hold();
    let problem = fixture.call(&slow, json!({})).await.unwrap_err();
    assert_eq!(
        (problem.code, problem.reason.as_deref()),
        (ErrorCode::Timeout, Some("timeout"))
    );
    fixture.ledger.release();
    fixture.drain().await;
}

#[tokio::test]
async fn private_addresses_are_out_of_reach() {
    let fixture = Fixture::start().await;
    for (name, url) in [
        ("loopback", "http://127.0.0.1:1/"),
        ("metadata", "http://169.254.169.254/"),
        ("name", "http://localhost:8080/"),
    ] {
        let config = json!({"method": "GET", "url": url});
        let tool = fixture.make(ToolKind::Http, name, config).await;
        assert_eq!(fixture.fails(&tool, json!({})).await, "blocked_address");
    }
    let config = json!({"method": "GET", "url": "{{ arguments.url }}"});
    let any = fixture.make(ToolKind::Http, "any", config).await;
    let inside = json!({"url": "http://10.0.0.1/"});
    assert_eq!(fixture.fails(&any, inside).await, "blocked_address");
    let allowed = json!({"url": format!("{}/x", fixture.ledger.url())});
    assert!(fixture.call(&any, allowed).await.is_ok());
    fixture.drain().await;
}
