//! The HTTP face, byte by byte.

use contracts::{Principal, Role};
use egress::Response;
use llm_gateway::Settings;
use serde_json::{Value, json};
use testkit::fake_llm::Answer;

use crate::{
    Fixture,
    held::{Habit, Held},
    vendor_at,
};

pub(crate) async fn send(
    fixture: &Fixture,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> Response {
    let url = format!("{}{path}", fixture.base_url());
    let mut request = egress::Request::new(method, url);
    let header = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    request.headers = headers.iter().map(header).collect();
    request.body = body.into().into();
    fixture.client().request(request).await.unwrap()
}

async fn chat(fixture: &Fixture, who: &Principal, body: Value) -> Response {
    let bearer = format!("Bearer {}", testkit::token(who));
    let headers = [("authorization", bearer.as_str())];
    send(
        fixture,
        "POST",
        "/chat/completions",
        &headers,
        body.to_string(),
    )
    .await
}

pub(crate) fn read(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "hi"}]})
}

/// The events of a stream; the last one tells how it ended.
fn events(response: &Response) -> Vec<String> {
    let text = std::str::from_utf8(&response.body).unwrap();
    let events = text.split_terminator("\n\n");
    events
        .map(|event| event.strip_prefix("data: ").unwrap().to_owned())
        .collect()
}

fn chunks(events: &[String]) -> Vec<Value> {
    let events = events.iter().filter(|event| *event != "[DONE]");
    events
        .map(|event| serde_json::from_str(event).unwrap())
        .collect()
}

#[tokio::test]
async fn who_may_not_ask_is_told_in_the_shape_of_the_api() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let token = testkit::token(&owner);
    let viewer = testkit::token(&testkit::principal(owner.tenant, Role::Viewer));
    let bearer = |token: &str| format!("Bearer {token}");
    let (good, low) = (bearer(&token), bearer(&viewer));
    let body = hello("rehearsal").to_string();
    let none: &[(&str, &str)] = &[];
    let cases = [
        (none, 401, "invalid_api_key"),
        (
            &[("authorization", "Bearer garbage")],
            401,
            "invalid_api_key",
        ),
        (&[("authorization", "Basic dTpw")], 401, "invalid_api_key"),
        (&[("authorization", &low)], 403, "forbidden"),
        (&[("authorization", &good)], 200, ""),
        (&[("x-api-key", &token)], 200, ""),
    ];
    for (headers, status, code) in cases {
        let response = send(&fixture, "POST", "/chat/completions", headers, body.clone()).await;
        assert_eq!(response.status, status, "{headers:?}");
        if status != 200 {
            let error = &read(&response)["error"];
            assert_eq!(error["code"], code);
            assert!(
                error["message"].is_string() && error["type"].is_string(),
                "{error}"
            );
        }
    }
    let nobody = send(&fixture, "GET", "/models", &[], "").await;
    assert_eq!(nobody.status, 401);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let settings = Settings {
        llm_http_body_bytes: 4096,
        ..Settings::default()
    };
    let fixture = Fixture::with(&[], settings).await;
    let owner = fixture.owner().await;
    let bearer = format!("Bearer {}", testkit::token(&owner));
    let headers = [("authorization", bearer.as_str())];
    let long = hello(&"x".repeat(5000)).to_string();
    let cases = [
        ("{", 400, Value::Null),
        ("[]", 400, Value::Null),
        ("{}", 400, json!("messages")),
        (
            r#"{"messages": [{"content": "hi"}]}"#,
            400,
            json!("messages"),
        ),
        (
            r#"{"messages": [], "model": "rehearsal"}"#,
            422,
            json!("messages"),
        ),
        (
            r#"{"messages": [{"role":"user","content":"hi"}], "n": 2}"#,
            422,
            json!("n"),
        ),
        (
            r#"{"messages": [{"role":"user","content":"hi"}], "model": "nobody"}"#,
            404,
            json!("model"),
        ),
        (
            r#"{"messages": [{"role":"user","content":"hi"}], "logprobs": true}"#,
            400,
            Value::Null,
        ),
        (long.as_str(), 413, Value::Null),
    ];
    for (body, status, parameter) in cases {
        let response = send(&fixture, "POST", "/chat/completions", &headers, body).await;
        assert_eq!(response.status, status, "{body}");
        assert_eq!(read(&response)["error"]["param"], parameter, "{body}");
    }
    for (method, path, status) in [
        ("GET", "/chat/completions", 405),
        ("POST", "/models", 405),
        ("GET", "/nothing", 404),
        ("GET", "/embeddings", 405),
        ("POST", "/embedding", 404),
        ("GET", "/models/nobody", 404),
        ("GET", "/models/%zz", 404),
    ] {
        let response = send(&fixture, method, path, &headers, "").await;
        assert_eq!(response.status, status, "{path}");
        assert!(read(&response)["error"]["message"].is_string(), "{path}");
    }
    assert_eq!(chat(&fixture, &owner, hello("rehearsal")).await.status, 200);
}

