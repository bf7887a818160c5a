//! What is drawn beside nodes and edges: notes and groups. Neither has a part in executions.

use serde::{Deserialize, Serialize};

use super::Position;

/// A text on the canvas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Note {
    /// Unique among the notes: 1 to 64 letters, digits, `_` or `-`.
    pub id: String,
    /// Markdown, 1 to 4,000 characters.
    pub text: String,
    pub position: Position,
    /// 64 to 2,000.
    pub width: f64,
    /// 64 to 2,000.
    pub height: f64,
}

impl Note {
    pub const MAX_TEXT: usize = 4000;
    pub const MIN_SIZE: f64 = 64.0;
    pub const MAX_SIZE: f64 = 2000.0;
}

/// Nodes that belong together; the editor draws a frame around them, or one card in their place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Group {
    /// Unique among the groups: 1 to 64 letters, digits, `_` or `-`.
    pub id: String,
    /// 1 to 200 characters.
    pub name: String,
    /// The ids of its nodes, at least one; a node is in one group at most.
    pub nodes: Vec<String>,
    /// Whether one card stands in the place of its nodes.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub collapsed: bool,
}

impl Group {
    pub const MAX_NAME: usize = 200;
}
