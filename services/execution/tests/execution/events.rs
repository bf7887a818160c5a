//! Nodes that wait for events of integrators.

use std::collections::BTreeSet;

use bus::Call;
use chrono::{DateTime, Utc};
use contracts::{
    execution::{CancelExecution, DeliverEvent, ListExecutions},
    live::ExecutionEvent,
};

use super::*;

async fn flow(fixture: &Fixture, config: Value) -> String {
    let mut nodes = vec![
        json!({"id": "t", "type": "trigger"}),
        json!({"id": "e", "type": "event", "config": config}),
        json!({"id": "o", "type": "output", "config": {"value": "{{ nodes.e.output }}"}}),
    ];
    let mut edges = vec![("t", "out", "e"), ("e", "out", "o")];
    if config.get("deadline_seconds").is_some() {
        nodes.push(json!({"id": "late", "type": "output", "config": {"value": "late"}}));
        edges.push(("e", "deadline", "late"));
    }
    fixture.define(json!(nodes), &edges).await
}

fn of_order() -> Value {
    json!({"name": "paid", "pointer": "/order", "key": "{{ input.order }}"})
}

impl Fixture {
    /// As the flow service does it, again until it is taken.
    async fn deliver(&self, id: &str, data: Value) -> Option<ExecutionId> {
        let event = DeliverEvent {
            name: "paid".into(),
            id: id.into(),
            data,
            at: DateTime::<Utc>::UNIX_EPOCH,
        };
        eventually(SOON, async || {
            let call = Call::anonymous();
            match self.bus.call(self.user.tenant, &event, call).await {
                Ok(delivered) => Some(delivered.execution_id),
                Err(problem) => {
                    assert_eq!(problem.status, 503, "{problem:?}");
                    None
                }
            }
        })
        .await
    }

    /// Waits until the execution waits for its event.
    async fn listening(&self, id: ExecutionId) {
        eventually(SOON, async || {
            let frames = self.events(id).await;
            let is_listening =
                |frame: &Frame| matches!(frame.event, ExecutionEvent::StepListening { .. });
            frames.iter().any(is_listening).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn an_event_ends_one_wait_over_a_change_of_owner() {
    let mut fixture = Fixture::start().await;
    let hash = flow(&fixture, of_order()).await;
    let mut waiting = BTreeSet::new();
    for order in [7, 7, 8] {
        let id = fixture.execute(&hash, json!({"order": order})).await;
        fixture.listening(id).await;
        waiting.insert(id);
    }
    let other = fixture.engine().await;
    fixture.running.replace(other).unwrap().drain().await;
    assert_eq!(fixture.deliver("none", json!({"order": 9})).await, None);
    // A wait is noted beside the log, after its record.
    let first = eventually(SOON, async || {
        fixture.deliver("a", json!({"order": 7})).await
    })
    .await;
    let again = fixture.deliver("a", json!({"order": 7})).await;
    assert_eq!(
        again,
        Some(first),
        "the same event goes to the same execution"
    );
    let done = fixture.finished(first).await;
    eventually(SOON, async || {
        let over = ListExecutions {
            state: Some(ExecutionState::Succeeded),
            ..ListExecutions::default()
        };
        let page = fixture.ask(&fixture.user, &over).await.unwrap();
        page.items.iter().any(|it| it.id == first).then_some(())
    })
    .await;
    let late = fixture.deliver("a", json!({"order": 7})).await;
    assert_eq!(late, Some(first), "also when it is over");
    let output = done.output.unwrap();
    assert_eq!(
        (&output["event"], &output["id"]),
        (&json!("paid"), &json!("a"))
    );
    let second = eventually(SOON, async || {
        fixture.deliver("b", json!({"order": 7})).await
    })
    .await;
    assert!(first != second && waiting.contains(&first) && waiting.contains(&second));
    fixture.finished(second).await;
    assert_eq!(fixture.deliver("c", json!({"order": 7})).await, None);
    let kinds = fixture.kinds(first).await;
    assert_eq!(kinds[2..4], ["step_listening", "step_succeeded"]);
    fixture.drain().await;
}

#[tokio::test]
async fn an_event_that_came_before_the_wait_counts_once() {
    let fixture = Fixture::start().await;
    assert_eq!(fixture.deliver("a", json!({"order": "x"})).await, None);
    let hash = flow(&fixture, of_order()).await;
    let first = fixture.execute(&hash, json!({"order": "x"})).await;
    let done = fixture.finished(first).await;
    assert_eq!(done.output.unwrap()["data"], json!({"order": "x"}));
    let second = fixture.execute(&hash, json!({"order": "x"})).await;
    fixture.listening(second).await;
    // Whose wait it ended is forgotten with that execution's end, but not that it ended one.
    let again = fixture.deliver("a", json!({"order": "x"})).await;
    assert!(again.is_none_or(|id| id == first));
    assert_eq!(fixture.get(second).await.state, ExecutionState::Waiting);
    fixture.drain().await;
}

#[tokio::test]
async fn who_waits_no_more_leaves_the_event_to_others() {
    let fixture = Fixture::start().await;
    let mut config = of_order();
    config["deadline_seconds"] = json!(1);
    let hurried = flow(&fixture, config).await;
    let late = fixture.execute(&hurried, json!({"order": 1})).await;
    assert_eq!(fixture.finished(late).await.output, Some(json!("late")));
    let hash = flow(&fixture, of_order()).await;
    let gone = fixture.execute(&hash, json!({"order": 1})).await;
    fixture.listening(gone).await;
    let cancel = CancelExecution { execution_id: gone };
    fixture.ask(&fixture.user, &cancel).await.unwrap();
    let patient = fixture.execute(&hash, json!({"order": 1})).await;
    fixture.listening(patient).await;
    let heard = eventually(SOON, async || {
        fixture.deliver("a", json!({"order": 1})).await
    })
    .await;
    assert_eq!(heard, patient);
    fixture.finished(patient).await;
    fixture.drain().await;
}

#[tokio::test]
async fn an_event_reaches_a_parked_execution() {
    let fixture = Fixture::set_up(|config| config.engine.engine_park_after_ms = 200).await;
    let hash = flow(&fixture, of_order()).await;
    let id = fixture.execute(&hash, json!({"order": 7})).await;
    eventually(SOON, async || {
        (execution::measure::measured().parked == 1).then_some(())
    })
    .await;
    let delivered = fixture.deliver("m1", json!({"order": 7})).await;
    assert_eq!(delivered, Some(id));
    let done = fixture.finished(id).await;
    assert_eq!(done.output.unwrap()["id"], json!("m1"));
    fixture.drain().await;
}
