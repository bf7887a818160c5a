//! Executions that fail: what is undone, the error handler, the time of an execution, outputs that are taken again.

use contracts::{execution::CancelExecution, live::ExecutionEvent};

use super::{outside::*, *};

/// Books, then pays; the booking can be undone, and the failure is handled.
async fn saga(outside: &Outside, more: Value) -> String {
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        outside.call("book", json!({})),
        outside.call_to(&outside.other, "pay", json!({})),
        outside.call("unbook", json!({"compensates": "book", "retry": {"max_attempts": 3, "backoff_ms": 5}})),
        {"id": "o", "type": "output", "config": {"value": "done"}},
        {"id": "failed", "type": "error_handler"},
        {"id": "sorry", "type": "output", "config": {"value": "{{ nodes.failed.output.error.node }}"}}
    ]);
    let edges = [
        ("t", "out", "book"),
        ("book", "out", "pay"),
        ("pay", "out", "o"),
        ("failed", "out", "sorry"),
    ];
    outside.fixture.define_with(nodes, &edges, more).await
}

fn steps(frames: &[Frame]) -> Vec<String> {
    let text = |frame: &Frame| match &frame.event {
        ExecutionEvent::StepStarted { node, attempt, .. } => format!("{node} {attempt}"),
        event => event.kind().to_owned(),
    };
    frames.iter().map(text).collect()
}

#[tokio::test]
async fn a_failure_is_undone_and_handled_across_a_change_of_owner() {
    let mut outside = Outside::start().await;
    let hash = saga(&outside, json!({})).await;
    outside.ledger.answer_next(200, "{}");
    outside.ledger.answer_next(503, "busy");
    outside.other.answer_next(402, "no money");
    let id = outside.fixture.execute(&hash, json!({})).await;
    outside.calls(2).await;
    let other = outside.fixture.engine().await;
    outside
        .fixture
        .running
        .replace(other)
        .unwrap()
        .drain()
        .await;
    let done = outside.fixture.finished(id).await;
    assert_eq!(done.state, ExecutionState::Failed);
    assert_eq!(done.error.unwrap().node.as_deref(), Some("pay"));
    let frames = outside.fixture.events(id).await;
    let outcome = (done.output, done.handled);
    assert_eq!(outcome, (Some(json!("pay")), true), "{frames:?}");
    assert!(done.uncompensated.is_empty());
    let calls = outside.ledger.calls();
    assert_eq!(calls.len(), 3, "booked, and undone at the second attempt");
    assert_eq!(calls[1].idempotency_key, calls[2].idempotency_key);
    let steps = steps(&frames);
    let tail = [
        "compensation_started",
        "unbook 1",
        "step_retrying",
        "unbook 2",
        "step_succeeded",
        "handler_started",
        "step_succeeded",
        "step_succeeded",
        "execution_failed",
    ];
    assert_eq!(steps[steps.len() - tail.len()..], tail, "{steps:?}");
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_cancel_undoes_what_succeeded_and_says_what_could_not_be() {
    let outside = Outside::start().await;
    let hash = saga(&outside, json!({})).await;
    outside.ledger.answer_next(200, "{}");
    outside.ledger.answer_next(404, "gone");
    outside.other.hold();
    let id = outside.fixture.execute(&hash, json!({})).await;
    Outside::calls_of(&outside.other, 1).await;
    let fixture = &outside.fixture;
    let cancel = CancelExecution { execution_id: id };
    fixture.ask(&fixture.user, &cancel).await.unwrap();
    let done = fixture.finished(id).await;
    assert_eq!(done.state, ExecutionState::Cancelled);
    assert_eq!(
        (done.uncompensated, done.handled),
        (vec!["book".to_owned()], false)
    );
    let tail = [
        "cancel_asked",
        "step_late",
        "compensation_started",
        "unbook 1",
        "step_failed",
        "execution_cancelled",
    ];
    let steps = steps(&fixture.events(id).await);
    assert_eq!(steps[steps.len() - tail.len()..], tail, "{steps:?}");
    outside.other.release();
    outside.fixture.drain().await;
}

#[tokio::test]
async fn an_execution_that_takes_too_long_is_ended_and_handled() {
    let outside = Outside::start().await;
    outside.other.hold();
    let hash = saga(&outside, json!({"timeout_seconds": 2})).await;
    let begun = std::time::Instant::now();
    let id = outside.fixture.execute(&hash, json!({})).await;
    let done = outside.fixture.finished(id).await;
    assert!(begun.elapsed() >= Duration::from_secs(2));
    assert_eq!(done.error.unwrap().code, "execution_timeout");
    let frames = outside.fixture.events(id).await;
    assert!(done.handled, "{frames:?}");
    assert_eq!(outside.ledger.calls().len(), 2, "booked and undone");
    outside.other.release();
    outside.fixture.drain().await;
}

#[tokio::test]
async fn an_output_is_taken_again_while_it_is_kept() {
    let outside = Outside::start().await;
    let fixture = &outside.fixture;
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        outside.call("a", json!({"cache": {"ttl_seconds": 600}})),
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output.body }}"}}
    ]);
    let hash = fixture
        .define(nodes, &[("t", "out", "a"), ("a", "out", "o")])
        .await;
    let mut start = fixture.start_of(&hash, json!({}));
    let first = fixture.begin(&start).await.id;
    let first = fixture.finished(first).await;
    // It is kept beside the log, after the step has ended.
    let cached = async |start: &mut Start| {
        start.execution_id = ExecutionId::generate();
        let id = fixture.begin(start).await.id;
        let done = fixture.finished(id).await;
        let frames = fixture.events(id).await;
        let is_cached = |frame: &Frame| {
            matches!(
                frame.event,
                ExecutionEvent::StepSucceeded { cached: true, .. }
            )
        };
        if !frames.iter().any(is_cached) {
            return None;
        }
        assert_eq!(done.output, first.output);
        Some(done.usage)
    };
    let usage = eventually(SOON, async || cached(&mut start.clone()).await).await;
    assert_eq!(usage, contracts::execution::Usage::ZERO);
    let calls = outside.ledger.calls().len();
    assert!(cached(&mut start).await.is_some());
    assert_eq!(outside.ledger.calls().len(), calls);
    // Another flow has steps of its own.
    start.origin = Origin::flow(FlowId::generate(), Some(1));
    assert!(cached(&mut start).await.is_none());
    outside.fixture.drain().await;
}
