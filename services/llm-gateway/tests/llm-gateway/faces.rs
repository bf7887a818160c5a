//! Anthropic's and OpenAI's newer API over HTTP, in front of vendors of every kind.

use serde_json::{Value, json};

use crate::{
    conformance::{Bench, vendor::Vendor, wire::Said},
    http,
};

async fn post(bench: &Bench, path: &str, body: Value) -> egress::Response {
    let token = testkit::token(&bench.owner);
    let headers = [("x-api-key", token.as_str())];
    http::send(&bench.fixture, "POST", path, &headers, body.to_string()).await
}

fn everything() -> Said {
    Said {
        thought: Some(("hm", "sig_1")),
        text: "I look.",
        calls: vec![("call_a", "f", "{\"n\": 1e-7}"), ("call_b", "g", "{}")],
        ..Said::default()
    }
}

fn question(vendor: Vendor, messages: Value) -> Value {
    let tool = |name: &str| json!({"name": name, "input_schema": {"type": "object"}});
    json!({"model": format!("{}/{}", vendor.name(), vendor.model()), "max_tokens": 100, "messages": messages,
        "tools": [tool("f"), tool("g")]})
}

fn events(response: &egress::Response) -> Vec<Value> {
    let text = std::str::from_utf8(&response.body).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|event| serde_json::from_str(event).unwrap())
        .collect()
}

/// Blocks are dense, one at a time, and each that starts has its stop.
fn blocks_are_whole(streamed: &[Value]) {
    let mut open = None;
    let mut begun = 0;
    for event in streamed {
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(
                    (open, event["index"].as_i64()),
                    (None, Some(begun)),
                    "{streamed:?}"
                );
                open = Some(begun);
                begun += 1;
            }
            "content_block_delta" => assert_eq!(event["index"].as_i64(), open),
            "content_block_stop" => assert_eq!(event["index"].as_i64(), open.take()),
            _ => {}
        }
    }
    assert_eq!(open, None);
}

#[tokio::test]
async fn messages_bring_thoughts_back_to_their_vendor() {
    let bench = Bench::start().await;
    let hello = json!({"role": "user", "content": "hi"});
    for vendor in [
        Vendor::Anthropic,
        Vendor::Bedrock,
        Vendor::Gemini,
        Vendor::Openai,
    ] {
        bench.mock.script(vendor.answer(&everything()));
        let mut body = question(vendor, json!([hello]));
        body["stream"] = true.into();
        let streamed = events(&post(&bench, "/messages", body).await);
        blocks_are_whole(&streamed);
        let last = &streamed[streamed.len() - 2..];
        assert_eq!(
            last[0]["delta"]["stop_reason"],
            "tool_use",
            "{}",
            vendor.name()
        );
        assert_eq!(last[0]["usage"]["input_tokens"], 8);
        assert_eq!(last[0]["usage"]["cache_read_input_tokens"], 4);
        assert_eq!(last[1]["type"], "message_stop");

        bench.mock.script(vendor.answer(&everything()));
        let response = match vendor.is_openai_like() {
            // Whole answers have another reader there.
            true => continue,
            false => post(&bench, "/messages", question(vendor, json!([hello]))).await,
        };
        let text = String::from_utf8(response.body.to_vec()).unwrap();
        assert!(text.contains("{\"n\": 1e-7}"), "{text}");
        let answer = http::read(&response);
        let content = answer["content"].clone();
        let ids: Vec<_> = content
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|block| block["id"].as_str())
            .collect();
        let results: Vec<_> = ids
            .iter()
            .map(|id| json!({"type": "tool_result", "tool_use_id": id, "content": "1"}))
            .collect();
        let next = json!([hello, {"role": "assistant", "content": content}, {"role": "user", "content": results}]);
        bench.mock.script(vendor.answer(&Said::text("ok")));
        let answered = post(&bench, "/messages", question(vendor, next)).await;
        assert_eq!(
            answered.status,
            200,
            "{}",
            String::from_utf8_lossy(&answered.body)
        );
        let sent = bench.mock.last().text;
        assert!(
            sent.contains("{\"n\":1e-7}") || sent.contains("{\"n\": 1e-7}"),
            "{sent}"
        );
        if vendor != Vendor::Gemini {
            assert!(sent.contains("\"signature\":\"sig_1\""), "{sent}");
        }
    }
}

