//! Webhooks that come in from outside, and triggers over REST.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::DateTime;
use contracts::{
    ErrorCode, FieldProblem, Problem,
    execution::ExecutionState,
    id::{ExecutionId, FlowId, TenantId, TriggerId},
    trigger::{
        CreateTrigger, DeleteTrigger, MAX_WEBHOOK_BODY, NewSecret, NewTrigger, ReceiveWebhook,
        RotateSecret, Trigger, WebhookReceived,
    },
};
use kernel::{Ctx, Running, Service};
use serde_json::json;

use crate::platform::Platform;

/// Answers with the output that the body asks for, else with what came in.
async fn receive(ctx: Ctx<()>, webhook: ReceiveWebhook) -> Result<WebhookReceived, Problem> {
    let body = STANDARD.decode(&webhook.body).unwrap();
    let text = String::from_utf8(body).unwrap();
    if text == "unsigned" {
        return Err(
            Problem::new(ErrorCode::Unauthenticated, "not signed").with_reason("not_signed")
        );
    }
    let output = (text != "later").then(|| {
        json!({"tenant": ctx.tenant, "trigger": webhook.trigger_id, "method": webhook.method,
            "query": webhook.query, "headers": webhook.headers, "bytes": text.len()})
    });
    Ok(WebhookReceived {
        execution_id: ExecutionId::EXAMPLE,
        state: ExecutionState::Queued,
        output,
    })
}

/// Answers with what was asked, as far as a trigger shows it.
async fn create(ctx: Ctx<()>, request: CreateTrigger) -> Result<NewTrigger, Problem> {
    let path = match request.spec.name.as_str() {
        "" => Some("/spec/name"),
        "whole" => Some("/spec"),
        _ => None,
    };
    if let Some(path) = path {
        let detail = format!("the trigger is not valid: `{path}` is wrong");
        let error = FieldProblem {
            path: path.to_owned(),
            message: "is wrong".to_owned(),
        };
        return Err(Problem::new(ErrorCode::InvalidInput, detail).with_errors(vec![error]));
    }
    let trigger = Trigger {
        id: TriggerId::EXAMPLE,
        flow_id: request.flow_id,
        kind: request.spec.kind().unwrap(),
        spec: request.spec,
        enabled: true,
        disabled_reason: None,
        runs_as: ctx.principal().user_id,
        next_fires: Vec::new(),
        hook_path: None,
        previous_secret_until: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    };
    Ok(NewTrigger {
        trigger,
        secret: Some("whsec_once".to_owned()),
    })
}

async fn rotate(_: Ctx<()>, request: RotateSecret) -> Result<NewSecret, Problem> {
    Ok(NewSecret {
        secret: format!("{:?}", request.overlap_minutes),
        previous_secret_until: DateTime::UNIX_EPOCH,
    })
}

async fn delete(_: Ctx<()>, _: DeleteTrigger) -> Result<(), Problem> {
    Ok(())
}

async fn with_hooks(platform: &Platform) -> Running {
    let runtime = testkit::runtime(&platform.bus).await;
    let service = Service::new("flow", ())
        .on(receive)
        .on(create)
        .on(rotate)
        .on(delete);
    let running = service.start(&runtime).await.unwrap();
    // The gateway has a connection of its own: its first request may come before the subscription.
    testkit::eventually(Duration::from_secs(10), async || {
        let ask = platform.visit("POST", &path(platform.tenant));
        let answer = ask.body("later").send().await;
        (answer.status == 202).then_some(())
    })
    .await;
    running
}

fn path(tenant: TenantId) -> String {
    format!("/hooks/{tenant}/{}", TriggerId::EXAMPLE)
}

