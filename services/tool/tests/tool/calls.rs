//! Calls: their records, their versions, and their end before the time.

use contracts::{
    ErrorCode, Subject,
    id::ExecutionId,
    live::Control,
    page::Paging,
    tool::{DeleteTool, UpdateTool},
};
use sea_orm::ConnectionTrait;

use super::*;

#[tokio::test]
async fn every_call_is_recorded() {
    let fixture = Fixture::start().await;
    let tool = fixture.make_of(ToolSpec::example()).await;
    let run = Principal {
        execution_id: Some(ExecutionId::generate()),
        ..fixture.user.clone()
    };
    let fine = invoke(&tool, json!({"a": 1, "b": 2}));
    fixture.ask(&run, &fine).await.unwrap();
    fixture.call(&tool, json!({"a": 1})).await.unwrap_err();
    let calls = fixture.calls_of(&tool, 2).await;
    let told: Vec<_> = calls
        .iter()
        .map(|call| (call.error.as_deref(), call.execution_id))
        .collect();
    assert_eq!(
        told,
        [(Some("arguments_invalid"), None), (None, run.execution_id)]
    );
    assert_eq!((calls[0].version, calls[0].called_by), (1, run.user_id));
    let mut request = ListToolCalls {
        tool_id: tool.id,
        paging: Paging {
            cursor: None,
            limit: Some(1),
        },
    };
    let page = fixture.ask(&fixture.user, &request).await.unwrap();
    request.paging.cursor = page.next;
    let page = fixture.ask(&fixture.user, &request).await.unwrap();
    assert_eq!((page.items, page.next), (vec![calls[1].clone()], None));
    fixture.drain().await;
}

#[tokio::test]
async fn the_last_thousand_calls_are_kept() {
    let fixture = Fixture::start().await;
    let config = json!({"name": "calculator"});
    let tool = fixture.make(ToolKind::Builtin, "calculator", config).await;
    let database = sql::Pool::connect(&fixture.config.sql, &MIGRATIONS).await;
    let tenant = database.unwrap().tenant(fixture.user.tenant).await.unwrap();
    let old = format!(
        "INSERT INTO tool_calls SELECT gen_random_uuid(), '{0}', now() - make_interval(secs => n), \
         1, '{0}', NULL, 1, NULL FROM generate_series(1, 1500) n",
        tool.id.uuid()
    );
    tenant.conn().execute_unprepared(&old).await.unwrap();
    tenant.commit().await.unwrap();
    fixture.call(&tool, json!({})).await.unwrap_err();
    eventually(SOON, async || {
        let calls = fixture.calls_of(&tool, 1).await;
        calls[0].error.is_some().then_some(())
    })
    .await;
    let mut request = ListToolCalls {
        tool_id: tool.id,
        paging: Paging {
            cursor: None,
            limit: Some(200),
        },
    };
    let mut kept = 0;
    loop {
        let page = fixture.ask(&fixture.user, &request).await.unwrap();
        kept += page.items.len();
        request.paging.cursor = page.next;
        if request.paging.cursor.is_none() {
            break;
        }
    }
    assert_eq!(kept, 1000);
    fixture.drain().await;
}

#[tokio::test]
async fn a_call_may_name_its_version() {
    let fixture = Fixture::start().await;
    let tool = fixture.make_of(ToolSpec::example()).await;
    let spec = ToolSpec {
        config: json!({"source": "export default ({a, b}) => a * b"}),
        ..ToolSpec::example()
    };
    let update = UpdateTool {
        tool_id: tool.id,
        spec,
        if_version: None,
    };
    fixture.ask(&fixture.user, &update).await.unwrap();
    let mut request = invoke(&tool, json!({"a": 3, "b": 4}));
    for (version, expect) in [(None, (2, 12)), (Some(1), (1, 7)), (Some(2), (2, 12))] {
        request.version = version;
        let answer = fixture.ask(&fixture.user, &request).await.unwrap();
        assert_eq!((answer.version, answer.result), (expect.0, json!(expect.1)));
    }
    request.version = Some(9);
    let missing = fixture.ask(&fixture.user, &request).await.unwrap_err();
    assert_eq!(missing.reason.as_deref(), Some("version_not_found"));
    request.version = None;
    request.idempotency_key = Some("a\nb".into());
    let refused = fixture.ask(&fixture.user, &request).await.unwrap_err();
    assert_eq!(refused.errors[0].path, "/idempotency_key");
    fixture.drain().await;
}

