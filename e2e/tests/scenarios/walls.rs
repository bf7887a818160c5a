//! A second tenant, over REST and over NATS: generated from the contract, so that a new operation is covered by itself.

use std::{collections::BTreeMap, time::Duration};

use bus::{Bus, Call};
use contracts::{
    ErrorCode, Subject,
    id::{ExecutionId, TenantId},
    operations::OPERATIONS,
};
use e2e::{Client, Platform};
use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

/// Objects of a tenant, by the name of the field that holds their id.
async fn objects(user: &Client) -> BTreeMap<&'static str, String> {
    let flow = user
        .publish(json!({
            "nodes": [{"id": "start", "type": "trigger"}, {"id": "end", "type": "output", "config": {"value": 1}}],
            "edges": [{"from": "start", "to": "end"}]
        }))
        .await;
    let execution = user.execute(&flow, json!({})).await;
    user.end_of(&execution).await;
    let provider = json!({"name": "local", "kind": "openai_compatible", "base_url": "https://llm.example.com/v1", "api_key": "sk-test", "models": [{"name": "m"}]});
    let provider = made(user, "/api/v1/llm-providers", provider).await;
    let route = json!({"name": "careful", "deployments": [{"provider": "local", "model": "m"}]});
    let route = made(user, "/api/v1/llm/routes", route).await;
    let budget = json!({"name": "all", "scope": "organization", "period": "month", "limit": "100"});
    let budget = made(user, "/api/v1/llm/budgets", budget).await;
    let tool = json!({"name": "add", "kind": "javascript", "description": "Adds.", "input_schema": {"type": "object"}, "config": {"source": "export default ({a, b}) => a + b"}});
    let tool = user.post("/api/v1/tools", &tool).await;
    assert_eq!(tool.status, 201, "{tool:?}");
    let agent = json!({"name": "clerk", "role": "a clerk", "goal": "work"});
    let agent = made(user, "/api/v1/agents", agent).await;
    let task = json!({"name": "work", "description": "Work.", "expected_output": "It.", "agent_id": agent});
    let crew = json!({"name": "team", "process": "sequential", "agents": [agent], "tasks": [task]});
    let base = made(user, "/api/v1/knowledge/bases", json!({"name": "handbook"})).await;
    let documents = format!("/api/v1/knowledge/bases/{base}/documents");
    let session = made(user, "/api/v1/chat/sessions", json!({"agent_id": agent})).await;
    let messages = format!("/api/v1/chat/sessions/{session}/messages");
    let said = user.post(&messages, &json!({"content": "Hello"})).await;
    assert_eq!(said.status, 200, "{said:?}");
    let trigger = json!({"name": "nightly", "cron": {"expression": "0 3 * * *"}});
    let triggers = format!("/api/v1/flows/{flow}/triggers");
    let trigger = user.post(&triggers, &trigger).await;
    assert_eq!(trigger.status, 201, "{trigger:?}");
    let regressions = format!("/api/v1/flows/{flow}/regressions");
    let past = json!({"execution_ids": [execution]});
    BTreeMap::from([
        ("regression_id", made(user, &regressions, past).await),
        (
            "trigger_id",
            trigger.body["trigger"]["id"].as_str().unwrap().to_owned(),
        ),
        ("crew_id", made(user, "/api/v1/crews", crew).await),
        ("agent_id", agent),
        (
            "document_id",
            made(user, &documents, json!({"name": "a.md", "content": "# A"})).await,
        ),
        ("base_id", base),
        ("attachment_id", attached(user, &session).await),
        ("session_id", session),
        ("message_id", said.body["id"].as_str().unwrap().to_owned()),
        // Nothing of the platform's is broken, so nobody has such a thing.
        (
            "dead_letter_id",
            contracts::id::DeadLetterId::EXAMPLE.to_string(),
        ),
        // Calls by themselves are in the archive a while after their end; one that nobody made is as absent.
        ("call_id", contracts::id::CallId::EXAMPLE.to_string()),
        ("route_id", route),
        ("budget_id", budget),
        ("memory_id", contracts::id::MemoryId::EXAMPLE.to_string()),
        ("tool_id", tool.body["id"].as_str().unwrap().to_owned()),
        ("flow_id", flow),
        ("with_execution_id", execution.clone()),
        ("execution_id", execution),
        ("provider_id", provider),
        ("organization_id", user.organization.clone()),
        ("user_id", user.user.clone()),
    ])
}

