//! The REST faces of agents and crews: one behaves as the other.

use contracts::{
    ErrorCode, FieldProblem, Problem,
    agent::{
        Agent, AgentSpec, AgentSummary, AgentVersion, CreateAgent, DeleteAgent, Framework,
        GetAgent, ListAgentVersions, ListAgents, UpdateAgent,
    },
    crew::{
        CreateCrew, Crew, CrewSpec, CrewSummary, DeleteCrew, GetCrew, ListCrewVersions, ListCrews,
        Process, UpdateCrew,
    },
    execution::{Accepted, ExecutionState, Origin},
    flow::{RunAgent, RunCrew},
    id::{AgentId, CrewId, ExecutionId, UserId},
    page::{Page, Paging},
};
use kernel::{Ctx, Running, Service};
use serde_json::{Value, json};

use crate::platform::Platform;

/// The version at which everything is.
const VERSION: u32 = 3;
const NEXT: &str = "the next page";

/// One of the two faces: where it is, what is written there, and the id of the only object.
struct Face {
    path: &'static str,
    spec: Value,
    id: String,
    unknown: String,
}

fn faces() -> [Face; 2] {
    let agent = Face {
        path: "/api/v1/agents",
        spec: json!(AgentSpec::example()),
        id: AgentId::EXAMPLE.to_string(),
        unknown: AgentId::generate().to_string(),
    };
    let crew = Face {
        path: "/api/v1/crews",
        spec: json!(CrewSpec::example()),
        id: CrewId::EXAMPLE.to_string(),
        unknown: CrewId::generate().to_string(),
    };
    [agent, crew]
}

impl Face {
    fn one(&self) -> String {
        format!("{}/{}", self.path, self.id)
    }
}

/// A platform with services that answer for agents and crews, and run them.
async fn start() -> (Platform, [Running; 2]) {
    let platform = Platform::start().await;
    let runtime = testkit::runtime(&platform.bus).await;
    let agents = Service::new("agent", ())
        .on(create)
        .on(get)
        .on(update)
        .on(delete)
        .on(list)
        .on(versions)
        .on(create_crew)
        .on(get_crew)
        .on(update_crew)
        .on(delete_crew)
        .on(list_crews)
        .on(crew_versions);
    let runs = Service::new("flow", ()).on(run).on(run_crew);
    let running = [
        agents.start(&runtime).await.unwrap(),
        runs.start(&runtime).await.unwrap(),
    ];
    (platform, running)
}

fn check_name(name: &str) -> Result<(), Problem> {
    if !name.is_empty() {
        return Ok(());
    }
    let error = FieldProblem {
        path: "/spec/name".into(),
        message: "a name is needed".into(),
    };
    let problem = Problem::new(ErrorCode::InvalidInput, "it is not valid");
    Err(problem.with_errors(vec![error]))
}

fn check_known(known: bool) -> Result<(), Problem> {
    let missing = || Problem::new(ErrorCode::NotFound, "it does not exist");
    known.then_some(()).ok_or_else(missing)
}

fn check_version(if_version: Option<u32>) -> Result<(), Problem> {
    if if_version.is_none_or(|version| version == VERSION) {
        return Ok(());
    }
    let problem = Problem::new(ErrorCode::Conflict, "it is at another version");
    Err(problem.with_status(412).with_reason("version_mismatch"))
}

/// A page that tells in its version how many were asked for.
fn page_of(paging: &Paging) -> Page<AgentVersion> {
    Page {
        items: vec![AgentVersion {
            version: paging.limit.unwrap_or_default(),
            created_by: UserId::EXAMPLE,
            created_at: chrono::DateTime::UNIX_EPOCH,
        }],
        next: paging.cursor.is_none().then(|| NEXT.to_owned()),
    }
}

fn accepted(origin: Origin) -> Accepted {
    Accepted {
        id: ExecutionId::EXAMPLE,
        origin,
        state: ExecutionState::Queued,
    }
}

fn some_agent(version: u32, spec: AgentSpec) -> Agent {
    Agent {
        id: AgentId::EXAMPLE,
        version,
        name: spec.name,
        role: spec.role,
        goal: spec.goal,
        backstory: spec.backstory,
        framework: spec.framework,
        model: spec.model,
        tools: spec.tools,
        knowledge: spec.knowledge,
        memory: spec.memory,
        guardrails: spec.guardrails,
        output_schema: spec.output_schema,
        limits: spec.limits,
        created_by: UserId::EXAMPLE,
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    }
}

