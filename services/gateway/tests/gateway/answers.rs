//! What callers get when all is well, and what services' own problems look like over HTTP.

use contracts::{
    Role,
    id::{ExecutionId, FlowId},
};
use serde_json::json;

use crate::platform::{Platform, payload};

fn flow_path() -> String {
    format!("/api/v1/flows/{}", FlowId::EXAMPLE)
}

#[tokio::test]
async fn a_created_flow_has_a_place_and_a_version() {
    let platform = Platform::start().await;
    let body = json!({"name": "Greet", "definition": {"nodes": []}});
    let answer = platform
        .ask("POST", "/api/v1/flows")
        .json(&body)
        .send()
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.header("location"), Some(&*flow_path()));
    assert_eq!(answer.header("etag"), Some("\"7\""));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    // The JSON of the bus: a time ends with `Z`.
    assert_eq!(answer.json()["created_at"], "2026-01-02T03:04:05Z");
    assert_eq!(answer.json()["id"], json!(FlowId::EXAMPLE));
}

#[tokio::test]
async fn a_flow_is_replaced_only_in_the_version_that_was_read() {
    let platform = Platform::start().await;
    let body = json!({"name": "Greet twice", "definition": {"nodes": []}});
    for path in [flow_path(), flow_path().replace("flows", "workflows")] {
        let put = |tag: Option<&str>| {
            let ask = platform.ask("PUT", &path).json(&body);
            match tag {
                Some(tag) => ask.header("If-Match", tag),
                None => ask,
            }
        };
        for tag in [None, Some("\"7\""), Some("*")] {
            let answer = put(tag).send().await;
            assert_eq!(
                (answer.status, answer.header("etag")),
                (200, Some("\"7\"")),
                "{}",
                answer.body
            );
            assert_eq!(answer.json()["name"], "Greet twice");
        }
        put(Some("\"6\""))
            .send()
            .await
            .assert_problem(412, "conflict");
        put(Some("6"))
            .send()
            .await
            .assert_problem(400, "invalid_input");
    }
    // A part of a flow is no flow.
    let part = platform
        .ask("PUT", &flow_path())
        .json(&json!({"name": "x"}));
    part.send().await.assert_problem(400, "invalid_input");
}

#[tokio::test]
async fn an_execution_is_accepted_with_or_without_a_body() {
    let platform = Platform::start().await;
    for path in [flow_path(), flow_path().replace("flows", "workflows")] {
        let path = format!("{path}/execute");
        let answer = platform.ask("POST", &path).send().await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        assert!(
            answer
                .header("location")
                .unwrap()
                .starts_with("/api/v1/executions/exec_")
        );
        assert_eq!(answer.json()["revision"], json!(null));
        let body = json!({"input": {"name": "Ada"}, "revision": 3});
        let answer = platform.ask("POST", &path).json(&body).send().await;
        assert_eq!(answer.json()["revision"], 3);
        let body = json!({"input": [1], "revision": "draft"});
        assert_eq!(
            platform.ask("POST", &path).json(&body).send().await.status,
            202
        );
        let keyed = platform
            .ask("POST", &path)
            .header("Idempotency-Key", "k-1")
            .send()
            .await;
        let problem = keyed.assert_problem(422, "invalid_input");
        assert_eq!(problem["reason"], "idempotency_key_reused");
        assert_eq!(problem["detail"], "key k-1");
    }
}

#[tokio::test]
async fn what_is_deleted_leaves_nothing_to_say() {
    let platform = Platform::start().await;
    let answer = platform.ask("DELETE", &flow_path()).send().await;
    assert_eq!((answer.status, &*answer.body), (204, ""));
}

#[tokio::test]
async fn services_have_as_long_as_the_caller_waits() {
    let platform = Platform::start().await;
    let forged = platform
        .ask("GET", &flow_path())
        .header("Troupe-Timeout", "1")
        .send()
        .await;
    let seconds: u64 = forged.json()["description"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((20..=30).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn services_problems_keep_their_status_and_reason() {
    let platform = Platform::start().await;
    let create = |name: &str| {
        let body = json!({"name": name, "definition": {"nodes": []}});
        platform.ask("POST", "/api/v1/flows").json(&body)
    };
    let problem = create("taken").send().await.assert_problem(409, "conflict");
    assert_eq!(problem["reason"], "name_taken");
    create("broken")
        .send()
        .await
        .assert_problem(500, "internal");
    // Nobody answers for this service here.
    let absent = platform.ask("GET", "/api/v1/llm-providers").send().await;
    absent.assert_problem(503, "unavailable");
    let viewer = testkit::token(&testkit::principal(platform.tenant, Role::Viewer));
    let body = json!({"name": "x", "definition": {"nodes": []}});
    let refused = platform
        .visit("POST", "/api/v1/flows")
        .token(&viewer)
        .json(&body);
    refused.send().await.assert_problem(403, "forbidden");
}

#[tokio::test]
async fn members_of_another_organization_are_unknown() {
    let platform = Platform::start().await;
    let other = contracts::id::TenantId::generate();
    let body = json!({"email": "grace@example.com", "role": "editor"});
    let path = format!("/api/v1/organizations/{other}/members");
    let answer = platform.ask("POST", &path).json(&body).send().await;
    answer.assert_problem(404, "not_found");
}

#[tokio::test]
async fn a_trace_goes_on_where_the_caller_began_it() {
    let _telemetry = kernel::telemetry::init("gateway-test").expect("once in this process");
    let platform = Platform::start().await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let body = json!({"name": "broken", "definition": {"nodes": []}});
    let ask = platform.ask("POST", "/api/v1/flows").json(&body);
    let traced = ask
        .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"))
        .send()
        .await;
    // The problem was named by the service behind the bus: its trace is the same.
    assert_eq!(traced.assert_problem(500, "internal")["trace_id"], trace);
    for malformed in ["x", "00-0-0-00", &"0".repeat(5000)] {
        let ask = platform
            .ask("GET", "/api/v1/nowhere")
            .header("traceparent", malformed);
        let problem = ask.send().await.assert_problem(404, "not_found");
        assert_ne!(problem["trace_id"], trace);
    }
}

#[tokio::test]
async fn a_value_that_stands_apart_never_changes() {
    let platform = Platform::start().await;
    let execution = platform.execution(3, true);
    let text = payload();
    let hash = contracts::hash(text.as_bytes());
    let path = format!("/api/v1/executions/{execution}/payloads/{hash}");
    let got = platform.ask("GET", &path).send().await;
    assert_eq!((got.status, got.body == text), (200, true));
    let tag = format!("\"{hash}\"");
    for (name, value) in [
        ("content-type", "application/json"),
        ("content-length", text.len().to_string().as_str()),
        ("etag", &tag),
        ("cache-control", "private, immutable"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(got.header(name), Some(value), "{name}");
    }
    let again = platform.ask("GET", &path).header("If-None-Match", &tag);
    let again = again.send().await;
    assert_eq!((again.status, &*again.body), (304, ""));
    assert_eq!(again.header("etag"), Some(&*tag));
    let elsewhere = path.replace(&execution.to_string(), &ExecutionId::generate().to_string());
    let unknown = path.replace(&hash, &"0".repeat(64));
    for missing in [elsewhere, unknown] {
        let answer = platform.ask("GET", &missing).send().await;
        answer.assert_problem(404, "not_found");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    for wrong in ["0", &"A".repeat(64), &"0".repeat(65)] {
        let malformed = path.replace(&hash, wrong);
        let answer = platform.ask("GET", &malformed).send().await;
        answer.assert_problem(400, "invalid_input");
    }
}
