//! A gateway with services behind it that answer as the real ones would.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bus::Bus;
use chrono::{DateTime, Utc};
use contracts::{
    ErrorCode, Problem, Role, Subject,
    auth::{self, Session, User},
    execution::{
        CancelExecution, Events, Execution, ExecutionState, GetExecution, GetPayload, ListEvents,
        Origin, Usage,
    },
    file::FilePart,
    flow::{self, Flow},
    id::{ExecutionId, FlowId, TenantId, UserId},
    live::{ExecutionEvent, Frame},
    tenant::Organization,
};
use gateway::{Config, Serving};
use kernel::{Ctx, Running, Service};
use testkit::Nats;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::Ask;

pub(crate) struct Platform {
    _nats: Nats,
    /// A connection that is not the gateway's.
    pub(crate) bus: Bus,
    pub(crate) tenant: TenantId,
    pub(crate) token: String,
    pub(crate) history: History,
    gateway: Option<Serving>,
    _services: Vec<Running>,
}

/// The frames of each execution, as the engine would keep them.
#[derive(Clone)]
pub(crate) struct History {
    frames: Arc<Mutex<Frames>>,
    /// Each read takes one.
    reads: Arc<Semaphore>,
    held: Arc<AtomicUsize>,
    most_held: Arc<AtomicUsize>,
}

/// Reads that a history answers at the same time, unless it is held back.
const READS: usize = 10_000;

type Frames = HashMap<(TenantId, ExecutionId), Vec<Frame>>;

impl Platform {
    pub(crate) async fn start() -> Self {
        Self::configured(Config::loopback()).await
    }

    pub(crate) async fn configured(config: Config) -> Self {
        Self::with(config, |_| {}, Vec::new()).await
    }

    pub(crate) async fn with(
        config: Config,
        prepare: impl FnOnce(&mut kernel::Runtime),
        extra: Vec<gateway::Extra>,
    ) -> Self {
        let nats = Nats::start().await;
        let bus = testkit::bus(&nats.url()).await;
        let runtime = testkit::runtime(&bus).await;
        let history = History::default();
        let services = services(&runtime, &history).await;
        let own = testkit::bus(&nats.url()).await;
        let mut runtime = testkit::runtime(&own).await;
        prepare(&mut runtime);
        let tenant = TenantId::generate();
        Self {
            _nats: nats,
            bus,
            tenant,
            token: testkit::token(&testkit::principal(tenant, Role::Owner)),
            history,
            gateway: Some(gateway::serve(config, &runtime, extra).unwrap()),
            _services: services,
        }
    }

    /// A request without a token.
    pub(crate) fn visit(&self, method: &str, path: &str) -> Ask {
        let gateway = self.gateway.as_ref().expect("the gateway runs");
        Ask::new(gateway.address(), method, path)
    }

    /// A request in the name of an owner.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask {
        self.visit(method, path).token(&self.token)
    }

    pub(crate) async fn drain(&mut self) {
        self.gateway.take().expect("the gateway runs").drain().await;
    }

    /// An execution with frames 1 to `last`; the terminal one is `last`, if it is `over`.
    pub(crate) fn execution(&self, last: u64, over: bool) -> ExecutionId {
        let execution = ExecutionId::generate();
        self.history.grow(self.tenant, execution, last, over);
        execution
    }

    pub(crate) async fn publish(&self, execution: ExecutionId, frame: &Frame) {
        let subject = Subject::live(self.tenant, execution);
        self.bus.publish(&subject, &[frame]).await.unwrap();
    }
}

impl Default for History {
    fn default() -> Self {
        Self {
            frames: Arc::default(),
            reads: Arc::new(Semaphore::new(READS)),
            held: Arc::default(),
            most_held: Arc::default(),
        }
    }
}

impl History {
    /// No read is answered until what this gives is dropped.
    pub(crate) async fn hold(&self) -> OwnedSemaphorePermit {
        let all = u32::try_from(READS).unwrap();
        self.reads.clone().acquire_many_owned(all).await.unwrap()
    }

    /// Reads that wait for an answer.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }

    /// The most that ever waited at the same time.
    pub(crate) fn most_held(&self) -> usize {
        self.most_held.load(Ordering::SeqCst)
    }

    pub(crate) fn grow(&self, tenant: TenantId, execution: ExecutionId, last: u64, over: bool) {
        let mut all = self.frames.lock().unwrap();
        let frames = all.entry((tenant, execution)).or_default();
        for n in frames.len() as u64 + 1..=last {
            frames.push(frame(n, over && n == last));
        }
    }

