//! More starts than there may be.

use chrono::{TimeDelta, Utc};
use contracts::{ErrorCode, execution::CancelExecution, owner::Parent};
use futures::future::join_all;

use super::{outside::*, *};

const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_organization_that_starts_too_much_does_not_keep_another_waiting() {
    let fixture = Fixture::set_up(|config| config.engine.engine_starts_per_second = 4).await;
    let other = testkit::principal(TenantId::generate(), Role::Editor);
    fixture.provision(other.tenant).await;
    let hash = inline_flow(&fixture).await;
    fixture.execute(&hash, json!({"name": "Ada"})).await;

    let starts: Vec<Start> =
        std::iter::repeat_with(|| fixture.start_of(&hash, json!({"name": "Ada"})))
            .take(60)
            .collect();
    let answers = starts
        .iter()
        .map(|start| fixture.bus.ask_owner(start, PATIENCE));
    let answers = join_all(answers).await;
    let refused: Vec<_> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().err())
        .collect();
    assert!(
        (30..60).contains(&refused.len()),
        "{} refused",
        refused.len()
    );
    for problem in &refused {
        assert_eq!(problem.code, ErrorCode::RateLimited, "{problem:?}");
        assert_eq!(problem.reason.as_deref(), Some("too_many_starts"));
        assert!(problem.retry_after_ms >= Some(1000), "{problem:?}");
    }
    // Others, and what is part of something that runs, are not concerned.
    let of_another = Start {
        tenant: other.tenant,
        principal: other.clone(),
        ..fixture.start_of(&hash, json!({"name": "Grace"}))
    };
    let part = Start {
        parent: Some(Parent {
            execution_id: ExecutionId::generate(),
            node: "n".to_owned(),
            attempt: 1,
            depth: 1,
        }),
        ..fixture.start_of(&hash, json!({"name": "Ada"}))
    };
    for start in [of_another, part] {
        fixture.bus.ask_owner(&start, PATIENCE).await.unwrap();
    }
    // Whoever was refused can come back, and runs once.
    let at = answers.iter().position(Result::is_err).unwrap();
    eventually(SOON, async || {
        fixture.bus.ask_owner(&starts[at], PATIENCE).await.ok()
    })
    .await;
    let execution = fixture.finished(starts[at].execution_id).await;
    assert_eq!(execution.output, Some(json!("Hello Ada")));
    fixture.drain().await;
}

#[tokio::test]
async fn what_is_open_has_a_limit_and_can_always_end() {
    let fixture = Fixture::set_up(|config| config.engine.engine_max_open = 3).await;
    let hash = sleeping_flow(&fixture).await;
    let input = json!({"until": Utc::now() + TimeDelta::days(1)});
    let (mut open, mut refused) = (vec![fixture.execute(&hash, input.clone()).await], None);
    while refused.is_none() {
        let start = fixture.start_of(&hash, input.clone());
        match fixture.bus.ask_owner(&start, PATIENCE).await {
            Ok(accepted) => open.push(accepted.id),
            Err(problem) => refused = Some((start, problem)),
        }
    }
    let (start, problem) = refused.unwrap();
    assert_eq!(
        (problem.code, problem.status),
        (ErrorCode::Unavailable, 503)
    );
    assert_eq!(problem.retry_after_ms, Some(1000));
    assert!(
        (3..=6).contains(&open.len()),
        "{} on two partitions",
        open.len()
    );
    for execution_id in open {
        let request = CancelExecution { execution_id };
        fixture.ask(&fixture.user, &request).await.unwrap();
    }
    fixture.begin(&start).await;
    fixture.drain().await;
}