#[tokio::test]
async fn a_rehearsed_answer_is_labelled_and_tells_what_it_ignored() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let mut body = hello("rehearsal/rehearsal");
    body["temperature"] = json!(0.2);
    body["seed"] = json!(7);
    let response = chat(&fixture, &owner, body).await;
    assert_eq!(
        response.header("x-gateway-dropped"),
        Some("seed,temperature")
    );
    let answer = read(&response);
    assert_eq!(response.header("x-request-id"), answer["id"].as_str());
    assert_eq!(
        (
            answer["object"].as_str(),
            answer["model"].as_str(),
            answer["rehearsal"].as_bool()
        ),
        (
            Some("chat.completion"),
            Some("rehearsal/rehearsal"),
            Some(true)
        )
    );
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(
        choice["message"]["content"],
        "Rehearsal: no model was asked. You said: hi"
    );
    assert_eq!(answer["usage"]["total_tokens"], 10);
    assert_eq!(answer["usage"]["cost"], "0");
}

#[tokio::test]
async fn a_stream_ends_with_its_usage_where_that_was_asked_for() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    fixture.vendor.otherwise(Answer::text("Good evening"));
    let mut body = hello("vendor/fake-large");
    body["stream"] = json!(true);
    let plain = chat(&fixture, &owner, body.clone()).await;
    assert_eq!(
        plain.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    let plain = events(&plain);
    assert_eq!(plain.last().unwrap(), "[DONE]");
    assert!(
        chunks(&plain)
            .iter()
            .all(|chunk| chunk.get("usage").is_none())
    );

    body["stream_options"] = json!({"include_usage": true});
    let counted = events(&chat(&fixture, &owner, body).await);
    let chunks = chunks(&counted);
    let (last, others) = chunks.split_last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(
        last["usage"],
        json!({"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18, "cost": "0.0000975"})
    );
    assert!(
        others
            .iter()
            .all(|chunk| chunk["usage"].is_null() && chunk["choices"][0]["index"] == 0)
    );
    assert_eq!(
        others[0]["choices"][0]["delta"],
        json!({"role": "assistant", "content": ""})
    );
    assert_eq!(
        others.last().unwrap()["choices"][0]["finish_reason"],
        "stop"
    );
    let text: String = others
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, "Good evening");
    // Usage is always asked for, because calls are paid for.
    for sent in fixture.vendor.requests() {
        assert_eq!(sent.body["stream_options"]["include_usage"], true);
    }
}

#[tokio::test]
async fn a_broken_stream_says_so_and_a_failure_before_it_is_a_status() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let mut body = hello("vendor/fake-large");
    body["stream"] = json!(true);
    fixture.vendor.script(Answer::text("a b c d").cut_after(3));
    let broken = events(&chat(&fixture, &owner, body.clone()).await);
    let last: Value = serde_json::from_str(broken.last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "upstream_cut");
    let chunks = chunks(&broken);
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["choices"][0]["finish_reason"].is_null())
    );

    fixture.vendor.script(Answer::rate_limited("3"));
    let refused = chat(&fixture, &owner, body.clone()).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), Some("3"));
    assert_eq!(refused.header("retry-after-ms"), Some("3000"));
    assert_eq!(read(&refused)["error"]["type"], "rate_limit_error");

    let error = json!({"error": {"message": "overloaded", "code": 503}});
    fixture
        .vendor
        .script(Answer::garbage(format!("data: {error}\n\n")));
    assert_eq!(chat(&fixture, &owner, body.clone()).await.status, 503);
    body["stream"] = json!(false);
    for answer in [Answer::garbage("<html>"), Answer::text("x").cut_after(0)] {
        fixture.vendor.script(answer);
        let response = chat(&fixture, &owner, body.clone()).await;
        assert_eq!(response.status, 502);
        assert_eq!(read(&response)["error"]["type"], "server_error");
    }
}