    /// Appends frames as they are.
    pub(crate) fn put(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        frames: impl IntoIterator<Item = Frame>,
    ) {
        let mut all = self.frames.lock().unwrap();
        all.entry((tenant, execution)).or_default().extend(frames);
    }

    fn of(&self, tenant: TenantId, execution: ExecutionId) -> Result<Vec<Frame>, Problem> {
        let all = self.frames.lock().unwrap();
        let missing = || {
            let detail = format!("execution `{execution}` does not exist");
            Problem::new(ErrorCode::NotFound, detail)
        };
        all.get(&(tenant, execution)).cloned().ok_or_else(missing)
    }
}

pub(crate) fn frame(n: u64, is_final: bool) -> Frame {
    let event = if is_final {
        ExecutionEvent::ExecutionSucceeded {
            output: serde_json::json!({"text": "Hello"}),
            usage: Usage::ZERO,
        }
    } else {
        ExecutionEvent::StepSkipped {
            node: format!("node-{n}"),
        }
    };
    Frame { n, ts: at(), event }
}

fn at() -> DateTime<Utc> {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

async fn services(runtime: &kernel::Runtime, history: &History) -> Vec<Running> {
    let auth = Service::new("auth", ())
        .on(register)
        .on(login)
        .on(refresh)
        .on(logout);
    let flow = Service::new("flow", ())
        .on(get_flow)
        .on(create_flow)
        .on(update_flow)
        .on(execute)
        .on(delete);
    let execution = Service::new("execution", history.clone())
        .on(events)
        .on(get_execution)
        .on(get_payload)
        .on(cancel);
    vec![
        auth.start(runtime).await.unwrap(),
        flow.start(runtime).await.unwrap(),
        execution.start(runtime).await.unwrap(),
    ]
}

fn session(refresh_token: &str) -> Session {
    Session {
        user: User {
            id: UserId::EXAMPLE,
            email: "ada@example.com".into(),
            name: "Ada".into(),
            created_at: at(),
        },
        organization: Organization {
            id: TenantId::EXAMPLE,
            name: "Engines".into(),
            created_at: at(),
        },
        role: Role::Owner,
        access_token: "access".into(),
        refresh_token: refresh_token.into(),
        expires_in: 600,
    }
}

async fn register(_: Ctx<()>, _: auth::Register) -> Result<Session, Problem> {
    Ok(session("refresh-1"))
}

async fn login(_: Ctx<()>, request: auth::Login) -> Result<Session, Problem> {
    if request.password == "wrong" {
        return Err(Problem::new(
            ErrorCode::Unauthenticated,
            "email or password is wrong",
        ));
    }
    Ok(session("refresh-1"))
}

async fn refresh(_: Ctx<()>, request: auth::Refresh) -> Result<Session, Problem> {
    match request.refresh_token.as_str() {
        "refresh-1" => Ok(session("refresh-2")),
        _ => Err(Problem::new(
            ErrorCode::Unauthenticated,
            "the session is over",
        )),
    }
}

async fn logout(_: Ctx<()>, request: auth::Logout) -> Result<(), Problem> {
    match request.refresh_token.as_str() {
        "refresh-1" => Ok(()),
        other => Err(Problem::new(ErrorCode::Internal, format!("got `{other}`"))),
    }
}

/// Flows whose name says what shall happen.
fn some_flow(id: FlowId, name: String, description: String) -> Flow {
    Flow {
        id,
        name,
        description,
        definition: flow::Definition::default(),
        version: 7,
        revision: None,
        created_by: UserId::EXAMPLE,
        created_at: at(),
        updated_at: at(),
    }
}

async fn get_flow(ctx: Ctx<()>, request: flow::GetFlow) -> Result<Flow, Problem> {
    let seconds = ctx.remaining().as_secs();
    Ok(some_flow(
        request.flow_id,
        "Greet".into(),
        seconds.to_string(),
    ))
}

async fn create_flow(ctx: Ctx<()>, request: flow::CreateFlow) -> Result<Flow, Problem> {
    match request.name.as_str() {
        "slow" => tokio::time::sleep(ctx.remaining() + Duration::from_secs(5)).await,
        "broken" => {
            return Err(Problem::new(
                ErrorCode::Internal,
                "the store does not answer",
            ));
        }
        "taken" => {
            return Err(
                Problem::new(ErrorCode::Conflict, "the name is taken").with_reason("name_taken")
            );
        }
        _ => {}
    }
    Ok(some_flow(
        FlowId::EXAMPLE,
        request.name,
        request.description,
    ))
}

async fn update_flow(_: Ctx<()>, request: flow::UpdateFlow) -> Result<Flow, Problem> {
    if request.if_version.is_some_and(|version| version != 7) {
        let problem = Problem::new(ErrorCode::Conflict, "the flow has version 7");
        return Err(problem.with_status(412).with_reason("version_mismatch"));
    }
    let definition = request.definition.expect("a PUT replaces everything");
    let mut flow = some_flow(
        request.flow_id,
        request.name.unwrap_or_default(),
        request.description.unwrap_or_default(),
    );
    flow.definition = definition;
    Ok(flow)
}

async fn delete(_: Ctx<()>, _: flow::DeleteFlow) -> Result<(), Problem> {
    Ok(())
}

/// Answers with the key as the error of a caller who reads it: only a 202 without a key carries the flow's id.
async fn execute(
    _: Ctx<()>,
    request: flow::ExecuteFlow,
) -> Result<contracts::execution::Accepted, Problem> {
    if let Some(key) = request.idempotency_key {
        return Err(Problem::new(ErrorCode::InvalidInput, format!("key {key}"))
            .with_reason("idempotency_key_reused"));
    }
    Ok(contracts::execution::Accepted {
        id: ExecutionId::EXAMPLE,
        origin: Origin::flow(
            request.flow_id,
            match request.revision {
                Some(flow::RevisionChoice::Number(number)) => Some(number),
                Some(flow::RevisionChoice::Draft(_)) | None => None,
            },
        ),
        state: ExecutionState::Queued,
    })
}

async fn events(ctx: Ctx<History>, request: ListEvents) -> Result<Events, Problem> {
    let held = ctx.state.held.fetch_add(1, Ordering::SeqCst) + 1;
    ctx.state.most_held.fetch_max(held, Ordering::SeqCst);
    let read = ctx.state.reads.acquire().await;
    ctx.state.held.fetch_sub(1, Ordering::SeqCst);
    drop(read);
    let frames = ctx.state.of(ctx.tenant, request.execution_id)?;
    let limit = request.limit.unwrap_or(200) as usize;
    let mut items: Vec<_> = frames
        .into_iter()
        .filter(|frame| frame.n > request.after)
        .collect();
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| has_more).map(|frame| frame.n);
    Ok(Events { items, next })
}

