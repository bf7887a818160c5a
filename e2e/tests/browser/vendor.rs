//! A vendor of models that does what the last message asks of it, so that a test in the browser can direct it.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{
    FakeLlm,
    fake_llm::{Answer, ToolCall},
};

const WORD: Duration = Duration::from_millis(25);

/// `slowly`: an answer that takes minutes. A tool that is offered, and not yet used: it is called. Anything else is said back.
pub(crate) async fn start() -> FakeLlm {
    let vendor = FakeLlm::start().await;
    vendor.answer_by(|body| answer(body).slow(Duration::ZERO, WORD));
    vendor
}

fn answer(body: &Value) -> Answer {
    let messages = body["messages"].as_array().expect("messages");
    let last = messages.last().expect("a message");
    let text = last["content"].as_str().unwrap_or_default();
    if text.contains("slowly") {
        return Answer::text("word ".repeat(8000));
    }
    if last["role"] == "tool" {
        return Answer::text(format!("The tool says {text}."));
    }
    let offered = body["tools"][0]["function"]["name"].as_str();
    match offered {
        Some(name) => Answer::tools([ToolCall {
            id: "call_1".into(),
            name: name.into(),
            arguments: json!({"a": 19, "b": 23}),
        }]),
        None => Answer::text(text),
    }
}
