//! Steps whose work an integrator does, on `node.<tenant>.<name>`.

use std::time::Duration;

use bus::{Bus, Call};
use contracts::{
    ErrorCode, Subject,
    execution::StepError,
    node::{CallNode, NodeReply},
    subject::Token,
    work::WorkItem,
};
use serde_json::Value;

use super::error_of;

/// Asks the service. It gets its own input alone: no token goes out.
///
/// # Errors
/// The service's own problem; `node_unavailable` when nobody serves the name.
pub(crate) async fn perform(bus: &Bus, item: &WorkItem) -> Result<Value, StepError> {
    let name = item
        .config
        .get("name")
        .and_then(Value::as_str)
        .and_then(Token::new);
    let name = name.ok_or_else(|| StepError::new("config", "`name` is no name of a node"))?;
    let question = CallNode {
        execution_id: item.execution_id,
        node: item.node.clone(),
        config: item.config.get("config").cloned().unwrap_or(Value::Null),
        input: item.argument.clone(),
        idempotency_key: item.key.clone(),
    };
    let body = serde_json::to_vec(&question).expect("a question has text keys only");
    let call = Call {
        token: None,
        deadline: Duration::from_millis(item.timeout_ms),
    };
    let subject = Subject::node(item.tenant, &name);
    let answer = bus
        .call_raw(&subject, body, call)
        .await
        .map_err(|problem| {
            if problem.code == ErrorCode::Unavailable && problem.reason.is_none() {
                let text = format!("no service answers for nodes of name `{name}`");
                return StepError::new("node_unavailable", text).retryable();
            }
            error_of(&problem)
        })?;
    let reply: NodeReply = serde_json::from_value(answer).map_err(|error| {
        let text = format!(
            "the answer of the service `{name}` is not of the form `{{\"output\"}}`: {error}"
        );
        StepError::new("node_reply", text)
    })?;
    Ok(reply.output)
}
