//! Flows within flows: a step that begins an execution of its own. No worker waits for its end, unless its silence has a limit.
//!
//! **Invariant:** the execution's id follows from the step's key and the number of the attempt: a worker that looks after the same
//! attempt again finds the same one, and what the next attempt begins is new.

use std::time::Duration;

use bus::Bus;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::{
    execution::{Execution, ExecutionState, Origin, StepError, begun_by},
    id::ExecutionId,
    owner::{Cancel, Get, Outcome, Parent, Pause, Start},
    payload::PayloadRef,
    tool::FlowPin,
    work::WorkItem,
};
use kernel::ServiceError;
use serde::Deserialize;
use serde_json::Value;

use super::{Attempted, config_of, error_of, pool::RETRY, pulse::Pulse};
use crate::{State, domain::outcome_of, handlers, log::effects::stored, payloads::Payloads};

/// How deep executions may begin executions.
pub(crate) const MAX_DEPTH: u32 = 8;
/// How long an owner may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// The pauses between two looks at the execution, at first and at most.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LAST_LOOK: Duration = Duration::from_millis(1000);

/// What the step's configuration must be.
#[derive(Deserialize)]
struct Call {
    flow: FlowPin,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    vars: Value,
    depth: u32,
    /// How deep the agent that calls may go.
    max_depth: u32,
}

/// How far a worker follows the execution.
enum Followed {
    ToItsEnd(Box<Execution>),
    /// It goes on, and tells of its end itself.
    HandedOn {
        until: DateTime<Utc>,
    },
}

/// Begins the flow's execution, and waits for its end where its silence has a limit. What it used counts for the execution that
/// called it.
pub(crate) async fn perform(bus: &Bus, state: &State, item: &WorkItem, pulse: &Pulse) -> Attempted {
    match run(bus, state, item, pulse).await {
        Ok(Followed::ToItsEnd(mut execution)) => {
            if let Err(error) = whole(bus, state, item, &mut execution).await {
                return Err(error).into();
            }
            let usage = Some(execution.usage);
            let outcome = outcome_of(*execution);
            Attempted { outcome, usage }
        }
        Ok(Followed::HandedOn { until }) => Attempted {
            outcome: Outcome::HandedOn {
                until,
                timeout_ms: item.timeout_ms,
            },
            usage: None,
        },
        Err(error) => Err(error).into(),
    }
}

/// Loads the output where the execution shows its reference.
async fn whole(
    bus: &Bus,
    state: &State,
    item: &WorkItem,
    execution: &mut Execution,
) -> Result<(), StepError> {
    let Some((output, reference)) = execution
        .output
        .as_mut()
        .and_then(|output| PayloadRef::of(output).map(|reference| (output, reference)))
    else {
        return Ok(());
    };
    let payloads = Payloads::new(bus.clone(), state.archive.clone());
    match payloads.load(item.tenant, execution.id, &reference).await {
        Ok(Ok(value)) => *output = value,
        Ok(Err(lost)) => return Err(lost.error()),
        Err(error) => return Err(error_of(&error.problem()).retryable()),
    }
    Ok(())
}

/// Cancels the execution of a step that is no longer wanted.
pub(crate) async fn cancel(bus: &Bus, item: &WorkItem) {
    let wish = Cancel {
        tenant: item.tenant,
        execution_id: id_of(item),
        by: item.principal.user_id,
    };
    if let Err(problem) = bus.ask_owner(&wish, ANSWER).await {
        tracing::debug!(%problem, execution.id = %wish.execution_id, "a flow within a flow was not cancelled");
    }
}

async fn run(
    bus: &Bus,
    state: &State,
    item: &WorkItem,
    pulse: &Pulse,
) -> Result<Followed, StepError> {
    let call: Call = config_of(item)?;
    let most = call.max_depth.min(MAX_DEPTH);
    if call.depth > most {
        let text = format!("flows call flows more than {most} deep");
        return Err(StepError::new("too_deep", text));
    }
    let unpinned = || StepError::new("config", "the flow that is called is not pinned");
    let id = id_of(item);
    let start = Start {
        tenant: item.tenant,
        execution_id: id,
        origin: Origin::flow(call.flow.flow_id, call.flow.revision),
        parent: Some(Parent {
            execution_id: item.execution_id,
            node: item.node.clone(),
            attempt: item.attempt,
            depth: call.depth,
        }),
        notify: false,
        queued: false,
        basis: None,
        definition_hash: call.flow.hash.ok_or_else(unpinned)?,
        input: stored(bus, item.tenant, id, call.input).await,
        vars: call.vars,
        principal: item.principal.clone(),
    };
    begin(bus, &start).await?;
    let is_watched = item.idle_timeout_ms.is_some();
    if is_watched {
        pause_with_parent(bus, item, id).await;
    }
    let (mut pause, mut heard) = (FIRST_LOOK, 0);
    loop {
        let question = Get {
            tenant: item.tenant,
            execution_id: id,
        };
        let found = match bus.ask_owner(&question, ANSWER).await {
            Ok(execution) => Some(execution),
            Err(problem) => handlers::ended(bus, state, item.tenant, id, problem)
                .await
                .ok(),
        };
        let is_alive =
            |it: &&Execution| it.last_event > heard || it.state == ExecutionState::Paused;
        if let Some(execution) = found.as_ref().filter(is_alive) {
            heard = execution.last_event;
            pulse.beat();
        }
        match found {
            Some(execution) if execution.state.is_final() => {
                return Ok(Followed::ToItsEnd(Box::new(execution)));
            }
            Some(execution) if !is_watched => {
                let until = until(item, &execution);
                return Ok(Followed::HandedOn { until });
            }
            Some(_) | None => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_LOOK);
    }
}

/// Begins the execution, once there is room for it and an owner answers: the step's time limit is the end of that.
async fn begin(bus: &Bus, start: &Start) -> Result<(), StepError> {
    while let Err(problem) = bus.ask_owner(start, ANSWER).await {
        if !problem.code.may_heal() {
            return Err(error_of(&problem));
        }
        tracing::debug!(%problem, execution.id = %start.execution_id, "a flow within a flow waits for its beginning");
        let pause = problem.retry_after_ms.map(Duration::from_millis);
        tokio::time::sleep(pause.unwrap_or(RETRY).min(LAST_LOOK)).await;
    }
    Ok(())
}

/// When the attempt has had its time: it counts from the beginning of the execution, whoever looks after it by now.
fn until(item: &WorkItem, execution: &Execution) -> DateTime<Utc> {
    let begun = execution.created_at;
    let limit = i64::try_from(item.timeout_ms).ok();
    let limit = limit.and_then(TimeDelta::try_milliseconds);
    limit
        .and_then(|limit| begun.checked_add_signed(limit))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Pauses an execution that was begun while the one that calls it was paused already.
async fn pause_with_parent(bus: &Bus, item: &WorkItem, id: ExecutionId) {
    let tenant = item.tenant;
    let parent = Get {
        tenant,
        execution_id: item.execution_id,
    };
    let Ok(parent) = bus.ask_owner(&parent, ANSWER).await else {
        return;
    };
    if parent.state != ExecutionState::Paused {
        return;
    }
    let wish = Pause {
        tenant,
        execution_id: id,
        by: item.principal.user_id,
        parent_event: Some(parent.last_event),
    };
    if let Err(problem) = bus.ask_owner(&wish, ANSWER).await {
        tracing::debug!(%problem, execution.id = %id, "a flow within a flow was not paused");
    }
}

fn id_of(item: &WorkItem) -> ExecutionId {
    begun_by(item.execution_id, &item.key, item.attempt)
}
