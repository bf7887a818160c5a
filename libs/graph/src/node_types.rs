//! The node types, as data: one function each in a file of its own.
//!
//! To add one: write its file here, add it to [`ALL`], and give it an evaluation in the execution service.

mod code;
mod condition;
mod http;
mod llm;
mod output;
mod transform;
mod trigger;

use std::sync::LazyLock;

use contracts::flow::{Edge, Node, NodeType, OnError};
use serde_json::{Value, json};

/// What the rules need to know about a node type.
pub(crate) struct Kind {
    pub(crate) about: NodeType,
    /// Keys of the configuration that hold no expressions.
    verbatim: &'static [&'static str],
    /// The checked configuration schema.
    pub(crate) schema: jsonschema::Validator,
}

static ALL: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    vec![
        trigger::kind(),
        llm::kind(),
        http::kind(),
        code::kind(),
        condition::kind(),
        transform::kind(),
        output::kind(),
    ]
});

static ABOUT: LazyLock<Vec<NodeType>> =
    LazyLock::new(|| ALL.iter().map(|kind| kind.about.clone()).collect());

/// All node types, in the order in which a palette shows them.
pub fn node_types() -> &'static [NodeType] {
    &ABOUT
}

pub(crate) fn find(kind: &str) -> Option<&'static Kind> {
    ALL.iter().find(|known| known.about.kind == kind)
}

pub(crate) fn verbatim_keys(kind: &str) -> &'static [&'static str] {
    find(kind).map_or(&[], |kind| kind.verbatim)
}

/// The output ports of a node, as configured.
pub(crate) fn ports(node: &Node) -> Vec<&str> {
    let mut ports = match node.kind.as_str() {
        condition::KIND => condition::ports(&node.config),
        output::KIND => Vec::new(),
        _ => vec![Edge::DEFAULT_PORT],
    };
    if node.on_error == OnError::Branch {
        ports.push(Edge::ERROR_PORT);
    }
    ports
}

/// The conditions of a node: expressions that are written without braces, with their paths in the configuration.
pub(crate) fn conditions(node: &Node) -> Vec<(String, &str)> {
    if node.kind == condition::KIND {
        condition::conditions(&node.config)
    } else {
        Vec::new()
    }
}

/// A node type with one output port.
fn kind(name: &str, title: &str, description: &str, schema: Value) -> Kind {
    Kind {
        schema: jsonschema::validator_for(&schema).expect("the schema of a node type is valid"),
        about: NodeType {
            kind: name.to_owned(),
            title: title.to_owned(),
            description: description.to_owned(),
            config_schema: schema,
            ports: vec![Edge::DEFAULT_PORT.to_owned()],
            takes_input: true,
        },
        verbatim: &[],
    }
}

/// The schema of a configuration with these properties.
fn object(required: &[&str], properties: Value) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false
    })
}
