//! The process is killed while executions run.

use std::{collections::BTreeMap, time::Duration};

use e2e::{Client, Platform};
use serde_json::{Value, json};
use testkit::{Ledger, eventually};

/// Three calls to the outside, one after the other, each with the outputs before it.
fn flow(ledger: &Ledger) -> Value {
    let call = |id: &str| json!({"id": id, "type": "http", "config": {"method": "POST", "url": format!("{}/{id}", ledger.url()), "body": {"json": {"run": "{{ input.run }}"}}}, "retry": {"max_attempts": 5, "backoff_ms": 50}});
    json!({
        "nodes": [{"id": "start", "type": "trigger"}, call("one"), call("two"), call("three"), {"id": "end", "type": "output", "config": {"value": "{{ input.run }}"}}],
        "edges": [{"from": "start", "to": "one"}, {"from": "one", "to": "two"}, {"from": "two", "to": "three"}, {"from": "three", "to": "end"}]
    })
}

/// The keys under which the outside world saw each step of each run.
fn effects(ledger: &Ledger) -> BTreeMap<(String, String), Vec<String>> {
    let mut effects: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for call in ledger.calls() {
        let body: Value = serde_json::from_str(&call.body).unwrap();
        let step = (body["run"].to_string(), call.path.clone());
        effects
            .entry(step)
            .or_default()
            .push(call.idempotency_key.unwrap());
    }
    effects
}

async fn start_many(user: &Client, flow: &str, count: usize) -> Vec<String> {
    let starts = (0..count).map(|run| user.execute(flow, json!({"run": run})));
    futures::future::join_all(starts).await
}

#[tokio::test]
async fn killed_in_the_middle_every_execution_finishes_and_no_recorded_step_runs_again() {
    let ledger = Ledger::start().await;
    let mut platform = Platform::allowing(&[ledger.address()]).await;
    let user = platform.user("ada").await;
    let flow = user.publish(flow(&ledger)).await;
    let executions = start_many(&user, &flow, 20).await;
    eventually(Duration::from_secs(30), async || {
        (ledger.calls().len() >= 15).then_some(())
    })
    .await;
    // Calls that are in flight from here on are seen by the outside but never answered.
    ledger.hold();
    let in_flight = ledger.calls().len();
    eventually(Duration::from_secs(30), async || {
        (ledger.calls().len() > in_flight).then_some(())
    })
    .await;
    let mut recorded = Vec::new();
    for execution in &executions {
        let events = user.events(execution).await;
        recorded.push(events);
    }
    platform.kill();
    ledger.release();
    platform.restart().await;
    for (execution, before) in executions.iter().zip(&recorded) {
        let end = user.end_of(execution).await;
        assert_eq!(end["state"], "succeeded", "{end}");
        let after = user.events(execution).await;
        assert_eq!(
            &after[..before.len()],
            &before[..],
            "what was seen stays as it was"
        );
        let done = |events: &[Value], node: &str| {
            events
                .iter()
                .filter(|event| event["type"] == "step_succeeded" && event["node"] == *node)
                .count()
        };
        for node in ["one", "two", "three"] {
            assert_eq!(done(&after, node), 1, "{node}");
        }
    }
    check_effects(&ledger, &executions, &recorded);
}

fn check_effects(ledger: &Ledger, executions: &[String], recorded: &[Vec<Value>]) {
    let effects = effects(ledger);
    assert_eq!(effects.len(), executions.len() * 3);
    let mut repeated = 0;
    for ((run, path), keys) in &effects {
        assert!(
            keys.iter().all(|key| key == &keys[0]),
            "{run} {path}: one step, one key: {keys:?}"
        );
        let run: usize = run.parse().unwrap();
        let node = path.trim_start_matches('/');
        let was_recorded = recorded[run]
            .iter()
            .any(|event| event["type"] == "step_succeeded" && event["node"] == *node);
        assert!(
            !was_recorded || keys.len() == 1,
            "{run} {path} was recorded and ran again"
        );
        repeated += keys.len() - 1;
    }
    assert!(
        repeated > 0,
        "no step was in flight when the process was killed: the test proves nothing"
    );
    let distinct: std::collections::BTreeSet<_> = effects.values().map(|keys| &keys[0]).collect();
    assert_eq!(distinct.len(), effects.len(), "two steps share a key");
}
