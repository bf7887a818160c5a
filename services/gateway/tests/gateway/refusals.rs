//! Requests that are turned away: ill-formed, too large, without right.

use std::time::Duration;

use contracts::{
    Role,
    id::{FlowId, TenantId},
};
use gateway::Config;
use serde_json::{Value, json};
use testkit::{principal, token_of_age};

use crate::platform::Platform;

const FLOWS: &str = "/api/v1/flows";

#[tokio::test]
async fn ill_formed_bodies_are_named() {
    let platform = Platform::start().await;
    let deep = format!(
        "{{\"name\":\"x\",\"definition\":{}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\"x\"",
        "{\"name\":1,\"definition\":{\"nodes\":[]}}",
        "{\"name\":\"x\"}",
        "{\"name\":\"x\",\"definition\":{\"nodes\":[{}]}}",
        "{\"name\":\"\\ud800\"}",
        "\u{feff}{}",
        &deep,
    ] {
        let ask = platform
            .ask("POST", FLOWS)
            .header("Content-Type", "application/json")
            .body(body);
        let problem = ask.send().await.assert_problem(400, "invalid_input");
        assert!(problem["detail"].as_str().unwrap().len() < 500);
    }
    let not_utf8 = platform
        .ask("POST", FLOWS)
        .header("Content-Type", "application/json")
        .body(vec![b'"', 0xff, b'"']);
    not_utf8.send().await.assert_problem(400, "invalid_input");
}

#[tokio::test]
async fn fields_that_nobody_knows_are_refused() {
    let platform = Platform::start().await;
    let fields = [
        "id",
        "tenant_id",
        "workspace_id",
        "owner_id",
        "role",
        "is_admin",
        "created_at",
        "status",
        "cost",
    ];
    let flow = FlowId::EXAMPLE;
    let bodies = [
        (
            "POST",
            FLOWS.to_owned(),
            json!({"name": "x", "definition": {"nodes": []}}),
        ),
        (
            "PUT",
            format!("{FLOWS}/{flow}"),
            json!({"name": "x", "definition": {"nodes": []}}),
        ),
        (
            "POST",
            format!("{FLOWS}/{flow}/execute"),
            json!({"input": 1}),
        ),
        (
            "POST",
            format!("{FLOWS}/{flow}/publish"),
            json!({"notes": "x"}),
        ),
        (
            "POST",
            "/api/v1/auth/login".into(),
            json!({"email": "a@b.c", "password": "p"}),
        ),
        (
            "POST",
            "/api/v1/auth/refresh".into(),
            json!({"refresh_token": "t"}),
        ),
        ("PUT", "/api/v1/users/me".into(), json!({"name": "x"})),
    ];
    for (method, path, body) in bodies {
        for field in fields {
            let mut body = body.clone();
            body[field] = json!("x");
            let problem = platform
                .ask(method, &path)
                .json(&body)
                .send()
                .await
                .assert_problem(400, "invalid_input");
            assert!(
                problem["detail"].as_str().unwrap().contains(field),
                "{problem}"
            );
        }
    }
    let nested =
        json!({"name": "x", "definition": {"nodes": [{"id": "a", "type": "llm", "owner_id": 1}]}});
    platform
        .ask("POST", FLOWS)
        .json(&nested)
        .send()
        .await
        .assert_problem(400, "invalid_input");
}

#[tokio::test]
async fn ids_and_parameters_must_be_well_formed() {
    let platform = Platform::start().await;
    for id in [
        "x",
        "flow_",
        "exec_01985d1c7c3a7f008000000000000001",
        "..%2f..%2fetc",
        "flow_*",
        "%00",
        "a.b",
    ] {
        let problem = platform
            .ask("GET", &format!("{FLOWS}/{id}"))
            .send()
            .await
            .assert_problem(400, "invalid_input");
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("is not a valid id"),
            "{problem}"
        );
    }
    for query in ["limit=x", "limit=-1", "limit=99999999999"] {
        let problem = platform
            .ask("GET", &format!("{FLOWS}?{query}"))
            .send()
            .await
            .assert_problem(400, "invalid_input");
        assert_eq!(problem["errors"][0]["path"], "/limit");
    }
    for query in ["state=done", "parent_id=flow_1"] {
        let path = format!("/api/v1/executions?{query}");
        let answer = platform.ask("GET", &path).send().await;
        answer.assert_problem(400, "invalid_input");
    }
}

#[tokio::test]
async fn other_content_types_are_refused() {
    let platform = Platform::start().await;
    let body = "{\"name\":\"x\",\"definition\":{\"nodes\":[]}}";
    for content_type in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "x",
        "application/jsonx",
    ] {
        let ask = platform
            .ask("POST", FLOWS)
            .header("Content-Type", content_type)
            .body(body);
        ask.send().await.assert_problem(415, "invalid_input");
    }
    platform
        .ask("POST", FLOWS)
        .body(body)
        .send()
        .await
        .assert_problem(415, "invalid_input");
    let execute = format!("{FLOWS}/{}/execute", FlowId::EXAMPLE);
    platform
        .ask("POST", &execute)
        .body("{}")
        .send()
        .await
        .assert_problem(415, "invalid_input");
    let charset = platform
        .ask("POST", FLOWS)
        .header("Content-Type", "application/json; charset=UTF-8")
        .body(body);
    assert_eq!(charset.send().await.status, 201);
}

