//! What becomes of an answer.

use contracts::llm::{Embed, FinishReason};
use serde_json::{Value, json};

use super::super::{
    Bench, Outcome,
    mock::Script,
    vendor::{Family, Vendor},
    wire::{self, Said, Usage, called, tool},
};

const HAS_NO_THOUGHTS: &str = "the vendor hides no thoughts that must come back";

/// The chunks of an answer over HTTP, and whether it ended as complete.
fn chunks(response: &egress::Response) -> (Vec<Value>, bool) {
    let text = std::str::from_utf8(&response.body).unwrap();
    let events = text
        .split_terminator("\n\n")
        .filter_map(|event| event.strip_prefix("data: "));
    let (done, chunks): (Vec<_>, Vec<_>) = events.partition(|event| *event == "[DONE]");
    (
        chunks
            .iter()
            .map(|chunk| serde_json::from_str(chunk).unwrap())
            .collect(),
        done.len() == 1,
    )
}

pub(super) async fn everything(bench: &Bench, vendor: Vendor) -> Outcome {
    let said = Said {
        thought: Some(("Let me see.", "sig_1")),
        text: "I look, één moment.",
        calls: vec![("call_a", "f", "{\"n\": 1}"), ("call_b", "g", "")],
        ..Said::default()
    };
    let question = bench.question(vendor, json!({"tools": [tool("f"), tool("g")]}));
    let (pieces, done) = bench.ask(&question, vendor.answer(&said)).await;
    let done = done.unwrap();
    assert_eq!(done.message.content, said.text);
    assert_eq!(crate::text(&pieces), said.text);
    assert_eq!(done.message.extra["reasoning_content"], "Let me see.");
    assert_eq!(done.finish_reason, FinishReason::ToolCalls);
    let calls: Vec<_> = done
        .message
        .tool_calls
        .iter()
        .map(|call| {
            (
                call.function.name.as_str(),
                call.function.arguments.as_str(),
            )
        })
        .collect();
    let nothing = if vendor.is_openai_like() { "" } else { "{}" };
    assert_eq!(calls, [("f", "{\"n\": 1}"), ("g", nothing)]);
    let ids: Vec<_> = done
        .message
        .tool_calls
        .iter()
        .map(|call| call.id.as_str())
        .collect();
    match vendor {
        Vendor::Gemini => assert!(!ids[0].is_empty() && ids[0] != ids[1]),
        _ => assert_eq!(ids, ["call_a", "call_b"]),
    }
    let response = bench
        .over_http(
            vendor,
            json!({"stream": true, "tools": [tool("f"), tool("g")]}),
            vendor.answer(&said),
        )
        .await;
    let (chunks, is_done) = chunks(&response);
    let indexes: Vec<_> = chunks
        .iter()
        .filter_map(|chunk| chunk.pointer("/choices/0/delta/tool_calls/0/index"))
        .collect();
    assert!(
        is_done && indexes.first() == Some(&&json!(0)) && indexes.last() == Some(&&json!(1)),
        "{indexes:?}"
    );
    Ok(())
}

pub(super) async fn redacted(bench: &Bench, vendor: Vendor) -> Outcome {
    let (answer, hidden) = match vendor {
        Vendor::Anthropic => {
            let mut parts = wire::events(vendor, &Said::text("ok"));
            for (at, event) in [
                json!({"type": "content_block_start", "index": 7, "content_block": {"type": "redacted_thinking", "data": "b3BhcXVl"}}),
                json!({"type": "content_block_stop", "index": 7}),
            ].iter().enumerate() {
                parts.insert(1 + at, wire::sse(&event.to_string()));
            }
            let script = Script {
                parts,
                ..vendor.answer(&Said::default())
            };
            (
                script,
                json!({"type": "redacted_thinking", "data": "b3BhcXVl"}),
            )
        }
        Vendor::Bedrock => {
            let mut parts = wire::events(vendor, &Said::text("ok"));
            let delta = json!({"delta": {"reasoningContent": {"redactedContent": "b3BhcXVl"}}, "contentBlockIndex": 7});
            parts.insert(1, wire::frame(":event-type", "contentBlockDelta", &delta));
            parts.insert(
                2,
                wire::frame(
                    ":event-type",
                    "contentBlockStop",
                    &json!({"contentBlockIndex": 7}),
                ),
            );
            let script = Script {
                parts,
                ..vendor.answer(&Said::default())
            };
            (
                script,
                json!({"reasoningContent": {"redactedContent": "b3BhcXVl"}}),
            )
        }
        _ => return Err(HAS_NO_THOUGHTS),
    };
    let question = bench.question(vendor, json!({}));
    let mut message = bench.ask(&question, answer).await.1.unwrap().message;
    message
        .extra
        .insert("reasoning_content".into(), "hm".into());
    let next = json!({"messages": [{"role": "user", "content": "hi"}, message, {"role": "user", "content": "go on"}]});
    let body = bench.sent(vendor, next.clone()).await.unwrap().body;
    assert_eq!(vendor.turns(&body)[1].1[0], hidden);
    // Another vendor hears nothing of it.
    for other in Vendor::ALL.into_iter().filter(|other| *other != vendor) {
        let sent = bench.sent(other, next.clone()).await.unwrap().text;
        assert!(
            !sent.contains("b3BhcXVl") && !sent.contains("\"hm\""),
            "{sent}"
        );
    }
    Ok(())
}

