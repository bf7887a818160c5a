//! The engine and the users, as far as flows meet them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use bus::{Bus, Incoming};
use chrono::Utc;
use contracts::{
    ErrorCode, Problem, Role, Subject,
    auth::{RoleOf, RoleOfReply},
    execution::{
        Accepted, CompareExecutions, Comparison, DeliverEvent, Delivered, Events, Execution,
        ExecutionState, ExecutionWithEvents, ReadExecution, ReadPayload, Usage,
    },
    file::FilePart,
    id::{ExecutionId, TenantId, UserId},
    live::{ExecutionEvent, Frame},
    owner::{OwnerKind, Start},
};
use futures::StreamExt;
use kernel::{Ctx, Running, Runtime, Service};
use serde_json::Value;
use tokio::task::JoinSet;

/// Takes notes of starts, and does nothing else with them.
#[derive(Default)]
pub(crate) struct World {
    starts: Mutex<Vec<Start>>,
    /// How many starts are refused for the moment.
    pub(crate) refusals: Mutex<u32>,
    /// How executions end right after they were started.
    pub(crate) ends: Mutex<Option<ExecutionEvent>>,
    outputs: Mutex<HashMap<ExecutionId, Value>>,
    /// How executions stand that were started.
    pub(crate) states: Mutex<HashMap<ExecutionId, ExecutionState>>,
    /// In the order in which they began.
    pub(crate) began: Mutex<Vec<ExecutionId>>,
    /// The most that ran at the same time.
    pub(crate) most: Mutex<usize>,
    /// Executions that were to be cancelled.
    pub(crate) cancelled: Mutex<Vec<ExecutionId>>,
    /// The text of the one value that stands apart.
    pub(crate) payload: Mutex<Vec<u8>>,
    /// Executions that were begun before the test.
    pub(crate) past: Mutex<HashMap<(TenantId, ExecutionId), ExecutionWithEvents>>,
    /// Roles other than that of an editor.
    pub(crate) roles: Mutex<HashMap<UserId, Role>>,
    pub(crate) gone: Mutex<HashSet<UserId>>,
    /// Events that were delivered, repeated ones too.
    pub(crate) delivered: Mutex<Vec<DeliverEvent>>,
    /// What a comparison with this execution says.
    pub(crate) comparisons: Mutex<HashMap<ExecutionId, Comparison>>,
    tasks: Mutex<JoinSet<()>>,
    services: Mutex<Vec<Running>>,
}

impl World {
    pub(crate) async fn start(bus: &Bus, runtime: &Runtime) -> Arc<Self> {
        let world = Arc::new(Self::default());
        let mut tasks = JoinSet::new();
        for partition in 0..bus.partitions().await.unwrap() {
            for kind in [OwnerKind::Start, OwnerKind::Release, OwnerKind::Cancel] {
                let subject = Subject::owner(partition, kind);
                let mut requests = bus.subscribe(&subject, None).await.unwrap();
                let (bus, world) = (bus.clone(), Arc::downgrade(&world));
                let task = async move {
                    while let Some(request) = requests.next().await {
                        let Some(world) = world.upgrade() else { return };
                        world.answer(&bus, kind, &request).await;
                    }
                };
                tasks.spawn(task);
            }
        }
        *world.tasks.lock().unwrap() = tasks;
        let weak = || Arc::downgrade(&world);
        let auth = Service::new("auth", weak()).on(role_of);
        let execution = Service::new("execution", weak())
            .on(read)
            .on(read_payload)
            .on(deliver)
            .on(compare);
        let auth = auth.start(runtime).await.unwrap();
        let execution = execution.start(runtime).await.unwrap();
        world.services.lock().unwrap().extend([auth, execution]);
        bus.flush().await.unwrap();
        world
    }

    async fn answer(&self, bus: &Bus, kind: OwnerKind, request: &Incoming) {
        let body: Value = serde_json::from_slice(request.payload()).unwrap();
        let id = serde_json::from_value(body["execution_id"].clone()).unwrap();
        match kind {
            OwnerKind::Start => {
                let answer = self.take(bus, serde_json::from_value(body).unwrap()).await;
                bus.reply(request, answer.as_ref()).await.unwrap();
            }
            OwnerKind::Release => {
                if self.state(id) == Some(ExecutionState::Queued) {
                    self.set(id, ExecutionState::Running);
                }
                bus.reply(request, self.view(id).as_ref()).await.unwrap();
            }
            _ => {
                self.cancelled.lock().unwrap().push(id);
                if self.state(id) == Some(ExecutionState::Queued) {
                    self.set(id, ExecutionState::Cancelled);
                }
                bus.reply(request, self.view(id).as_ref()).await.unwrap();
            }
        }
    }

    pub(crate) fn state(&self, id: ExecutionId) -> Option<ExecutionState> {
        self.states.lock().unwrap().get(&id).copied()
    }

    pub(crate) fn set(&self, id: ExecutionId, state: ExecutionState) {
        self.states.lock().unwrap().insert(id, state);
        if state == ExecutionState::Running {
            self.began.lock().unwrap().push(id);
            let mut most = self.most.lock().unwrap();
            *most = (*most).max(self.running().len());
        }
    }

