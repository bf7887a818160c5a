//! `nats`: a micro service of the organization, asked on a subject that only its own users may serve.

use bus::{ToolCall, ToolError};
use contracts::{ErrorCode, subject::Token, tool::ToolProblem};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    domain::arguments::MAX_BYTES,
    error::Error,
    failure::Failure,
    kinds::{Call, read, stored},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    name: Token,
}

pub(super) fn problems(config: &Value) -> Vec<ToolProblem> {
    read::<Config>(config).err().into_iter().collect()
}

/// # Errors
/// `tool_unavailable`, `tool_refused`, `tool_not_json`, `result_too_large`, `timeout`.
pub(super) async fn run(call: &Call<'_>) -> Result<Value, Error> {
    let Config { name } = stored(&call.tool.config)?;
    let body = serde_json::to_vec(call.arguments).map_err(|_| {
        Failure::new(
            ErrorCode::Internal,
            "arguments",
            "the arguments cannot be written",
        )
    })?;
    let asked = ToolCall {
        tenant: call.tenant,
        name: &name,
        body: body.into(),
        key: call.key,
        timeout: call.timeout,
        heartbeat: call.pulse.listener(),
    };
    let answer = call.bus.call_tool(asked).await.map_err(failure)?;
    if answer.len() > MAX_BYTES {
        let text = "the result has more than 1 MiB of JSON";
        return Err(Failure::lasting("result_too_large", text).into());
    }
    Ok(serde_json::from_slice(&answer).map_err(|_| {
        let text = format!("tool `{name}` answered with something that is not JSON");
        Failure::lasting("tool_not_json", text)
    })?)
}

fn failure(error: ToolError) -> Failure {
    let message = error.to_string();
    match error {
        ToolError::NoResponder(_) | ToolError::Bus(_) => {
            Failure::passing("tool_unavailable", message)
        }
        ToolError::Timeout(_) => Failure::timeout(message),
        ToolError::Refused { status, .. } if matches!(status, 408 | 429) || status >= 500 => {
            Failure::passing("tool_refused", message)
        }
        ToolError::Refused { .. } => Failure::lasting("tool_refused", message),
    }
}
