//! Steps in the hands of a worker in their owner's process, while owners come and go.

use std::time::Duration;

use super::{outside::*, *};

/// Longer than a new owner waits for a word of the worker.
const LONG: Duration = Duration::from_secs(3);

/// An execution whose one call is held by the ledger.
async fn held(outside: &Outside) -> ExecutionId {
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        outside.call("a", json!({"timeout_ms": 600_000})),
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output.status }}"}}
    ]);
    let edges = [("t", "out", "a"), ("a", "out", "o")];
    let hash = outside.fixture.define(nodes, &edges).await;
    outside.ledger.hold();
    let id = outside.fixture.execute(&hash, json!({})).await;
    outside.calls(1).await;
    id
}

#[tokio::test]
async fn what_a_worker_has_in_hand_is_not_given_to_another_when_its_owner_leaves() {
    let mut outside = Outside::start().await;
    let id = held(&outside).await;
    let other = outside.fixture.engine().await;
    let leaving = outside.fixture.running.replace(other).unwrap();
    let meanwhile = async {
        let fixture = &outside.fixture;
        let question = contracts::execution::GetExecution { execution_id: id };
        // The other owner has it.
        eventually(SOON, async || {
            fixture.ask(&fixture.user, &question).await.ok()
        })
        .await;
        // This is about time: as long as a silent worker would not be waited for.
        tokio::time::sleep(LONG).await;
        assert_eq!(outside.ledger.calls().len(), 1);
        outside.ledger.release();
    };
    tokio::join!(leaving.drain(), meanwhile);
    let execution = outside.fixture.finished(id).await;
    assert_eq!(execution.output, Some(json!(200)));
    assert_eq!(outside.ledger.calls().len(), 1);
    outside.fixture.drain().await;
}

#[tokio::test]
async fn what_a_lost_worker_had_in_hand_is_done_again_with_the_same_key() {
    let mut outside = Outside::start().await;
    let id = held(&outside).await;
    // Its worker goes with it.
    drop(outside.fixture.running.take());
    outside.fixture.running = Some(outside.fixture.engine().await);
    let calls = outside.calls(2).await;
    assert_eq!(calls[0].idempotency_key, calls[1].idempotency_key);
    outside.ledger.release();
    let execution = outside.fixture.finished(id).await;
    assert_eq!(execution.output, Some(json!(200)));
    assert_eq!(outside.ledger.calls().len(), 2);
    outside.fixture.drain().await;
}
