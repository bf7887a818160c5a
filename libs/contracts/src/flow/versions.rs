//! Versions of node types: which there are, and what becomes of a node that goes to the current one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Definition, NodeConfig};
use crate::{Access, Permission, id::FlowId, message::request};

/// An earlier version of a node type: its nodes run on, and may be upgraded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct NodeTypeVersion {
    pub version: u32,
    pub description: String,
    /// JSON Schema of `config`.
    pub config_schema: Value,
    /// Output ports; as of the type, some add those that their configuration names.
    pub ports: Vec<String>,
    /// What the next version changes for users, in sentences.
    pub changes: Vec<String>,
}

/// A node that goes to the current version of its type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct NodeUpgrade {
    /// The node's id.
    pub node: String,
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", oai(rename = "type"))]
    pub kind: String,
    pub from: u32,
    pub to: u32,
    /// What is different for users, in sentences.
    pub changes: Vec<String>,
    /// The configuration as it was.
    pub before: NodeConfig,
    /// The configuration as it becomes.
    pub after: NodeConfig,
    /// Output ports that get another name: old to new. The edges at them follow.
    pub ports: BTreeMap<String, String>,
}

/// A node that stays as it is, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct NotUpgraded {
    /// The node's id.
    pub node: String,
    /// A stable word: `port_vanishes`, `edges_become_one`, `output_is_read`, `unknown_node_type` or
    /// `unknown_node_type_version`.
    pub code: String,
    pub message: String,
}

/// What becomes of a draft whose nodes go to the current versions of their types.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct FlowUpgrade {
    /// The flow's version: that of before, or the next one where the draft was changed.
    pub version: u64,
    /// Whether the draft was changed.
    pub applied: bool,
    /// The draft as it becomes: with all its edges.
    pub definition: Definition,
    pub nodes: Vec<NodeUpgrade>,
    /// Those that were asked for and stay as they are. Nodes of the current version are not told.
    pub left: Vec<NotUpgraded>,
}

/// Brings nodes of the draft to the current versions of their types, or only says what that would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpgradeFlow {
    pub flow_id: FlowId,
    /// Ids of nodes; all when absent.
    #[serde(default)]
    pub nodes: Option<Vec<String>>,
    /// Whether the draft is changed; otherwise it is only said what would change.
    #[serde(default)]
    pub apply: bool,
    #[serde(default)]
    pub if_version: Option<u64>,
}
request!(UpgradeFlow => FlowUpgrade, "flow.upgrade", Access::Permission(Permission::FlowWrite), objects: &["flow_id"],
    example: UpgradeFlow { flow_id: FlowId::EXAMPLE, nodes: None, apply: false, if_version: None });
