//! Every call is written down, answered or not.

use std::time::Duration;

use testkit::{Ledger, eventually};

use crate::http::{get, post};

#[tokio::test]
async fn calls_are_kept_with_key_and_body() {
    let ledger = Ledger::start().await;
    ledger.answer_next(503, "busy");
    let (head, body) = post(
        ledger.address(),
        "/pay?x=1",
        &[("Idempotency-Key", "k1")],
        "{\"n\": 1}",
    )
    .await;
    assert!(head.contains(" 503 "), "{head}");
    assert_eq!(body, "busy");
    let (head, body) = get(ledger.address(), "/", &[]).await;
    assert!(head.contains(" 200 "), "{head}");
    assert_eq!(body, "{\"call\": 2}");

    let calls = ledger.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(
        (calls[0].method.as_str(), calls[0].path.as_str()),
        ("POST", "/pay?x=1")
    );
    assert_eq!(calls[0].idempotency_key.as_deref(), Some("k1"));
    assert_eq!(calls[0].header("Idempotency-Key"), Some("k1"));
    assert_eq!(calls[0].body, "{\"n\": 1}");
    assert_eq!(calls[1].idempotency_key, None);
}

#[tokio::test]
async fn a_held_call_is_counted_before_it_is_answered() {
    let ledger = Ledger::start().await;
    ledger.hold();
    let address = ledger.address();
    let release = async {
        eventually(Duration::from_secs(5), async || {
            (ledger.calls().len() == 1).then_some(())
        })
        .await;
        ledger.release();
    };
    let ((_, body), ()) = tokio::join!(get(address, "/slow", &[]), release);
    assert_eq!(body, "{\"call\": 1}");
}