#[tokio::test]
async fn fields_that_nobody_here_knows_pass_both_ways() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let whole = json!({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": {"content": [1]},
            "message": {"role": "assistant", "content": "ok", "reasoning_content": "hm", "annotations": [{"a": 1}]}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 1}}});
    fixture.vendor.script(Answer::garbage(whole.to_string()));
    let mut body = hello("vendor/fake-large");
    body["web_search_options"] = json!({"deep": true});
    body["messages"][0]["name"] = json!("ada");
    let answer = read(&chat(&fixture, &owner, body).await);
    assert_eq!(answer["system_fingerprint"], "fp_1");
    assert_eq!(answer["choices"][0]["logprobs"], json!({"content": [1]}));
    assert_eq!(
        answer["choices"][0]["message"]["annotations"],
        json!([{"a": 1}])
    );
    assert_eq!(answer["choices"][0]["message"]["reasoning_content"], "hm");
    assert_eq!(
        answer["usage"]["completion_tokens_details"]["reasoning_tokens"],
        1
    );
    let sent = &fixture.vendor.requests()[0].body;
    assert_eq!(sent["web_search_options"], json!({"deep": true}));
    assert_eq!(sent["messages"][0]["name"], "ada");
    assert!(sent.get("stream").is_none());
}

#[tokio::test]
async fn too_many_questions_are_turned_away() {
    let settings = Settings {
        llm_http_in_flight: 1,
        ..Settings::default()
    };
    let fixture = Fixture::with(&[], settings).await;
    let owner = fixture.owner().await;
    let slow = json!({"model": "rehearsal", "messages": [{"role": "user", "content": "rehearsal: {\"delay_ms\": 1500}"}]});
    let (one, two) = tokio::join!(
        chat(&fixture, &owner, slow.clone()),
        chat(&fixture, &owner, slow)
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 503]);
}

#[tokio::test]
async fn signs_of_life_do_not_keep_a_silent_vendor_alive() {
    let settings = Settings {
        llm_ping_ms: 50,
        llm_silence_timeout_ms: 400,
        ..Settings::default()
    };
    let vendor = Held::start(Habit::Speaks).await;
    let fixture = Fixture::with(&[vendor.address], settings).await;
    let owner = fixture.owner().await;
    let provider = vendor_at(&vendor.base_url());
    fixture.ask(&owner, &provider).await.unwrap();
    let mut ask = hello("vendor/fake-large");
    ask["stream"] = true.into();
    let response = chat(&fixture, &owner, ask).await;
    let text = String::from_utf8(response.body.to_vec()).unwrap();
    let pings = text.lines().filter(|line| line.starts_with(':')).count();
    assert!(pings >= 2, "{text}");
    assert!(
        text.contains("upstream_timeout") && !text.contains("[DONE]"),
        "{text}"
    );
}
