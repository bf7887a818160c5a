//! Rate limits, per organization and per address.

use std::num::NonZeroU32;

use contracts::{Role, id::TenantId};
use gateway::Config;

use crate::platform::Platform;

fn tight() -> Config {
    let some = |n| NonZeroU32::new(n).expect("not zero");
    Config {
        rate_per_tenant: some(2),
        rate_per_address: some(3),
        ..Config::loopback()
    }
}

#[tokio::test]
async fn an_organization_has_its_own_measure() {
    let platform = Platform::configured(tight()).await;
    let flow = format!("/api/v1/flows/{}", contracts::id::FlowId::EXAMPLE);
    let mut refused = None;
    for _ in 0..20 {
        let answer = platform.ask("GET", &flow).send().await;
        assert_eq!(
            answer.header("ratelimit-policy"),
            Some("\"tenant\";q=4;w=1")
        );
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        assert_eq!(answer.status, 200);
    }
    let refused = refused.expect("20 requests are more than four and two per second");
    let problem = refused.assert_problem(429, "rate_limited");
    assert!(problem["retry_after_ms"].as_u64().unwrap() > 0);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("ratelimit"), Some("\"tenant\";r=0;t=1"));
    // Another organization has not asked yet, and cancelling is never throttled.
    let other = testkit::token(&testkit::principal(TenantId::generate(), Role::Owner));
    assert_eq!(
        platform
            .visit("GET", &flow)
            .token(&other)
            .send()
            .await
            .status,
        200
    );
    let execution = platform.execution(1, false);
    for _ in 0..8 {
        let cancel = format!("/api/v1/executions/{execution}/cancel");
        assert_eq!(platform.ask("POST", &cancel).send().await.status, 200);
    }
}

#[tokio::test]
async fn no_header_makes_another_address() {
    let platform = Platform::configured(tight()).await;
    let mut refused = 0;
    for n in 0..8 {
        let ask = platform.visit("POST", "/api/v1/auth/login");
        let address = format!("10.0.0.{n}");
        let ask = ["X-Forwarded-For", "X-Real-IP", "True-Client-IP"]
            .into_iter()
            .fold(ask, |ask, name| ask.header(name, &address));
        let ask = ask.header("Forwarded", format!("for={address}"));
        let ask = ask
            .token(&format!("forged-{n}"))
            .json(&serde_json::json!({"email": "a@b.c", "password": "p"}));
        refused += u32::from(ask.send().await.status == 429);
    }
    assert_eq!(refused, 5);
    // A prober must always get an answer.
    assert_eq!(platform.visit("GET", "/healthz").send().await.status, 200);
}
