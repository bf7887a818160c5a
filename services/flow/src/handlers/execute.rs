//! From a flow, an agent or a crew to an execution.
//!
//! **Invariant:** once the start is recorded under an idempotency key, every repetition asks the engine for the same
//! execution with the same definition, so a lost answer can always be asked for again.

use contracts::{
    Permission,
    execution::{Accepted, Origin, SourceKind},
    flow::{
        Concurrency, Definition, Executable, ExecuteFlow, RevisionChoice, RunAgent, RunCrew,
        RunTurn, TestCrew, TurnTarget,
    },
    id::{ExecutionId, FlowId},
    owner::{self, Basis},
};
use serde_json::{Value, json};

use crate::{
    domain::{self, concurrency, pins},
    error::Error,
    handlers::{Ctx, now, pins as pinning},
    launch::{self, Launch},
    store::Begun,
};

/// The model of a test that names none.
const TEST_MODEL: &str = "rehearsal/rehearsal";

pub(crate) async fn execute(ctx: Ctx, request: ExecuteFlow) -> Result<Accepted, Error> {
    concurrency::check_session(request.session.as_deref())?;
    concurrency::check_priority(request.priority)?;
    let mut body = json!([request.flow_id, request.revision, request.input]);
    // Absent where there is none: keys of before still name the same request.
    if request.session.is_some() || request.priority.is_some() {
        body = json!([body, request.session, request.priority]);
    }
    let asked = Asked {
        body,
        key: request.idempotency_key,
        input: request.input,
        session: request.session,
        priority: request.priority,
    };
    let (flow_id, choice) = (request.flow_id, request.revision);
    if let Some(begun) = repeated(&ctx, &asked).await? {
        let origin = Origin::flow(flow_id, begun.revision);
        return start(&ctx, asked, origin, begun, None).await;
    }
    let (revision, executable) = choose(&ctx, flow_id, choice).await?;
    domain::check_input(&executable.definition, &asked.input)?;
    let begun = begin(&ctx, &asked, revision, &executable).await?;
    let origin = Origin::flow(flow_id, begun.revision);
    start(&ctx, asked, origin, begun, None).await
}

pub(crate) async fn run_agent(ctx: Ctx, request: RunAgent) -> Result<Accepted, Error> {
    let id = request.agent_id;
    let asked = Asked {
        body: json!([id, request.version, request.input]),
        key: request.idempotency_key,
        input: request.input,
        ..Asked::default()
    };
    if let Some(begun) = repeated(&ctx, &asked).await? {
        let origin = Origin::agent(id, begun.revision.unwrap_or(1));
        return start(&ctx, asked, origin, begun, None).await;
    }
    let mut definition = pins::of_agent(id, false);
    set_version(&mut definition, request.version);
    let executable = pinning::pin(&ctx, definition)
        .await
        .map_err(|error| missing(error, "agent", &id))?;
    let version = executable.agents.get(&id).map(|agent| agent.version);
    let begun = begin(&ctx, &asked, version, &executable).await?;
    let origin = Origin::agent(id, begun.revision.unwrap_or(1));
    start(&ctx, asked, origin, begun, None).await
}

pub(crate) async fn run_crew(ctx: Ctx, request: RunCrew) -> Result<Accepted, Error> {
    let asked = Asked {
        body: json!([request.crew_id, request.version, request.input]),
        key: request.idempotency_key,
        input: request.input,
        ..Asked::default()
    };
    crew(&ctx, request.crew_id, request.version, asked, |_| ()).await
}

pub(crate) async fn test_crew(ctx: Ctx, request: TestCrew) -> Result<Accepted, Error> {
    let asked = Asked {
        body: Value::Null,
        key: None,
        input: request.input,
        ..Asked::default()
    };
    let model = request.model.unwrap_or_else(|| TEST_MODEL.to_owned());
    let on_model = |executable: &mut Executable| {
        for crew in executable.crews.values_mut() {
            crew.manager_model = Some(model.clone());
            for agent in &mut crew.agents {
                agent.model = Some(model.clone());
            }
        }
    };
    crew(&ctx, request.crew_id, request.version, asked, on_model).await
}

