//! How vendors fail, and what is seen of it.

use std::time::Duration;

use contracts::Problem;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::super::{
    Bench, Outcome,
    mock::{End, Script},
    vendor::{Family, Vendor},
    wire::{self, Said},
};

pub(super) async fn framing(bench: &Bench, vendor: Vendor) -> Outcome {
    let question = bench.question(vendor, json!({}));
    let said = Said::text("Grüße, 世界 𝄞!");
    let plain = vendor.answer(&said);
    let mut answers = vec![plain.clone().byte_by_byte()];
    if vendor.family() != Family::Bedrock {
        let text = String::from_utf8(plain.parts.concat()).unwrap();
        let lines = text.replace("\r\n", "\n");
        let spelled = [
            lines.clone(),
            lines.replace('\n', "\r\n"),
            lines.replace("data: ", "data:"),
            lines.replace("\n\n", "\n\n: comment\n\n"),
            lines.replace("data: {", "data: {\ndata: "),
        ];
        answers.extend(spelled.map(|text| Script {
            parts: vec![text.into_bytes()],
            ..plain.clone()
        }));
    }
    for answer in answers {
        let done = bench.ask(&question, answer).await.1.unwrap();
        assert_eq!(done.message.content, said.text);
    }
    let long: &'static str = Box::leak("x".repeat(1024 * 1024).into_boxed_str());
    let done = bench
        .ask(&question, vendor.answer(&Said::text(long)))
        .await
        .1
        .unwrap();
    assert_eq!(
        done.message.content.as_str().map(str::len),
        Some(long.len())
    );
    Ok(())
}

pub(super) async fn pings(bench: &Bench, vendor: Vendor) -> Outcome {
    let ping = match vendor.family() {
        Family::Openai | Family::Gemini => b": ping\n\n".to_vec(),
        Family::Anthropic => b"event: ping\ndata: {\"type\": \"ping\"}\n\n".to_vec(),
        Family::Bedrock => return Err("the vendor's stream has no signs of life"),
    };
    let mut answer = vendor.answer(&Said::text("still here"));
    answer.parts = answer
        .parts
        .into_iter()
        .flat_map(|part| [ping.clone(), part])
        .collect();
    let (_, done) = bench.ask(&bench.question(vendor, json!({})), answer).await;
    assert_eq!(done.unwrap().message.content, "still here");
    Ok(())
}

fn last_event(response: &egress::Response) -> Value {
    let text = std::str::from_utf8(&response.body).unwrap();
    assert!(!text.contains("[DONE]"), "{text}");
    let last = text.trim_end().rsplit("data: ").next().unwrap();
    serde_json::from_str(last).unwrap()
}

pub(super) async fn before_and_after(bench: &Bench, vendor: Vendor) -> Outcome {
    let stream = json!({"stream": true});
    let response = bench
        .over_http(vendor, stream.clone(), vendor.refusal(500, "oh"))
        .await;
    assert_eq!(response.status, 502);
    // An error in the stream, before anything was said.
    let mut early = vendor.answer(&Said::default());
    early.parts = vec![wire::overload(vendor)];
    let response = bench.over_http(vendor, stream.clone(), early).await;
    assert_eq!(response.status, 503);
    // And after it.
    let mut late = vendor.answer(&Said::text("Once upon a time"));
    late.parts.truncate(spoken(vendor));
    late.parts.push(wire::overload(vendor));
    let response = bench.over_http(vendor, stream, late).await;
    assert_eq!(response.status, 200);
    let last = last_event(&response);
    assert_eq!(last["error"]["code"], "upstream_failed", "{last}");
    Ok(())
}

pub(super) async fn cut(bench: &Bench, vendor: Vendor) -> Outcome {
    let whole = vendor.answer(&Said::text("Once upon a time"));
    let question = bench.question(vendor, json!({}));
    let count = whole.parts.len();
    for spoken in 0..count {
        // The connection breaks, or closes as if all were said.
        for end in [End::Cut, End::InOrder] {
            let mut answer = whole.clone().ending(end);
            answer.parts.truncate(spoken);
            // Whoever has said how it finished may close without saying good-bye.
            let has_finished = end == End::InOrder && spoken + finished(vendor) >= count;
            let done = bench.ask(&question, answer).await.1;
            assert_eq!(
                done.is_ok(),
                has_finished,
                "after {spoken} of {count}, {end:?}: {done:?}"
            );
        }
    }
    let mut answer = whole.ending(End::Cut);
    answer.parts.truncate(3);
    let response = bench
        .over_http(vendor, json!({"stream": true}), answer)
        .await;
    assert_eq!(last_event(&response)["error"]["code"], "upstream_cut");
    Ok(())
}

/// How many parts say the beginning of a text, and nothing else.
fn spoken(vendor: Vendor) -> usize {
    match vendor.family() {
        Family::Openai | Family::Bedrock => 2,
        Family::Anthropic => 3,
        Family::Gemini => 1,
    }
}

/// How many parts may be missing at the end of a complete answer.
fn finished(vendor: Vendor) -> usize {
    match vendor.family() {
        // The usage and `[DONE]`.
        Family::Openai => 2,
        Family::Anthropic | Family::Gemini => 0,
        // The usage.
        Family::Bedrock => 1,
    }
}

