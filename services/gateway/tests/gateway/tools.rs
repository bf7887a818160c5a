//! The REST face of tools and secrets.

use contracts::{
    ErrorCode, FieldProblem, Problem,
    id::{ToolId, UserId},
    page::Page,
    tool::{
        CreateTool, DeleteSecret, GetTool, InvokeTool, ListTools, Secret, SetSecret, Tool,
        ToolResult, ToolSpec, ToolSummary, UpdateTool,
    },
};
use kernel::{Ctx, Running, Service};
use serde_json::{Value, json};

use crate::platform::Platform;

/// A platform with a service that answers for tools.
async fn start() -> (Platform, Running) {
    let platform = Platform::start().await;
    let runtime = testkit::runtime(&platform.bus).await;
    let service = Service::new("tool", ())
        .on(create)
        .on(get)
        .on(list)
        .on(update)
        .on(invoke)
        .on(set_secret)
        .on(delete_secret);
    let running = service.start(&runtime).await.unwrap();
    (platform, running)
}

fn some_tool(id: ToolId, version: u32, spec: ToolSpec) -> Tool {
    let timeout_ms = spec.timeout_ms();
    Tool {
        id,
        version,
        name: spec.name,
        kind: spec.kind,
        description: spec.description,
        input_schema: spec.input_schema,
        output_schema: spec.output_schema,
        config: spec.config,
        approval: spec.approval,
        timeout_ms,
        least_role: spec.least_role,
        created_by: UserId::EXAMPLE,
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    }
}

async fn create(_: Ctx<()>, request: CreateTool) -> Result<Tool, Problem> {
    if request.spec.name.is_empty() {
        let error = FieldProblem {
            path: "/spec/name".into(),
            message: "a name is needed".into(),
        };
        let problem = Problem::new(ErrorCode::InvalidInput, "the tool is not valid");
        return Err(problem.with_errors(vec![error]));
    }
    Ok(some_tool(ToolId::EXAMPLE, 1, request.spec))
}

async fn get(_: Ctx<()>, request: GetTool) -> Result<Tool, Problem> {
    let version = request.version.unwrap_or(3);
    Ok(some_tool(request.tool_id, version, ToolSpec::example()))
}

async fn update(_: Ctx<()>, request: UpdateTool) -> Result<Tool, Problem> {
    if request.if_version.is_some_and(|version| version != 3) {
        let problem = Problem::new(ErrorCode::Conflict, "the tool is at version 3");
        return Err(problem.with_status(412).with_reason("version_mismatch"));
    }
    Ok(some_tool(request.tool_id, 4, request.spec))
}

/// One tool that says what was asked for.
async fn list(_: Ctx<()>, request: ListTools) -> Result<Page<ToolSummary>, Problem> {
    let spec = ToolSpec::example();
    let tool = ToolSummary {
        id: ToolId::EXAMPLE,
        version: request.paging.limit.unwrap_or_default(),
        name: request.search.unwrap_or_default(),
        kind: request.kind.unwrap_or(spec.kind),
        description: request.paging.cursor.unwrap_or_default(),
        approval: spec.approval,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    };
    Ok(Page {
        items: vec![tool],
        next: None,
    })
}

/// Says back what it got, and how many seconds it has.
async fn invoke(ctx: Ctx<()>, request: InvokeTool) -> Result<ToolResult, Problem> {
    Ok(ToolResult {
        result: json!({
            "arguments": request.arguments,
            "key": request.idempotency_key,
            "seconds": ctx.remaining().as_secs(),
        }),
        version: request.version.unwrap_or(3),
        duration_ms: 1,
    })
}

async fn set_secret(_: Ctx<()>, request: SetSecret) -> Result<Secret, Problem> {
    Ok(Secret {
        name: request.name,
        hosts: request.hosts,
        updated_by: UserId::EXAMPLE,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    })
}

async fn delete_secret(_: Ctx<()>, request: DeleteSecret) -> Result<(), Problem> {
    if request.name == "weather_key" {
        return Ok(());
    }
    Err(Problem::new(
        ErrorCode::NotFound,
        "the secret does not exist",
    ))
}

fn spec() -> Value {
    serde_json::to_value(ToolSpec::example()).unwrap()
}