async fn made(user: &Client, path: &str, body: Value) -> String {
    let made = user.post(path, &body).await;
    assert!(matches!(made.status, 201 | 202), "{made:?}");
    made.body["id"].as_str().unwrap().to_owned()
}

async fn attached(user: &Client, session: &str) -> String {
    let path = format!("/api/v1/chat/sessions/{session}/attachments?name=a.txt");
    let kind = [("content-type", "text/plain")];
    let sent = user
        .send(Method::POST, &path, Some("text".into()), &kind)
        .await;
    let sent = sent.unwrap();
    assert_eq!(sent.status, 201, "{sent:?}");
    sent.body["id"].as_str().unwrap().to_owned()
}

/// A connection to NATS as an integrator has it.
async fn integrator(platform: &Platform, user: &Client) -> Bus {
    let config = bus::Config {
        user: Some(user.user.clone()),
        password: user.token.clone(),
        inbox_prefix: Some(format!("_INBOX_{}", user.user)),
        ..bus::Config::open(platform.nats_url())
    };
    Bus::connect(&config).await.unwrap()
}

/// Returns once the server has done what was asked before: it answers in order.
async fn has_all(bus: &Bus, user: &Client) {
    let tenant = user.organization.parse().expect("an id");
    let operation = contracts::operations::find("flow.list").expect("it is listed");
    let subject = Subject::request_named(tenant, operation);
    let token = user.token.clone().expect("a token");
    let answer = bus.call_raw(&subject, b"{}".to_vec(), Call::with_token(&token));
    answer.await.expect("an answer");
}

#[tokio::test]
async fn over_nats_another_tenants_objects_do_not_exist() {
    let platform = Platform::start().await;
    let (owner, stranger) = (platform.user("ada").await, platform.user("eve").await);
    let objects = objects(&owner).await;
    let bus = integrator(&platform, &stranger).await;
    let token = stranger.token.clone().unwrap();
    let tenant: TenantId = stranger.organization.parse().unwrap();
    let mut tried = 0;
    for operation in OPERATIONS
        .iter()
        .filter(|operation| operation.is_for_tenants() && !operation.objects.is_empty())
    {
        let mut body = (operation.example)();
        for field in operation.objects {
            body[*field] = objects[field].as_str().into();
        }
        let subject = Subject::request_named(tenant, operation);
        let problem = bus
            .call_raw(&subject, body.to_string().into(), Call::with_token(&token))
            .await
            .unwrap_err();
        assert_eq!(
            problem.code,
            ErrorCode::NotFound,
            "{}: {problem:?}",
            operation.name
        );
        tried += 1;
    }
    assert!(tried >= 22, "{tried}");
    let theirs: TenantId = owner.organization.parse().unwrap();
    let subject = Subject::request_named(theirs, contracts::operations::find("flow.list").unwrap());
    let call = Call {
        token: Some(&token),
        deadline: Duration::from_secs(1),
    };
    // The server drops what the user may not publish: nobody answers.
    assert!(bus.call_raw(&subject, b"{}".to_vec(), call).await.is_err());
}

