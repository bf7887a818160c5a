//! Answers that must fit a schema.

use contracts::llm::FinishReason;
use serde_json::{Value, json};

use super::super::{
    Bench, Outcome,
    mock::Script,
    vendor::{Family, Vendor},
    wire::Said,
};

fn wanted() -> Value {
    json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "minimum": 2}}})
}

fn format() -> Value {
    json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": wanted()}}})
}

async fn newest(bench: &Bench, vendor: Vendor) {
    let question = bench.question(vendor, format());
    // What is asked of the vendor itself.
    let done = bench.ask(&question, native(vendor, "{\"n\": 2}")).await;
    assert_eq!(done.1.unwrap().message.content, "{\"n\": 2}");
    let body = bench.mock.last().body;
    match vendor.family() {
        Family::Openai => assert_eq!(body["response_format"], format()["response_format"]),
        Family::Anthropic => {
            let said = &body["output_config"]["format"]["schema"]["properties"]["n"];
            assert_eq!(
                *said,
                json!({"type": "integer", "description": "(minimum: 2)"})
            );
        }
        Family::Gemini => {
            assert_eq!(
                body["generationConfig"]["responseMimeType"],
                "application/json"
            );
            assert_eq!(body["generationConfig"]["responseJsonSchema"], wanted());
        }
        Family::Bedrock => assert_eq!(
            body["toolConfig"]["toolChoice"]["tool"]["name"],
            "answer_in_json"
        ),
    }
    // An answer that breaks the caller's own schema is asked for once more, and both are paid for.
    bench.mock.script(native(vendor, "{\"n\": 1}"));
    let (chunks, done) = bench.ask(&question, native(vendor, "{\"n\": 3}")).await;
    let done = done.unwrap();
    assert_eq!(done.message.content, "{\"n\": 3}");
    assert_eq!(
        (done.usage.prompt_tokens, done.usage.completion_tokens),
        (24, 40)
    );
    assert_eq!(
        crate::text(&chunks),
        "{\"n\": 3}",
        "nothing of the first answer was heard"
    );
    assert!(bench.mock.last().text.contains("does not fit the schema"));
    // Twice is an error with a name.
    bench.mock.script(native(vendor, "{\"n\": 1}"));
    let problem = bench
        .ask(&question, native(vendor, "{}"))
        .await
        .1
        .unwrap_err();
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (502, Some("answer_unfit"))
    );
    // A refusal is no answer that does not fit.
    let refusal = Said {
        is_refused: true,
        ..Said::text("I will not.")
    };
    let done = bench
        .ask(&question, vendor.answer(&refusal))
        .await
        .1
        .unwrap();
    assert_eq!(done.finish_reason, FinishReason::ContentFilter);
}

/// The answer as the vendor gives it to the question with a schema.
fn native(vendor: Vendor, json: &'static str) -> Script {
    match vendor {
        Vendor::Bedrock => vendor.answer(&Said::calls(&[("call_a", "answer_in_json", json)])),
        _ => vendor.answer(&Said::text(json)),
    }
}

async fn older(bench: &Bench, vendor: Vendor) {
    let mut question = bench.question(vendor, format());
    question.model = Some(format!("{}/{}", vendor.name(), vendor.other_model()));
    let answer = match vendor {
        Vendor::Anthropic => Said::calls(&[("call_a", "answer_in_json", "{\"n\": 2}")]),
        _ => Said::text("```json\n{\"n\": 2}\n```"),
    };
    let done = bench
        .ask(&question, vendor.answer(&answer))
        .await
        .1
        .unwrap();
    assert_eq!(done.message.content, "{\"n\": 2}");
    assert_eq!(done.finish_reason, FinishReason::Stop);
    assert!(done.message.tool_calls.is_empty());
    let sent = bench.mock.last();
    match vendor {
        Vendor::Anthropic => assert_eq!(
            sent.body["tool_choice"],
            json!({"type": "tool", "name": "answer_in_json"})
        ),
        _ => assert!(sent.text.contains("JSON Schema"), "{}", sent.text),
    }
}

pub(super) async fn schema(bench: &Bench, vendor: Vendor) -> Outcome {
    newest(bench, vendor).await;
    if matches!(vendor, Vendor::Anthropic | Vendor::Groq) {
        older(bench, vendor).await;
    }
    // Any object.
    let object = json!({"response_format": {"type": "json_object"}});
    let question = bench.question(vendor, object);
    let done = bench
        .ask(&question, vendor.answer(&Said::text("{\"a\": []}")))
        .await
        .1
        .unwrap();
    assert_eq!(done.message.content, "{\"a\": []}");
    Ok(())
}
