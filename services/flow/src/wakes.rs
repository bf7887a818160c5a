//! The tasks: they look after triggers when it is time, and hear the events that triggers wait for.
//!
//! **Invariant:** a message is acknowledged only when nothing is left to do for it: what it begins is noted and started,
//! and the next wake-up is stored.

mod arming;
mod door;

use std::{sync::Arc, time::Duration};

use bus::{Bus, Call, Delivery};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::{
    Service,
    execution::DeliverEvent,
    id::{ExecutionId, FireId, TenantId},
    subject::{Token, kept_event_of, trigger_of},
    trigger::{Fire, FireOutcome, Trigger, TriggerKind},
};
use futures::{Stream, StreamExt};
use kernel::TaskCtx;

pub(crate) use self::door::arriving;
use crate::{
    domain::{
        cron::{self, Schedule},
        trigger as rules,
    },
    error::Error,
    fires::{self, Tried},
    handlers::now,
    store::{FlowStore, LockedTrigger},
};

/// Messages that are worked on at the same time.
pub(crate) const AT_ONCE: usize = 16;
/// How long one may take: shorter than the bus waits.
const PATIENCE: Duration = Duration::from_secs(25);
/// Pending fires that are started at one look.
const AT_ONE_LOOK: u64 = 100;
/// A trigger is woken right before it is stored; if it is not there by then it never will be.
const STORED_WITHIN: u64 = 20;
const UNTIL_STORED: Duration = Duration::from_secs(1);
/// The longest pause between two looks at what is not done.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Deliveries of a message that waits itself for a start that is not taken. The fire is stored: after them one wake-up of its
/// trigger stands for all that wait, so that those of one organization never fill the reader's hands.
const QUICK: u64 = 2;
/// Deliveries of an event after which something is wrong that waiting does not heal.
const DELIVERIES: u64 = 500;

/// What is left to do for a message.
pub(crate) enum Left {
    Nothing,
    /// To look again after this time.
    Later(Duration),
}

pub(crate) type State = Arc<FlowStore>;

/// What a message says.
pub(crate) struct Heard {
    pub(crate) subject: String,
    pub(crate) body: Bytes,
    /// What its sender called it.
    key: String,
    pub(crate) stored_at: Option<DateTime<Utc>>,
    pub(crate) deliveries: u64,
}

impl From<&Delivery> for Heard {
    fn from(delivery: &Delivery) -> Self {
        Self {
            subject: delivery.subject().to_owned(),
            body: delivery.payload().clone(),
            key: delivery.event_id(),
            stored_at: delivery.stored_at(),
            deliveries: delivery.deliveries(),
        }
    }
}

/// Triggers whose time has come.
pub(crate) async fn due(task: TaskCtx<FlowStore>) {
    if let Err(error) = arming::arm(&task).await {
        // The kernel starts this task again.
        let error = &error as &dyn std::error::Error;
        return tracing::warn!(error, "triggers cannot be armed");
    }
    match task.bus.wakes(Service::Flow, AT_ONCE).await {
        Ok(wakes) => follow(task, wakes, look).await,
        Err(error) => tracing::warn!(%error, "triggers cannot be followed"),
    }
}

/// Events of integrators that were acknowledged.
pub(crate) async fn inbound(task: TaskCtx<FlowStore>) {
    match task.bus.kept_events(Service::Flow, AT_ONCE).await {
        Ok(events) => follow(task, events, hear).await,
        Err(error) => tracing::warn!(%error, "events cannot be followed"),
    }
}

pub(crate) async fn follow<F, Fut>(
    task: TaskCtx<FlowStore>,
    messages: impl Stream<Item = Result<Delivery, bus::Error>>,
    handle: F,
) where
    F: Fn(Bus, State, Heard) -> Fut,
    Fut: Future<Output = Result<Left, Error>>,
{
    let (bus, state) = (&task.bus, &task.state);
    messages
        .take_until(task.stop.cancelled())
        .for_each_concurrent(AT_ONCE, |delivery| {
            let handle = &handle;
            async move {
                let delivery = match delivery {
                    Ok(delivery) => delivery,
                    Err(error) => return tracing::warn!(%error, "a message did not arrive"),
                };
                let work = handle(bus.clone(), state.clone(), Heard::from(&delivery));
                let outcome = tokio::time::timeout(PATIENCE, work).await;
                let outcome = outcome.unwrap_or(Ok(Left::Later(Duration::ZERO)));
                if let Err(error) = answer(delivery, outcome).await {
                    tracing::warn!(%error, "the bus was not told what became of a message");
                }
            }
        })
        .await;
}

