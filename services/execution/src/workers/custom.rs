//! Steps whose work an integrator does, on `node.<tenant>.<name>`.

use std::time::Duration;

use bus::{Bus, NodeCall};
use contracts::{execution::StepError, node::CallNode, subject::Token, work::WorkItem};
use serde_json::Value;

use super::{error_of, pulse::Pulse};

/// Asks the service. It gets its own input alone: no token goes out.
///
/// # Errors
/// The service's own problem; `node_unavailable` when nobody serves the name, `node_reply` when it answers in no such form.
pub(crate) async fn perform(bus: &Bus, item: &WorkItem, pulse: &Pulse) -> Result<Value, StepError> {
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
    let heard = || pulse.beat();
    let asked = NodeCall {
        tenant: item.tenant,
        name: &name,
        question: &question,
        deadline: Duration::from_millis(item.timeout_ms),
        heard: item.idle_timeout_ms.is_some().then_some(&heard),
    };
    let answer = bus.call_node(asked).await;
    Ok(answer.map_err(|problem| error_of(&problem))?.output)
}
