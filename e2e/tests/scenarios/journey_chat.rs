//! From registering to a conversation with a crew: two agents, a tool, answers that are streamed, stopped and made again.

use std::time::Duration;

use contracts::execution::Usage;
use e2e::{Client, Platform};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{FakeLlm, Ledger, fake_llm::Answer as Said};

use crate::agents::{agent, calls, made, provider};

/// A clerk who looks into the stock, and a writer who hears from the clerk; the id of their crew.
async fn crew(user: &Client, ledger: &Ledger) -> String {
    let stock = json!({
        "name": "stock", "kind": "http", "description": "Counts what is there.",
        "input_schema": {"type": "object", "required": ["item"], "properties": {"item": {"type": "string"}}},
        "config": {"method": "GET", "url": format!("{}/stock/{{{{ arguments.item }}}}", ledger.url())}
    });
    let stock = made(user, "/api/v1/tools", stock).await;
    let clerk = agent(user, "clerk", &[&stock], json!({})).await;
    let writer = agent(user, "writer", &[], json!({})).await;
    let crew = json!({
        "name": "shop", "process": "sequential", "agents": [clerk, writer],
        "tasks": [
            {"name": "count", "description": "Count for: {{ input.message }}", "expected_output": "A number.", "agent_id": clerk},
            {"name": "write", "description": "Write an answer.", "expected_output": "A sentence.", "agent_id": writer, "context": ["count"]}
        ]
    });
    made(user, "/api/v1/crews", crew).await
}

/// Checks that an answer costs what the calls that its run recorded cost, and returns that.
async fn price(user: &Client, answer: &Value) -> Usage {
    let usage = |value: &Value| serde_json::from_value::<Usage>(value.clone()).unwrap();
    let execution = answer["execution_id"].as_str().expect("a run");
    let events = user.events(execution).await;
    let of_steps = events.iter().filter(|event| {
        let kind = event["type"].as_str().unwrap_or_default();
        kind.starts_with("step_") && !event["usage"].is_null()
    });
    let sum = of_steps.fold(Usage::ZERO, |sum, event| sum.plus(usage(&event["usage"])));
    assert_eq!(usage(&answer["usage"]), sum, "{answer}");
    let run = user.end_of(execution).await;
    assert_eq!(usage(&run["usage"]), sum, "{run}");
    sum
}

/// The first turn: what is streamed, while it happens, and by whom.
async fn streamed(user: &Client, messages: &str, vendor: &FakeLlm, ledger: &Ledger) -> Value {
    vendor.script(calls("stock", json!({"item": "tea"})));
    vendor.script(Said::text("Seven boxes."));
    vendor.script(Said::text("There are seven boxes of tea."));
    ledger.answer_next(200, "7");
    ledger.hold();
    let question = json!({"content": "How much tea is there?"});
    let mut events = user.open(messages, &question).await;
    let (name, call) = events.next().await.expect("an event");
    assert_eq!(name, "tool_call", "{call}");
    assert_eq!(
        (&call["agent"], &call["name"], &call["arguments"]),
        (&json!("clerk"), &json!("stock"), &json!({"item": "tea"}))
    );
    // The call was told while the outside has not answered it yet.
    ledger.release();
    let rest = events.rest().await;
    let mut order: Vec<(&str, &str)> = rest
        .iter()
        .map(|(name, data)| (name.as_str(), data["node"].as_str().unwrap_or_default()))
        .collect();
    order.dedup();
    assert_eq!(
        order,
        [
            ("tool_result", "crew/task:count/tool:0.0"),
            ("token", "crew/task:count/llm:1"),
            ("token", "crew/task:write/llm:0"),
            ("done", "")
        ]
    );
    let numbers: Vec<_> = rest.iter().map(|(_, data)| data["n"].as_u64()).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert_eq!(rest[0].1["result"]["body"], json!(7), "{}", rest[0].1);
    let asked = vendor.requests()[2].body["messages"].to_string();
    assert!(asked.contains("Seven boxes."), "{asked}");
    let answer = rest.last().unwrap().1["message"].clone();
    let called = &answer["tool_calls"][0];
    assert_eq!(
        (&answer["content"], &called["agent"]),
        (&json!("There are seven boxes of tea."), &json!("clerk"))
    );
    answer
}

/// Stops an answer after its first words.
async fn stopped(user: &Client, chat: &str, vendor: &FakeLlm) -> Value {
    let long = Said::text("word ".repeat(500));
    vendor.script(long.slow(Duration::ZERO, Duration::from_millis(50)));
    let question = json!({"content": "Tell me about each box."});
    let mut events = user.open(&format!("{chat}/messages"), &question).await;
    let (name, _) = events.next().await.expect("an event");
    assert_eq!(name, "token");
    let stop = user.post(&format!("{chat}/stop"), &json!({})).await;
    assert_eq!(stop.status, 200, "{stop:?}");
    let (name, data) = events.rest().await.pop().expect("an event");
    assert_eq!(
        (name.as_str(), &data["message"]["state"]),
        ("done", &json!("stopped"))
    );
    let message = data["message"].clone();
    let path = format!("{chat}/messages/{}", message["id"].as_str().unwrap());
    assert_eq!(user.read(&path).await.body, message);
    message
}

/// The finished answer to a request for one.
async fn answered(user: &Client, path: &str, body: Value) -> Value {
    let answer = user.post(path, &body).await;
    assert_eq!(
        (answer.status, &answer.body["state"]),
        (200, &json!("done")),
        "{answer:?}"
    );
    answer.body
}

#[tokio::test]
async fn journey_crew_chat() {
    let (vendor, ledger) = (FakeLlm::start().await, Ledger::start().await);
    let platform = Platform::allowing(&[vendor.address(), ledger.address()]).await;
    let user = platform.user("ada").await;
    provider(&user, &vendor).await;
    let crew = crew(&user, &ledger).await;
    let session = made(&user, "/api/v1/chat/sessions", json!({ "crew_id": crew })).await;
    let chat = format!("/api/v1/chat/sessions/{session}");
    let messages = format!("{chat}/messages");

    let first = streamed(&user, &messages, &vendor, &ledger).await;
    // Three questions of 11 and 7 tokens at 1,000 and 2,000 dollars a million.
    let paid = price(&user, &first).await.cost.expect("a price");
    assert_eq!(paid.to_string().parse(), Ok(0.075));
    let cut = stopped(&user, &chat, &vendor).await;
    price(&user, &cut).await;

    // The session goes on, and the same question has two answers.
    vendor.script(Said::text("Eight."));
    vendor.script(Said::text("Eight boxes of coffee."));
    let old = answered(&user, &messages, json!({"content": "And coffee?"})).await;
    vendor.script(Said::text("Eight."));
    vendor.script(Said::text("Coffee: eight boxes."));
    let new = answered(&user, &format!("{chat}/regenerate"), json!({})).await;
    assert_eq!(new["siblings"], json!([old["id"], new["id"]]), "{new}");
    for (answer, content) in [
        (&old, "Eight boxes of coffee."),
        (&new, "Coffee: eight boxes."),
    ] {
        price(&user, answer).await;
        let head = json!({"head": answer["id"]}).to_string();
        let shown = user.send(Method::PATCH, &chat, Some(head), &[]).await;
        assert_eq!(shown.unwrap().status, 200);
        let shown = user.read(&messages).await.body;
        let branch = shown["items"].as_array().expect("messages");
        assert_eq!(branch.len(), 6, "three questions, three answers: {shown}");
        assert_eq!(branch[5]["content"], content, "{shown}");
    }
}