async fn crew(
    ctx: &Ctx,
    id: contracts::id::CrewId,
    version: Option<u32>,
    asked: Asked,
    change: impl FnOnce(&mut Executable),
) -> Result<Accepted, Error> {
    if let Some(begun) = repeated(ctx, &asked).await? {
        let origin = Origin::crew(id, begun.revision.unwrap_or(1));
        return start(ctx, asked, origin, begun, None).await;
    }
    let mut definition = pins::of_crew(id);
    set_version(&mut definition, version);
    let mut executable = pinning::pin(ctx, definition)
        .await
        .map_err(|error| missing(error, "crew", &id))?;
    change(&mut executable);
    let version = executable.crews.get(&id).map(|crew| crew.version);
    let begun = begin(ctx, &asked, version, &executable).await?;
    let origin = Origin::crew(id, begun.revision.unwrap_or(1));
    start(ctx, asked, origin, begun, None).await
}

/// The run that answers a message: the engine knows by the execution's id that it was begun before.
pub(crate) async fn run_turn(ctx: Ctx, request: RunTurn) -> Result<Accepted, Error> {
    let permission = match request.target {
        TurnTarget::Flow { .. } => Permission::FlowExecute,
        TurnTarget::Agent { .. } | TurnTarget::Crew { .. } => Permission::AgentRun,
    };
    if request.principal.tenant != ctx.tenant || !request.principal.allows(permission) {
        return Err(Error::NotAllowed(permission.as_str()));
    }
    let (origin, executable) = match request.target {
        TurnTarget::Flow { flow_id } => {
            let (revision, executable) = choose(&ctx, flow_id, None).await?;
            (Origin::flow(flow_id, revision), executable)
        }
        TurnTarget::Agent { agent_id } => {
            let executable = pinning::pin(&ctx, pins::of_agent(agent_id, true))
                .await
                .map_err(|error| missing(error, "agent", &agent_id))?;
            let version = executable
                .agents
                .get(&agent_id)
                .map_or(1, |agent| agent.version);
            (Origin::agent(agent_id, version), executable)
        }
        TurnTarget::Crew { crew_id } => {
            let executable = pinning::pin(&ctx, pins::of_crew(crew_id))
                .await
                .map_err(|error| missing(error, "crew", &crew_id))?;
            let version = executable
                .crews
                .get(&crew_id)
                .map_or(1, |crew| crew.version);
            (Origin::crew(crew_id, version), executable)
        }
    };
    let input = domain::turn_input(&request);
    domain::check_input(&executable.definition, &input)?;
    let (vars, concurrency) = ctx.state.surroundings(ctx.tenant, origin.flow_id).await?;
    let start = owner::Start {
        tenant: ctx.tenant,
        execution_id: request.execution_id,
        origin,
        parent: None,
        notify: true,
        queued: false,
        basis: None,
        definition_hash: launch::hand_over(&ctx.bus, &executable).await?,
        input,
        vars,
        principal: request.principal,
    };
    let launch = Launch {
        start,
        concurrency,
        session: Some(request.session_id.to_string()),
        priority: None,
        is_new: false,
        patience: ctx.remaining(),
    };
    launch::start(&ctx.bus, &ctx.state, launch).await
}

/// A start that is asked for.
#[derive(Default)]
pub(super) struct Asked {
    /// What must be equal for a repeated request to be the same request.
    pub(super) body: Value,
    pub(super) key: Option<String>,
    pub(super) input: Value,
    /// What it belongs to, and its place among those that wait.
    pub(super) session: Option<String>,
    pub(super) priority: Option<i16>,
}

/// What this key began before.
pub(super) async fn repeated(ctx: &Ctx, asked: &Asked) -> Result<Option<Begun>, Error> {
    let Some(key) = &asked.key else {
        return Ok(None);
    };
    domain::check_key(key)?;
    match ctx.state.begun(ctx.tenant, key).await? {
        Some((body_hash, begun)) if body_hash == domain::body_hash(&asked.body) => Ok(Some(begun)),
        Some(_) => Err(Error::KeyReused),
        None => Ok(None),
    }
}

