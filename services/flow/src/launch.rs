//! What every start needs, whoever asks for it: the revision, where the engine finds it, and a place where the flow has
//! only so many.

use std::time::Duration;

use bus::{Bucket, Bus};
use contracts::{
    execution::Accepted,
    flow::{Concurrency, Executable},
    id::{FlowId, TenantId},
    owner::Start,
    payload::PayloadRef,
};

use crate::{domain, error::Error, places, store::FlowStore};

/// A start, with what decides whether it may begin.
pub(crate) struct Launch {
    pub(crate) start: Start,
    /// How many executions of the flow may run.
    pub(crate) concurrency: Concurrency,
    pub(crate) session: Option<String>,
    pub(crate) priority: Option<i16>,
    /// Whether nobody can have asked for this execution before.
    pub(crate) is_new: bool,
    /// How long the engine may take.
    pub(crate) patience: Duration,
}

/// A revision with its number: the latest where none is named.
///
/// # Errors
/// [`Error::FlowNotFound`], [`Error::NotPublished`], [`Error::RevisionNotFound`].
pub(crate) async fn published(
    store: &FlowStore,
    tenant: TenantId,
    flow_id: FlowId,
    number: Option<u32>,
) -> Result<(u32, Executable), Error> {
    let number = match number {
        Some(number) => number,
        None => {
            let flow = store.get(tenant, flow_id).await?;
            flow.revision.ok_or(Error::NotPublished(flow_id))?
        }
    };
    let executable = store.executable(tenant, flow_id, number).await?;
    Ok((number, executable))
}

/// Puts it where the engine finds it, and gives its hash.
pub(crate) async fn hand_over(bus: &Bus, executable: &Executable) -> Result<String, Error> {
    let text = domain::write_executable(executable)?;
    let hash = domain::hash(&text);
    let bucket = bus.kv(Bucket::FlowDef).await.map_err(Error::Definition)?;
    match bucket.create(&hash, text.into()).await {
        Ok(_) | Err(bus::Error::Conflict { .. }) => Ok(hash),
        Err(error) => Err(Error::Definition(error)),
    }
}

/// Begins the execution, or lets it wait for its place.
///
/// # Errors
/// What the engine says, as [`Error::Engine`]; that there is no place.
pub(crate) async fn start(
    bus: &Bus,
    store: &FlowStore,
    mut launch: Launch,
) -> Result<Accepted, Error> {
    let start = &mut launch.start;
    let source = start
        .basis
        .as_ref()
        .and_then(|basis| basis.source.execution_id);
    // What the engine has given of another execution may be a reference already: it finds the value there.
    if source.is_none() || PayloadRef::of(&start.input).is_none() {
        let input = start.input.take();
        let stored = bus.by_reference(start.tenant, start.execution_id, input);
        start.input = stored.await.map_err(Error::Bus)?;
    }
    match launch.start.origin.flow_id {
        Some(flow) if launch.concurrency.limit().is_some() => {
            places::start(bus, store, flow, launch).await
        }
        Some(_) | None => {
            let answer = bus.ask_owner(&launch.start, launch.patience).await;
            answer.map_err(Error::Engine)
        }
    }
}
