//! The headers of all responses, and which pages of other sites may call.

use gateway::Config;
use poem::{EndpointExt, endpoint::make_sync};

use crate::{http::Answer, platform::Platform};

const PATHS: [&str; 9] = [
    "/",
    "/assets/app.js",
    "/docs",
    "/docs/scalar.js",
    "/openapi.json",
    "/healthz",
    "/nowhere",
    "/api/v1/flows",
    "/api/v1/auth/login",
];

#[track_caller]
fn assert_headers(answer: &Answer, policy: &str) {
    let expected = [
        (
            "strict-transport-security",
            "max-age=63072000; includeSubDomains",
        ),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "permissions-policy",
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
        ("content-security-policy", policy),
    ];
    for (name, value) in expected {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert_eq!(answer.header("x-trace-id").map(str::len), Some(32));
    assert!(answer.header("cache-control").is_some());
    assert_eq!(answer.header("server"), None);
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
    font-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

#[tokio::test]
async fn every_response_carries_the_security_headers() {
    let extra = make_sync(|_| -> poem::Response { panic!("on purpose") }).boxed();
    let platform = Platform::with(Config::loopback(), |_| {}, vec![("/v1", extra)]).await;
    for path in PATHS {
        for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
            let answer = platform.visit(method, path).send().await;
            let is_docs = path == "/docs" && answer.status == 200;
            assert_headers(&answer, if is_docs { DOCS_POLICY } else { POLICY });
        }
    }
    let created = serde_json::json!({"name": "x", "definition": {"nodes": []}});
    assert_headers(
        &platform
            .ask("POST", "/api/v1/flows")
            .json(&created)
            .send()
            .await,
        POLICY,
    );
    let panicked = platform.visit("POST", "/v1/chat/completions").send().await;
    assert_headers(&panicked, POLICY);
    panicked.assert_problem(500, "internal");
    assert!(!panicked.body.contains("on purpose"));
}

#[tokio::test]
async fn pages_run_no_inline_script() {
    let platform = Platform::start().await;
    let docs = platform.visit("GET", "/docs").send().await;
    assert_eq!(
        docs.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let app = include_str!("../../../../web/index.html");
    for (path, body) in [("the app", app), ("/docs", docs.body.as_str())] {
        for part in body.split("<script").skip(1) {
            let tag = part.split('>').next().unwrap();
            assert!(
                tag.contains("src=") || tag.contains("type=\"application/json\""),
                "{path}: {tag}"
            );
        }
        for forbidden in [
            " style=",
            "<style",
            " onclick=",
            " onload=",
            "javascript:",
            "http://",
            "https://",
        ] {
            assert!(!body.contains(forbidden), "{path} has {forbidden}");
        }
    }
}

#[tokio::test]
async fn without_a_list_no_origin_is_answered() {
    let platform = Platform::start().await;
    let own = format!("http://{}", "127.0.0.1");
    for origin in [
        b"https://evil.example".as_slice(),
        b"null",
        b"\xff\xfe",
        "https://ä.example".as_bytes(),
        own.as_bytes(),
    ] {
        for path in PATHS {
            for method in ["GET", "POST", "OPTIONS"] {
                let ask = platform.visit(method, path).header("Origin", origin);
                let answer = ask
                    .header("Access-Control-Request-Method", "POST")
                    .send()
                    .await;
                assert_ne!(answer.status, 500, "{path}");
                assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
                assert_eq!(
                    answer.header("access-control-allow-credentials"),
                    None,
                    "{path}"
                );
            }
        }
    }
}

async fn with_a_list() -> Platform {
    let config = Config {
        cors_origins: vec!["https://app.example.com".parse().unwrap()],
        ..Config::loopback()
    };
    Platform::configured(config).await
}

async fn preflight(platform: &Platform, origin: &str) -> Answer {
    let ask = platform
        .visit("OPTIONS", "/api/v1/flows")
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "POST");
    ask.send().await
}

#[tokio::test]
async fn listed_origins_and_no_others_may_call() {
    let platform = with_a_list().await;
    let allowed = preflight(&platform, "https://app.example.com").await;
    assert_eq!(allowed.status, 204);
    assert_eq!(
        allowed.header("access-control-allow-origin"),
        Some("https://app.example.com")
    );
    assert_eq!(
        allowed.header("access-control-allow-methods"),
        Some("GET, POST, PUT, DELETE")
    );
    assert!(
        allowed
            .header("access-control-allow-headers")
            .unwrap()
            .contains("idempotency-key")
    );
    assert_eq!(allowed.header("access-control-allow-credentials"), None);
    assert_eq!(allowed.header("vary"), Some("origin"));
    // A page of another site can never speak as our own web app.
    assert!(
        !allowed
            .header("access-control-allow-headers")
            .unwrap()
            .contains("x-troupe-client")
    );
    for origin in [
        "https://evil.example",
        "https://app.example.com.evil.example",
        "https://app.example.com:8443",
        "http://app.example.com",
        "null",
    ] {
        let refused = preflight(&platform, origin).await;
        assert_eq!(
            refused.header("access-control-allow-origin"),
            None,
            "{origin}"
        );
        assert_eq!(
            refused.header("access-control-allow-methods"),
            None,
            "{origin}"
        );
    }
}

#[tokio::test]
async fn errors_too_are_readable_for_pages_that_may_call() {
    let platform = with_a_list().await;
    let flows = platform
        .visit("GET", "/api/v1/flows")
        .header("Origin", "https://app.example.com")
        .send()
        .await;
    flows.assert_problem(401, "unauthenticated");
    assert_eq!(
        flows.header("access-control-allow-origin"),
        Some("https://app.example.com")
    );
    assert!(
        flows
            .header("access-control-expose-headers")
            .unwrap()
            .contains("x-trace-id")
    );
}
