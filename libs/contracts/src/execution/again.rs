//! What an execution goes on from: another one, or outputs that were given.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::ExecutionId;

/// Why an execution takes outputs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum SourceKind {
    /// The same definition, with what had succeeded.
    Retry,
    /// Another revision or the draft, with what did not change.
    Continue,
    /// The same definition, with another output of one step.
    Fork,
    /// As `continue`, one of many: whether a draft still does what was done.
    Regression,
    /// A test: outputs that were given, and perhaps not all nodes.
    Test,
}

/// What an execution goes on from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Source {
    /// Whose outputs are taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub execution_id: Option<ExecutionId>,
    pub kind: SourceKind,
    /// The node from which it was asked to run anew, whose output was given, or up to which a test runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub node: Option<String>,
}

/// An output that a node has without being run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Pin {
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub output: Value,
    /// The port by which the execution goes on; the one it took before, else `out`, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub port: Option<String>,
}
