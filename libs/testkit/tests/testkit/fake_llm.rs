//! The vendor answers as scripted, in the protocol's words.

use serde_json::{Value, json};
use testkit::{
    FakeLlm,
    fake_llm::{Answer, ToolCall, Usage},
};

use crate::http::{get, post};

async fn ask(vendor: &FakeLlm, body: &Value) -> (String, String) {
    let key = format!("Bearer {}", FakeLlm::API_KEY);
    post(
        vendor.address(),
        "/v1/chat/completions",
        &[("Authorization", &key)],
        &body.to_string(),
    )
    .await
}

fn question(stream: bool) -> Value {
    json!({
        "model": "fake-large", "stream": stream, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "hello"}],
    })
}

fn events(body: &str) -> Vec<Value> {
    let (chunks, rest) = body
        .split_once("data: [DONE]\n\n")
        .expect("the stream has its end mark");
    assert_eq!(rest, "");
    chunks
        .split_terminator("\n\n")
        .map(|event| {
            let data = event.strip_prefix("data: ").expect("an event has data");
            serde_json::from_str(data).expect("data is JSON")
        })
        .collect()
}

#[tokio::test]
async fn a_text_comes_whole_or_in_words() {
    let vendor = FakeLlm::start().await;
    let spent = Usage {
        prompt_tokens: 3,
        completion_tokens: 4,
    };
    vendor.otherwise(Answer::text("one two three").usage(spent));

    let (head, body) = ask(&vendor, &question(false)).await;
    assert!(head.contains(" 200 "), "{head}");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["choices"][0]["message"]["content"], "one two three");
    assert_eq!(body["usage"]["total_tokens"], 7);

    let (head, body) = ask(&vendor, &question(true)).await;
    assert!(head.contains("text/event-stream"), "{head}");
    let events = events(&body);
    let text: String = events
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, "one two three");
    assert_eq!(events.len(), 6, "role, three words, finish, usage");
    assert_eq!(events[4]["choices"][0]["finish_reason"], "stop");
    assert_eq!(events[5]["usage"]["completion_tokens"], 4);
    assert_eq!(vendor.requests().len(), 2);
    assert_eq!(vendor.requests()[0].body["messages"][0]["content"], "hello");
}

#[tokio::test]
async fn tool_calls_come_whole_or_in_pieces() {
    let vendor = FakeLlm::start().await;
    let arguments = json!({"city": "Malmö"});
    vendor.otherwise(Answer::tools([ToolCall {
        id: "call_1".into(),
        name: "weather".into(),
        arguments: arguments.clone(),
    }]));

    let (_, body) = ask(&vendor, &question(false)).await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    let call = &body["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(call["function"]["name"], "weather");
    assert_eq!(call["function"]["arguments"], arguments.to_string());
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");

    let (_, body) = ask(&vendor, &question(true)).await;
    let joined: String = events(&body)
        .iter()
        .filter_map(|event| {
            event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]
                .as_str()
                .map(ToOwned::to_owned)
        })
        .collect();
    assert_eq!(joined, arguments.to_string());
}

#[tokio::test]
async fn it_fails_in_every_scripted_way() {
    let vendor = FakeLlm::start().await;
    vendor.script(Answer::rate_limited("7"));
    vendor.script(Answer::status(503, "overloaded"));
    vendor.script(Answer::garbage("<html>"));
    vendor.script(Answer::text("one two three").cut_after(2));
    vendor.script(Answer::text("one two three").cut_after(0));

    let (head, _) = ask(&vendor, &question(false)).await;
    assert!(
        head.contains(" 429 ") && head.contains("retry-after: 7"),
        "{head}"
    );
    let (head, body) = ask(&vendor, &question(false)).await;
    assert!(
        head.contains(" 503 ") && body.contains("overloaded"),
        "{head}"
    );
    assert_eq!(ask(&vendor, &question(false)).await.1, "<html>");
    let (_, body) = ask(&vendor, &question(true)).await;
    assert!(body.contains("one") && !body.contains("two"), "{body}");
    assert!(!body.contains("[DONE]"), "{body}");
    let (head, body) = ask(&vendor, &question(false)).await;
    assert!(head.contains(" 200 "), "{head}");
    serde_json::from_str::<Value>(&body).expect_err("half a body");

    let (head, body) = ask(&vendor, &question(false)).await;
    assert!(
        head.contains(" 500 ") && body.contains("scripted no answer"),
        "{head}"
    );
}

#[tokio::test]
async fn only_its_own_key_opens_it() {
    let vendor = FakeLlm::start().await;
    let (head, _) = get(
        vendor.address(),
        "/v1/models",
        &[("Authorization", "Bearer no")],
    )
    .await;
    assert!(head.contains(" 401 "), "{head}");
    let key = format!("Bearer {}", FakeLlm::API_KEY);
    let (head, body) = get(vendor.address(), "/v1/models", &[("Authorization", &key)]).await;
    assert!(head.contains(" 200 "), "{head}");
    assert!(body.contains("fake-small"));
}