async fn answer(delivery: Delivery, outcome: Result<Left, Error>) -> Result<(), bus::Error> {
    let deliveries = delivery.deliveries();
    match outcome {
        Ok(Left::Nothing) | Err(Error::Store(sql::Error::UnknownTenant(_))) => delivery.ack().await,
        Ok(Left::Later(pause)) => {
            let pause = pause.clamp(Duration::from_millis(50), LONGEST_PAUSE);
            delivery.give_back(pause).await
        }
        Err(Error::Unreadable) => delivery.bury_event("it cannot be read").await,
        Err(error) if deliveries < DELIVERIES => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a message is gone through again"
            );
            delivery.give_back(pause(deliveries)).await
        }
        Err(error) => delivery.bury_event(&error.to_string()).await,
    }
}

/// 1 s, 2 s, 4 s, and so on.
pub(crate) fn pause(deliveries: u64) -> Duration {
    let seconds = 1u64 << deliveries.saturating_sub(1).min(6);
    Duration::from_secs(seconds).min(LONGEST_PAUSE)
}

/// Notes the fire times that have come, stores the next wake-up, starts what is pending.
async fn look(bus: Bus, state: State, heard: Heard) -> Result<Left, Error> {
    let Some((tenant, id)) = trigger_of(&heard.subject) else {
        return Err(Error::Unreadable);
    };
    let now = now();
    let Some(mut locked) = state.lock_trigger(tenant, None, id, now).await? else {
        return Ok(match heard.deliveries < STORED_WITHIN {
            true => Left::Later(UNTIL_STORED),
            false => Left::Nothing,
        });
    };
    let trigger = locked.trigger().clone();
    let mut left = Left::Nothing;
    if trigger.enabled && trigger.kind == TriggerKind::Cron {
        match note_due(&mut locked, now).await? {
            Noted::Never => {}
            // The bus took it for the time: the clocks of two machines differ.
            Noted::Early(next) if heard.stored_at >= Some(next) => {
                left = Left::Later((next - now).to_std().unwrap_or_default());
            }
            Noted::Early(next) | Noted::Until(next) => wake(&bus, tenant, &locked, next).await?,
        }
    }
    locked.commit().await?;
    let pending = state.pending(tenant, id, AT_ONE_LOOK).await?;
    let has_more = pending.len() as u64 == AT_ONE_LOOK;
    for fire in &pending {
        match fires::begin(&bus, &state, tenant, &trigger, fire).await? {
            Tried::Started(_) | Tried::Refused(_) => {}
            // The next ones would fare the same, and fires are started in their order.
            Tried::NotNow if heard.deliveries <= QUICK => {
                return Ok(Left::Later(pause(heard.deliveries)));
            }
            Tried::NotNow => {
                wake_soon(&bus, tenant, &trigger).await?;
                return Ok(Left::Nothing);
            }
        }
    }
    if has_more {
        return Ok(Left::Later(Duration::ZERO));
    }
    Ok(left)
}

enum Noted {
    /// There is no fire time any more.
    Never,
    Early(DateTime<Utc>),
    /// What was due is noted; the next comes then.
    Until(DateTime<Utc>),
}