#[tokio::test]
async fn a_cancelled_run_drops_its_call() {
    let fixture = Fixture::start().await;
    let config = json!({"method": "GET", "url": fixture.ledger.url()});
    let tool = fixture.make(ToolKind::Http, "held", config).await;
    let run = Principal {
        execution_id: Some(ExecutionId::generate()),
        ..fixture.user.clone()
    };
    fixture.ledger.hold();
    let request = invoke(&tool, json!({}));
    let (answer, ()) = tokio::join!(fixture.ask(&run, &request), async {
        eventually(SOON, async || {
            (!fixture.ledger.calls().is_empty()).then_some(())
        })
        .await;
        let subject = Subject::control(run.tenant, run.execution_id.unwrap());
        let cancel = fixture.bus.publish(&subject, &Control::Cancel);
        cancel.await.unwrap();
    });
    let problem = answer.unwrap_err();
    assert_eq!(
        (problem.code, problem.reason.as_deref()),
        (ErrorCode::Conflict, Some("cancelled"))
    );
    fixture.ledger.release();
    let calls = fixture.calls_of(&tool, 1).await;
    assert_eq!(calls[0].error.as_deref(), Some("cancelled"));
    // A call that comes too late is not made at all.
    let late = fixture.ask(&run, &request).await.unwrap_err();
    assert_eq!(late.reason.as_deref(), Some("cancelled"));
    assert_eq!(fixture.ledger.calls().len(), 1);
    fixture.drain().await;
}

#[tokio::test]
async fn one_organization_leaves_room_for_the_others() {
    let fixture = Fixture::start().await;
    let config = json!({"method": "GET", "url": fixture.ledger.url()});
    let slow = fixture.make(ToolKind::Http, "slow", config).await;
    let quick = fixture.make_of(ToolSpec::example()).await;
    fixture.ledger.hold();
    let calls = futures::future::join_all((0..4).map(|_| fixture.call(&slow, json!({}))));
    let (held, ()) = tokio::join!(calls, async {
        eventually(SOON, async || {
            (fixture.ledger.calls().len() == 4).then_some(())
        })
        .await;
        let refused = fixture.call(&quick, json!({"a": 1, "b": 2})).await;
        let refused = refused.unwrap_err();
        assert_eq!(
            (refused.code, refused.reason.as_deref()),
            (ErrorCode::RateLimited, Some("too_many_calls"))
        );
        let other = fixture.owner().await;
        let create = CreateTool {
            spec: ToolSpec::example(),
        };
        let theirs = fixture.ask(&other, &create).await.unwrap();
        let call = invoke(&theirs, json!({"a": 1, "b": 2}));
        assert!(fixture.ask(&other, &call).await.is_ok());
        fixture.ledger.release();
    });
    assert!(held.iter().all(Result::is_ok), "{held:?}");
    assert!(fixture.call(&quick, json!({"a": 1, "b": 2})).await.is_ok());
    fixture.drain().await;
}

#[tokio::test]
async fn the_calls_of_a_deleted_tool_are_no_longer_shown() {
    let fixture = Fixture::start().await;
    let tool = fixture.make_of(ToolSpec::example()).await;
    fixture
        .ask(&fixture.user, &DeleteTool { tool_id: tool.id })
        .await
        .unwrap();
    let request = ListToolCalls {
        tool_id: tool.id,
        paging: Paging::default(),
    };
    let gone = fixture.ask(&fixture.user, &request).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound);
    fixture.drain().await;
}
