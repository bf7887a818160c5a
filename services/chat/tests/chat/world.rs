//! Flows and the engine, as far as a conversation meets them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use bus::{Bus, Incoming, Micro};
use chrono::Utc;
use contracts::{
    ErrorCode, Problem, Request,
    execution::{
        Accepted, CancelExecution, Events, Execution, ExecutionState, ExecutionWithEvents,
        Finished, Origin, ReadExecution, ReadPayload, Usage,
    },
    file::FilePart,
    flow::{Definition, Flow, GetFlow, RunTurn},
    id::{ExecutionId, FlowId, TenantId},
    live::{ExecutionEvent, Frame, StepCall},
    payload::Payload,
};
use futures::StreamExt;
use serde_json::Value;
use testkit::eventually;
use tokio::task::JoinSet;

use crate::SOON;

/// An answer, or none.
type Said<R> = Option<Result<<R as Request>::Reply, Problem>>;

pub(crate) struct World {
    bus: Bus,
    turns: Mutex<Vec<RunTurn>>,
    runs: Mutex<HashMap<ExecutionId, ExecutionWithEvents>>,
    /// Values that stand apart.
    payloads: Mutex<Vec<Payload>>,
    /// What starts are refused with.
    refusal: Mutex<Option<Problem>>,
    /// Starts are taken and never answered.
    pub(crate) mute: AtomicBool,
    tasks: Mutex<JoinSet<()>>,
}

impl World {
    pub(crate) async fn start(bus: &Bus) -> Arc<Self> {
        let world = Arc::new(Self {
            bus: bus.clone(),
            turns: Mutex::default(),
            runs: Mutex::default(),
            payloads: Mutex::default(),
            refusal: Mutex::default(),
            mute: AtomicBool::new(false),
            tasks: Mutex::default(),
        });
        let flow = Arc::new(bus.micro("flow", "0.1.0").await.unwrap());
        let execution = Arc::new(bus.micro("execution", "0.1.0").await.unwrap());
        world.answers(&flow, Self::run_turn).await;
        world.answers(&flow, Self::get_flow).await;
        world.answers(&execution, Self::read).await;
        world.answers(&execution, Self::read_payload).await;
        world.answers(&execution, Self::cancel).await;
        bus.flush().await.unwrap();
        world
    }

    async fn answers<R: Request>(
        self: &Arc<Self>,
        micro: &Arc<Micro>,
        answer: fn(&Self, R) -> Said<R>,
    ) {
        let mut requests = micro.endpoint::<R>().await.unwrap();
        let (world, micro) = (Arc::downgrade(self), micro.clone());
        self.tasks.lock().unwrap().spawn(async move {
            let _micro = micro;
            while let Some(request) = requests.next().await {
                let Some(world) = world.upgrade() else { return };
                let asked = serde_json::from_slice(Incoming::payload(&request)).unwrap();
                if let Some(reply) = answer(&world, asked) {
                    world.bus.reply(&request, reply.as_ref()).await.unwrap();
                }
            }
        });
    }

    fn run_turn(&self, turn: RunTurn) -> Option<Result<Accepted, Problem>> {
        let id = turn.execution_id;
        self.turns.lock().unwrap().push(turn);
        if let Some(problem) = self.refusal.lock().unwrap().clone() {
            return Some(Err(problem));
        }
        let run = || run(id, ExecutionState::Running);
        self.runs.lock().unwrap().entry(id).or_insert_with(run);
        let accepted = Accepted {
            id,
            origin: Origin::flow(FlowId::EXAMPLE, Some(1)),
            state: ExecutionState::Queued,
        };
        (!self.mute.load(Ordering::SeqCst)).then_some(Ok(accepted))
    }

    fn get_flow(&self, request: GetFlow) -> Option<Result<Flow, Problem>> {
        if request.flow_id != FlowId::EXAMPLE {
            return Some(Err(Problem::new(ErrorCode::NotFound, "no such flow")));
        }
        Some(Ok(Flow {
            id: request.flow_id,
            name: "Answer".into(),
            description: String::new(),
            definition: Definition::example(),
            version: 1,
            revision: Some(1),
            created_by: contracts::id::UserId::EXAMPLE,
            created_at: Utc::now(),
            updated_at: Utc::now(),
        }))
    }

    fn read_payload(&self, request: ReadPayload) -> Option<Result<FilePart, Problem>> {
        let payloads = self.payloads.lock().unwrap();
        let mut all = payloads.iter().map(|it| &it.text);
        let Some(text) = all.find(|text| request.hash.is_of(text)) else {
            return Some(Err(Problem::new(ErrorCode::NotFound, "no such value")));
        };
        let from = usize::try_from(request.offset).unwrap().min(text.len());
        let to = text.len().min(from + FilePart::MAX_BYTES as usize);
        let (name, kind) = ("v.json".to_owned(), "application/json".to_owned());
        let bytes = text.len() as u64;
        Some(Ok(FilePart::new(name, kind, bytes, &text[from..to])))
    }