pub(super) async fn signatures(bench: &Bench, vendor: Vendor) -> Outcome {
    if !matches!(vendor, Vendor::Gemini | Vendor::Anthropic | Vendor::Bedrock) {
        return Err("the vendor signs nothing");
    }
    let said = Said {
        thought: Some(("hm", "sig_1")),
        calls: vec![("call_a", "f", "{}"), ("call_b", "g", "{}")],
        ..Said::default()
    };
    let question = bench.question(vendor, json!({"tools": [tool("f"), tool("g")]}));
    let message = bench
        .ask(&question, vendor.answer(&said))
        .await
        .1
        .unwrap()
        .message;
    let ids: Vec<_> = message
        .tool_calls
        .iter()
        .map(|call| call.id.clone())
        .collect();
    let mut messages = json!([{"role": "user", "content": "hi"}, message,
        {"role": "tool", "tool_call_id": ids[0], "content": "1"}, {"role": "tool", "tool_call_id": ids[1], "content": "2"}]);
    let next = json!({"tools": [tool("f"), tool("g")], "messages": messages});
    let body = bench.sent(vendor, next).await.unwrap().body;
    let answer = vendor.turns(&body)[1].1.clone();
    match vendor.family() {
        Family::Anthropic => assert_eq!(
            answer[0],
            json!({"type": "thinking", "thinking": "hm", "signature": "sig_1"})
        ),
        Family::Bedrock => assert_eq!(
            answer[0],
            json!({"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig_1"}}})
        ),
        _ => {
            assert_eq!(answer[0]["thoughtSignature"], "sig_1");
            assert!(answer[1].get("thoughtSignature").is_none());
        }
    }
    // A history of another vendor has none.
    messages[1] = json!({"role": "assistant", "tool_calls": [called(&ids[0], "f", "{}"), called(&ids[1], "g", "{}")]});
    let next = json!({"tools": [tool("f"), tool("g")], "messages": messages});
    let sent = bench.sent(vendor, next).await.unwrap();
    assert!(!sent.text.contains("sig_1"));
    if vendor == Vendor::Gemini {
        let answer = &vendor.turns(&sent.body)[1].1;
        assert_eq!(
            answer[0]["thoughtSignature"],
            "skip_thought_signature_validator"
        );
        assert!(answer[1].get("thoughtSignature").is_none());
    }
    Ok(())
}

pub(super) async fn calls_that_stop(bench: &Bench, vendor: Vendor) -> Outcome {
    let mut answer = vendor.answer(&Said::calls(&[
        ("call_a", "f", "{}"),
        ("call_b", "f", "{}"),
    ]));
    if vendor.is_openai_like() {
        let whole = String::from_utf8(answer.parts.concat()).unwrap();
        answer.parts = vec![
            whole
                .replace("\"tool_calls\"}", "\"stop\"}")
                .replace(
                    "\"finish_reason\":\"tool_calls\"",
                    "\"finish_reason\":\"stop\"",
                )
                .into_bytes(),
        ];
    }
    let question = bench.question(vendor, json!({"tools": [tool("f")]}));
    let done = bench.ask(&question, answer).await.1.unwrap();
    assert_eq!(done.finish_reason, FinishReason::ToolCalls);
    assert_eq!(
        done.message.tool_calls.len(),
        2,
        "each event has a call of its own"
    );
    Ok(())
}

