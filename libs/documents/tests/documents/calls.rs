//! Calls to models are kept once and read by their execution.

use contracts::{
    execution::Usage,
    id::{CallId, ExecutionId, FlowId, TenantId, UserId},
    llm::{CallBodies, CallRecord, UsageBy, UsageLine},
};
use documents::{ArchivedBodies, ArchivedCall, CallQuestion, UsageQuestion};
use testkit::Mongo;

use crate::archive;

#[tokio::test]
async fn calls_are_kept_once_and_read_in_order() {
    let database = Mongo::create();
    let archive = archive(&database).await;
    let (tenant, execution) = (TenantId::generate(), ExecutionId::generate());
    let call = |second: u32, execution| ArchivedCall {
        tenant,
        record: CallRecord {
            id: CallId::generate(),
            provider: "rehearsal".into(),
            model: "$where".into(),
            route: None,
            execution_id: execution,
            flow_id: None,
            node: Some("a.b".into()),
            user_id: None,
            usage: Usage::ZERO,
            price_version: None,
            estimated: false,
            cached: false,
            similarity: None,
            duration_ms: 12,
            error: None,
            at: format!("2026-01-02T03:04:{second:02}Z").parse().unwrap(),
            attempts: Vec::new(),
            recorded: false,
        },
    };
    let later = call(2, Some(execution));
    let earlier = call(1, Some(execution));
    let elsewhere = call(0, None);
    let all = [later.clone(), earlier.clone(), elsewhere];
    archive.put_calls(&all).await.unwrap();
    archive.put_calls(&all).await.unwrap();

    let found = archive.calls(tenant, execution, 10).await.unwrap();
    assert_eq!(found, [earlier.record, later.record]);
    let other = TenantId::generate();
    assert_eq!(archive.calls(other, execution, 10).await.unwrap(), []);
}

#[tokio::test]
async fn words_are_kept_once_and_gone_with_their_execution() {
    let database = Mongo::create();
    let archive = archive(&database).await;
    let (tenant, other) = (TenantId::generate(), TenantId::generate());
    let execution = ExecutionId::generate();
    let kept = |execution, request: &str| ArchivedBodies {
        tenant,
        execution,
        bodies: CallBodies {
            call_id: CallId::generate(),
            request: request.into(),
            response: None,
            cut: true,
        },
    };
    let (of_it, alone) = (kept(Some(execution), "$where"), kept(None, "alone"));
    archive
        .put_call_bodies(&[of_it.clone(), alone.clone()])
        .await
        .unwrap();
    let mut later = of_it.clone();
    later.bodies.request = "said later".into();
    archive.put_call_bodies(&[later]).await.unwrap();

    let id = of_it.bodies.call_id;
    let found = archive.call_bodies(tenant, id).await.unwrap();
    assert_eq!(found, Some(of_it.bodies));
    assert_eq!(archive.call_bodies(other, id).await.unwrap(), None);

    archive.delete_events(tenant, &[execution]).await.unwrap();
    assert_eq!(archive.call_bodies(tenant, id).await.unwrap(), None);
    let id = alone.bodies.call_id;
    let found = archive.call_bodies(tenant, id).await.unwrap();
    assert_eq!(found, Some(alone.bodies));
}

/// A call of `user` that took ten tokens and three.
fn call(
    user: UserId,
    at: &str,
    model: &str,
    flow: Option<FlowId>,
    cost: Option<&str>,
) -> CallRecord {
    CallRecord {
        id: CallId::generate(),
        provider: "vendor".into(),
        model: model.into(),
        route: Some("careful".into()),
        execution_id: None,
        flow_id: flow,
        node: None,
        user_id: Some(user),
        usage: Usage {
            prompt_tokens: 10,
            completion_tokens: 3,
            cost: cost.map(|cost| cost.parse().unwrap()),
        },
        price_version: None,
        estimated: false,
        cached: false,
        similarity: None,
        duration_ms: 12,
        error: (cost == Some("2")).then(|| "timeout".into()),
        at: at.parse().unwrap(),
        attempts: Vec::new(),
        recorded: false,
    }
}

/// Calls of two days and one after them, and one of another tenant.
async fn keep(archive: &documents::Archive, tenant: TenantId, user: UserId, flow: FlowId) {
    let calls = [
        call(user, "2026-01-01T23:59:59Z", "small", None, Some("0.1")),
        call(
            user,
            "2026-01-02T00:00:00Z",
            "small",
            None,
            Some("0.0000000002"),
        ),
        call(
            user,
            "2026-01-02T01:00:00Z",
            "$large",
            Some(flow),
            Some("2"),
        ),
        call(user, "2026-01-02T02:00:00Z", "$large", Some(flow), None),
        call(user, "2026-01-03T00:00:00Z", "small", None, Some("100")),
    ];
    let mut all: Vec<_> = calls.map(|record| ArchivedCall { tenant, record }).into();
    all.push(ArchivedCall {
        tenant: TenantId::generate(),
        record: call(user, "2026-01-02T00:00:00Z", "small", None, Some("5")),
    });
    archive.put_calls(&all).await.unwrap();
}

