//! Agents and crews at work: their calls are steps that people see, approve, and that a crash does not repeat.

use std::time::Duration;

use e2e::{Client, Platform};
use serde_json::{Value, json};
use testkit::{
    FakeLlm, Ledger, eventually,
    fake_llm::{Answer, ToolCall},
};

const SOON: Duration = Duration::from_secs(60);

/// Makes the vendor known to the organization, at a price.
pub(crate) async fn provider(user: &Client, vendor: &FakeLlm) {
    let provider = json!({
        "name": "vendor", "kind": "openai_compatible", "base_url": vendor.base_url(), "api_key": FakeLlm::API_KEY,
        "models": [{"name": "fake-large", "price": {"prompt": "1000", "completion": "2000"}}]
    });
    let made = user.post("/api/v1/llm-providers", &provider).await;
    assert_eq!(made.status, 201, "{made:?}");
}

pub(crate) async fn made(user: &Client, path: &str, body: Value) -> String {
    let made = user.post(path, &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn agent(user: &Client, name: &str, tools: &[&str], more: Value) -> String {
    let mut agent = json!({
        "name": name, "role": "a clerk", "goal": "do what is asked", "model": "vendor/fake-large", "tools": tools });
    agent
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    made(user, "/api/v1/agents", agent).await
}

/// A tool that writes into the ledger.
async fn paying(user: &Client, ledger: &Ledger, name: &str, approval: &str) -> String {
    let tool = json!({
        "name": name, "kind": "http", "description": "Pays.", "approval": approval,
        "input_schema": {"type": "object", "required": ["usd"], "properties": {"usd": {"type": "number"}}, "additionalProperties": false},
        "config": {"method": "POST", "url": format!("{}/{name}", ledger.url()), "body": {"usd": "{{ arguments.usd }}"}}
    });
    made(user, "/api/v1/tools", tool).await
}

pub(crate) fn calls(name: &str, arguments: Value) -> Answer {
    Answer::tools([ToolCall {
        id: "call_1".into(),
        name: name.into(),
        arguments,
    }])
}

async fn run(user: &Client, path: &str, input: Value) -> String {
    let accepted = user.post(path, &json!({ "input": input })).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    accepted.body["id"].as_str().unwrap().to_owned()
}

fn nodes(events: &[Value], kind: &str) -> Vec<String> {
    let of_kind = events.iter().filter(|event| event["type"] == *kind);
    of_kind
        .map(|event| event["node"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn an_agent_uses_its_tool_and_every_call_is_a_step_with_its_price() {
    let vendor = FakeLlm::start().await;
    let platform = Platform::allowing(&[vendor.address()]).await;
    let user = platform.user("ada").await;
    provider(&user, &vendor).await;
    let add = json!({
        "name": "add", "kind": "javascript", "description": "Adds.",
        "input_schema": {"type": "object", "required": ["a", "b"]},
        "config": {"source": "export default ({a, b}) => a + b"}
    });
    let add = made(&user, "/api/v1/tools", add).await;
    let clerk = agent(&user, "clerk", &[&add], json!({})).await;
    vendor.script(calls("add", json!({"a": 19, "b": 23})));
    vendor.script(Answer::text("It is 42."));
    let execution = run(
        &user,
        &format!("/api/v1/agents/{clerk}/run"),
        json!("What is 19 + 23?"),
    )
    .await;
    let end = user.end_of(&execution).await;
    assert_eq!(
        (&end["state"], &end["output"]),
        (&json!("succeeded"), &json!("It is 42.")),
        "{end}"
    );
    assert_eq!(end["agent_id"], json!(clerk));
    // Two questions of 11 and 7 tokens at 1,000 and 2,000 dollars a million.
    assert_eq!(end["usage"]["cost"], json!("0.050"), "{end}");
    let events = user.events(&execution).await;
    let done = nodes(&events, "step_succeeded");
    assert_eq!(
        done,
        [
            "start",
            "agent/llm:0",
            "agent/tool:0.0",
            "agent/llm:1",
            "agent",
            "end"
        ]
    );
    let asked = vendor.requests();
    assert_eq!(asked[1].body["messages"][3]["content"], json!("42"));
    assert_eq!(asked[0].body["tools"][0]["function"]["name"], json!("add"));
}

#[tokio::test]
async fn a_call_waits_for_a_person_and_is_made_with_exactly_what_was_shown() {
    let (vendor, ledger) = (FakeLlm::start().await, Ledger::start().await);
    let platform = Platform::allowing(&[vendor.address(), ledger.address()]).await;
    let user = platform.user("ada").await;
    provider(&user, &vendor).await;
    let pay = paying(&user, &ledger, "pay", "required").await;
    let clerk = agent(&user, "clerk", &[&pay], json!({})).await;
    let path = format!("/api/v1/agents/{clerk}/run");
    for approved in [true, false] {
        vendor.script(calls("pay", json!({"usd": 5})));
        vendor.script(Answer::text("Done."));
        let execution = run(&user, &path, json!("Pay five dollars.")).await;
        let path = format!("/api/v1/executions/{execution}");
        let waiting = eventually(SOON, async || {
            let body = user.read(&path).await.body;
            (body["state"] == "waiting").then_some(body)
        })
        .await;
        let asked = &waiting["approvals"][0];
        assert_eq!(
            (&asked["name"], &asked["arguments"]),
            (&json!("pay"), &json!({"usd": 5}))
        );
        let before = ledger.calls().len();
        let word = |hash: &Value| json!({"node": asked["node"], "approved": approved, "arguments_hash": hash, "comment": "too dear"});
        let approvals = format!("{path}/approvals");
        let forged = user.post(&approvals, &word(&json!("0".repeat(64)))).await;
        assert_eq!(forged.status, 409, "{forged:?}");
        assert_eq!(ledger.calls().len(), before);
        let given = user.post(&approvals, &word(&asked["arguments_hash"])).await;
        assert_eq!(given.status, 200, "{given:?}");
        let end = user.end_of(&execution).await;
        assert_eq!(end["state"], "succeeded", "{end}");
        assert_eq!(ledger.calls().len() - before, usize::from(approved));
    }
    let last = vendor.requests().pop().unwrap().body["messages"].to_string();
    assert!(last.contains("too dear"), "{last}");
}

#[tokio::test]
async fn a_crew_hands_results_on_and_a_manager_delegates() {
    let vendor = FakeLlm::start().await;
    let platform = Platform::allowing(&[vendor.address()]).await;
    let user = platform.user("ada").await;
    provider(&user, &vendor).await;
    let reader = agent(&user, "reader", &[], json!({})).await;
    let writer = agent(&user, "writer", &[], json!({})).await;
    let mut crew = json!({
        "name": "newsroom", "process": "sequential", "agents": [reader, writer],
        "tasks": [
            {"name": "read", "description": "Read about {{ input.topic }}.", "expected_output": "Notes.", "agent_id": reader},
            {"name": "write", "description": "Write it up.", "expected_output": "A text.", "agent_id": writer, "context": ["read"]}
        ]
    });
    let sequential = made(&user, "/api/v1/crews", crew.clone()).await;
    vendor.script(Answer::text("NOTES ON TEA"));
    vendor.script(Answer::text("The text."));
    let execution = run(
        &user,
        &format!("/api/v1/crews/{sequential}/run"),
        json!({"topic": "tea"}),
    )
    .await;
    let end = user.end_of(&execution).await;
    assert_eq!(end["output"], json!("The text."), "{end}");
    let asked = vendor.requests();
    assert!(
        asked[0].body["messages"][1]["content"]
            .to_string()
            .contains("Read about tea.")
    );
    assert!(
        asked[1].body["messages"][1]["content"]
            .to_string()
            .contains("NOTES ON TEA")
    );

    crew["name"] = json!("desk");
    crew["process"] = json!("hierarchical");
    crew["tasks"].as_array_mut().unwrap().truncate(1);
    let managed = made(&user, "/api/v1/crews", crew).await;
    let delegate = json!({"task": "read", "agent": "writer", "instructions": "Be brief."});
    for answer in [
        calls("delegate", delegate.clone()),
        Answer::text("too long"),
        calls("delegate", delegate),
        Answer::text("short"),
        calls("accept", json!({"task": "read"})),
        Answer::text("Accepted: short."),
    ] {
        vendor.script(answer);
    }
    let execution = run(
        &user,
        &format!("/api/v1/crews/{managed}/run"),
        json!({"topic": "tea"}),
    )
    .await;
    let end = user.end_of(&execution).await;
    assert_eq!(end["output"], json!("Accepted: short."), "{end}");
    let steps = nodes(&user.events(&execution).await, "step_started");
    assert!(
        steps.contains(&"crew/manager/tool:1.0/llm:0".to_owned()),
        "{steps:?}"
    );
}

#[tokio::test]
async fn killed_in_a_tools_call_the_agent_goes_on_and_nothing_recorded_is_paid_twice() {
    let (vendor, ledger) = (FakeLlm::start().await, Ledger::start().await);
    let mut platform = Platform::allowing(&[vendor.address(), ledger.address()]).await;
    let user = platform.user("ada").await;
    provider(&user, &vendor).await;
    let pay = paying(&user, &ledger, "pay", "none").await;
    let clerk = agent(&user, "clerk", &[&pay], json!({})).await;
    vendor.script(calls("pay", json!({"usd": 5})));
    vendor.script(Answer::text("Paid."));
    ledger.hold();
    let execution = run(&user, &format!("/api/v1/agents/{clerk}/run"), json!("Pay.")).await;
    eventually(SOON, async || (!ledger.calls().is_empty()).then_some(())).await;
    let before = user.events(&execution).await;
    platform.kill();
    ledger.release();
    platform.restart().await;
    let end = user.end_of(&execution).await;
    assert_eq!(
        (&end["state"], &end["output"]),
        (&json!("succeeded"), &json!("Paid.")),
        "{end}"
    );
    let after = user.events(&execution).await;
    assert_eq!(
        after[..before.len()],
        before[..],
        "what was seen stays as it was"
    );
    // The first question was recorded: it is not asked, and not paid, again.
    assert_eq!(vendor.requests().len(), 2);
    let keys: std::collections::BTreeSet<_> = ledger
        .calls()
        .into_iter()
        .map(|call| call.idempotency_key)
        .collect();
    assert_eq!(keys.len(), 1, "one call, one key, however often it is made");
}

#[tokio::test]
async fn a_loop_of_ten_thousand_calls_ends_at_the_agents_limits() {
    let (vendor, ledger) = (FakeLlm::start().await, Ledger::start().await);
    let platform = Platform::allowing(&[vendor.address(), ledger.address()]).await;
    let user = platform.user("ada").await;
    provider(&user, &vendor).await;
    let pay = paying(&user, &ledger, "pay", "none").await;
    vendor.answer_by(|_| {
        let call = |n: usize| ToolCall {
            id: format!("call_{n}"),
            name: "pay".into(),
            arguments: json!({"usd": n}),
        };
        Answer::tools((0..100).map(call))
    });
    for (name, limits, most) in [
        ("few", json!({"max_tool_calls": 3}), 3),
        ("cheap", json!({"max_cost": "0.02", "max_tool_calls": 5}), 5),
    ] {
        let clerk = agent(&user, name, &[&pay], json!({ "limits": limits })).await;
        let before = ledger.calls().len();
        let execution = run(&user, &format!("/api/v1/agents/{clerk}/run"), json!("Pay.")).await;
        let end = user.end_of(&execution).await;
        assert_eq!(
            (&end["state"], &end["error"]["code"]),
            (&json!("failed"), &json!("limit_reached")),
            "{end}"
        );
        assert!(ledger.calls().len() - before <= most);
    }
}
