//! Calling a flow, an agent or a tool, and waiting for what comes of it.

use std::time::Duration;

use contracts::{
    Problem,
    execution::{Accepted, Execution, ExecutionState, GetExecution},
    flow::{ExecuteFlow, RunAgent},
    id::ToolId,
    payload::PayloadRef,
    tool::{Approval, GetTool, InvokeTool},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Failure, catalog::Callable};
use crate::caller::Caller;

/// The pauses between two looks at an execution, at first and at most.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LAST_LOOK: Duration = Duration::from_secs(1);

/// # Errors
/// When there is nothing of that name. A call that fails is a result that says so: the model is to read it.
pub(super) async fn call(caller: &Caller, params: &Value) -> Result<Value, Failure> {
    let name = params["name"].as_str().unwrap_or_default();
    let unknown = || Failure::params(format!("there is no tool `{name}`"));
    let callable = Callable::parse(name).ok_or_else(unknown)?;
    let arguments = match &params["arguments"] {
        Value::Null => json!({}),
        arguments => arguments.clone(),
    };
    let outcome = match callable {
        Callable::Flow(flow_id) => {
            let execute = ExecuteFlow {
                flow_id,
                input: arguments,
                revision: None,
                session: None,
                priority: None,
                idempotency_key: None,
            };
            ended(caller, caller.ask_soon(&execute).await).await
        }
        Callable::Agent(agent_id) => {
            let run = RunAgent {
                agent_id,
                version: None,
                input: arguments["prompt"].clone(),
                idempotency_key: None,
            };
            ended(caller, caller.ask_soon(&run).await).await
        }
        Callable::Tool(tool_id) => invoked(caller, tool_id, arguments).await,
    };
    match outcome {
        Ok(output) => Ok(said(&output)),
        Err(problem) if problem.status == 404 => Err(unknown()),
        Err(problem) => Ok(json!({
            "content": [{"type": "text", "text": problem.detail}],
            "isError": true
        })),
    }
}

async fn invoked(caller: &Caller, tool_id: ToolId, arguments: Value) -> Result<Value, Problem> {
    let get = GetTool {
        tool_id,
        version: None,
    };
    let tool = caller.ask_soon(&get).await?;
    if tool.approval != Approval::None {
        let text = "calls of this tool need a person's approval, which nobody can give here";
        return Err(Problem::new(contracts::ErrorCode::Forbidden, text));
    }
    let invoke = InvokeTool {
        tool_id,
        version: Some(tool.version),
        arguments,
        idempotency_key: None,
    };
    caller
        .ask(&invoke)
        .await
        .map(|answer| answer.result)
        .map_err(|refusal| refusal.0)
}

/// The output of an execution, once it is there.
async fn ended(caller: &Caller, accepted: Result<Accepted, Problem>) -> Result<Value, Problem> {
    let execution_id = accepted?.id;
    let mut pause = FIRST_LOOK;
    while Instant::now() + pause < caller.deadline {
        let execution = caller.ask_soon(&GetExecution { execution_id }).await?;
        if execution.state.is_final() {
            return output_of(caller, execution).await;
        }
        if !execution.approvals.is_empty() {
            let text = format!("the execution `{execution_id}` waits for a person's approval");
            return Err(Problem::new(contracts::ErrorCode::Conflict, text));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_LOOK);
    }
    let text = format!("the execution `{execution_id}` goes on, but its end does not come in time");
    Err(Problem::new(contracts::ErrorCode::Timeout, text))
}

async fn output_of(caller: &Caller, execution: Execution) -> Result<Value, Problem> {
    if execution.state == ExecutionState::Succeeded {
        let output = execution.output.unwrap_or(Value::Null);
        return match PayloadRef::of(&output) {
            Some(reference) => caller.value(execution.id, &reference).await,
            None => Ok(output),
        };
    }
    let text = match execution.error {
        Some(error) => format!("{}: {}", error.code, error.message),
        None => format!("the execution was {}", execution.state.as_str()),
    };
    Err(Problem::new(contracts::ErrorCode::Conflict, text))
}

/// A result, as text for every client and as it is for those that take objects.
fn said(output: &Value) -> Value {
    let text = match output {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let content = json!([{"type": "text", "text": text}]);
    match output {
        Value::Object(_) => {
            json!({"content": content, "structuredContent": output, "isError": false})
        }
        _ => json!({"content": content, "isError": false}),
    }
}