fn some_crew(version: u32, spec: CrewSpec) -> Crew {
    Crew {
        id: CrewId::EXAMPLE,
        version,
        name: spec.name,
        description: spec.description,
        process: spec.process,
        agents: spec.agents,
        tasks: spec.tasks,
        manager_model: spec.manager_model,
        limits: spec.limits,
        created_by: UserId::EXAMPLE,
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    }
}

async fn create(_: Ctx<()>, request: CreateAgent) -> Result<Agent, Problem> {
    check_name(&request.spec.name)?;
    Ok(some_agent(1, request.spec))
}

async fn create_crew(_: Ctx<()>, request: CreateCrew) -> Result<Crew, Problem> {
    check_name(&request.spec.name)?;
    Ok(some_crew(1, request.spec))
}

async fn get(_: Ctx<()>, request: GetAgent) -> Result<Agent, Problem> {
    check_known(request.agent_id == AgentId::EXAMPLE)?;
    let version = request.version.unwrap_or(VERSION);
    Ok(some_agent(version, AgentSpec::example()))
}

async fn get_crew(_: Ctx<()>, request: GetCrew) -> Result<Crew, Problem> {
    check_known(request.crew_id == CrewId::EXAMPLE)?;
    let version = request.version.unwrap_or(VERSION);
    Ok(some_crew(version, CrewSpec::example()))
}

async fn update(_: Ctx<()>, request: UpdateAgent) -> Result<Agent, Problem> {
    check_name(&request.spec.name)?;
    check_version(request.if_version)?;
    Ok(some_agent(VERSION + 1, request.spec))
}

async fn update_crew(_: Ctx<()>, request: UpdateCrew) -> Result<Crew, Problem> {
    check_name(&request.spec.name)?;
    check_version(request.if_version)?;
    Ok(some_crew(VERSION + 1, request.spec))
}

async fn delete(_: Ctx<()>, request: DeleteAgent) -> Result<(), Problem> {
    check_known(request.agent_id == AgentId::EXAMPLE)
}

async fn delete_crew(_: Ctx<()>, request: DeleteCrew) -> Result<(), Problem> {
    check_known(request.crew_id == CrewId::EXAMPLE)
}

/// One agent that says what was asked for.
async fn list(_: Ctx<()>, request: ListAgents) -> Result<Page<AgentSummary>, Problem> {
    let Page { items, next } = page_of(&request.paging);
    let agent = AgentSummary {
        id: AgentId::EXAMPLE,
        version: items[0].version,
        name: request.search.unwrap_or_default(),
        role: request.paging.cursor.unwrap_or_default(),
        framework: Framework::Native,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    };
    let items = vec![agent];
    Ok(Page { items, next })
}

/// One crew that says what was asked for.
async fn list_crews(_: Ctx<()>, request: ListCrews) -> Result<Page<CrewSummary>, Problem> {
    let Page { items, next } = page_of(&request.paging);
    let crew = CrewSummary {
        id: CrewId::EXAMPLE,
        version: items[0].version,
        name: request.search.unwrap_or_default(),
        description: request.paging.cursor.unwrap_or_default(),
        process: Process::Sequential,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    };
    let items = vec![crew];
    Ok(Page { items, next })
}

async fn versions(_: Ctx<()>, request: ListAgentVersions) -> Result<Page<AgentVersion>, Problem> {
    check_known(request.agent_id == AgentId::EXAMPLE)?;
    Ok(page_of(&request.paging))
}

async fn crew_versions(
    _: Ctx<()>,
    request: ListCrewVersions,
) -> Result<Page<AgentVersion>, Problem> {
    check_known(request.crew_id == CrewId::EXAMPLE)?;
    Ok(page_of(&request.paging))
}

/// Refuses a run whose key is `used`.
fn check_key(key: Option<&str>) -> Result<(), Problem> {
    let reused = || {
        let problem = Problem::new(ErrorCode::Conflict, "the key was used for another body");
        problem.with_reason("idempotency_key_reused")
    };
    (key != Some("used")).then_some(()).ok_or_else(reused)
}

async fn run(_: Ctx<()>, request: RunAgent) -> Result<Accepted, Problem> {
    check_key(request.idempotency_key.as_deref())?;
    let version = request.version.unwrap_or(VERSION);
    Ok(accepted(Origin::agent(request.agent_id, version)))
}

async fn run_crew(_: Ctx<()>, request: RunCrew) -> Result<Accepted, Problem> {
    check_key(request.idempotency_key.as_deref())?;
    let version = request.version.unwrap_or(VERSION);
    Ok(accepted(Origin::crew(request.crew_id, version)))
}

