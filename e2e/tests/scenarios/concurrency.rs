//! Flows of which only so many executions run at a time.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use e2e::{Client, Platform};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Ledger, eventually};

const SOON: Duration = Duration::from_secs(30);

async fn limit(user: &Client, flow: &str, rules: Value) {
    let path = format!("/api/v1/flows/{flow}/concurrency");
    let answer = user.send(Method::PUT, &path, Some(rules.to_string()), &[]);
    let answer = answer.await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(user.read(&path).await.body["policy"], rules["policy"]);
}

async fn queued(user: &Client, flow: &str) -> Vec<String> {
    let path = format!("/api/v1/executions?flow_id={flow}&state=queued&limit=100");
    let page = user.read(&path).await;
    let items = page.body["items"].as_array().unwrap().iter();
    items
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect()
}

/// From when to when an execution ran; none where it never began.
async fn ran(user: &Client, execution: &str) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let events = user.events(execution).await;
    let at = |event: &Value| event["ts"].as_str().unwrap().parse().unwrap();
    let begins = |event: &&Value| match event["type"].as_str().unwrap() {
        "execution_started" => event["queued"] != true,
        kind => kind == "execution_released",
    };
    Some((at(events.iter().find(begins)?), at(events.last()?)))
}

#[tokio::test]
async fn of_a_burst_two_run_and_the_others_follow_also_after_a_crash() {
    let ledger = Ledger::start().await;
    let mut platform = Platform::allowing(&[ledger.address()]).await;
    let user = platform.user("ada").await;
    let url = format!("{}/order", ledger.url());
    let flow = user
        .publish(json!({
            "nodes": [
                {"id": "start", "type": "trigger"},
                {"id": "order", "type": "http", "config": {"method": "POST", "url": url, "body": {"json": {"run": "{{ input.run }}"}}},
                    "retry": {"max_attempts": 5, "backoff_ms": 50}}
            ],
            "edges": [{"from": "start", "to": "order"}]
        }))
        .await;
    limit(
        &user,
        &flow,
        json!({"policy": "enqueue", "max_parallel": 2, "max_waiting": 8}),
    )
    .await;
    ledger.hold();
    let mut executions = Vec::new();
    for run in 0..10 {
        executions.push(user.execute(&flow, json!({"run": run})).await);
    }
    let full = user
        .post(&format!("/api/v1/flows/{flow}/execute"), &json!({}))
        .await;
    assert_eq!(
        (full.status, &full.body["reason"]),
        (429, &json!("queue_full"))
    );
    eventually(SOON, async || {
        (queued(&user, &flow).await.len() == 8).then_some(())
    })
    .await;
    let pause = format!("/api/v1/executions/{}/pause", executions[5]);
    assert_eq!(user.post(&pause, &json!({})).await.body["reason"], "queued");
    let cancel = format!("/api/v1/executions/{}/cancel", executions[4]);
    assert_eq!(user.post(&cancel, &json!({})).await.status, 200);

    platform.kill();
    ledger.release();
    platform.restart().await;
    let mut times = Vec::new();
    for (run, execution) in executions.iter().enumerate() {
        let end = user.end_of(execution).await;
        let expected = if run == 4 { "cancelled" } else { "succeeded" };
        assert_eq!(end["state"], expected, "{end}");
        times.extend(ran(&user, execution).await);
    }
    assert_eq!(times.len(), 9, "what was cancelled never began");
    for (begin, _) in &times {
        let at_once = times.iter().filter(|it| it.0 <= *begin && *begin < it.1);
        assert!(at_once.count() <= 2, "{times:?}");
    }
    assert!(times.is_sorted_by_key(|(begin, _)| *begin), "{times:?}");
    let runs: BTreeSet<_> = ledger.calls().into_iter().map(|call| call.body).collect();
    assert_eq!(runs.len(), 9);
}

#[tokio::test]
async fn the_newest_interrupts_and_what_is_refused_leaves_nothing() {
    let platform = Platform::start().await;
    let user = platform.user("ada").await;
    let flow = user
        .publish(json!({
            "nodes": [
                {"id": "start", "type": "trigger"},
                {"id": "hold", "type": "wait", "config": {"until": "{{ input.until }}"}}
            ],
            "edges": [{"from": "start", "to": "hold"}]
        }))
        .await;
    limit(&user, &flow, json!({"policy": "interrupt"})).await;
    let until = json!({"until": Utc::now() + TimeDelta::hours(1)});
    let old = user.execute(&flow, until.clone()).await;
    let new = user.execute(&flow, until.clone()).await;
    assert_eq!(user.end_of(&old).await["state"], "cancelled");
    let path = format!("/api/v1/executions/{new}");
    eventually(SOON, async || {
        let state = user.read(&path).await.body["state"].clone();
        (state == "waiting").then_some(())
    })
    .await;

    limit(&user, &flow, json!({"policy": "reject"})).await;
    let refused = user
        .post(
            &format!("/api/v1/flows/{flow}/execute"),
            &json!({"input": until}),
        )
        .await;
    assert_eq!(
        (refused.status, &refused.body["reason"]),
        (409, &json!("concurrency_limit"))
    );
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains(&new) && detail.contains(&flow), "{detail}");
    // A test of the flow is none of those that count.
    let test = format!("/api/v1/flows/{flow}/test");
    let tested = user.post(&test, &json!({"input": until})).await;
    assert_eq!(tested.status, 202, "{tested:?}");
}
