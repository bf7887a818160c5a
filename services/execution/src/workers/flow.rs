//! Flows within flows: a step that begins an execution of its own and waits for its end.
//!
//! **Invariant:** the execution's id follows from the step's key, so an attempt that is made again finds the same one.

use std::time::Duration;

use bus::Bus;
use contracts::{
    execution::{Execution, ExecutionState, Origin, StepError},
    id::ExecutionId,
    owner::{Cancel, Get, Outcome, Parent, Start},
    tool::FlowPin,
    work::WorkItem,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Attempted, config_of, error_of, pulse::Pulse};
use crate::{State, handlers};

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

/// Runs the flow to its end. What it used counts for the execution that called it.
pub(crate) async fn perform(bus: &Bus, state: &State, item: &WorkItem, pulse: &Pulse) -> Attempted {
    match run(bus, state, item, pulse).await {
        Ok(execution) => {
            let usage = Some(execution.usage);
            let outcome = outcome_of(execution);
            Attempted { outcome, usage }
        }
        Err(error) => Err(error).into(),
    }
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
) -> Result<Execution, StepError> {
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
            depth: call.depth,
        }),
        notify: false,
        queued: false,
        basis: None,
        definition_hash: call.flow.hash.ok_or_else(unpinned)?,
        input: call.input,
        vars: call.vars,
        principal: item.principal.clone(),
    };
    bus.ask_owner(&start, ANSWER)
        .await
        .map_err(|problem| error_of(&problem))?;
    let (mut pause, mut heard) = (FIRST_LOOK, 0);
    loop {
        let question = Get {
            tenant: item.tenant,
            execution_id: id,
        };
        let found = match bus.ask_owner(&question, ANSWER).await {
            Ok(execution) => Some(execution),
            Err(problem) => handlers::ended(state, item.tenant, id, problem).await.ok(),
        };
        if let Some(execution) = found.as_ref().filter(|it| it.last_event > heard) {
            heard = execution.last_event;
            pulse.beat();
        }
        if let Some(execution) = found.filter(|execution| execution.state.is_final()) {
            return Ok(execution);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_LOOK);
    }
}

fn outcome_of(execution: Execution) -> Outcome {
    let failed = |error| Outcome::Failed { error };
    match execution.state {
        ExecutionState::Succeeded => Outcome::Succeeded {
            output: execution.output.unwrap_or(Value::Null),
        },
        ExecutionState::Cancelled => failed(StepError::new(
            "cancelled",
            "the flow that was called was cancelled",
        )),
        ExecutionState::Failed
        | ExecutionState::Queued
        | ExecutionState::Running
        | ExecutionState::Waiting
        | ExecutionState::Paused => failed(execution.error.map_or_else(
            || StepError::new("flow_failed", "the flow that was called failed"),
            |error| StepError::new(&error.code, error.message),
        )),
    }
}

/// A UUIDv7 with the time of the calling execution; the rest is the step's key.
fn id_of(item: &WorkItem) -> ExecutionId {
    let mut bytes = *item.execution_id.uuid().as_bytes();
    let hash = blake3::hash(item.key.as_bytes());
    bytes[6..].copy_from_slice(&hash.as_bytes()[..10]);
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    ExecutionId::from_uuid(uuid::Uuid::from_bytes(bytes))
}
