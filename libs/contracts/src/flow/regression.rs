//! Past executions, run once more against a draft: what is the same, what has changed, what broke.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::RevisionChoice;
use crate::{
    Access, Permission,
    id::{ExecutionId, FlowId, RegressionId, UserId},
    message::request,
};

/// Continues each of these executions on the draft, or on another revision: steps that did not change are taken over, the others
/// run for real. Answered once all is noted; the executions begin at once or with a later `flow.get_regression`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRegression {
    pub flow_id: FlowId,
    /// 1 to 50 executions of the flow that have ended.
    pub execution_ids: Vec<ExecutionId>,
    /// The draft when absent.
    #[serde(default)]
    pub revision: Option<RevisionChoice>,
}
request!(StartRegression => Regression, "flow.regress", Access::Permission(Permission::FlowExecute), objects: &["flow_id"],
    example: StartRegression { flow_id: FlowId::EXAMPLE, execution_ids: vec![ExecutionId::EXAMPLE], revision: None });

/// How far it is. Each look lets what has not begun begin, where whoever looks may execute flows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetRegression {
    pub regression_id: RegressionId,
}
request!(GetRegression => Regression, "flow.get_regression", Access::Permission(Permission::FlowRead), objects: &["regression_id"],
    example: GetRegression { regression_id: RegressionId::EXAMPLE });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Regression {
    pub id: RegressionId,
    pub flow_id: FlowId,
    /// Null where the draft runs, as it was then.
    pub revision: Option<u32>,
    pub items: Vec<RegressionItem>,
    /// How many of them have a verdict.
    pub done: u32,
    pub same: u32,
    pub changed: u32,
    pub broke: u32,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
}

/// One execution, and what became of it on the other state of the flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct RegressionItem {
    /// The past one.
    pub source_id: ExecutionId,
    /// The new one.
    pub execution_id: ExecutionId,
    pub state: RegressionState,
    /// Null until it has ended.
    pub verdict: Option<Verdict>,
    /// Why there is no execution, where it was refused.
    pub problem: Option<String>,
    /// The nodes that did not do the same.
    pub nodes: Vec<NodeVerdict>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum RegressionState {
    /// It has not begun.
    Waiting,
    Running,
    /// It has ended, or cannot begin.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum Verdict {
    Same,
    /// Another output, another way.
    Changed,
    /// It had succeeded, and does not any more.
    Broke,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct NodeVerdict {
    pub node: String,
    pub verdict: Verdict,
}
