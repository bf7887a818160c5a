//! Conversations: streamed answers, tools as they are called, regenerate, crashes, and what an agent looks up.

use std::time::Duration;

use e2e::Platform;
use serde_json::{Value, json};
use testkit::{FakeLlm, eventually, fake_llm::Answer};

use crate::agents::{agent, calls, made, provider};

const SOON: Duration = Duration::from_secs(60);

/// What a client shows that heeds `anew`; in these conversations one step speaks to the end.
pub(crate) fn texts(events: &[(String, Value)]) -> String {
    let mut shown = String::new();
    for (_, data) in events.iter().filter(|(name, _)| name == "token") {
        if data["anew"] == true {
            shown.clear();
        }
        shown += data["text"].as_str().unwrap_or_default();
    }
    shown
}

#[tokio::test]
async fn a_flow_made_around_an_agent_converses_and_is_executed() {
    let vendor = FakeLlm::start().await;
    let platform = Platform::allowing(&[vendor.address()]).await;
    let user = platform.user("ada").await;
    provider(&user, &vendor).await;
    let clerk = agent(&user, "clerk", &[], json!({})).await;
    let workflows = format!("/api/v1/agents/{clerk}/workflows");
    let flow = made(&user, &workflows, json!({"name": "Ask the clerk"})).await;
    let publish = format!("/api/v1/flows/{flow}/publish");
    assert_eq!(user.post(&publish, &json!({})).await.status, 201);
    let listed = user.read(&workflows).await.body["items"][0].clone();
    assert_eq!(
        (&listed["id"], &listed["draft"], &listed["published"]),
        (&json!(flow), &json!(true), &json!(true))
    );

    vendor.script(Answer::text("Six."));
    let execution = user
        .execute(&flow, json!({"prompt": "What is 2 * 3?"}))
        .await;
    assert_eq!(user.end_of(&execution).await["output"], json!("Six."));

    let session = made(&user, "/api/v1/chat/sessions", json!({ "flow_id": flow })).await;
    let messages = format!("/api/v1/chat/sessions/{session}/messages");
    for (asked, answered) in [("What is 1 + 2?", "Three."), ("And one more?", "Four.")] {
        vendor.script(Answer::text(answered));
        let answer = user.post(&messages, &json!({ "content": asked })).await;
        assert_eq!(answer.body["content"], json!(answered), "{answer:?}");
    }
    let asked = vendor.requests().pop().unwrap().body["messages"].to_string();
    assert!(asked.contains("What is 1 + 2?"), "{asked}");
}

#[tokio::test]
async fn an_answer_is_streamed_with_its_tools_and_made_again() {
    let vendor = FakeLlm::start().await;
    let platform = Platform::allowing(&[vendor.address()]).await;
    let user = platform.user("ada").await;
    provider(&user, &vendor).await;
    let add = json!({
        "name": "add", "kind": "javascript", "description": "Adds.", "input_schema": {"type": "object"},
        "config": {"source": "export default ({a, b}) => a + b"}
    });
    let add = made(&user, "/api/v1/tools", add).await;
    let clerk = agent(&user, "clerk", &[&add], json!({})).await;
    let session = made(&user, "/api/v1/chat/sessions", json!({ "agent_id": clerk })).await;
    let path = format!("/api/v1/chat/sessions/{session}");
    let messages = format!("{path}/messages");

    vendor.script(calls("add", json!({"a": 1, "b": 2})));
    vendor.script(Answer::text("It is three."));
    let events = user
        .stream(&messages, &json!({"content": "What is 1 + 2?"}))
        .await;
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    let place = |name: &str| names.iter().position(|found| *found == name);
    assert!(place("tool_call") < place("tool_result"), "{names:?}");
    assert!(place("tool_result") < place("token"), "{names:?}");
    assert_eq!(texts(&events), "It is three.");
    let (last, done) = events.last().unwrap();
    assert_eq!(
        (last.as_str(), &done["message"]["content"]),
        ("done", &json!("It is three."))
    );
    assert_eq!(
        done["message"]["tool_calls"][0]["result"],
        json!(3),
        "{done}"
    );

    // What was said before is told to the model.
    vendor.script(Answer::text("Four."));
    let answer = user
        .post(&messages, &json!({"content": "And one more?"}))
        .await;
    assert_eq!(
        (answer.status, &answer.body["content"]),
        (200, &json!("Four.")),
        "{answer:?}"
    );
    let asked = vendor.requests().pop().unwrap().body["messages"].to_string();
    assert!(
        asked.contains("What is 1 + 2?") && asked.contains("It is three."),
        "{asked}"
    );

    // Another answer to the same question, beside the first.
    vendor.script(Answer::text("Four, I say."));
    let again = user.post(&format!("{path}/regenerate"), &json!({})).await;
    assert_eq!(
        (again.status, &again.body["content"]),
        (200, &json!("Four, I say.")),
        "{again:?}"
    );
    assert_eq!(again.body["siblings"].as_array().map(Vec::len), Some(2));

    let title = user.read(&path).await.body["title"].clone();
    assert_eq!(title, json!("What is 1 + 2?"));
    let stranger = platform.user("eve").await;
    assert_eq!(stranger.get(&messages).await.unwrap().status, 404);
}

