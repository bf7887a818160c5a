//! Secrets: written, listed, sent to their hosts, and never seen again.

use contracts::{
    ErrorCode,
    page::Paging,
    tool::{DeleteSecret, ListSecrets, SetSecret, ValidateTool},
};

use super::*;

const VALUE: &str = "s3cret/väl ue";

fn set(name: &str, hosts: &[String]) -> SetSecret {
    SetSecret {
        name: name.to_owned(),
        value: VALUE.to_owned(),
        hosts: hosts.to_vec(),
    }
}

/// Asks with a secret in a header and in the query.
async fn keyed(fixture: &Fixture) -> Tool {
    let config = json!({
        "method": "GET", "url": format!("{}/x", fixture.ledger.url()),
        "headers": {"x-key": {"$secret": "plain"}}, "query": {"key": {"$secret": "weather"}}
    });
    fixture.make(ToolKind::Http, "keyed", config).await
}

async fn give(fixture: &Fixture, hosts: &[String]) {
    let mut plain = set("plain", hosts);
    plain.value = "Bearer pl4in".into();
    for request in [plain, set("weather", hosts)] {
        let secret = fixture.ask(&fixture.user, &request).await.unwrap();
        assert!(
            !serde_json::to_string(&secret)
                .unwrap()
                .contains(&request.value)
        );
    }
}

#[tokio::test]
async fn a_secret_reaches_its_host_and_no_reply() {
    let fixture = Fixture::start().await;
    let tool = keyed(&fixture).await;
    assert_eq!(fixture.fails(&tool, json!({})).await, "unknown_secret");
    give(&fixture, &[fixture.ledger.address().to_string()]).await;
    // A server that says back what it got.
    let echo =
        json!({"headers": ["Bearer pl4in"], "url": "/x?key=s3cret%2Fv%C3%A4l%20ue", "text": VALUE});
    fixture.ledger.answer_next(200, echo.to_string());
    let answer = fixture.call(&tool, json!({})).await.unwrap();
    assert_eq!(
        answer["body"],
        json!({"headers": ["[secret]"], "url": "/x?key=[secret]", "text": "[secret]"})
    );
    fixture.ledger.answer_next(500, echo.to_string());
    let problem = fixture.call(&tool, json!({})).await.unwrap_err();
    let text = serde_json::to_string(&problem).unwrap();
    assert!(
        !text.contains("s3cret") && !text.contains("pl4in"),
        "{text}"
    );
    let calls = fixture.ledger.calls();
    assert_eq!(calls[0].header("x-key"), Some("Bearer pl4in"));
    assert_eq!(calls[0].path, "/x?key=s3cret%2Fv%C3%A4l%20ue");
    fixture.drain().await;
}

#[tokio::test]
async fn a_secret_goes_nowhere_else() {
    let fixture = Fixture::start().await;
    let tool = keyed(&fixture).await;
    give(&fixture, &["api.example.com".into(), "127.0.0.1:1".into()]).await;
    assert_eq!(fixture.fails(&tool, json!({})).await, "secret_host");
    let request = ValidateTool { tool_id: tool.id };
    let said = fixture.ask(&fixture.user, &request).await.unwrap();
    let problems: Vec<_> = said
        .problems
        .iter()
        .map(|problem| (problem.path.as_str(), problem.code.as_str()))
        .collect();
    assert_eq!(
        problems,
        [
            ("/config/headers/x-key", "secret_host"),
            ("/config/query/key", "secret_host")
        ]
    );
    assert!(!said.valid && fixture.ledger.calls().is_empty());
    // Nor over a connection that others can read.
    let config = json!({"method": "GET", "url": "http://api.example.com/",
        "query": {"key": {"$secret": "weather"}}});
    let open = fixture.make(ToolKind::Http, "open", config).await;
    assert_eq!(fixture.fails(&open, json!({})).await, "blocked_address");
    fixture.drain().await;
}

#[tokio::test]
async fn secrets_are_listed_replaced_and_deleted() {
    let fixture = Fixture::start().await;
    let user = &fixture.user;
    let hosts = ["API.example.com".to_owned(), "b.example:8443".to_owned()];
    for name in ["b", "a", "c"] {
        fixture.ask(user, &set(name, &hosts)).await.unwrap();
    }
    fixture.ask(user, &set("a", &hosts[..1])).await.unwrap();
    let mut request = ListSecrets {
        paging: Paging {
            cursor: None,
            limit: Some(2),
        },
    };
    let page = fixture.ask(user, &request).await.unwrap();
    let listed: Vec<_> = page
        .items
        .iter()
        .map(|secret| (secret.name.as_str(), secret.hosts.join(" ")))
        .collect();
    assert_eq!(
        listed,
        [
            ("a", "api.example.com".to_owned()),
            ("b", "api.example.com b.example:8443".to_owned())
        ]
    );
    request.paging.cursor = page.next;
    let page = fixture.ask(user, &request).await.unwrap();
    assert_eq!((page.items[0].name.as_str(), page.next), ("c", None));
    let delete = DeleteSecret { name: "a".into() };
    fixture.ask(user, &delete).await.unwrap();
    let gone = fixture.ask(user, &delete).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound);
    let wrong = fixture.ask(user, &set("a b", &["*".into()])).await;
    let wrong = wrong.unwrap_err();
    assert_eq!((wrong.status, wrong.errors.len()), (422, 2));
    fixture.drain().await;
}
