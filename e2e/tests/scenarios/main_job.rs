//! Register, post a flow, publish it, run it, watch it, read output, tokens and price.

use std::time::Duration;

use e2e::Platform;
use serde_json::json;

#[tokio::test]
async fn a_flow_is_posted_published_run_watched_and_read() {
    let platform = Platform::start().await;
    let user = platform.user("ada").await;
    let flow = user
        .publish(json!({
            "input_schema": {"type": "object", "required": ["name"]},
            "nodes": [
                {"id": "start", "type": "trigger"},
                {"id": "ask", "type": "llm", "config": {"prompt": "Greet {{ input.name }}."}},
                {"id": "count", "type": "code", "config": {"language": "javascript", "source": "export default async ({ input, nodes }) => ({ letters: input.name.length, start: nodes.start.output.name })"}},
                {"id": "big", "type": "condition", "config": {"cases": [{"when": "nodes.count.output.letters > 2", "port": "yes"}], "default_port": "no"}},
                {"id": "long", "type": "transform", "config": {"value": "long"}},
                {"id": "short", "type": "transform", "config": {"value": "short"}},
                {"id": "end", "type": "output", "config": {"value": {"text": "{{ nodes.ask.output }}", "size": "{{ nodes.long.output or nodes.short.output }}", "letters": "{{ nodes.count.output.letters }}"}}}
            ],
            "edges": [
                {"from": "start", "to": "ask"}, {"from": "start", "to": "count"}, {"from": "count", "to": "big"},
                {"from": "big", "from_port": "yes", "to": "long"}, {"from": "big", "from_port": "no", "to": "short"},
                {"from": "ask", "to": "end"}, {"from": "long", "to": "end"}, {"from": "short", "to": "end"}
            ]
        }))
        .await;
    let refused = user
        .post(
            &format!("/api/v1/flows/{flow}/execute"),
            &json!({"input": {}}),
        )
        .await;
    assert_eq!(
        (refused.status, refused.body["reason"].as_str()),
        (422, Some("input_invalid"))
    );
    let execution = user.execute(&flow, json!({"name": "Ada"})).await;
    assert_eq!(
        user.read(&format!("/api/v1/executions/{execution}"))
            .await
            .status,
        200
    );
    let end = user.end_of(&execution).await;
    assert_eq!(end["state"], "succeeded", "{end}");
    assert_eq!(
        (&end["output"]["size"], &end["output"]["letters"]),
        (&json!("long"), &json!(3))
    );
    assert!(!end["output"]["text"].as_str().unwrap().is_empty());
    assert!(end["usage"]["prompt_tokens"].as_u64().unwrap() > 0);
    assert_eq!(
        end["usage"]["cost"]
            .as_str()
            .map(|cost| cost.trim_end_matches(['0', '.'])),
        Some("")
    );
    let events = user.events(&execution).await;
    assert_eq!(events.first().unwrap()["type"], "execution_started");
    assert_eq!(events.last().unwrap()["type"], "execution_succeeded");
    assert!(
        events
            .iter()
            .any(|event| event["type"] == "step_skipped" && event["node"] == "short")
    );
    // The row of the list follows the log a moment later.
    let listed = format!("/api/v1/executions?flow_id={flow}");
    testkit::eventually(Duration::from_secs(20), async || {
        (user.read(&listed).await.body["items"][0]["id"] == json!(execution)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_running_step_is_cancelled_within_two_seconds() {
    let ledger = testkit::Ledger::start().await;
    ledger.hold();
    let platform = Platform::allowing(&[ledger.address()]).await;
    let user = platform.user("ada").await;
    let flow = user
        .publish(json!({
            "nodes": [
                {"id": "start", "type": "trigger"},
                {"id": "call", "type": "http", "config": {"method": "POST", "url": ledger.url()}},
                {"id": "after", "type": "http", "config": {"method": "POST", "url": ledger.url()}}
            ],
            "edges": [{"from": "start", "to": "call"}, {"from": "call", "to": "after"}]
        }))
        .await;
    let execution = user.execute(&flow, json!({})).await;
    testkit::eventually(Duration::from_secs(20), async || {
        (!ledger.calls().is_empty()).then_some(())
    })
    .await;
    let asked = std::time::Instant::now();
    let answer = user
        .post(
            &format!("/api/v1/executions/{execution}/cancel"),
            &json!({}),
        )
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let end = user.end_of(&execution).await;
    assert_eq!(end["state"], "cancelled", "{end}");
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
    ledger.release();
    assert_eq!(ledger.calls().len(), 1);
    let events = user.events(&execution).await;
    assert_eq!(events.last().unwrap()["type"], "execution_cancelled");
}