#[tokio::test]
async fn a_webhook_reaches_its_service_as_it_came() {
    let platform = Platform::start().await;
    let _service = with_hooks(&platform).await;
    let tenant = platform.tenant;
    let answer = platform
        .visit("POST", &format!("{}?source=shop", path(tenant)))
        .header("webhook-id", "msg-1")
        .header("authorization", "Basic eDp5")
        .header("cookie", "a=b")
        .header("x-forwarded-for", "10.0.0.1")
        .header("content-type", "text/plain")
        .body("hello")
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let seen = answer.json();
    assert_eq!(seen["tenant"], json!(tenant));
    assert_eq!(seen["trigger"], json!(TriggerId::EXAMPLE));
    assert_eq!(seen["query"], json!({"source": "shop"}));
    assert_eq!(
        (&seen["method"], &seen["bytes"]),
        (&json!("POST"), &json!(5))
    );
    let headers = seen["headers"].as_object().unwrap();
    assert_eq!(headers["webhook-id"], json!("msg-1"));
    for hidden in ["authorization", "cookie", "x-forwarded-for"] {
        assert!(!headers.contains_key(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn what_is_not_over_is_accepted() {
    let platform = Platform::start().await;
    let _service = with_hooks(&platform).await;
    let ask = platform.visit("POST", &path(platform.tenant));
    let answer = ask.body("later").send().await;
    assert_eq!(answer.status, 202);
    let seen = answer.json();
    assert_eq!(
        seen,
        json!({"execution_id": ExecutionId::EXAMPLE, "state": "queued"})
    );
}

#[tokio::test]
async fn what_is_no_webhook_is_refused() {
    let platform = Platform::start().await;
    let _service = with_hooks(&platform).await;
    let own = path(platform.tenant);
    let unsigned = platform.visit("POST", &own).body("unsigned");
    unsigned.send().await.assert_problem(401, "unauthenticated");
    for path in [
        format!("/hooks/platform/{}", TriggerId::EXAMPLE),
        format!("/hooks/{}/{}", platform.tenant, FlowId::EXAMPLE),
        "/hooks/x/y".to_owned(),
    ] {
        let answer = platform.visit("POST", &path).send().await;
        answer.assert_problem(401, "unauthenticated");
    }
    platform
        .visit("GET", &own)
        .send()
        .await
        .assert_problem(405, "invalid_input");
    let large = "x".repeat(MAX_WEBHOOK_BODY + 1);
    let answer = platform.visit("POST", &own).body(large).send().await;
    answer.assert_problem(413, "invalid_input");
    let full = "x".repeat(MAX_WEBHOOK_BODY);
    let answer = platform.visit("POST", &own).body(full).send().await;
    assert_eq!(answer.json()["bytes"], json!(MAX_WEBHOOK_BODY));
    let long = format!("{own}?a={}", "x".repeat(17_000));
    platform
        .visit("POST", &long)
        .send()
        .await
        .assert_problem(414, "invalid_input");
    let secret = format!("{own}?token=x");
    platform
        .visit("POST", &secret)
        .send()
        .await
        .assert_problem(400, "invalid_input");
}

#[tokio::test]
async fn triggers_are_made_over_rest() {
    let platform = Platform::start().await;
    let _service = with_hooks(&platform).await;
    let path = format!("/api/v1/flows/{}/triggers", FlowId::EXAMPLE);
    let spec = json!({"name": "Nightly", "cron": {"expression": "0 3 * * *"}});
    let made = platform.ask("POST", &path).json(&spec).send().await;
    assert_eq!(made.status, 201, "{}", made.body);
    let own = format!("{path}/{}", TriggerId::EXAMPLE);
    assert_eq!(made.header("location"), Some(own.as_str()));
    let seen = made.json();
    assert_eq!(seen["secret"], json!("whsec_once"));
    let cron = &seen["trigger"]["spec"]["cron"];
    assert_eq!(
        (&cron["time_zone"], &cron["missed"]),
        (&json!("UTC"), &json!("once"))
    );
    let unknown = json!({"name": "x", "cron": {"expression": "0 3 * * *", "zone": "UTC"}});
    let refused = platform.ask("POST", &path).json(&unknown).send().await;
    refused.assert_problem(400, "invalid_input");
    // On the bus the fields lie under `spec`, here at the root.
    for (name, place, detail) in [
        ("", "/name", "the trigger is not valid: `/name` is wrong"),
        ("whole", "", "the trigger is not valid: it is wrong"),
    ] {
        let wrong = json!({"name": name, "cron": {"expression": "0 3 * * *"}});
        let refused = platform.ask("POST", &path).json(&wrong).send().await;
        refused.assert_problem(422, "invalid_input");
        let problem = refused.json();
        assert_eq!(problem["errors"][0]["path"], json!(place));
        assert_eq!(problem["detail"], json!(detail));
    }
    platform
        .visit("POST", &path)
        .json(&spec)
        .send()
        .await
        .assert_problem(401, "unauthenticated");
    let rotate = format!("{own}/rotate-secret");
    for (body, overlap) in [
        (None, "None"),
        (Some(json!({"overlap_minutes": 5})), "Some(5)"),
    ] {
        let ask = platform.ask("POST", &rotate);
        let ask = match &body {
            Some(body) => ask.json(body),
            None => ask,
        };
        assert_eq!(ask.send().await.json()["secret"], json!(overlap));
    }
    let deleted = platform.ask("DELETE", &own).send().await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
}