pub(super) async fn blocked(bench: &Bench, vendor: Vendor) -> Outcome {
    let question = bench.question(vendor, json!({}));
    match vendor {
        Vendor::Gemini => {
            let event = json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}});
            let parts = vec![wire::sse(&event.to_string())];
            let answer = Script {
                parts,
                ..vendor.answer(&Said::default())
            };
            let done = bench.ask(&question, answer).await.1.unwrap();
            assert_eq!(
                (done.finish_reason, done.usage.prompt_tokens),
                (FinishReason::ContentFilter, 5)
            );
        }
        Vendor::Azure => {
            let body =
                json!({"error": {"message": "filtered", "code": "content_filter", "status": 400}});
            let problem = bench
                .ask(&question, Script::refusal(400, &body))
                .await
                .1
                .unwrap_err();
            assert_eq!(
                (problem.status, problem.reason.as_deref()),
                (400, Some("content_policy"))
            );
        }
        _ => {}
    }
    let said = Said {
        is_refused: true,
        ..Said::text("No.")
    };
    let done = bench.ask(&question, vendor.answer(&said)).await.1.unwrap();
    assert_eq!(done.finish_reason, FinishReason::ContentFilter);
    let said = Said {
        is_long: true,
        ..Said::text("And then")
    };
    let done = bench.ask(&question, vendor.answer(&said)).await.1.unwrap();
    assert_eq!(done.finish_reason, FinishReason::Length);
    Ok(())
}

pub(super) async fn arithmetic(bench: &Bench, vendor: Vendor) -> Outcome {
    let said = Said {
        usage: Usage {
            thoughts: 6,
            ..Usage::default()
        },
        ..Said::text("ok")
    };
    let answer = || vendor.answer(&said);
    let whole = || match vendor.is_openai_like() {
        true => Script::refusal(200, &wire::whole(vendor, &said)),
        false => answer(),
    };
    let response = bench.over_http(vendor, json!({}), whole()).await;
    let usage = crate::http::read(&response)["usage"].clone();
    assert_eq!(
        (
            &usage["prompt_tokens"],
            &usage["completion_tokens"],
            &usage["total_tokens"]
        ),
        (&json!(12), &json!(20), &json!(32))
    );
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 4);
    // Amazon does not tell thoughts from the rest.
    if vendor != Vendor::Bedrock {
        assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 6);
    }
    let fields = json!({"stream": true, "stream_options": {"include_usage": true}});
    let response = bench.over_http(vendor, fields, answer()).await;
    assert_eq!(
        chunks(&response).0.last().unwrap()["usage"],
        usage,
        "streamed as whole"
    );
    Ok(())
}

pub(super) async fn usage_chunk(bench: &Bench, vendor: Vendor) -> Outcome {
    let fields = json!({"stream": true, "stream_options": {"include_usage": true}});
    let response = bench
        .over_http(vendor, fields, vendor.answer(&Said::text("ok")))
        .await;
    let (chunks, is_done) = chunks(&response);
    let (last, others) = chunks.split_last().unwrap();
    assert!(
        is_done && last["choices"] == json!([]) && last["usage"]["total_tokens"] == 32,
        "{last}"
    );
    assert!(others.iter().all(|chunk| chunk["usage"].is_null()));
    Ok(())
}

pub(super) async fn unasked_usage(bench: &Bench, vendor: Vendor) -> Outcome {
    let response = bench
        .over_http(
            vendor,
            json!({"stream": true}),
            vendor.answer(&Said::text("ok")),
        )
        .await;
    let (chunks, is_done) = chunks(&response);
    assert!(is_done && chunks.iter().all(|chunk| chunk.get("usage").is_none()));
    let done = bench
        .ask(
            &bench.question(vendor, json!({})),
            vendor.answer(&Said::text("ok")),
        )
        .await
        .1
        .unwrap();
    assert_eq!(done.usage.cost, Some("0.000052".parse().unwrap()));
    Ok(())
}