#[tokio::test]
async fn over_nats_another_tenants_frames_are_not_heard() {
    let platform = Platform::start().await;
    let (owner, stranger) = (platform.user("ada").await, platform.user("eve").await);
    let objects = objects(&owner).await;
    let theirs: TenantId = owner.organization.parse().unwrap();
    let execution: ExecutionId = objects["execution_id"].parse().unwrap();
    let eavesdropper = integrator(&platform, &stranger).await;
    let mut heard = eavesdropper
        .subscribe(&Subject::live(theirs, execution), None)
        .await
        .unwrap();
    has_all(&eavesdropper, &stranger).await;
    let listener = integrator(&platform, &owner).await;
    let tenant: TenantId = owner.organization.parse().unwrap();
    let flow = &objects["flow_id"];
    let next = owner.execute(flow, json!({})).await;
    owner.end_of(&next).await;
    assert!(
        listener
            .subscribe(&Subject::live(tenant, next.parse().unwrap()), None)
            .await
            .is_ok()
    );
    has_all(&eavesdropper, &stranger).await;
    let nothing = tokio::time::timeout(Duration::from_millis(300), heard.next()).await;
    assert!(
        nothing.map_or(true, |message| message.is_none()),
        "a frame of another tenant was delivered"
    );
}

/// The paths of the API description with every id replaced.
fn requests(
    spec: &Value,
    objects: &BTreeMap<&'static str, String>,
) -> Vec<(Method, String, Value)> {
    let mut requests = Vec::new();
    for (path, methods) in spec["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap_or_default();
            let Some(contract) = contracts::operations::find(id.trim_start_matches("workflow."))
            else {
                continue;
            };
            if !path.contains('{') || contract.objects.is_empty() {
                continue;
            }
            let mut filled = path
                .replace("{n}", "1")
                .replace("{revision}", "1")
                .replace("{hash}", &"0".repeat(64))
                .replace("{user_id}", &objects["user_id"]);
            let object = contract.objects[0];
            filled = filled.replace("{id}", &objects[object]);
            for (field, value) in objects {
                filled = filled.replace(&format!("{{{field}}}"), value);
            }
            let mut body = (contract.example)();
            for field in contract.objects.iter().chain(&[
                "revision",
                "if_version",
                "idempotency_key",
                "after",
                "limit",
                "paging",
            ]) {
                body.as_object_mut().unwrap().remove(*field);
            }
            body.as_object_mut()
                .unwrap()
                .retain(|_, value| !value.is_null());
            // Over REST, what the author of a tool, or of a flow's limits, says is the body itself.
            let limits = body.get("concurrency").filter(|it| it.is_object());
            if let Some(whole) = body.get("spec").or(limits) {
                body = whole.clone();
            }
            requests.push((method.to_uppercase().parse().unwrap(), filled, body));
        }
    }
    requests
}

#[tokio::test]
async fn over_rest_another_tenants_objects_do_not_exist() {
    let platform = Platform::start().await;
    let (owner, stranger) = (platform.user("ada").await, platform.user("eve").await);
    let objects = objects(&owner).await;
    let spec = owner.read("/openapi.json").await.body;
    let prefix = spec["servers"][0]["url"]
        .as_str()
        .unwrap_or("")
        .trim_end_matches('/')
        .to_owned();
    let requests = requests(&spec, &objects);
    assert!(requests.len() >= 22, "{}", requests.len());
    for (method, path, body) in requests {
        assert!(!path.contains('{'), "{path}");
        let needs_body = !matches!(method, Method::GET | Method::DELETE);
        let body = needs_body.then(|| body.to_string());
        let path = format!("{prefix}{path}");
        let answer = stranger
            .send(method.clone(), &path, body.clone(), &[])
            .await
            .unwrap();
        assert_eq!(answer.status, 404, "{method} {path} {body:?}: {answer:?}");
        assert_eq!(answer.body["code"], "not_found");
        assert!(answer.body["trace_id"].is_string());
        let unknown = platform
            .stranger()
            .send(method.clone(), &path, body, &[])
            .await
            .unwrap();
        assert_eq!(unknown.status, 401, "{method} {path}: {unknown:?}");
    }
}