    pub(crate) fn running(&self) -> Vec<ExecutionId> {
        let states = self.states.lock().unwrap();
        let running = states.iter().filter(|it| *it.1 == ExecutionState::Running);
        running.map(|(id, _)| *id).collect()
    }

    fn view(&self, id: ExecutionId) -> Result<Execution, Problem> {
        let starts = self.starts.lock().unwrap();
        let start = starts.iter().find(|start| start.execution_id == id);
        let start = start.ok_or_else(|| Problem::new(ErrorCode::NotFound, "no such execution"))?;
        let output = self.outputs.lock().unwrap().get(&id).cloned();
        let state = match output {
            Some(_) => ExecutionState::Succeeded,
            None => self.state(id).unwrap_or(ExecutionState::Running),
        };
        Ok(Execution {
            id,
            origin: start.origin,
            parent_id: None,
            source: None,
            state,
            input: start.input.clone(),
            output,
            error: None,
            usage: Usage::ZERO,
            last_event: 2,
            approvals: Vec::new(),
            answers: Vec::new(),
            handled: false,
            uncompensated: Vec::new(),
            started_by: start.principal.user_id,
            created_at: Utc::now(),
            finished_at: None,
        })
    }

    async fn take(&self, bus: &Bus, start: Start) -> Result<Accepted, Problem> {
        {
            let mut refusals = self.refusals.lock().unwrap();
            if *refusals > 0 {
                *refusals -= 1;
                return Err(Problem::new(ErrorCode::Unavailable, "no owner at present"));
            }
        }
        let id = start.execution_id;
        if self.state(id).is_none() {
            self.set(
                id,
                match start.queued {
                    true => ExecutionState::Queued,
                    false => ExecutionState::Running,
                },
            );
        }
        let accepted = Accepted {
            id,
            origin: start.origin,
            state: self.state(id).unwrap(),
        };
        let subject = Subject::live(start.tenant, start.execution_id);
        let end = self.ends.lock().unwrap().clone();
        if let Some(ExecutionEvent::ExecutionSucceeded { output, .. }) = &end {
            let mut outputs = self.outputs.lock().unwrap();
            outputs.insert(start.execution_id, output.clone());
        }
        self.starts.lock().unwrap().push(start);
        if let Some(event) = end {
            let frame = Frame {
                n: 2,
                ts: Utc::now(),
                event,
            };
            bus.publish(&subject, &[frame]).await.unwrap();
        }
        Ok(accepted)
    }

    /// All starts that were taken, repeated ones too.
    pub(crate) fn starts(&self) -> Vec<Start> {
        self.starts.lock().unwrap().clone()
    }
}

type Known = std::sync::Weak<World>;

async fn role_of(ctx: Ctx<Known>, request: RoleOf) -> Result<RoleOfReply, Problem> {
    let world = ctx.state.upgrade().unwrap();
    if world.gone.lock().unwrap().contains(&request.user_id) {
        return Err(Problem::new(ErrorCode::Forbidden, "no member"));
    }
    let roles = world.roles.lock().unwrap();
    let role = roles.get(&request.user_id).copied();
    Ok(RoleOfReply {
        role: role.unwrap_or(Role::Editor),
    })
}

async fn deliver(ctx: Ctx<Known>, event: DeliverEvent) -> Result<Delivered, Problem> {
    let world = ctx.state.upgrade().unwrap();
    world.delivered.lock().unwrap().push(event);
    Ok(Delivered { execution_id: None })
}

async fn compare(ctx: Ctx<Known>, request: CompareExecutions) -> Result<Comparison, Problem> {
    let world = ctx.state.upgrade().unwrap();
    let comparisons = world.comparisons.lock().unwrap();
    let comparison = comparisons.get(&request.with_execution_id).cloned();
    comparison.ok_or_else(|| Problem::new(ErrorCode::NotFound, "no such execution"))
}

async fn read(ctx: Ctx<Known>, request: ReadExecution) -> Result<ExecutionWithEvents, Problem> {
    let world = ctx.state.upgrade().unwrap();
    let id = request.execution_id;
    if let Some(past) = world.past.lock().unwrap().get(&(ctx.tenant, id)) {
        return Ok(past.clone());
    }
    Ok(ExecutionWithEvents {
        execution: world.view(id)?,
        events: Events {
            items: Vec::new(),
            next: None,
        },
    })
}

async fn read_payload(ctx: Ctx<Known>, request: ReadPayload) -> Result<FilePart, Problem> {
    let world = ctx.state.upgrade().unwrap();
    let text = world.payload.lock().unwrap().clone();
    if !request.hash.is_of(&text) {
        return Err(Problem::new(ErrorCode::NotFound, "no such value"));
    }
    let from = usize::try_from(request.offset).unwrap().min(text.len());
    let to = text.len().min(from + FilePart::MAX_BYTES as usize);
    let (name, kind) = ("v.json".to_owned(), "application/json".to_owned());
    let bytes = text.len() as u64;
    Ok(FilePart::new(name, kind, bytes, &text[from..to]))
}