pub(super) async fn gone(bench: &Bench, vendor: Vendor) -> Outcome {
    let mut endless = vendor
        .answer(&Said::text("Once upon a time"))
        .ending(End::Endless);
    endless.parts.truncate(spoken(vendor));
    let mut left = bench.mock.left();
    let before = *left.borrow();
    bench.mock.script(endless);
    let body = json!({"model": format!("{}/{}", vendor.name(), vendor.model()), "stream": true,
        "messages": [{"role": "user", "content": "hi"}]});
    let mut request = egress::Request::new(
        "POST",
        format!("{}/chat/completions", bench.fixture.base_url()),
    );
    request.headers = vec![(
        "authorization".into(),
        format!("Bearer {}", testkit::token(&bench.owner)),
    )];
    request.body = body.to_string().into();
    let response = bench.fixture.client().stream(request).await.unwrap();
    assert_eq!((response.status, *left.borrow()), (200, before));
    drop(response);
    timeout(Duration::from_secs(5), left.wait_for(|left| *left > before))
        .await
        .expect("the vendor was left")
        .unwrap();
    Ok(())
}

async fn fault(bench: &Bench, vendor: Vendor, answer: Script) -> Problem {
    let question = bench.question(vendor, json!({}));
    bench.ask(&question, answer).await.1.unwrap_err()
}

pub(super) async fn pauses(bench: &Bench, vendor: Vendor) -> Outcome {
    let refusal = || vendor.refusal(429, "slow down");
    for (answer, pause) in [
        (refusal().with("retry-after", "2"), Some(2000)),
        (
            refusal()
                .with("retry-after-ms", "70")
                .with("retry-after", "1"),
            Some(70),
        ),
        (
            refusal().with("retry-after", "Fri, 01 Jan 2100 00:00:00 GMT"),
            Some(24 * 60 * 60 * 1000),
        ),
        (
            refusal().with("x-ratelimit-reset-requests", "6m0s"),
            Some(360_000),
        ),
        (refusal(), None),
    ] {
        let problem = fault(bench, vendor, answer).await;
        assert_eq!(
            (
                problem.status,
                problem.reason.as_deref(),
                problem.retry_after_ms
            ),
            (429, Some("upstream_rate_limited"), pause)
        );
    }
    if vendor == Vendor::Gemini {
        let body = json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow down",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}]}});
        let problem = fault(bench, vendor, Script::refusal(429, &body)).await;
        assert_eq!(problem.retry_after_ms, Some(1500));
    }
    let response = bench
        .over_http(vendor, json!({}), refusal().with("retry-after", "3"))
        .await;
    assert_eq!(
        (
            response.status,
            response.header("retry-after"),
            response.header("retry-after-ms")
        ),
        (429, Some("3"), Some("3000"))
    );
    Ok(())
}

pub(super) async fn families(bench: &Bench, vendor: Vendor) -> Outcome {
    let too_long = match vendor.family() {
        Family::Openai => "This model's maximum context length is 8192 tokens",
        Family::Anthropic => "prompt is too long: 300000 tokens > 200000 maximum",
        Family::Gemini => {
            "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."
        }
        Family::Bedrock => "Input is too long for requested model.",
    };
    let mut cases = vec![
        (
            vendor.refusal(400, too_long),
            400,
            "context_length_exceeded",
        ),
        (vendor.refusal(400, "bad"), 400, "upstream_refused"),
        (vendor.refusal(413, "large"), 413, "upstream_refused"),
        (vendor.refusal(401, "who?"), 502, "upstream_auth"),
        (vendor.refusal(402, "pay"), 502, "upstream_auth"),
        (vendor.refusal(403, "no"), 502, "upstream_auth"),
        (vendor.refusal(404, "none"), 404, "upstream_model_not_found"),
        (vendor.refusal(429, "slow"), 429, "upstream_rate_limited"),
        (vendor.refusal(500, "oh"), 502, "upstream_failed"),
        (vendor.refusal(503, "busy"), 503, "upstream_failed"),
        (vendor.refusal(504, "late"), 504, "upstream_timeout"),
        (vendor.refusal(529, "full"), 503, "upstream_failed"),
        (
            Script {
                parts: vec![b"<html>".to_vec()],
                ..vendor.answer(&Said::default())
            },
            502,
            "upstream_garbage",
        ),
    ];
    match vendor.family() {
        Family::Openai => {
            let body = json!({"error": {"message": "no money", "code": "insufficient_quota"}});
            cases.push((Script::refusal(429, &body), 429, "insufficient_quota"));
        }
        Family::Gemini => {
            let body = json!({"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"}});
            cases.push((Script::refusal(400, &body), 502, "upstream_auth"));
        }
        Family::Anthropic | Family::Bedrock => {}
    }
    for (answer, status, reason) in cases {
        let shown = format!("{answer:?}");
        let problem = fault(bench, vendor, answer).await;
        assert_eq!(
            (problem.status, problem.reason.as_deref()),
            (status, Some(reason)),
            "{shown}"
        );
    }
    Ok(())
}

pub(super) async fn keys(bench: &Bench, vendor: Vendor) -> Outcome {
    let quoting = format!("you sent {} and that is wrong", vendor.canary());
    for status in [400, 401, 404, 429, 500] {
        let problem = fault(bench, vendor, vendor.refusal(status, &quoting)).await;
        let response = bench
            .over_http(
                vendor,
                json!({"stream": true}),
                vendor.refusal(status, &quoting),
            )
            .await;
        let seen = format!(
            "{} {} {:?}",
            json!(problem),
            String::from_utf8_lossy(&response.body),
            response.headers
        );
        assert!(!seen.contains(vendor.canary()), "{seen}");
    }
    let asked = bench.mock.last();
    assert!(vendor.is_admitted(&asked));
    assert!(!asked.path.contains(vendor.canary()) && !asked.text.contains(vendor.canary()));
    Ok(())
}
