//! Flows that the core does alone.

use contracts::Subject;
use futures::StreamExt;

use super::*;

#[tokio::test]
async fn a_flow_runs_and_tells_what_happened() {
    let fixture = Fixture::start().await;
    let hash = inline_flow(&fixture).await;
    let start = fixture.start_of(&hash, json!({"name": "Ada"}));
    let live = Subject::live(start.tenant, start.execution_id);
    let mut live = fixture.bus.subscribe(&live, None).await.unwrap();
    fixture.bus.flush().await.unwrap();
    let accepted = fixture.begin(&start).await;
    assert_eq!(accepted.origin, start.origin);
    let execution = fixture.get(accepted.id).await;
    assert_eq!(execution.state, ExecutionState::Succeeded);
    assert_eq!(execution.output, Some(json!("Hello Ada")));
    assert_eq!(execution.last_event, 5);
    let frames = fixture.events(accepted.id).await;
    // One commit, one message.
    let message = live.next().await.unwrap();
    let seen: Vec<Frame> = serde_json::from_slice(message.payload()).unwrap();
    assert_eq!(seen, frames);
    assert!(frames.last().unwrap().event.is_final());
    fixture.drain().await;
}

#[tokio::test]
async fn a_second_start_with_the_same_id_runs_nothing() {
    let fixture = Fixture::start().await;
    let hash = inline_flow(&fixture).await;
    let start = fixture.start_of(&hash, json!({"name": "Ada"}));
    let (first, second) = tokio::join!(fixture.begin(&start), fixture.begin(&start));
    assert_eq!(first.id, second.id);
    let before = fixture.events(first.id).await;
    let other = Start {
        input: json!({"name": "Grace"}),
        ..start.clone()
    };
    fixture.begin(&other).await;
    assert_eq!(fixture.events(first.id).await, before);
    let stranger = Start {
        tenant: TenantId::generate(),
        ..start
    };
    let refused = fixture.bus.ask_owner(&stranger, SOON).await.unwrap_err();
    assert_eq!(refused.status, 404);
    fixture.drain().await;
}

#[tokio::test]
async fn what_cannot_be_started_is_refused() {
    let fixture = Fixture::start().await;
    let hash = inline_flow(&fixture).await;
    fixture
        .execute(&hash, json!({"name": "so that an owner is there"}))
        .await;
    let refused = async |hash: &str, input: Value| {
        let start = fixture.start_of(hash, input);
        let problem = eventually(SOON, async || {
            let problem = fixture.bus.ask_owner(&start, SOON).await.unwrap_err();
            (problem.status != 503).then_some(problem)
        })
        .await;
        problem.status
    };
    assert_eq!(refused("nohash", json!(null)).await, 422);
    assert_eq!(refused("../x y", json!(null)).await, 422);
    fixture.drain().await;
}

#[tokio::test]
async fn a_hundred_at_once_all_end() {
    let fixture = Fixture::start().await;
    let hash = inline_flow(&fixture).await;
    let starts: Vec<_> = (0..100)
        .map(|n| fixture.start_of(&hash, json!({"name": n})))
        .collect();
    let begun = futures::future::join_all(starts.iter().map(|start| fixture.begin(start))).await;
    // One after the other: a hundred who ask again and again would be the load.
    for (n, accepted) in begun.into_iter().enumerate() {
        let execution = fixture.finished(accepted.id).await;
        assert_eq!(execution.output, Some(json!(format!("Hello {n}"))));
    }
    fixture.drain().await;
}