#[tokio::test]
async fn failures_have_the_shape_of_their_api() {
    let bench = Bench::start().await;
    let vendor = Vendor::Anthropic;
    bench.mock.script(vendor.refusal(529, "full"));
    let refused = post(
        &bench,
        "/messages",
        question(vendor, json!([{"role": "user", "content": "hi"}])),
    )
    .await;
    assert_eq!(refused.status, 503);
    assert_eq!(http::read(&refused)["error"]["type"], "overloaded_error");
    let nothing = post(&bench, "/messages", json!({})).await;
    assert_eq!(
        (nothing.status, &http::read(&nothing)["type"]),
        (400, &json!("error"))
    );
    let nothing = post(&bench, "/responses", json!({})).await;
    assert_eq!(
        (nothing.status, &http::read(&nothing)["error"]["param"]),
        (400, &json!("input"))
    );
    let mut cut = vendor.answer(&Said::text("Once upon a time"));
    cut.parts.truncate(4);
    bench.mock.script(cut.clone());
    let mut body = question(vendor, json!([{"role": "user", "content": "hi"}]));
    body["stream"] = true.into();
    let told = events(&post(&bench, "/messages", body).await);
    assert_eq!(told.last().unwrap()["type"], "error");
    bench.mock.script(cut);
    let body = json!({"model": "anthropic/claude-sonnet-4-5", "input": "hi", "stream": true});
    let told = events(&post(&bench, "/responses", body).await);
    assert_eq!(told.last().unwrap()["code"], "upstream_cut");
    let numbers: Vec<_> = told
        .iter()
        .map(|event| event["sequence_number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..told.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn tokens_are_counted_by_the_vendor_where_it_can() {
    let bench = Bench::start().await;
    for (vendor, answer) in [
        (Vendor::Anthropic, json!({"input_tokens": 17})),
        (Vendor::Gemini, json!({"totalTokens": 17})),
    ] {
        bench
            .mock
            .script(crate::conformance::mock::Script::refusal(200, &answer));
        let body = question(vendor, json!([{"role": "user", "content": "hi"}]));
        let counted = post(&bench, "/messages/count_tokens", body).await;
        assert_eq!(http::read(&counted), json!({"input_tokens": 17}));
        let asked = bench.mock.last();
        assert!(vendor.is_admitted(&asked));
        assert!(asked.body.get("max_tokens").is_none() && asked.body.get("stream").is_none());
    }
    let body = question(Vendor::Openai, json!([{"role": "user", "content": "hi"}]));
    let estimated = http::read(&post(&bench, "/messages/count_tokens", body).await);
    assert!(estimated["input_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn messages_name_the_text_at_which_they_stopped() {
    let bench = Bench::start().await;
    let vendor = Vendor::Anthropic;
    let mut body = question(vendor, json!([{"role": "user", "content": "hi"}]));
    body["stop_sequences"] = json!(["END"]);
    for stream in [false, true] {
        let mut script = vendor.answer(&Said::text("I look."));
        let said = String::from_utf8(script.parts.concat()).unwrap();
        let stopped = said
            .replace(r#""end_turn""#, r#""stop_sequence""#)
            .replace(r#""stop_sequence":null"#, r#""stop_sequence":"END""#);
        assert_ne!(said, stopped);
        script.parts = vec![stopped.into_bytes()];
        bench.mock.script(script);
        body["stream"] = stream.into();
        let response = post(&bench, "/messages", body.clone()).await;
        let told = match stream {
            false => http::read(&response),
            true => {
                let events = events(&response);
                events[events.len() - 2]["delta"].clone()
            }
        };
        let told = (&told["stop_reason"], &told["stop_sequence"]);
        assert_eq!(told, (&json!("stop_sequence"), &json!("END")));
    }
}
