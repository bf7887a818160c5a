//! New executions that go on from others.
//!
//! What is taken over is not done again, and not paid again: its output stands in the new execution as `step_reused`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RevisionChoice;
use crate::{
    Access, Permission,
    execution::{Accepted, Pin},
    id::{ExecutionId, FlowId},
    message::request,
};

/// Runs a finished execution anew with its definition and its input: what had succeeded is taken over, what had failed, was cut
/// or was undone runs, with all that depends on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryExecution {
    pub execution_id: ExecutionId,
    /// Runs too, although it had succeeded, and all that depends on it. Needed where nothing had failed.
    #[serde(default)]
    pub node: Option<String>,
    /// As for [`super::ExecuteFlow`].
    #[serde(default)]
    pub idempotency_key: Option<String>,
}
request!(RetryExecution => Accepted, "flow.retry", Access::Permission(Permission::FlowExecute), objects: &["execution_id"],
    example: RetryExecution { execution_id: ExecutionId::EXAMPLE, node: None, idempotency_key: None });

/// Runs another revision of a flow with the input of a finished execution: what succeeded in it is taken over where neither the
/// node nor anything before it has changed, nor the variables it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContinueExecution {
    pub execution_id: ExecutionId,
    /// The latest revision when absent.
    #[serde(default)]
    pub revision: Option<RevisionChoice>,
    /// As for [`super::ExecuteFlow`].
    #[serde(default)]
    pub idempotency_key: Option<String>,
}
request!(ContinueExecution => Accepted, "flow.continue", Access::Permission(Permission::FlowExecute), objects: &["execution_id"],
    example: ContinueExecution { execution_id: ExecutionId::EXAMPLE, revision: Some(RevisionChoice::DRAFT), idempotency_key: None });

/// Runs a finished execution anew as if one of its nodes had given another output: what does not depend on it is taken over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForkExecution {
    pub execution_id: ExecutionId,
    /// A node that stands in no body.
    pub node: String,
    /// What it gives instead: up to 1 MiB of JSON.
    pub output: Value,
    /// The port by which the execution goes on; the one that was taken before, else `out`, when absent.
    #[serde(default)]
    pub port: Option<String>,
    /// As for [`super::ExecuteFlow`].
    #[serde(default)]
    pub idempotency_key: Option<String>,
}
request!(ForkExecution => Accepted, "flow.fork", Access::Permission(Permission::FlowExecute), objects: &["execution_id"],
    example: ForkExecution { execution_id: ExecutionId::EXAMPLE, node: "greet".into(), output: serde_json::json!({"text": "Hello"}), port: None, idempotency_key: None });

/// Executes a flow, its draft unless another revision is named, with the outputs of some nodes given: those are not run, nor is
/// what only they need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestFlow {
    pub flow_id: FlowId,
    #[serde(default)]
    pub input: Value,
    /// The draft when absent.
    #[serde(default)]
    pub revision: Option<RevisionChoice>,
    /// The last node that runs, with all that it needs; to the end when absent.
    #[serde(default)]
    pub until: Option<String>,
    /// By node, what it gives without being run. Up to 4 MiB together.
    #[serde(default)]
    pub pins: BTreeMap<String, Pin>,
    /// As for [`super::ExecuteFlow`].
    #[serde(default)]
    pub idempotency_key: Option<String>,
}
request!(TestFlow => Accepted, "flow.test", Access::Permission(Permission::FlowExecute), objects: &["flow_id"],
    example: TestFlow { flow_id: FlowId::EXAMPLE, input: serde_json::json!({"name": "Ada"}), revision: None, until: Some("greet".into()),
        pins: BTreeMap::new(), idempotency_key: None });
