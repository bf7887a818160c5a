//! From a fire to an execution: it is noted, then begun, in the name and with the present role of the trigger's user.
//!
//! **Invariant:** an execution is named when its fire is noted and its start is idempotent by that name, so a start that
//! was interrupted is made again, by whichever process finds it, and begins nothing twice.

use std::time::Duration;

use bus::{Bus, Call};
use chrono::{TimeDelta, Utc};
use contracts::{
    ErrorCode, Permission, Principal, Problem,
    auth::RoleOf,
    execution::{Accepted, Origin},
    id::{ExecutionId, TenantId},
    owner::Start,
    trigger::{Fire, FireOutcome, Trigger},
};
use kernel::ServiceError;

use crate::{
    domain,
    error::{Error, NO_PLACE},
    launch::{self, Launch},
    store::{FlowStore, PendingFire, Refusal},
};

/// How long the engine may take for a start.
const START: Duration = Duration::from_secs(5);
/// How long the engine is asked.
const PATIENCE: TimeDelta = TimeDelta::hours(24);
const MAX_DETAIL: usize = 1000;

/// What became of a fire.
pub(crate) enum Tried {
    Started(Accepted),
    Refused(Refusal),
    /// It is still pending: the same start may succeed later.
    NotNow,
}

/// Begins the execution of a pending fire, and writes down what became of it.
///
/// # Errors
/// That this could not be written down.
pub(crate) async fn begin(
    bus: &Bus,
    store: &FlowStore,
    tenant: TenantId,
    trigger: &Trigger,
    pending: &PendingFire,
) -> Result<Tried, Error> {
    let refusal = match start(bus, store, tenant, trigger, pending).await {
        Ok(accepted) => {
            store.settle(tenant, pending.fire.id, None).await?;
            return Ok(Tried::Started(accepted));
        }
        Err(error) => {
            let may_heal = error.code().may_heal() && Utc::now() - pending.fire.at < PATIENCE;
            if may_heal {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    tenant.id = %tenant,
                    "a trigger's execution could not be started, and will be tried again"
                );
                return Ok(Tried::NotNow);
            }
            refusal(&error)
        }
    };
    store
        .settle(tenant, pending.fire.id, Some(&refusal))
        .await?;
    if is_for_good(&refusal.reason) {
        let now = Utc::now();
        let locked = store.lock_trigger(tenant, None, trigger.id, now).await?;
        // Whoever enabled it again meanwhile meant it.
        if let Some(mut locked) = locked.filter(|it| it.trigger().runs_as == trigger.runs_as) {
            locked.give_up(&refusal.reason, now).await?;
            locked.commit().await?;
        }
    }
    Ok(Tried::Refused(refusal))
}

async fn start(
    bus: &Bus,
    store: &FlowStore,
    tenant: TenantId,
    trigger: &Trigger,
    pending: &PendingFire,
) -> Result<Accepted, Error> {
    let principal = principal(bus, tenant, trigger).await?;
    let (flow_id, number) = (trigger.flow_id, trigger.spec.revision);
    let (revision, executable) = launch::published(store, tenant, flow_id, number).await?;
    domain::check_input(&executable.definition, &pending.input)?;
    let session = domain::trigger::session(&trigger.spec, &pending.input)?;
    let (vars, concurrency) = store.surroundings(tenant, Some(flow_id)).await?;
    let start = Start {
        tenant,
        execution_id: execution_of(trigger, &pending.fire)?,
        origin: Origin::flow(flow_id, Some(revision)),
        parent: None,
        notify: false,
        queued: false,
        basis: None,
        definition_hash: launch::hand_over(bus, &executable).await?,
        input: pending.input.clone(),
        vars,
        principal,
    };
    let launch = Launch {
        start,
        concurrency,
        session,
        priority: trigger.spec.priority,
        is_new: false,
        patience: START,
    };
    launch::start(bus, store, launch).await
}

pub(crate) fn execution_of(trigger: &Trigger, fire: &Fire) -> Result<ExecutionId, Error> {
    fire.execution_id.ok_or(Error::StoredTrigger(trigger.id))
}

/// The trigger's user as they are at this moment.
async fn principal(bus: &Bus, tenant: TenantId, trigger: &Trigger) -> Result<Principal, Error> {
    let user_id = trigger.runs_as;
    let answer = bus
        .call(tenant, &RoleOf { user_id }, Call::anonymous())
        .await;
    let role = match answer {
        Ok(reply) => reply.role,
        Err(problem) if problem.code.may_heal() => return Err(Error::Unresolved(problem)),
        Err(_) => return Err(Error::OwnerLeft(user_id)),
    };
    let principal = Principal {
        user_id,
        tenant,
        role,
        session_id: None,
        execution_id: None,
    };
    match principal.allows(Permission::FlowExecute) {
        true => Ok(principal),
        false => Err(Error::OwnerMayNot(user_id)),
    }
}

/// Whether the trigger is disabled for it.
fn is_for_good(reason: &str) -> bool {
    matches!(reason, "owner_left" | "owner_may_not" | "flow_not_found")
}

fn refusal(error: &Error) -> Refusal {
    let problem = error.problem();
    let word = problem.reason.clone();
    let whole = match &problem.errors[..] {
        [first, ..] => format!("{}: `{}` {}", problem.detail, first.path, first.message),
        [] => problem.detail.clone(),
    };
    let readable = whole.chars().filter(|c| !c.is_control());
    Refusal {
        outcome: FireOutcome::Refused,
        reason: word.unwrap_or_else(|| problem.code.as_str().to_owned()),
        detail: readable.take(MAX_DETAIL).collect(),
    }
}

impl Refusal {
    /// As whoever waits for the execution is told.
    pub(crate) fn problem(&self) -> Problem {
        let code = match self.reason.as_str() {
            NO_PLACE => ErrorCode::Conflict,
            _ => ErrorCode::InvalidInput,
        };
        Problem::new(code, self.detail.clone()).with_reason(&self.reason)
    }
}