fn path(rest: &str) -> String {
    format!("/api/v1/tools/{}{rest}", ToolId::EXAMPLE)
}

#[tokio::test]
async fn a_tool_is_written_flat_and_has_a_place_and_a_version() {
    let (platform, _tools) = start().await;
    let post = |body: Value| platform.ask("POST", "/api/v1/tools").json(&body).send();
    let made = post(spec()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.header("location"), Some(&*path("")));
    assert_eq!(made.header("etag"), Some("\"1\""));
    assert_eq!(made.json()["name"], "add");
    let mut nameless = spec();
    nameless["name"] = json!("");
    let problem = post(nameless).await.assert_problem(422, "invalid_input");
    assert_eq!(problem["errors"][0]["path"], "/name");
    let nested = post(json!({"spec": spec()})).await;
    nested.assert_problem(400, "invalid_input");
    let mut foreign = spec();
    foreign["tenant_id"] = json!("org_x");
    post(foreign).await.assert_problem(400, "invalid_input");
}

#[tokio::test]
async fn a_tool_is_replaced_only_in_the_version_that_was_read() {
    let (platform, _tools) = start().await;
    let read = platform.ask("GET", &path("?version=2")).send().await;
    assert_eq!((read.status, read.header("etag")), (200, Some("\"2\"")));
    let read = platform.ask("GET", &path("")).send().await;
    let newest = read.header("etag").unwrap().to_owned();
    let put = |tag: &str| {
        let ask = platform.ask("PUT", &path("")).json(&spec());
        ask.header("If-Match", tag).send()
    };
    let next = put(&newest).await;
    assert_eq!((next.status, next.header("etag")), (200, Some("\"4\"")));
    put("\"2\"").await.assert_problem(412, "conflict");
    put("\"4294967296\"")
        .await
        .assert_problem(400, "invalid_input");
}

#[tokio::test]
async fn a_list_is_asked_for_in_the_query() {
    let (platform, _tools) = start().await;
    let ask = |query: &str| {
        platform
            .ask("GET", &format!("/api/v1/tools?{query}"))
            .send()
    };
    let listed = ask("search=w%20x&kind=http&cursor=c&limit=7").await.json();
    let item = &listed["items"][0];
    assert_eq!(
        (&item["name"], &item["kind"]),
        (&json!("w x"), &json!("http"))
    );
    assert_eq!(
        (&item["description"], &item["version"]),
        (&json!("c"), &json!(7))
    );
    ask("kind=shell").await.assert_problem(400, "invalid_input");
}

#[tokio::test]
async fn a_call_has_as_long_as_a_tool_may_take() {
    let (platform, _tools) = start().await;
    let body = json!({"arguments": {"a": 1}, "version": 2});
    let ask = platform.ask("POST", &path("/invoke")).json(&body);
    let called = ask.header("Idempotency-Key", "k-1").send().await;
    assert_eq!(called.status, 200, "{}", called.body);
    let said = called.json();
    assert_eq!(said["version"], 2);
    assert_eq!(said["result"]["arguments"], json!({"a": 1}));
    assert_eq!(said["result"]["key"], "k-1");
    let seconds = said["result"]["seconds"].as_u64().unwrap();
    assert!((632..=660).contains(&seconds), "{seconds}");
    // Arguments are needed, even where a tool takes none.
    let ask = platform.ask("POST", &path("/invoke")).json(&json!({}));
    ask.send().await.assert_problem(400, "invalid_input");
}

#[tokio::test]
async fn a_secret_is_written_and_never_said() {
    let (platform, _tools) = start().await;
    let secret = "/api/v1/secrets/weather_key";
    let body = json!({"value": "k-canary", "hosts": ["api.example.com"]});
    let set = platform.ask("PUT", secret).json(&body).send().await;
    assert_eq!(
        (set.status, set.json()["name"].as_str()),
        (200, Some("weather_key"))
    );
    assert!(!set.body.contains("k-canary"), "{}", set.body);
    let gone = platform.ask("DELETE", secret).send().await;
    assert_eq!((gone.status, &*gone.body), (204, ""));
    let other = platform.ask("DELETE", "/api/v1/secrets/other").send().await;
    other.assert_problem(404, "not_found");
}
