//! From a start of a limited flow to its place, and from the end of an execution to the next that waits.
//!
//! **Invariant:** an execution that waits is durable in the engine, held there, before its start is answered; the engine
//! lets it begin only after its place is stored. Whoever breaks down in between leaves a place of which the engine is yet
//! to be told, or one without an execution; [`watch`] finds both.

use std::time::Duration;

use bus::{Bus, Call};
use chrono::{TimeDelta, Utc};
use contracts::{
    ErrorCode, Service,
    execution::{Accepted, ExecutionState, Finished, ReadExecution},
    flow::PlaceTaken,
    id::{ExecutionId, FlowId, TenantId, UserId},
    owner::{Cancel, Release},
    subject::tenant_of,
};
use kernel::TaskCtx;

use crate::{
    domain::concurrency::{self, Healed, PlaceState},
    error::Error,
    handlers::now,
    launch::Launch,
    store::{Claim, FlowStore, KeptPlace},
    wakes::{AT_ONCE, Heard, Left, State, follow, pause},
};

/// How long the engine may take for one answer.
const ANSWER: Duration = Duration::from_secs(5);
/// After so long a start is in the engine, or never will be.
const IN_FLIGHT: TimeDelta = TimeDelta::minutes(2);
/// Places that are compared with the engine at one look.
const AT_ONE_LOOK: u64 = 100;
/// Looks after places that are taken for long, before that is said anew: all that is said of a flow in the same moment is one
/// event, so that a flow which is always busy has few of them.
const LOOKS: u64 = 4;
/// How often those that were stopped at once make room at one occasion.
const ROUNDS: usize = 4;

/// Starts an execution of a limited flow.
///
/// # Errors
/// [`Error::Busy`], [`Error::QueueFull`], and what the engine says.
pub(crate) async fn start(
    bus: &Bus,
    store: &FlowStore,
    flow: FlowId,
    launch: Launch,
) -> Result<Accepted, Error> {
    let mut start = launch.start;
    let (tenant, id) = (start.tenant, start.execution_id);
    // What ran before needs no place, and is not refused for want of one.
    if !launch.is_new
        && store.place(tenant, id).await?.is_none()
        && let Some(known) = known(bus, tenant, id).await?
    {
        return Ok(known);
    }
    announce(bus, tenant, flow).await?;
    let claim = Claim {
        flow,
        execution: id,
        by: start.principal.user_id,
        session: launch.session,
        priority: launch.priority,
    };
    let kept = store.take_place(tenant, &claim, now()).await?;
    if let Some(kept) = &kept {
        start.notify = true;
        start.queued = kept.place.state != PlaceState::Running;
    }
    let answer = bus.ask_owner(&start, launch.patience).await;
    if let Some(kept) = kept {
        let over = match &answer {
            Ok(accepted) => accepted.state.is_final(),
            // Nobody knows whether it began: its place stays until that is known.
            Err(problem) if problem.code.may_heal() => false,
            Err(_) => true,
        };
        if over || start.queued {
            let over: &[_] = if over { &[id] } else { &[] };
            // The start is stored whatever becomes of this, and `watch` does it once more.
            if let Err(error) = settle(bus, store, tenant, (flow, &kept.scope), over).await {
                tracing::warn!(error = &error as &dyn std::error::Error, flow.id = %flow, "places are settled later");
            }
        }
    }
    answer.map_err(Error::Engine)
}

/// The execution, if the engine has it.
async fn known(bus: &Bus, tenant: TenantId, id: ExecutionId) -> Result<Option<Accepted>, Error> {
    Ok(read(bus, tenant, id)
        .await?
        .map(|(origin, state)| Accepted { id, origin, state }))
}

async fn read(
    bus: &Bus,
    tenant: TenantId,
    execution_id: ExecutionId,
) -> Result<Option<(contracts::execution::Origin, ExecutionState)>, Error> {
    let question = ReadExecution {
        execution_id,
        after: u64::MAX,
    };
    let call = Call {
        token: None,
        deadline: ANSWER,
    };
    match bus.call(tenant, &question, call).await {
        Ok(read) => Ok(Some((read.execution.origin, read.execution.state))),
        Err(problem) if problem.code == ErrorCode::NotFound => Ok(None),
        Err(problem) => Err(Error::Engine(problem)),
    }
}

/// Says that the flow's places are to be looked after.
pub(crate) async fn announce(bus: &Bus, tenant: TenantId, flow_id: FlowId) -> Result<(), Error> {
    let stretch = Utc::now().timestamp() / PlaceTaken::STRETCH;
    let event = PlaceTaken { flow_id, stretch };
    bus.emit(tenant, &event).await.map_err(Error::Bus)
}

/// Gives the places of a scope to whom they belong, and tells the engine.
///
/// # Errors
/// When the places cannot be read or written. What the engine is not told is told later.
pub(crate) async fn settle(
    bus: &Bus,
    store: &FlowStore,
    tenant: TenantId,
    scope: (FlowId, &str),
    over: &[ExecutionId],
) -> Result<(), Error> {
    let mut over = over.to_vec();
    for _ in 0..ROUNDS {
        let orders = store.settle_places(tenant, scope, &over, now()).await?;
        over.clear();
        let mut released = Vec::new();
        for id in orders.release {
            match release(bus, tenant, id).await {
                Some(state) if state.is_final() => over.push(id),
                Some(_) => released.push(id),
                None => {}
            }
        }
        let change = (PlaceState::Admitted, PlaceState::Running);
        store
            .change_places(tenant, &released, change, now())
            .await?;
        for id in orders.stop {
            let state = match orders.by {
                Some(by) => cancel(bus, tenant, id, by).await,
                None => None,
            };
            if state.is_some_and(ExecutionState::is_final) {
                over.push(id);
            }
        }
        if over.is_empty() {
            break;
        }
    }
    Ok(())
}

