//! The tasks: they follow what was announced, and see to it that every answer comes to its end.
//!
//! **Invariant:** an announcement is acknowledged only when nothing is left to do for its session, so whatever breaks
//! down in between is gone through again.

use std::{sync::Arc, time::Duration};

use bus::{Bus, Delivery};
use contracts::{
    Event, Service, chat::Asked, execution::Finished, id::TenantId, subject::tenant_of,
};
use futures::StreamExt;
use kernel::TaskCtx;

use crate::{
    State,
    error::Error,
    settle::settle,
    turns::{Kicked, kick},
};

/// Announcements that are worked on at the same time.
const AT_ONCE: usize = 16;
/// How long one may take: shorter than the bus waits.
const PATIENCE: Duration = Duration::from_secs(25);
/// Deliveries after which something is wrong that waiting does not heal: with the pauses, an hour or more.
const DELIVERIES: u64 = 100;
/// A turn is announced right before it is stored; if it is not there by then it never will be.
const STORED_WITHIN: u64 = 20;
const UNTIL_STORED: Duration = Duration::from_secs(1);

/// Runs that are over: their answers are written down, and the next turns begin.
pub(crate) async fn finished(task: TaskCtx<State>) {
    follow(task, |bus, state, tenant, event: Finished, _| async move {
        let Some(answer) = state.store.answer_of(tenant, event.execution_id).await? else {
            return Ok(Kicked::Rest);
        };
        if !settle(&bus, &state, tenant, &answer).await? {
            return Ok(Kicked::Later(Duration::from_secs(1)));
        }
        kick(&bus, &state, tenant, answer.session).await
    })
    .await;
}

/// Turns that are about to be stored: one whose process broke down before it began is begun here.
pub(crate) async fn asked(task: TaskCtx<State>) {
    follow(
        task,
        |bus, state, tenant, event: Asked, deliveries| async move {
            let stored = state.store.knows(tenant, event.message_id).await?;
            if !stored && deliveries < STORED_WITHIN {
                return Ok(Kicked::Later(UNTIL_STORED));
            }
            kick(&bus, &state, tenant, event.session_id).await
        },
    )
    .await;
}

async fn follow<E, F, Fut>(task: TaskCtx<State>, handle: F)
where
    E: Event,
    F: Fn(Bus, Arc<State>, TenantId, E, u64) -> Fut,
    Fut: Future<Output = Result<Kicked, Error>>,
{
    let events = match task.bus.events::<E>(Service::Chat, AT_ONCE).await {
        Ok(events) => events,
        Err(error) => {
            tracing::warn!(%error, "announcements cannot be followed");
            return;
        }
    };
    let (bus, state) = (&task.bus, &task.state);
    events
        .take_until(task.stop.cancelled())
        .for_each_concurrent(AT_ONCE, |delivery| {
            let handle = &handle;
            async move {
                let delivery = match delivery {
                    Ok(delivery) => delivery,
                    Err(error) => {
                        tracing::warn!(%error, "an announcement did not arrive");
                        return;
                    }
                };
                let Some((tenant, event)) = decoded(&delivery) else {
                    log(delivery.bury_event("it cannot be read").await);
                    return;
                };
                let deliveries = delivery.deliveries();
                let work = handle(bus.clone(), state.clone(), tenant, event, deliveries);
                let outcome = tokio::time::timeout(PATIENCE, work).await;
                log(answer(
                    delivery,
                    outcome.unwrap_or(Ok(Kicked::Later(Duration::ZERO))),
                )
                .await);
            }
        })
        .await;
}

async fn answer(delivery: Delivery, outcome: Result<Kicked, Error>) -> Result<(), bus::Error> {
    let deliveries = delivery.deliveries();
    match outcome {
        Ok(Kicked::Rest) | Err(Error::Store(sql::Error::UnknownTenant(_))) => delivery.ack().await,
        Ok(Kicked::Later(pause)) if deliveries < DELIVERIES => {
            delivery
                .give_back(pause.max(Duration::from_millis(50)))
                .await
        }
        Err(error) if deliveries < DELIVERIES => {
            tracing::warn!(%error, "an announcement is gone through again");
            let seconds = 1u64 << deliveries.min(6);
            delivery.give_back(Duration::from_secs(seconds)).await
        }
        Ok(Kicked::Later(_)) => delivery.bury_event("it was not done in time").await,
        Err(error) => delivery.bury_event(&error.to_string()).await,
    }
}

fn decoded<E: Event>(delivery: &Delivery) -> Option<(TenantId, E)> {
    let tenant = tenant_of(delivery.subject())?;
    Some((tenant, serde_json::from_slice(delivery.payload()).ok()?))
}

fn log(outcome: Result<(), bus::Error>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "the bus was not told what became of an announcement");
    }
}
