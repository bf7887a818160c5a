//! Steps that fail, time out, are cancelled; workers and owners that break down.

use contracts::{
    execution::CancelExecution,
    live::ExecutionEvent,
    owner::{Outcome, Result as StepResult},
    subject::partition_of,
};

use super::{outside::*, *};

fn flow(call: Value) -> (Value, Vec<(&'static str, &'static str, &'static str)>) {
    let branch = call["on_error"] == json!("branch");
    let mut nodes = vec![
        json!({"id": "t", "type": "trigger"}),
        call,
        json!({"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output }}"}}),
    ];
    let mut edges = vec![("t", "out", "a"), ("a", "out", "o")];
    if branch {
        nodes.push(
            json!({"id": "e", "type": "output", "config": {"value": "{{ nodes.a.output.code }}"}}),
        );
        edges.push(("a", "error", "e"));
    }
    (json!(nodes), edges)
}

/// Runs a flow whose one step calls the ledger.
async fn run(outside: &Outside, more: Value) -> ExecutionId {
    let (nodes, edges) = flow(outside.call("a", more));
    let hash = outside.fixture.define(nodes, &edges).await;
    outside.fixture.execute(&hash, json!({})).await
}

#[tokio::test]
async fn a_failing_call_is_tried_again_with_the_same_key() {
    let outside = Outside::start().await;
    outside.ledger.answer_next(503, "busy");
    outside.ledger.answer_next(429, "slow down");
    let id = run(
        &outside,
        json!({"retry": {"max_attempts": 3, "backoff_ms": 5}}),
    )
    .await;
    let execution = outside.fixture.finished(id).await;
    assert_eq!(execution.state, ExecutionState::Succeeded);
    let calls = outside.ledger.calls();
    assert_eq!(calls.len(), 3);
    assert!(
        calls
            .iter()
            .all(|call| call.idempotency_key == calls[0].idempotency_key)
    );
    outside.fixture.drain().await;
}