/// Hands the executable to the engine, and records what the key begins. Two requests with one key may come at the same
/// moment: the first one recorded counts.
pub(super) async fn begin(
    ctx: &Ctx,
    asked: &Asked,
    revision: Option<u32>,
    executable: &Executable,
) -> Result<Begun, Error> {
    let hash = launch::hand_over(&ctx.bus, executable).await?;
    record(ctx, asked, revision, hash).await
}

/// Records what the key begins: a definition that the engine has.
pub(super) async fn record(
    ctx: &Ctx,
    asked: &Asked,
    revision: Option<u32>,
    definition_hash: String,
) -> Result<Begun, Error> {
    let execution_id = ExecutionId::generate();
    let begun = Begun {
        execution_id,
        revision,
        definition_hash,
        is_new: true,
    };
    let Some(key) = &asked.key else {
        return Ok(begun);
    };
    let body_hash = domain::body_hash(&asked.body);
    let recorded = ctx
        .state
        .record_start(ctx.tenant, key, &body_hash, begun, now())
        .await?;
    match recorded {
        (recorded, begun) if recorded == body_hash => Ok(Begun {
            is_new: begun.execution_id == execution_id,
            ..begun
        }),
        _ => Err(Error::KeyReused),
    }
}

pub(super) async fn choose(
    ctx: &Ctx,
    flow_id: FlowId,
    choice: Option<RevisionChoice>,
) -> Result<(Option<u32>, Executable), Error> {
    let number = match choice {
        Some(RevisionChoice::Draft(_)) => {
            let flow = ctx.state.get(ctx.tenant, flow_id).await?;
            let problems = graph::validate(&flow.definition);
            if !problems.is_empty() {
                return Err(Error::InvalidFlow(problems));
            }
            return Ok((None, pinning::pin(ctx, flow.definition).await?));
        }
        Some(RevisionChoice::Number(number)) => Some(number),
        None => None,
    };
    let (number, executable) = launch::published(&ctx.state, ctx.tenant, flow_id, number).await?;
    Ok((Some(number), executable))
}

/// Where the agent or crew itself is not there, nobody has to hear of the definition around it.
fn missing(error: Error, what: &'static str, id: &dyn std::fmt::Display) -> Error {
    match &error {
        Error::InvalidFlow(problems)
            if problems
                .iter()
                .any(|problem| problem.code == format!("unknown_{what}")) =>
        {
            let id = id.to_string();
            Error::NotThere { what, id }
        }
        _ => error,
    }
}

/// Asks for a version of what the definition runs.
fn set_version(definition: &mut Definition, version: Option<u32>) {
    if let Some(version) = version {
        for node in &mut definition.nodes {
            if matches!(node.kind.as_str(), "agent" | "crew") {
                node.config.insert("version".to_owned(), version.into());
            }
        }
    }
}

/// Asks the engine for it. What only tests a flow needs no place.
pub(super) async fn start(
    ctx: &Ctx,
    asked: Asked,
    origin: Origin,
    begun: Begun,
    basis: Option<Basis>,
) -> Result<Accepted, Error> {
    let (vars, concurrency) = ctx.state.surroundings(ctx.tenant, origin.flow_id).await?;
    let is_test = basis.as_ref().map(|basis| basis.source.kind) == Some(SourceKind::Test);
    let start = owner::Start {
        tenant: ctx.tenant,
        execution_id: begun.execution_id,
        origin,
        parent: None,
        notify: false,
        queued: false,
        basis,
        definition_hash: begun.definition_hash,
        input: asked.input,
        vars,
        principal: ctx.principal().clone(),
    };
    let launch = Launch {
        start,
        concurrency: match is_test {
            true => Concurrency::default(),
            false => concurrency,
        },
        session: asked.session,
        priority: asked.priority,
        is_new: begun.is_new,
        patience: ctx.remaining(),
    };
    launch::start(&ctx.bus, &ctx.state, launch).await
}