#[tokio::test]
async fn usage_is_the_sum_of_its_calls() {
    let database = Mongo::create();
    let archive = archive(&database).await;
    let (tenant, flow, user) = (TenantId::generate(), FlowId::generate(), UserId::generate());
    keep(&archive, tenant, user, flow).await;
    let ask = async |tenant, by, daily| {
        let question = UsageQuestion {
            since: "2026-01-01T00:00:00Z".parse().unwrap(),
            until: "2026-01-03T00:00:00Z".parse().unwrap(),
            by,
            daily,
        };
        let report = archive.usage(tenant, question).await.unwrap();
        assert!(!report.cut);
        report.items
    };
    let told = |line: &UsageLine| {
        let cost = line.usage.cost.unwrap().to_string();
        (line.calls, line.failures, line.unpriced, cost)
    };
    let models = ask(tenant, UsageBy::Model, false).await;
    let names: Vec<_> = models.iter().map(|line| line.model.as_deref()).collect();
    assert_eq!(names, [Some("$large"), Some("small")]);
    assert_eq!(models[0].provider.as_deref(), Some("vendor"));
    assert_eq!(told(&models[0]), (2, 1, 1, "2".into()));
    assert_eq!(told(&models[1]), (2, 0, 0, "0.1000000002".into()));
    let tokens = models[1].usage;
    assert_eq!((tokens.prompt_tokens, tokens.completion_tokens), (20, 6));

    let days = ask(tenant, UsageBy::User, true).await;
    let of_days: Vec<_> = days
        .iter()
        .map(|line| (line.day.unwrap().to_string(), line.user_id, line.calls))
        .collect();
    let expected = [
        ("2026-01-01".to_owned(), Some(user), 1),
        ("2026-01-02".to_owned(), Some(user), 3),
    ];
    assert_eq!(of_days, expected);
    let flows = ask(tenant, UsageBy::Flow, false).await;
    let of_flows: Vec<_> = flows
        .iter()
        .map(|line| (line.flow_id, line.calls))
        .collect();
    assert_eq!(of_flows, [(Some(flow), 2), (None, 2)]);
    assert_eq!(ask(TenantId::generate(), UsageBy::Model, false).await, []);
}

#[tokio::test]
async fn the_latest_calls_are_found_by_what_they_were() {
    let database = Mongo::create();
    let archive = archive(&database).await;
    let (tenant, user) = (TenantId::generate(), UserId::generate());
    let mut all = [
        call(user, "2026-01-01T00:00:01Z", "small", None, Some("2")),
        // Two of the same time, which the id tells apart.
        call(user, "2026-01-01T00:00:02Z", "small", None, None),
        call(user, "2026-01-01T00:00:02Z", "$ne", None, None),
    ];
    all[1..].sort_by_key(|call| call.id);
    let asking = Some(ExecutionId::generate());
    all[1].execution_id = asking;
    let kept: Vec<_> = all
        .iter()
        .map(|record| ArchivedCall {
            tenant,
            record: record.clone(),
        })
        .collect();
    archive.put_calls(&kept).await.unwrap();
    let find = async |question: CallQuestion| {
        let found = archive.latest_calls(tenant, &question, 10).await.unwrap();
        found.into_iter().map(|call| call.id).collect::<Vec<_>>()
    };
    let ids: Vec<_> = all.iter().rev().map(|call| call.id).collect();
    assert_eq!(find(CallQuestion::default()).await, ids);
    let after_first = CallQuestion {
        before: Some((all[2].at, all[2].id)),
        ..CallQuestion::default()
    };
    assert_eq!(find(after_first).await, ids[1..]);
    let failed = |failed| CallQuestion {
        failed: Some(failed),
        ..CallQuestion::default()
    };
    assert_eq!(find(failed(true)).await, ids[2..]);
    assert_eq!(find(failed(false)).await, ids[..2]);
    let odd = CallQuestion {
        model: Some("$ne".into()),
        route: Some("careful".into()),
        ..CallQuestion::default()
    };
    let odd_one = all.iter().find(|call| call.model == "$ne").unwrap();
    assert_eq!(find(odd).await, [odd_one.id]);
    let of = |execution| CallQuestion {
        execution,
        ..CallQuestion::default()
    };
    assert_eq!(find(of(asking)).await, ids[1..2]);
    assert_eq!(find(of(Some(ExecutionId::generate()))).await, []);
    let found = archive.call(tenant, ids[0]).await.unwrap();
    assert_eq!(found, Some(all[2].clone()));
    let stranger = TenantId::generate();
    assert_eq!(archive.call(stranger, ids[0]).await.unwrap(), None);
}