#[tokio::test]
async fn an_error_fails_branches_or_has_a_default() {
    let outside = Outside::start().await;
    outside.ledger.answer_next(404, "");
    let failed = run(&outside, json!({"retry": {"max_attempts": 3}})).await;
    let failed = outside.fixture.finished(failed).await;
    let error = failed.error.unwrap();
    assert_eq!(
        (failed.state, error.code.as_str()),
        (ExecutionState::Failed, "http_status")
    );
    assert_eq!(error.node.as_deref(), Some("a"));
    assert_eq!(outside.ledger.calls().len(), 1, "a 404 is not tried again");
    outside.ledger.answer_next(500, "");
    let branched = run(&outside, json!({"on_error": "branch"})).await;
    let branched = outside.fixture.finished(branched).await;
    assert_eq!(branched.output, Some(json!("http_status")));
    outside.ledger.answer_next(500, "");
    let default = run(&outside, json!({"on_error": {"default": {"x": 1}}})).await;
    let default = outside.fixture.finished(default).await;
    assert_eq!(default.output, Some(json!({"x": 1})));
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_private_address_is_refused() {
    let fixture = Fixture::start().await;
    let node = json!({"id": "a", "type": "http", "config": {"method": "GET", "url": "http://169.254.169.254/latest"}, "retry": {"max_attempts": 5}});
    let (nodes, edges) = flow(node);
    let hash = fixture.define(nodes, &edges).await;
    let execution = fixture
        .finished(fixture.execute(&hash, json!({})).await)
        .await;
    assert_eq!(execution.error.unwrap().code, "blocked_address");
    fixture.drain().await;
}

#[tokio::test]
async fn a_call_that_takes_too_long_times_out() {
    let outside = Outside::start().await;
    outside.ledger.hold();
    let id = run(&outside, json!({"timeout_ms": 200})).await;
    let execution = outside.fixture.finished(id).await;
    assert_eq!(execution.error.unwrap().code, "timeout");
    outside.ledger.release();
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_cancel_cuts_the_step_under_way() {
    let outside = Outside::start().await;
    outside.ledger.hold();
    let id = run(&outside, json!({"timeout_ms": 60_000})).await;
    outside.calls(1).await;
    let begun = std::time::Instant::now();
    let fixture = &outside.fixture;
    let cancel = CancelExecution { execution_id: id };
    fixture.ask(&fixture.user, &cancel).await.unwrap();
    let execution = fixture.finished(id).await;
    assert_eq!(execution.state, ExecutionState::Cancelled);
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(
        fixture.kinds(id).await[2..],
        [
            "step_started",
            "cancel_asked",
            "step_late",
            "execution_cancelled"
        ]
    );
    outside.ledger.release();
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_result_that_is_delivered_twice_counts_once() {
    let outside = Outside::start().await;
    outside.ledger.hold();
    let id = run(&outside, json!({})).await;
    outside.calls(1).await;
    let fixture = &outside.fixture;
    let result = StepResult {
        tenant: fixture.user.tenant,
        execution_id: id,
        node: "a".into(),
        attempt: 1,
        outcome: Outcome::Succeeded {
            output: json!("first"),
        },
        usage: None,
        duration_ms: 1,
    };
    let again = StepResult {
        outcome: Outcome::Succeeded {
            output: json!("second"),
        },
        ..result.clone()
    };
    let (one, two) = tokio::join!(
        fixture.bus.ask_owner(&result, SOON),
        fixture.bus.ask_owner(&result, SOON)
    );
    one.unwrap();
    two.unwrap();
    fixture.bus.ask_owner(&again, SOON).await.unwrap();
    outside.ledger.release();
    let execution = fixture.finished(id).await;
    assert_eq!(execution.output, Some(json!("first")));
    let succeeded = fixture.events(id).await.into_iter().filter(
        |frame| matches!(&frame.event, ExecutionEvent::StepSucceeded { node, .. } if node == "a"),
    );
    assert_eq!(succeeded.count(), 1);
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_step_in_flight_at_a_crash_repeats_with_its_key_and_a_recorded_one_does_not() {
    let mut outside = Outside::start().await;
    outside.other.hold();
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        outside.call("done", json!({})),
        outside.call_to(&outside.other, "held", json!({})),
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.held.output.status }}"}}
    ]);
    let edges = [
        ("t", "out", "done"),
        ("done", "out", "held"),
        ("held", "out", "o"),
    ];
    let hash = outside.fixture.define(nodes, &edges).await;
    let id = outside.fixture.execute(&hash, json!({})).await;
    Outside::calls_of(&outside.other, 1).await;
    // The crash: nothing of the engine is drained, and its leases run out.
    drop(outside.fixture.running.take());
    outside.other.release();
    outside.fixture.running = Some(outside.fixture.engine().await);
    let execution = outside.fixture.finished(id).await;
    assert_eq!(execution.output, Some(json!(200)));
    assert_eq!(outside.ledger.calls().len(), 1, "its result was recorded");
    let held = outside.other.calls();
    assert_eq!(held.len(), 2, "it was in flight");
    assert_eq!(held[0].idempotency_key, held[1].idempotency_key);
    let frames = outside.fixture.events(id).await;
    assert!(frames.last().unwrap().event.is_final());
    outside.fixture.drain().await;
}

#[tokio::test]
async fn an_item_of_an_execution_nobody_knows_is_put_away() {
    let outside = Outside::start().await;
    let fixture = &outside.fixture;
    // So that owners are there.
    let id = run(&outside, json!({})).await;
    fixture.finished(id).await;
    outside.calls(1).await;
    let stranger = ExecutionId::generate();
    let partition = partition_of(stranger, 2);
    eventually(SOON, async || {
        let get = contracts::owner::Get {
            tenant: fixture.user.tenant,
            execution_id: stranger,
        };
        let answer = fixture.bus.ask_owner(&get, SOON).await.unwrap_err();
        (answer.status == 404).then_some(partition)
    })
    .await;
    let step = contracts::subject::Token::new("a").unwrap();
    let class = contracts::work::WorkClass::Http;
    let address = contracts::subject::WorkAddress {
        class,
        tenant: fixture.user.tenant,
        execution: stranger,
        step,
        attempt: 1,
    };
    let item = contracts::work::WorkItem {
        tenant: fixture.user.tenant,
        execution_id: stranger,
        flow_id: Some(FlowId::generate()),
        node: "a".into(),
        attempt: 1,
        key: "k".into(),
        principal: fixture.user.clone(),
        config: serde_json::from_value(json!({"method": "GET", "url": outside.ledger.url()}))
            .unwrap(),
        type_version: None,
        argument: Value::Null,
        timeout_ms: 1000,
        idle_timeout_ms: None,
        at_most_once: false,
    };
    fixture.bus.dispatch(&address, &item).await.unwrap();
    // Its place in the queue is free again once it was put away.
    eventually(SOON, async || {
        let queued = fixture.bus.dispatch(&address, &item).await.unwrap();
        (queued == bus::Dispatched::New).then_some(())
    })
    .await;
    assert_eq!(outside.ledger.calls().len(), 1);
    outside.fixture.drain().await;
}
