//! Micro services as tools, and flows as tools. That other organizations stay out is for the platform's own tests:
//! this server knows no users.

use bus::{Incoming, Subscription, heartbeat_in, timeout_in};
use contracts::{ErrorCode, Subject, id::FlowId, subject::Token, tool::CreateTool};
use futures::StreamExt;

use super::*;

async fn serve(fixture: &Fixture, name: &str) -> Subscription {
    let subject = Subject::tool(fixture.user.tenant, &Token::new(name).unwrap());
    let served = fixture.bus.subscribe(&subject, None).await.unwrap();
    fixture.bus.flush().await.unwrap();
    served
}

fn header(incoming: &Incoming, name: &str) -> Option<String> {
    let value = incoming.headers()?.get(name)?;
    Some(value.as_str().to_owned())
}

#[tokio::test]
async fn a_micro_service_is_asked_with_key_and_deadline() {
    let fixture = Fixture::start().await;
    let mut service = serve(&fixture, "weather").await;
    let config = json!({"name": "weather"});
    let tool = fixture.make(ToolKind::Nats, "weather_of", config).await;
    let mut call = invoke(&tool, json!({"city": "Rome"}));
    call.idempotency_key = Some("key-1".into());
    let served = async {
        let asked = service.next().await.unwrap();
        assert_eq!(asked.payload().as_ref(), br#"{"city":"Rome"}"#);
        assert_eq!(header(&asked, "Idempotency-Key").as_deref(), Some("key-1"));
        assert!(
            asked.token().is_none(),
            "a token must not leave the platform"
        );
        assert_eq!(heartbeat_in(asked.headers(), fixture.user.tenant), None);
        let left = timeout_in(asked.headers()).unwrap();
        assert!(
            left <= Duration::from_secs(30) && !left.is_zero(),
            "{left:?}"
        );
        fixture
            .bus
            .reply(&asked, Ok(&json!({"sunny": true})))
            .await
            .unwrap();
    };
    let (answer, ()) = tokio::join!(fixture.ask(&fixture.user, &call), served);
    assert_eq!(answer.unwrap().result, json!({"sunny": true}));
    drop(service);
    fixture.drain().await;
}

#[tokio::test]
async fn a_micro_service_that_fails_says_why_by_its_reason() {
    let fixture = Fixture::start().await;
    let config = json!({"name": "odd"});
    let mut odd = spec(ToolKind::Nats, "odd", config);
    odd.timeout_ms = Some(5_000);
    let tool = fixture.make_of(odd).await;
    let nobody = fixture.call(&tool, json!({})).await.unwrap_err();
    assert_eq!(
        (nobody.code, nobody.reason.as_deref()),
        (ErrorCode::Unavailable, Some("tool_unavailable"))
    );
    let mut service = serve(&fixture, "odd").await;
    let large = serde_json::to_vec(&"x".repeat(1_048_576)).unwrap();
    for (answer, reason) in [
        (b"no json".to_vec(), "tool_not_json"),
        (large, "result_too_large"),
    ] {
        let served = async {
            let asked = service.next().await.unwrap();
            fixture
                .bus
                .reply_bytes(&asked, answer.into())
                .await
                .unwrap();
        };
        let (failed, ()) = tokio::join!(fixture.fails(&tool, json!({})), served);
        assert_eq!(failed, reason);
    }
    for code in [ErrorCode::InvalidInput, ErrorCode::Unavailable] {
        let served = async {
            let asked = service.next().await.unwrap();
            let problem = Problem::new(code, "private");
            fixture
                .bus
                .reply::<()>(&asked, Err(&problem))
                .await
                .unwrap();
        };
        let (failed, ()) = tokio::join!(fixture.call(&tool, json!({})), served);
        let failed = failed.unwrap_err();
        assert_eq!(
            (failed.code, failed.reason.as_deref()),
            (code, Some("tool_refused"))
        );
        assert!(!failed.detail.contains("private"));
    }
    let mut slow = spec(ToolKind::Nats, "slow", json!({"name": "odd"}));
    slow.timeout_ms = Some(200);
    let slow = fixture.make_of(slow).await;
    assert_eq!(fixture.fails(&slow, json!({})).await, "timeout");
    drop(service);
    fixture.drain().await;
}

#[tokio::test]
async fn a_flow_as_a_tool_is_for_the_engine_alone() {
    let fixture = Fixture::start().await;
    let config = json!({"flow_id": FlowId::EXAMPLE});
    let flow = fixture.make(ToolKind::Flow, "report", config).await;
    let refused = fixture.call(&flow, json!({})).await.unwrap_err();
    assert_eq!(refused.reason.as_deref(), Some("flow_tool"));
    assert!(
        refused.detail.contains(&FlowId::EXAMPLE.to_string()),
        "{refused}"
    );
    for (kind, config) in [
        (ToolKind::Flow, json!({})),
        (ToolKind::Flow, json!({"flow_id": "tool_1"})),
        (ToolKind::Nats, json!({"name": "a.b"})),
        (ToolKind::Nats, json!({"name": ">"})),
        (ToolKind::Mcp, json!({"url": "ftp://x", "tool": "t"})),
    ] {
        let create = CreateTool {
            spec: spec(kind, "wrong", config),
        };
        let refused = fixture.ask(&fixture.user, &create).await.unwrap_err();
        assert_eq!(refused.reason.as_deref(), Some("tool_invalid"));
    }
    fixture.drain().await;
}
