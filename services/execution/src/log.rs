//! The partition log: who owns a partition, and how what happens there is committed in groups.
//!
//! [`partition`] is the owner's mind, without I/O: executions, the open batch, what becomes due after a commit. [`replay`]
//! makes it from the log, [`owner`] connects it to the bus, [`door`] and [`intake`] hold what arrives there, [`lease`] says who may try, [`timers`] wakes it,
//! [`parked`] knows what waits out of memory, [`index`] stores that, [`reviving`] reads it back from the archive, [`in_hand`] knows what workers of earlier owners may have in hand, [`telling`] says what other executions are to know, and [`cache`] keeps outputs that may be taken again.
//!
//! **Invariant:** nobody hears of a record before it is stored: answers, live frames and effects wait for the commit.

pub(crate) mod append;
pub(crate) mod begun;
pub(crate) mod cache;
pub(crate) mod door;
pub(crate) mod effects;
pub(crate) mod in_hand;
pub(crate) mod index;
pub(crate) mod intake;
pub(crate) mod lease;
pub(crate) mod listen;
pub(crate) mod owner;
pub(crate) mod parked;
pub(crate) mod partition;
pub(crate) mod replay;
pub(crate) mod reviving;
#[cfg(test)]
mod simulation;
pub(crate) mod slots;
pub(crate) mod starts;
pub(crate) mod storing;
pub(crate) mod takeover;
pub(crate) mod telling;
pub(crate) mod timers;

use std::{num::NonZeroU32, sync::Arc};

use kernel::{TaskCtx, keep_up};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{State, payloads::Payloads, plans::Plans};

/// Tries to own every partition, until the service drains.
pub(crate) async fn own_partitions(ctx: TaskCtx<State>) {
    let partitions = match ctx.bus.partitions().await {
        Ok(partitions) => partitions,
        // The kernel starts this task again.
        Err(error) => return tracing::warn!(%error, "the engine waits for its streams"),
    };
    let config = &ctx.state.config;
    let engine = Arc::new(owner::Engine {
        bus: ctx.bus.clone(),
        plans: Plans::new(ctx.bus.clone(), ctx.state.archive.clone()),
        payloads: Payloads::new(ctx.bus.clone(), ctx.state.archive.clone()),
        store: ctx.state.store.clone(),
        archive: ctx.state.archive.clone(),
        limits: partition::Limits {
            open_executions: config.engine_max_open,
            park_after: chrono::TimeDelta::milliseconds(config.engine_park_after_ms.into()),
        },
        room: door::Room {
            open_executions: config.engine_max_open,
            starts_per_second: NonZeroU32::new(
                config.engine_starts_per_second.div_ceil(partitions.into()),
            ),
        },
        hands: ctx.state.hands.clone(),
        sweep_every: std::time::Duration::from_secs(config.retention_sweep_seconds),
        dispatches: Arc::new(Semaphore::new(effects::MAX_DISPATCHES)),
    });
    let mut owners = JoinSet::new();
    for partition in 0..partitions {
        let (engine, stop) = (engine.clone(), ctx.stop.clone());
        // Each alone: what breaks one down leaves the others at work.
        owners.spawn(async move {
            let run = || owner::run(engine.clone(), partition, stop.clone());
            keep_up(format!("owner of partition {partition}"), &stop, run).await;
        });
    }
    owners.join_all().await;
}
