//! Tool steps: one call of a tool, in the name of the run's principal.

use std::time::Duration;

use bus::{Bus, Call};
use contracts::{execution::StepError, id::ToolId, tool::InvokeTool, work::WorkItem};
use serde::Deserialize;
use serde_json::Value;

use super::{config_of, error_of, pulse::Pulse, run_token};

/// What the step's configuration must be.
#[derive(Deserialize)]
struct Use {
    tool_id: ToolId,
    #[serde(default)]
    version: Option<u32>,
    #[serde(default)]
    arguments: Value,
}

/// Calls the tool. The service of tools keeps the time limit and ends the call when the execution is cancelled.
///
/// # Errors
/// The reason that the service of tools gives.
pub(crate) async fn perform(bus: &Bus, item: &WorkItem, pulse: &Pulse) -> Result<Value, StepError> {
    let called: Use = config_of(item)?;
    let token = run_token(bus, item)
        .await
        .map_err(|problem| error_of(&problem))?;
    let request = InvokeTool {
        tool_id: called.tool_id,
        version: called.version,
        arguments: called.arguments,
        idempotency_key: Some(item.key.clone()),
    };
    let call = Call {
        token: Some(&token),
        deadline: Duration::from_millis(item.timeout_ms),
    };
    let answer = match item.idle_timeout_ms {
        None => bus.call(item.tenant, &request, call).await,
        Some(_) => {
            let heard = || pulse.beat();
            bus.call_heard(item.tenant, &request, call, &heard).await
        }
    };
    answer
        .map(|answer| answer.result)
        .map_err(|problem| error_of(&problem))
}
