//! Vendors that fail, each in its own way: a typed problem, and a service that lives.

use std::time::Duration;

use contracts::{ErrorCode, Principal, Problem};
use llm_gateway::Settings;
use testkit::fake_llm::Answer;
use tokio::net::TcpListener;

use crate::{
    Fixture,
    held::{Habit, Held},
    question, text, vendor_at,
};

async fn fault(fixture: &Fixture, owner: &Principal, answer: Answer) -> Problem {
    fixture.vendor.script(answer);
    fixture
        .refused(owner, &question("vendor/fake-large", "hi"))
        .await
}

#[tokio::test]
async fn every_failure_of_a_vendor_is_a_typed_problem() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let cases = [
        (Answer::status(401, "no"), 502, "upstream_auth"),
        (Answer::status(403, "no"), 502, "upstream_auth"),
        (
            Answer::status(404, "no such model"),
            404,
            "upstream_model_not_found",
        ),
        (
            Answer::status(400, "maximum context length is 8"),
            400,
            "context_length_exceeded",
        ),
        (
            Answer::status(400, "bad temperature"),
            400,
            "upstream_refused",
        ),
        (Answer::status(422, "bad"), 422, "upstream_refused"),
        (Answer::status(500, "oh"), 502, "upstream_failed"),
        (Answer::status(503, "oh"), 503, "upstream_failed"),
        (Answer::status(504, "oh"), 504, "upstream_timeout"),
        (Answer::status(302, "elsewhere"), 502, "upstream_garbage"),
        (
            Answer::garbage("<html>hello</html>"),
            502,
            "upstream_garbage",
        ),
        (Answer::garbage("data: {\n\n"), 502, "upstream_garbage"),
        (
            Answer::garbage("data: {\"choices\": \"none\"}\n\n"),
            502,
            "upstream_garbage",
        ),
        (Answer::garbage("\u{0}\u{1}\u{2}"), 502, "upstream_garbage"),
        (Answer::garbage(""), 502, "upstream_garbage"),
        (Answer::garbage("data: [DONE]\n\n"), 502, "upstream_cut"),
        (
            Answer::garbage("data: {\"error\": {\"message\": \"overloaded\", \"code\": 503}}\n\n"),
            503,
            "upstream_failed",
        ),
        (Answer::text("a b c d").cut_after(3), 502, "upstream_cut"),
    ];
    for (answer, status, reason) in cases {
        let shown = format!("{answer:?}");
        let problem = fault(&fixture, &owner, answer).await;
        assert_eq!(
            (problem.status, problem.reason.as_deref()),
            (status, Some(reason)),
            "{shown}"
        );
    }
    fixture.vendor.script(Answer::text("still here"));
    let done = fixture
        .complete(&owner, &question("vendor/fake-large", "hi"))
        .await
        .1;
    assert_eq!(done.unwrap().message.content, "still here");
}

#[tokio::test]
async fn a_cut_answer_never_looks_complete() {
    let chunk = |choice: &str| format!("data: {{\"choices\":[{choice}]}}\n\n");
    let said = |text: &str| chunk(&format!(r#"{{"index":0,"delta":{{"content":"{text}"}}}}"#));
    let whole =
        said("a ") + &said("b") + &chunk(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#);
    // Wherever the connection breaks: before the first byte, within an event, between two, even after the finish.
    let cuts = [0, 9, said("a ").len(), whole.len() - 1, whole.len()];
    for at in cuts {
        let held = Held::start(Habit::Cuts(whole[..at].to_owned())).await;
        let fixture = Fixture::reaching(&[held.address]).await;
        let owner = fixture.owner().await;
        fixture
            .ask(&owner, &vendor_at(&held.base_url()))
            .await
            .unwrap();
        let ask = question("vendor/fake-large", "hi");
        let (chunks, done) = fixture.complete(&owner, &ask).await;
        let problem = done.expect_err("a cut answer");
        assert_eq!(
            problem.reason.as_deref(),
            Some("upstream_cut"),
            "cut at {at}"
        );
        assert!("a b".starts_with(&text(&chunks)), "cut at {at}");
    }
}

#[tokio::test]
async fn a_pause_that_the_vendor_asks_for_reaches_the_caller() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let problem = fault(&fixture, &owner, Answer::rate_limited("2")).await;
    assert_eq!(
        (problem.code, problem.status, problem.retry_after_ms),
        (ErrorCode::RateLimited, 429, Some(2000))
    );
    assert_eq!(problem.reason.as_deref(), Some("upstream_rate_limited"));
    let problem = fault(
        &fixture,
        &owner,
        Answer::rate_limited("Fri, 01 Jan 2100 00:00:00 GMT"),
    )
    .await;
    assert_eq!(problem.retry_after_ms, Some(24 * 60 * 60 * 1000));
    let problem = fault(&fixture, &owner, Answer::status(429, "slow down")).await;
    assert_eq!((problem.status, problem.retry_after_ms), (429, None));
}

#[tokio::test]
async fn a_silent_vendor_is_given_up() {
    let settings = Settings {
        llm_silence_timeout_ms: 200,
        ..Settings::default()
    };
    let fixture = Fixture::with(&[], settings).await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let never = Duration::from_secs(600);
    for answer in [
        Answer::text("x").slow(never, Duration::ZERO),
        Answer::text("x").slow(Duration::ZERO, never),
    ] {
        let problem = fault(&fixture, &owner, answer).await;
        assert_eq!(
            (problem.status, problem.reason.as_deref()),
            (504, Some("upstream_timeout"))
        );
    }
}

#[tokio::test]
async fn addresses_inside_are_not_asked() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let inside = [
        "http://127.0.0.1:1/v1",
        "http://169.254.169.254/latest",
        "http://[::1]:8080",
        "http://[::ffff:127.0.0.1]/v1",
        "http://2130706433/v1",
        "http://0x7f000001/v1",
        "http://localhost:11434/v1",
        "http://metadata.google.internal/v1",
        "http://10.0.0.1/v1",
    ];
    for (at, url) in inside.into_iter().enumerate() {
        let mut request = vendor_at(url);
        request.name = format!("inside-{at}");
        fixture.ask(&owner, &request).await.unwrap();
        let ask = question(&format!("inside-{at}/fake-large"), "hi");
        let problem = fixture.refused(&owner, &ask).await;
        assert_eq!(
            (problem.status, problem.reason.as_deref()),
            (422, Some("blocked_address")),
            "{url}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_as_that() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let fixture = Fixture::reaching(&[address]).await;
    let owner = fixture.owner().await;
    let request = vendor_at(&format!("http://{address}/v1"));
    fixture.ask(&owner, &request).await.unwrap();
    let ask = question("vendor/fake-large", "hi");
    let problem = fixture.refused(&owner, &ask).await;
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (502, Some("upstream_unreachable"))
    );
}