/// Starts more executions whose one call is held than there are workers; then one of another organization, to its end.
async fn beside_a_flood_of_calls(class: Value) {
    let outside = Outside::start().await;
    let fixture = &outside.fixture;
    let other = testkit::principal(TenantId::generate(), Role::Editor);
    fixture.provision(other.tenant).await;
    let calling = async |ledger| {
        let nodes = json!([
            {"id": "t", "type": "trigger"},
            outside.call_to(ledger, "a", class.clone()),
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output.status }}"}}
        ]);
        let edges = [("t", "out", "a"), ("a", "out", "o")];
        fixture.define(nodes, &edges).await
    };
    let (held, quick) = (
        calling(&outside.ledger).await,
        calling(&outside.other).await,
    );
    outside.ledger.hold();
    let workers = usize::from(fixture.config.engine.workers_http);
    let starts = (0..2 * workers).map(|_| fixture.execute(&held, json!({})));
    let flood = join_all(starts).await;
    outside.calls(workers - workers / 8).await;

    let start = Start {
        tenant: other.tenant,
        principal: other.clone(),
        ..fixture.start_of(&quick, json!({}))
    };
    fixture.begin(&start).await;
    let question = contracts::execution::GetExecution {
        execution_id: start.execution_id,
    };
    let ended = eventually(SOON, async || {
        let execution = fixture.ask(&other, &question).await.ok()?;
        execution.state.is_final().then_some(execution)
    })
    .await;
    assert_eq!(ended.output, Some(json!(200)));
    assert!(outside.ledger.calls().len() <= workers);

    outside.ledger.release();
    for id in &flood {
        fixture.finished(*id).await;
    }
    assert_eq!(outside.ledger.calls().len(), flood.len());
    outside.fixture.drain().await;
}

#[tokio::test]
async fn steps_do_not_wait_behind_all_steps_of_another_organization() {
    beside_a_flood_of_calls(json!({})).await;
}

#[tokio::test]
async fn steps_that_take_the_queue_do_not_wait_behind_all_steps_of_another_organization() {
    beside_a_flood_of_calls(json!({"idempotency": "at_most_once"})).await;
}

#[tokio::test]
async fn what_nobody_wants_any_more_when_a_worker_has_time_is_not_begun() {
    let outside = Outside::start().await;
    let fixture = &outside.fixture;
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        outside.call("a", json!({})),
    ]);
    let held = fixture.define(nodes, &[("t", "out", "a")]).await;
    // One item calls, while another fails after a while: the map is over then.
    let call = outside.call_to(&outside.other, "call", json!({"parent": "each"}));
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        {"id": "each", "type": "map", "config": {"items": [0, 1.5], "parallel": 2}, "on_error": {"default": "gone"}},
        {"id": "nap", "type": "wait", "parent": "each", "config": {"seconds": "{{ item }}"}},
        {"id": "which", "type": "condition", "parent": "each", "config": {"cases": [{"when": "item == 0", "port": "calls"}], "default_port": "fails"}},
        call,
        {"id": "bad", "type": "transform", "parent": "each", "config": {"value": "{{ input.missing }}"}},
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.each.output }}"}},
    ]);
    let edges = [
        ("t", "out", "each"),
        ("nap", "out", "which"),
        ("which", "calls", "call"),
        ("which", "fails", "bad"),
        ("each", "out", "o"),
    ];
    let mapped = fixture.define(nodes, &edges).await;
    outside.ledger.hold();
    let workers = usize::from(fixture.config.engine.workers_http);
    let starts = (0..workers).map(|_| fixture.execute(&held, json!({})));
    let flood = join_all(starts).await;
    outside.calls(workers - workers / 8).await;

    let id = fixture.execute(&mapped, json!({})).await;
    let ended = fixture.finished(id).await;
    assert_eq!(ended.output, Some(json!("gone")), "{:?}", ended.error);
    outside.ledger.release();
    for id in flood {
        fixture.finished(id).await;
    }
    let Outside { fixture, other, .. } = outside;
    // Whoever drains has begun and ended all that it will.
    fixture.drain().await;
    assert_eq!(other.calls().len(), 0);
}