    /// The value as it stands in an event, where it is too large for one.
    pub(crate) fn apart(&self, value: &Value) -> Value {
        let payload = Payload::of(value).unwrap();
        let stands = payload.reference.to_value();
        self.payloads.lock().unwrap().push(payload);
        stands
    }

    /// One event at a time, as a long history comes.
    fn read(&self, request: ReadExecution) -> Option<Result<ExecutionWithEvents, Problem>> {
        let runs = self.runs.lock().unwrap();
        let Some(run) = runs.get(&request.execution_id) else {
            return Some(Err(Problem::new(ErrorCode::NotFound, "no such execution")));
        };
        let after = request.after;
        let mut items = run.events.items.clone();
        items.retain(|frame| frame.n > after);
        items.truncate(1);
        let next = items.last().map(|frame| frame.n);
        Some(Ok(ExecutionWithEvents {
            execution: run.execution.clone(),
            events: Events { items, next },
        }))
    }

    fn cancel(&self, request: CancelExecution) -> Option<Result<Execution, Problem>> {
        let mut runs = self.runs.lock().unwrap();
        let Some(run) = runs.get_mut(&request.execution_id) else {
            return Some(Err(Problem::new(ErrorCode::NotFound, "no such execution")));
        };
        if !run.execution.state.is_final() {
            run.execution.state = ExecutionState::Cancelled;
        }
        Some(Ok(run.execution.clone()))
    }

    /// All starts that were asked for.
    pub(crate) fn turns(&self) -> Vec<RunTurn> {
        self.turns.lock().unwrap().clone()
    }

    pub(crate) fn refuse(&self, problem: Option<Problem>) {
        *self.refusal.lock().unwrap() = problem;
    }

    pub(crate) fn state(&self, id: ExecutionId) -> ExecutionState {
        self.runs.lock().unwrap()[&id].execution.state
    }

    pub(crate) fn knows(&self, id: ExecutionId) -> bool {
        self.runs.lock().unwrap().contains_key(&id)
    }

    /// Waits until the run was started.
    pub(crate) async fn begun(&self, id: ExecutionId) {
        eventually(SOON, async || self.knows(id).then_some(())).await;
    }

    /// A model in the run says something.
    pub(crate) fn says(&self, id: ExecutionId, node: &str, text: &str) {
        let agent = "agent".into();
        self.happens(
            id,
            ExecutionEvent::StepStarted {
                node: node.into(),
                attempt: 1,
                key: "k".into(),
                call: Some(StepCall::Llm { agent }),
            },
        );
        self.happens(
            id,
            ExecutionEvent::StepSucceeded {
                node: node.into(),
                attempt: 1,
                output: Value::String(text.into()),
                port: "out".into(),
                usage: None,
                duration_ms: 1,
                cached: false,
            },
        );
    }

    /// Something happens in a run.
    pub(crate) fn happens(&self, id: ExecutionId, event: ExecutionEvent) {
        let mut runs = self.runs.lock().unwrap();
        let events = &mut runs.get_mut(&id).unwrap().events.items;
        events.push(Frame {
            n: events.len() as u64 + 1,
            ts: Utc::now(),
            event,
        });
    }

    /// The run ends well, and nobody is told.
    pub(crate) fn end(&self, id: ExecutionId, output: Value) {
        let mut runs = self.runs.lock().unwrap();
        let execution = &mut runs.get_mut(&id).unwrap().execution;
        execution.state = ExecutionState::Succeeded;
        execution.output = Some(output);
    }

    /// The run ends well, and everyone is told.
    pub(crate) async fn finish(&self, tenant: TenantId, id: ExecutionId, output: Value) {
        // The answer is there before its run is begun.
        eventually(SOON, async || self.knows(id).then_some(())).await;
        self.end(id, output);
        self.tell(tenant, id).await;
    }

    /// Says that a run is over; each time as if it were the first.
    pub(crate) async fn tell(&self, tenant: TenantId, id: ExecutionId) {
        let event = Finished {
            execution_id: id,
            origin: Origin::flow(FlowId::EXAMPLE, Some(1)),
            state: self.state(id),
            usage: Usage::ZERO,
        };
        self.bus.emit(tenant, &event).await.unwrap();
    }
}

fn run(id: ExecutionId, state: ExecutionState) -> ExecutionWithEvents {
    ExecutionWithEvents {
        execution: Execution {
            id,
            origin: Origin::flow(FlowId::EXAMPLE, Some(1)),
            parent_id: None,
            source: None,
            state,
            input: Value::Null,
            output: None,
            error: None,
            usage: Usage::ZERO,
            last_event: 0,
            approvals: Vec::new(),
            answers: Vec::new(),
            handled: false,
            uncompensated: Vec::new(),
            started_by: contracts::id::UserId::EXAMPLE,
            created_at: Utc::now(),
            finished_at: None,
        },
        events: Events {
            items: Vec::new(),
            next: None,
        },
    }
}