#[tokio::test]
async fn killed_while_it_answers_the_conversation_goes_on() {
    let vendor = FakeLlm::start().await;
    let mut platform = Platform::allowing(&[vendor.address()]).await;
    let user = platform.user("ada").await;
    provider(&user, &vendor).await;
    let clerk = agent(&user, "clerk", &[], json!({})).await;
    let session = made(&user, "/api/v1/chat/sessions", json!({ "agent_id": clerk })).await;
    let messages = format!("/api/v1/chat/sessions/{session}/messages");
    vendor
        .script(Answer::text("word ".repeat(500)).slow(Duration::ZERO, Duration::from_millis(50)));
    vendor.script(Answer::text("The whole answer."));
    let content = json!({"content": "Tell me everything."});
    let (_, ()) = tokio::join!(
        // The client loses its connection with the process.
        async {
            let sent = user.send(
                reqwest::Method::POST,
                &messages,
                Some(content.to_string()),
                &[],
            );
            sent.await.map(|answer| assert_ne!(answer.status, 200)).ok();
        },
        async {
            eventually(SOON, async || (vendor.requests().len() == 1).then_some(())).await;
            platform.kill();
        }
    );
    platform.restart().await;
    let answered = eventually(SOON, async || {
        let shown = user.read(&messages).await.body;
        let last = shown["items"].as_array()?.last()?.clone();
        (last["state"] == "done").then_some(last)
    })
    .await;
    assert_eq!(answered["content"], json!("The whole answer."));
}

#[tokio::test]
async fn an_agent_looks_up_what_a_document_says() {
    let vendor = FakeLlm::start().await;
    let platform = Platform::allowing(&[vendor.address()]).await;
    let user = platform.user("ada").await;
    provider(&user, &vendor).await;
    let base = made(
        &user,
        "/api/v1/knowledge/bases",
        json!({"name": "handbook", "description": "How we work."}),
    )
    .await;
    let path = format!("/api/v1/knowledge/bases/{base}");
    let text = "# Holidays\n\nEveryone has thirty days of holidays.\n\n# Coffee\n\nThe machine stands in the kitchen.";
    let document = json!({"name": "handbook.md", "content": text});
    let added = user.post(&format!("{path}/documents"), &document).await;
    assert!(matches!(added.status, 201 | 202), "{added:?}");
    let document = format!("{path}/documents/{}", added.body["id"].as_str().unwrap());
    eventually(SOON, async || {
        let state = user.read(&document).await.body["state"].clone();
        assert_ne!(state, json!("failed"));
        (state == "ready").then_some(())
    })
    .await;
    let found = user
        .post(
            &format!("{path}/search"),
            &json!({"query": "How many holidays?"}),
        )
        .await;
    assert!(
        found.body["items"][0]["text"]
            .to_string()
            .contains("thirty days"),
        "{found:?}"
    );

    let clerk = agent(&user, "clerk", &[], json!({ "knowledge": [base] })).await;
    vendor.script(calls("search_knowledge", json!({"query": "holidays"})));
    vendor.script(Answer::text("Thirty."));
    let run = json!({"input": "How many days off?"});
    let accepted = user
        .post(&format!("/api/v1/agents/{clerk}/run"), &run)
        .await;
    let end = user.end_of(accepted.body["id"].as_str().unwrap()).await;
    assert_eq!(end["output"], json!("Thirty."), "{end}");
    let asked = vendor.requests().pop().unwrap().body["messages"].to_string();
    assert!(asked.contains("thirty days"), "{asked}");

    // A flow searches without an agent.
    let flow = user
        .publish(json!({
            "nodes": [
                {"id": "start", "type": "trigger"},
                {"id": "look", "type": "knowledge", "config": {"base_id": base, "query": "{{ input.q }}", "limit": 1}},
                {"id": "end", "type": "output", "config": {"value": "{{ nodes.look.output[0].heading }}"}}
            ],
            "edges": [{"from": "start", "to": "look"}, {"from": "look", "to": "end"}]
        }))
        .await;
    let execution = user.execute(&flow, json!({"q": "coffee machine"})).await;
    let end = user.end_of(&execution).await;
    assert_eq!(end["output"], json!("Coffee"), "{end}");
}