#[tokio::test]
async fn large_bodies_are_cut_off_whatever_they_announce() {
    let platform = Platform::configured(Config {
        body_limit: 100_000,
        ..Config::loopback()
    })
    .await;
    let body = |size: usize| {
        json!({"name": "x", "description": "y".repeat(size), "definition": {"nodes": []}})
            .to_string()
    };
    let ask = || {
        platform
            .ask("POST", FLOWS)
            .header("Content-Type", "application/json")
    };
    assert_eq!(ask().body(body(90_000)).send().await.status, 201);
    assert_eq!(
        ask().chunked(body(90_000).as_bytes()).send().await.status,
        201
    );
    ask()
        .body(body(100_000))
        .send()
        .await
        .assert_problem(413, "invalid_input");
    ask()
        .chunked(body(100_000).as_bytes())
        .send()
        .await
        .assert_problem(413, "invalid_input");
    ask()
        .chunked(body(5_000_000).as_bytes())
        .send()
        .await
        .assert_problem(413, "invalid_input");
}

#[tokio::test]
async fn nobody_without_a_valid_token_has_their_body_read() {
    let platform = Platform::start().await;
    let owner = principal(platform.tenant, Role::Owner);
    let valid = testkit::token(&owner);
    let mut parts: Vec<&str> = valid.split('.').collect();
    let tampered = {
        let mut signature: Vec<u8> = parts[2].into();
        signature[10] = if signature[10] == b'A' { b'B' } else { b'A' };
        format!(
            "{}.{}.{}",
            parts[0],
            parts[1],
            String::from_utf8(signature).unwrap()
        )
    };
    // {"alg":"none","typ":"at+jwt"}
    parts[0] = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    let expired = token_of_age(&owner, Duration::from_secs(601));
    let none = String::new();
    for token in [
        &none,
        &tampered,
        &unsigned,
        &expired,
        &"x' OR pg_sleep(5)--".to_owned(),
        &"x".repeat(8000),
    ] {
        // The body never comes: whoever waits for it does not answer.
        let ask = platform
            .visit("POST", FLOWS)
            .header("Content-Type", "application/json")
            .header("Content-Length", "1000000000");
        let ask = if token.is_empty() {
            ask
        } else {
            ask.token(token)
        };
        let answer = ask.open().await;
        assert_eq!(answer.status, 401, "{token}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let basic = platform
        .visit("GET", FLOWS)
        .header("Authorization", "Basic eDp5")
        .send()
        .await;
    basic.assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_token_of_another_tenant_opens_nothing_here() {
    let platform = Platform::start().await;
    let execution = platform.execution(3, true);
    let stranger = testkit::token(&principal(TenantId::generate(), Role::Owner));
    for path in ["", "/events", "/stream"] {
        let path = format!("/api/v1/executions/{execution}{path}");
        assert_eq!(platform.ask("GET", &path).send().await.status, 200);
        let refused = platform.visit("GET", &path).token(&stranger).send().await;
        let problem = refused.assert_problem(404, "not_found");
        let absent = path.replace(
            &execution.to_string(),
            &contracts::id::ExecutionId::generate().to_string(),
        );
        let unknown: Value = platform
            .visit("GET", &absent)
            .token(&stranger)
            .send()
            .await
            .json();
        assert_eq!(problem["title"], unknown["title"]);
    }
}

#[tokio::test]
async fn tokens_in_urls_are_refused() {
    let platform = Platform::start().await;
    for name in [
        "token",
        "access_token",
        "api_key",
        "api-key",
        "Authorization",
    ] {
        for path in [
            FLOWS,
            "/",
            "/docs",
            "/api/v1/executions/x/stream",
            "/nowhere",
        ] {
            let answer = platform
                .visit("GET", &format!("{path}?{name}={}", platform.token))
                .send()
                .await;
            let problem = answer.assert_problem(400, "invalid_input");
            assert!(!answer.body.contains(&platform.token), "{problem}");
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let platform = Platform::start().await;
    for path in [
        "/api/nowhere",
        "/api/v1/nowhere",
        "/api",
        "/app/nowhere.js",
        "/docs/nowhere.js",
        "/api/v1/auth",
    ] {
        platform
            .visit("GET", path)
            .send()
            .await
            .assert_problem(404, "not_found");
    }
    for (method, path) in [
        ("PATCH", FLOWS),
        ("GET", "/api/v1/auth/login"),
        ("BREW", "/"),
        ("POST", "/healthz"),
    ] {
        let problem = platform
            .ask(method, path)
            .send()
            .await
            .assert_problem(405, "invalid_input");
        assert!(problem["detail"].as_str().unwrap().contains("method"));
    }
}

#[tokio::test]
async fn no_answer_in_time_is_a_timeout() {
    let platform = Platform::configured(Config {
        request_timeout_seconds: 1,
        ..Config::loopback()
    })
    .await;
    let body = json!({"name": "slow", "definition": {"nodes": []}});
    let answer = platform.ask("POST", FLOWS).json(&body).send().await;
    answer.assert_problem(504, "timeout");
}

#[tokio::test]
async fn what_begins_an_execution_may_bring_more_than_other_requests() {
    let platform = Platform::start().await;
    let execute = format!("{FLOWS}/{}/execute", FlowId::EXAMPLE);
    let ask = |path: &str, bytes: usize| {
        let body = json!({"input": "y".repeat(bytes)}).to_string();
        let json = platform.ask("POST", path);
        json.header("Content-Type", "application/json").body(body)
    };
    assert_eq!(ask(&execute, 6_000_000).send().await.status, 202);
    let refused = ask(&execute, 8_000_000).send().await;
    let problem = refused.assert_problem(413, "invalid_input");
    assert!(
        problem["detail"].as_str().unwrap().contains("7340032"),
        "{problem}"
    );
    ask(FLOWS, 3_000_000)
        .send()
        .await
        .assert_problem(413, "invalid_input");
}