/// The state that the execution has now; none where the engine does not answer, or does not know it (yet, or any more).
async fn release(bus: &Bus, tenant: TenantId, execution_id: ExecutionId) -> Option<ExecutionState> {
    let release = Release {
        tenant,
        execution_id,
    };
    let answer = bus.ask_owner(&release, ANSWER).await;
    told(execution_id, answer)
}

async fn cancel(
    bus: &Bus,
    tenant: TenantId,
    execution_id: ExecutionId,
    by: UserId,
) -> Option<ExecutionState> {
    let cancel = Cancel {
        tenant,
        execution_id,
        by,
    };
    let answer = bus.ask_owner(&cancel, ANSWER).await;
    told(execution_id, answer)
}

fn told(
    id: ExecutionId,
    answer: Result<contracts::execution::Execution, contracts::Problem>,
) -> Option<ExecutionState> {
    match answer {
        Ok(execution) => Some(execution.state),
        Err(problem) => {
            if problem.code != ErrorCode::NotFound {
                tracing::warn!(problem = problem.detail, execution.id = %id, "an execution is told later that it has a place, or has none any more");
            }
            None
        }
    }
}

/// Follows what becomes of places.
pub(crate) async fn keep(task: TaskCtx<FlowStore>) {
    tokio::join!(freed(task.clone()), watch(task));
}

/// Executions that are over: their places go to who waits.
async fn freed(task: TaskCtx<FlowStore>) {
    match task.bus.events::<Finished>(Service::Flow, AT_ONCE).await {
        Ok(events) => follow(task, events, free).await,
        Err(error) => tracing::warn!(%error, "ends of executions cannot be followed"),
    }
}

/// Flows that have places: whatever was lost in between is found.
async fn watch(task: TaskCtx<FlowStore>) {
    match task.bus.events::<PlaceTaken>(Service::Flow, AT_ONCE).await {
        Ok(events) => follow(task, events, look_after).await,
        Err(error) => tracing::warn!(%error, "places of flows cannot be followed"),
    }
}

async fn free(bus: Bus, state: State, heard: Heard) -> Result<Left, Error> {
    let (tenant, event) = heard.event::<Finished>()?;
    let Some(flow) = event.origin.flow_id else {
        return Ok(Left::Nothing);
    };
    let id = event.execution_id;
    match state.place(tenant, id).await? {
        Some(kept) => settle(&bus, &state, tenant, (flow, &kept.scope), &[id]).await?,
        // Perhaps its place is gone, and the next one was not told.
        None => settle_all(&bus, &state, tenant, flow, true).await?,
    }
    Ok(Left::Nothing)
}

/// Settles the scopes of a flow: those of which the engine is yet to be told something, or all.
pub(crate) async fn settle_all(
    bus: &Bus,
    store: &FlowStore,
    tenant: TenantId,
    flow: FlowId,
    untold: bool,
) -> Result<(), Error> {
    for scope in store.scopes(tenant, flow, untold).await? {
        settle(bus, store, tenant, (flow, &scope), &[]).await?;
    }
    Ok(())
}

async fn look_after(bus: Bus, state: State, heard: Heard) -> Result<Left, Error> {
    let (tenant, event) = heard.event::<PlaceTaken>()?;
    let flow = event.flow_id;
    let (now, said) = (now(), heard.stored_at.unwrap_or_else(Utc::now));
    let places = state.some_places(tenant, flow, AT_ONE_LOOK).await?;
    if places.is_empty() {
        // Others in the same stretch were not said: they may be about to be stored.
        let end = said + TimeDelta::seconds(2 * PlaceTaken::STRETCH);
        return Ok(match (end - now).to_std() {
            Ok(left) => Left::Later(left),
            Err(_) => Left::Nothing,
        });
    }
    for kept in places {
        heal(&bus, &state, (tenant, flow), kept).await?;
    }
    settle_all(&bus, &state, tenant, flow, false).await?;
    if heard.deliveries > LOOKS {
        announce(&bus, tenant, flow).await?;
        return Ok(Left::Nothing);
    }
    Ok(Left::Later(pause(heard.deliveries)))
}

/// Compares one place with what the engine says.
async fn heal(
    bus: &Bus,
    store: &FlowStore,
    (tenant, flow): (TenantId, FlowId),
    kept: KeptPlace,
) -> Result<(), Error> {
    let (id, state) = (kept.place.execution, kept.place.state);
    let truth = read(bus, tenant, id).await?.map(|(_, state)| state);
    let is_old = now() - kept.changed_at > IN_FLIGHT;
    match concurrency::heal(state, truth, is_old) {
        Healed::Keep => Ok(()),
        Healed::Set(to) => store.change_places(tenant, &[id], (state, to), now()).await,
        Healed::Leave => {
            tracing::info!(execution.id = %id, flow.id = %flow, "a place is free whose execution is over, or never began");
            settle(bus, store, tenant, (flow, &kept.scope), &[id]).await
        }
    }
}

impl Heard {
    /// The event, and whose it is.
    fn event<E: contracts::Event>(&self) -> Result<(TenantId, E), Error> {
        let tenant = tenant_of(&self.subject).ok_or(Error::Unreadable)?;
        let event = serde_json::from_slice(&self.body).map_err(|_| Error::Unreadable)?;
        Ok((tenant, event))
    }
}