pub(super) async fn unknown_fields(bench: &Bench, vendor: Vendor) -> Outcome {
    if !vendor.is_openai_like() {
        return Err(
            "the vendor's answers have another format, of which all that matters is mapped",
        );
    }
    let mut whole = wire::whole(vendor, &Said::text("ok"));
    whole["system_fingerprint"] = "fp".into();
    whole["choices"][0]["logprobs"] = json!({"content": [1]});
    whole["choices"][0]["message"]["annotations"] = json!([{"a": 1}]);
    let response = bench
        .over_http(vendor, json!({}), Script::refusal(200, &whole))
        .await;
    let answer = crate::http::read(&response);
    assert_eq!(answer["system_fingerprint"], "fp");
    assert_eq!(answer["choices"][0]["logprobs"], json!({"content": [1]}));
    assert_eq!(
        answer["choices"][0]["message"]["annotations"],
        json!([{"a": 1}])
    );
    Ok(())
}

pub(super) async fn numbers(bench: &Bench, vendor: Vendor) -> Outcome {
    const ARGUMENTS: &str = "{\"n\":  123456789012345678901234567890, \"x\": 1e-7, \"y\": 1.0}";
    let question = bench.question(vendor, json!({"tools": [tool("f")]}));
    let answer = vendor.answer(&Said::calls(&[("call_a", "f", ARGUMENTS)]));
    let message = bench.ask(&question, answer).await.1.unwrap().message;
    assert_eq!(message.tool_calls[0].function.arguments, ARGUMENTS);
    let id = message.tool_calls[0].id.clone();
    let next = json!({"tools": [tool("f")], "messages": [{"role": "user", "content": "hi"}, message,
        {"role": "tool", "tool_call_id": id, "content": "1"}]});
    let sent = bench.sent(vendor, next).await.unwrap();
    match vendor.is_openai_like() {
        true => assert_eq!(
            sent.body["messages"][1]["tool_calls"][0]["function"]["arguments"],
            ARGUMENTS
        ),
        false => assert!(sent.text.contains(ARGUMENTS), "{}", sent.text),
    }
    Ok(())
}

pub(super) async fn vectors(bench: &Bench, vendor: Vendor) -> Outcome {
    let model = match vendor {
        Vendor::Bedrock => vendor.other_model(),
        _ => vendor.model(),
    };
    let ask = Embed {
        model: Some(format!("{}/{model}", vendor.name())),
        input: vec!["a".into(), "b".into()],
        ..Embed::default()
    };
    let answers = match vendor.family() {
        Family::Openai => vec![
            json!({"data": [{"index": 1, "embedding": [0, 1]}, {"index": 0, "embedding": [1, 0]}], "usage": {"prompt_tokens": 2}}),
        ],
        Family::Gemini => vec![json!({"embeddings": [{"values": [1, 0]}, {"values": [0, 1]}]})],
        Family::Anthropic => {
            let problem = bench.fixture.ask(&bench.owner, &ask).await.unwrap_err();
            assert_eq!(
                (problem.status, problem.reason.as_deref()),
                (400, Some("unsupported_parameter"))
            );
            return Err("the vendor has no vectors, and that is said");
        }
        // Texts are asked for at the same time, so which answer is whose is not known: one text.
        Family::Bedrock => return bedrock_vector(bench, vendor).await,
    };
    for answer in answers {
        bench.mock.script(Script::refusal(200, &answer));
    }
    let done = bench.fixture.ask(&bench.owner, &ask).await.unwrap();
    assert_eq!(done.embeddings, [[1.0, 0.0], [0.0, 1.0]]);
    assert!(vendor.is_admitted(&bench.mock.last()));
    Ok(())
}

async fn bedrock_vector(bench: &Bench, vendor: Vendor) -> Outcome {
    let ask = Embed {
        model: Some("bedrock/amazon.titan-embed-text-v2:0".into()),
        input: vec!["a".into()],
        dimensions: Some(2),
        ..Embed::default()
    };
    let body = json!({"embedding": [1, 0], "inputTextTokenCount": 3});
    bench.mock.script(Script::refusal(200, &body));
    let done = bench.fixture.ask(&bench.owner, &ask).await.unwrap();
    assert_eq!(
        (done.embeddings, done.usage.prompt_tokens),
        (vec![vec![1.0, 0.0]], 3)
    );
    let asked = bench.mock.last();
    assert_eq!(asked.body, json!({"inputText": "a", "dimensions": 2}));
    assert!(vendor.is_admitted(&asked));
    Ok(())
}