#[tokio::test]
async fn each_is_written_flat_and_has_a_place_and_a_version() {
    let (platform, _services) = start().await;
    for face in faces() {
        let post = |body: &Value| platform.ask("POST", face.path).json(body).send();
        let made = post(&face.spec).await;
        assert_eq!(made.status, 201, "{}", made.body);
        assert_eq!(made.header("location"), Some(&*face.one()));
        assert_eq!(made.header("etag"), Some("\"1\""));
        assert_eq!(made.json()["name"], face.spec["name"]);
        let with = |field: &str, value: Value| {
            let mut spec = face.spec.clone();
            spec[field] = value;
            spec
        };
        let nameless = post(&with("name", json!(""))).await;
        let problem = nameless.assert_problem(422, "invalid_input");
        assert_eq!(problem["errors"][0]["path"], "/name");
        for bad in [
            with("tenant_id", json!("org_x")),
            with("name", json!(7)),
            with("limits", json!({"max_steps": -1})),
            json!({ "spec": face.spec }),
            json!({}),
        ] {
            post(&bad).await.assert_problem(400, "invalid_input");
        }
    }
}

#[tokio::test]
async fn each_is_replaced_only_in_the_version_that_was_read() {
    let (platform, _services) = start().await;
    for face in faces() {
        let read = async |query: &str| {
            let path = format!("{}{query}", face.one());
            let read = platform.ask("GET", &path).send().await;
            assert_eq!(read.status, 200, "{}", read.body);
            read.header("etag").unwrap().to_owned()
        };
        assert_eq!(read("?version=2").await, "\"2\"");
        let newest = read("").await;
        let put = |tag: &str| {
            let ask = platform.ask("PUT", &face.one()).json(&face.spec);
            ask.header("If-Match", tag).send()
        };
        let next = put(&newest).await;
        assert_eq!((next.status, next.header("etag")), (200, Some("\"4\"")));
        let stale = put("\"2\"").await.assert_problem(412, "conflict");
        assert_eq!(stale["reason"], "version_mismatch");
        for tag in ["3", "\"4294967296\""] {
            put(tag).await.assert_problem(400, "invalid_input");
        }
    }
}

#[tokio::test]
async fn lists_come_page_by_page() {
    let (platform, _services) = start().await;
    for face in faces() {
        for (list, search) in [
            (face.path.to_owned(), "&search=w%20x"),
            (format!("{}/versions", face.one()), ""),
        ] {
            let ask = |query: String| platform.ask("GET", &format!("{list}?{query}")).send();
            let first = ask(format!("limit=7{search}")).await.json();
            let item = &first["items"][0];
            assert_eq!(
                (&item["version"], &first["next"]),
                (&json!(7), &json!(NEXT))
            );
            if !search.is_empty() {
                assert_eq!(item["name"], "w x");
            }
            let last = ask("cursor=the%20next%20page".to_owned()).await.json();
            assert_eq!(last["next"], Value::Null, "{last}");
            let bad = ask("limit=many".to_owned()).await;
            bad.assert_problem(400, "invalid_input");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_no_id_is_refused() {
    let (platform, _services) = start().await;
    for face in faces() {
        for (method, rest) in [("GET", ""), ("DELETE", ""), ("GET", "/versions")] {
            let ask = |id: &str| {
                let path = format!("{}/{id}{rest}", face.path);
                platform.ask(method, &path).send()
            };
            let known = ask(&face.id).await;
            assert!(matches!(known.status, 200 | 204), "{}", known.body);
            ask(&face.unknown).await.assert_problem(404, "not_found");
            ask("x").await.assert_problem(400, "invalid_input");
        }
    }
}

#[tokio::test]
async fn a_run_is_accepted_with_or_without_a_body() {
    let (platform, _services) = start().await;
    for (face, id) in faces().into_iter().zip(["agent_id", "crew_id"]) {
        let path = format!("{}/run", face.one());
        let bare = platform.ask("POST", &path).send().await;
        assert_eq!(bare.status, 202, "{}", bare.body);
        assert_eq!(
            bare.header("location"),
            Some(&*format!("/api/v1/executions/{}", ExecutionId::EXAMPLE))
        );
        assert_eq!(bare.json()[id], json!(face.id));
        let body = json!({"input": {"topic": "tea"}, "version": 2});
        let pinned = platform.ask("POST", &path).json(&body).send().await;
        assert_eq!(pinned.json()["version"], 2, "{}", pinned.body);
        let again = platform
            .ask("POST", &path)
            .header("Idempotency-Key", "used");
        let problem = again.json(&body).send().await;
        let problem = problem.assert_problem(409, "conflict");
        assert_eq!(problem["reason"], "idempotency_key_reused");
        let unknown = platform.ask("POST", &path).json(&json!({"inputs": 1}));
        unknown.send().await.assert_problem(400, "invalid_input");
    }
}