async fn get_execution(ctx: Ctx<History>, request: GetExecution) -> Result<Execution, Problem> {
    let frames = ctx.state.of(ctx.tenant, request.execution_id)?;
    let last = frames.last().expect("an execution has events");
    let state = if last.event.is_final() {
        ExecutionState::Succeeded
    } else {
        ExecutionState::Running
    };
    Ok(Execution {
        id: request.execution_id,
        origin: Origin::flow(FlowId::EXAMPLE, Some(1)),
        parent_id: None,
        source: None,
        approvals: Vec::new(),
        answers: Vec::new(),
        handled: false,
        uncompensated: Vec::new(),
        state,
        input: serde_json::json!({}),
        output: None,
        error: None,
        usage: Usage::ZERO,
        last_event: last.n,
        started_by: UserId::EXAMPLE,
        created_at: at(),
        finished_at: None,
    })
}

/// Each execution has one value, the text of [`payload`].
async fn get_payload(ctx: Ctx<History>, request: GetPayload) -> Result<FilePart, Problem> {
    ctx.state.of(ctx.tenant, request.execution_id)?;
    let text = payload();
    if !request.hash.is_of(text.as_bytes()) {
        return Err(Problem::new(ErrorCode::NotFound, "there is no such value"));
    }
    let offset = usize::try_from(request.offset).unwrap().min(text.len());
    let end = text.len().min(offset + FilePart::MAX_BYTES as usize);
    let (name, kind) = ("value.json".to_owned(), "application/json".to_owned());
    let piece = &text.as_bytes()[offset..end];
    Ok(FilePart::new(name, kind, text.len() as u64, piece))
}

/// The JSON text of a value of more than two pieces.
pub(crate) fn payload() -> String {
    format!("\"{}\"", "v".repeat(2 * FilePart::MAX_BYTES as usize))
}

async fn cancel(ctx: Ctx<History>, request: CancelExecution) -> Result<Execution, Problem> {
    let execution_id = request.execution_id;
    get_execution(ctx, GetExecution { execution_id }).await
}