async fn note_due(locked: &mut LockedTrigger, now: DateTime<Utc>) -> Result<Noted, Error> {
    let trigger = locked.trigger().clone();
    let stored = || Error::StoredTrigger(trigger.id);
    let cron = trigger.spec.cron.as_ref().ok_or_else(stored)?;
    let schedule = Schedule::parse(cron).map_err(|_| stored())?;
    let due = schedule.due(locked.held().done_until, now, cron.missed);
    let nothing = due.run.is_empty() && due.skipped.is_none();
    let Some(next) = schedule.after(now) else {
        return Ok(Noted::Never);
    };
    if nothing {
        return Ok(Noted::Early(next));
    }
    if let Some((first, last)) = due.skipped {
        let detail = format!(
            "the fire times from {} to {} passed while nobody was there to run them",
            rules::stamp(first),
            rules::stamp(last)
        );
        let fire = Fire {
            reason: Some("missed".to_owned()),
            detail: Some(detail),
            ..fire(rules::stamp(last), FireOutcome::Skipped, None, now)
        };
        locked.note(fire, None).await?;
    }
    for at in due.run {
        let execution = cron::execution_at(trigger.id, at);
        let input = rules::cron_input(cron, trigger.id, at);
        let fire = fire(rules::stamp(at), FireOutcome::Pending, Some(execution), now);
        locked.note(fire, Some(&input)).await?;
    }
    locked.done_until(now).await?;
    Ok(Noted::Until(next))
}

/// Stores the next wake-up of a cron trigger; one of an earlier version that still comes finds nothing to do.
pub(crate) async fn wake(
    bus: &Bus,
    tenant: TenantId,
    locked: &LockedTrigger,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let version = locked.held().version;
    let label = Token::new(&format!("v{version}")).expect("a letter and digits are a token");
    bus.wake_at(tenant, locked.trigger().id, &label, at)
        .await
        .map_err(Error::Bus)
}

/// Stores a wake-up for a fire whose process may break down before it has started it; one for all fires of some seconds.
pub(crate) async fn wake_soon(bus: &Bus, tenant: TenantId, trigger: &Trigger) -> Result<(), Error> {
    const STRETCH: i64 = 15;
    let stretch = Utc::now().timestamp() / STRETCH + 2;
    let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(stretch * STRETCH);
    let label = Token::new(&format!("s{stretch}")).expect("a letter and digits are a token");
    bus.wake_at(tenant, trigger.id, &label, at)
        .await
        .map_err(Error::Bus)
}

/// An event of an integrator: every trigger that waits for it begins an execution, and the execution that has waited longest
/// for it goes on.
async fn hear(bus: Bus, state: State, heard: Heard) -> Result<Left, Error> {
    let (tenant, name) = kept_event_of(&heard.subject).ok_or(Error::Unreadable)?;
    let now = now();
    let at = heard.stored_at.unwrap_or(now);
    let key = heard.key;
    let input = rules::event_input(&name, &key, &heard.body, at).ok_or(Error::Unreadable)?;
    let delivery = DeliverEvent {
        name: name.to_string(),
        id: key.clone(),
        data: input["data"].clone(),
        at,
    };
    let mut left = Left::Nothing;
    for trigger in state.triggers_of_event(tenant, &name).await? {
        let Some(locked) = state.lock_trigger(tenant, None, trigger.id, now).await? else {
            continue;
        };
        let execution = Some(ExecutionId::generate());
        let fire = fire(key.clone(), FireOutcome::Pending, execution, now);
        let (pending, _) = locked.note(fire, Some(&input)).await?;
        locked.commit().await?;
        if pending.fire.outcome != FireOutcome::Pending {
            continue;
        }
        if let Tried::NotNow = fires::begin(&bus, &state, tenant, &trigger, &pending).await? {
            if heard.deliveries <= QUICK {
                left = Left::Later(pause(heard.deliveries));
            } else {
                wake_soon(&bus, tenant, &trigger).await?;
            }
        }
    }
    // An execution may wait for it as well.
    match bus.call(tenant, &delivery, Call::anonymous()).await {
        Ok(_) => {}
        Err(problem) if problem.code.may_heal() => {
            tracing::warn!(%problem, tenant.id = %tenant, "an event will be delivered again");
            left = Left::Later(pause(heard.deliveries));
        }
        Err(problem) => {
            tracing::error!(%problem, tenant.id = %tenant, "an event cannot be delivered");
        }
    }
    Ok(left)
}

pub(crate) fn fire(
    key: String,
    outcome: FireOutcome,
    execution_id: Option<ExecutionId>,
    at: DateTime<Utc>,
) -> Fire {
    Fire {
        id: FireId::generate(),
        at,
        key,
        outcome,
        reason: None,
        detail: None,
        execution_id,
    }
}
