//! The node types, as data: one function for each version, in a file of its own for each type.
//!
//! To add one: write its file here (its JSON Schema, its ports, the keys that hold no expressions), add it to [`ALL`],
//! and give it an evaluation in the execution service. Validation, rendering, `GET /node-types` and the palette of the
//! editor follow from what stands here.
//!
//! To add a version, where a release would change what a configuration means, which ports there are or what comes out:
//! 1. Leave the function of the present version as it is but for its `next`: a [`Step`], with the sentences that users read
//!    before they upgrade, a pure function from any configuration of this version to one of the next (also from one that
//!    is not valid: a draft may be), and the ports that get another name.
//! 2. Write the function of the new version beside it (`about.version` counts on by one), and put it behind the other in
//!    [`ALL`]. An expression stays one: no value moves to a key of [`Kind::verbatim`], or from one.
//! 3. Teach the engine the new version alone. The configuration of an older node is brought to its form before anything is
//!    done with it ([`crate::lowered`]), so the new one must still be able to say all that the old one did. Where the
//!    output is another, a key of the new configuration says which one is wanted; the step sets it to the old one, and
//!    says so in `output` only where it does not. What the core reads of a configuration that is not rendered (`condition`,
//!    `join`, the buttons of `approval`), and the port that it gives, it has to look at by the node's version.
//! 4. Work items that wait in queues have the form of their version: a worker lowers what is older than itself.

mod agent;
mod approval;
mod chat_trigger;
mod code;
mod condition;
mod crew;
mod custom;
mod error_handler;
mod event;
mod flow;
mod http;
mod join;
mod knowledge;
mod llm;
mod map;
mod output;
mod rounds;
mod tool;
mod transform;
mod trigger;
mod wait;

use std::sync::LazyLock;

use contracts::flow::{Edge, Node, NodeConfig, NodeType, OnError};
use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::{Value, json};

use crate::{expression, versions::Kinds};

/// The type whose nodes bring branches together.
pub(crate) const JOIN: &str = "join";
/// The type that begins the branch of a failing execution.
pub const ERROR_HANDLER: &str = "error_handler";
/// The type that goes through a list.
pub const MAP: &str = "map";
/// The type that goes round while a condition holds.
pub const LOOP: &str = "loop";

/// What the rules need to know about a node type.
pub(crate) struct Kind {
    pub(crate) about: NodeType,
    /// Keys of the configuration that hold no expressions.
    pub(crate) verbatim: &'static [&'static str],
    /// Keys of the configuration that hold JSON Schemas.
    pub(crate) schemas: &'static [&'static str],
    /// Conditions in the configuration, written without braces, with their JSON pointers in it.
    pub(crate) conditions: fn(&NodeConfig) -> Vec<(String, &str)>,
    /// The output ports, as configured, without the error port.
    pub(crate) ports: fn(&NodeConfig) -> Vec<&str>,
    /// How a node becomes one of the next version; none where this is the current one.
    pub(crate) next: Option<Step>,
    schema: jsonschema::Validator,
}

/// From one version of a type to the next.
pub(crate) struct Step {
    /// What is different for users, in sentences.
    pub(crate) changes: &'static [&'static str],
    /// Rendered or not, the same is made of a configuration.
    pub(crate) config: fn(NodeConfig) -> NodeConfig,
    /// Ports that get another name: old and new.
    pub(crate) ports: &'static [(&'static str, &'static str)],
    /// What is different about the output, so that whoever reads it would have to change too.
    pub(crate) output: Option<&'static str>,
}

static ALL: LazyLock<Kinds> = LazyLock::new(|| {
    Kinds(vec![
        trigger::kind(),
        chat_trigger::kind(),
        agent::kind(),
        crew::kind(),
        llm::kind(),
        tool::kind(),
        flow::kind(),
        knowledge::kind(),
        http::first(),
        http::kind(),
        code::kind(),
        custom::kind(),
        condition::kind(),
        transform::kind(),
        map::kind(),
        rounds::kind(),
        join::kind(),
        wait::kind(),
        event::kind(),
        approval::kind(),
        output::kind(),
        error_handler::kind(),
    ])
});

static ABOUT: LazyLock<Vec<NodeType>> = LazyLock::new(|| ALL.about());

/// All node types as they are now, in the order in which a palette shows them.
pub fn node_types() -> &'static [NodeType] {
    &ABOUT
}

/// All versions of all node types.
pub(crate) fn kinds() -> &'static Kinds {
    &ALL
}

/// How many of the edges into a node must be taken before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// One, once all are decided.
    AllDecided,
    /// This many, whatever becomes of the others.
    First(usize),
}

pub(crate) fn need(node: &Node) -> Need {
    if node.kind != JOIN {
        return Need::AllDecided;
    }
    match node.config.get("wait_for").and_then(Value::as_str) {
        Some("any") => Need::First(1),
        Some("some") => {
            let count = node.config.get("count").and_then(Value::as_u64);
            let count = usize::try_from(count.unwrap_or(1)).unwrap_or(usize::MAX);
            Need::First(count.max(1))
        }
        _ => Need::AllDecided,
    }
}

/// The types whose nodes hand their work to others and wait for its outcome: of these an output may be taken again.
pub const WORKING: [&str; 7] = ["llm", "tool", "flow", "knowledge", "http", "code", "custom"];

/// Whether nodes of this type may undo others.
pub(crate) fn may_compensate(kind: &str) -> bool {
    WORKING.contains(&kind) || kind == "transform"
}

/// Whether it may be unknown if nodes of this type did their work. An execution that a flow began is found again by its id.
pub(crate) fn may_be_unknown(kind: &str) -> bool {
    WORKING.contains(&kind) && kind != "flow"
}

/// The types whose nodes can show that what they do goes on. Code says nothing before its end.
pub const SHOWING_PROGRESS: [&str; 7] = ["llm", "agent", "crew", "flow", "http", "tool", "custom"];

/// The type of a node, in the node's version.
pub(crate) fn find(node: &Node) -> Option<&'static Kind> {
    ALL.get(&node.kind, node.version())
}

/// Something in a configuration that does not fit: a JSON pointer into it, and what is wrong, without the value.
pub(crate) type Misfit = (String, String);

impl Kind {
    /// The output ports of a node of this type.
    pub(crate) fn ports<'a>(&self, node: &'a Node) -> Vec<&'a str> {
        let mut ports = (self.ports)(&node.config);
        if node.on_error == OnError::Branch {
            ports.push(Edge::ERROR_PORT);
        }
        ports
    }

    /// What is wrong with a configuration that may hold expressions.
    ///
    /// A string that is exactly one expression may become anything, one with text around its expressions becomes some
    /// text: what that will be is checked when it is rendered.
    pub(crate) fn draft_problems(&self, config: &NodeConfig) -> Vec<Misfit> {
        let config = Value::Object(config.clone().into_iter().collect());
        let is_real = |error: &ValidationError<'_>| {
            let path = error.instance_path().to_string();
            let key = path.split('/').nth(1).unwrap_or_default();
            let text = error.instance().as_str().filter(|text| text.contains("{{"));
            let Some(text) = text.filter(|_| !self.verbatim.contains(&key)) else {
                return true;
            };
            let is_type = matches!(error.kind(), ValidationErrorKind::Type { .. });
            is_type && expression::single(text).is_none()
        };
        let errors = self.schema.iter_errors(&config).filter(is_real);
        errors.map(|error| misfit(&error)).collect()
    }

    /// What is wrong with a rendered configuration.
    pub(crate) fn first_problem(&self, config: &Value) -> Option<Misfit> {
        let error = self.schema.iter_errors(config).next()?;
        Some(misfit(&error))
    }

    /// Turns what an expression put where the schema asks for a text into the text of it; null stays.
    pub(crate) fn as_texts(&self, config: &mut Value) {
        let wants_text = |error: &ValidationError<'_>| {
            let is_text = matches!(
                error.kind(),
                ValidationErrorKind::Type {
                    kind: TypeKind::Single(JsonType::String)
                }
            );
            is_text && !error.instance().is_null()
        };
        let errors = self.schema.iter_errors(config).filter(wants_text);
        let places: Vec<_> = errors
            .map(|error| error.instance_path().to_string())
            .collect();
        for place in places {
            if let Some(value) = config.pointer_mut(&place) {
                *value = Value::String(value.to_string());
            }
        }
    }
}

fn misfit(error: &ValidationError<'_>) -> Misfit {
    let message: String = error.masked().to_string().chars().take(200).collect();
    (error.instance_path().to_string(), message)
}

/// A node type with one output port.
pub(crate) fn kind(name: &str, title: &str, description: &str, schema: Value) -> Kind {
    Kind {
        schema: jsonschema::validator_for(&schema).expect("the schema of a node type is valid"),
        about: NodeType {
            kind: name.to_owned(),
            version: Node::FIRST_VERSION,
            title: title.to_owned(),
            description: description.to_owned(),
            config_schema: schema,
            ports: vec![Edge::DEFAULT_PORT.to_owned()],
            takes_input: true,
            has_body: false,
            older: Vec::new(),
        },
        next: None,
        verbatim: &[],
        schemas: &[],
        conditions: |_| Vec::new(),
        ports: |_| vec![Edge::DEFAULT_PORT],
    }
}

/// A node type with one output port whose nodes run the nodes of their body again and again.
fn with_body(name: &str, title: &str, description: &str, schema: Value) -> Kind {
    let mut kind = kind(name, title, description, schema);
    kind.about.has_body = true;
    kind
}

/// The schema of a configuration with these properties.
fn object(required: &[&str], properties: &Value) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_closed_and_explains_its_properties() {
        for kind in &ALL.0 {
            let schema = &kind.about.config_schema;
            assert_eq!(schema["additionalProperties"], json!(false));
            jsonschema::meta::validate(schema).unwrap();
            for (name, property) in schema["properties"].as_object().unwrap() {
                assert!(property["description"].is_string(), "{name}");
            }
            let keys = kind.verbatim.iter().chain(kind.schemas);
            for key in keys {
                assert!(schema["properties"].get(key).is_some(), "{key}");
            }
        }
    }

    #[test]
    fn names_are_unique_and_found() {
        let mut names: Vec<_> = node_types().iter().map(|kind| &kind.kind).collect();
        for (name, kind) in names.iter().zip(node_types()) {
            let found = ALL.get(name, kind.version).unwrap();
            assert_eq!(
                (&found.about.title, found.next.is_none()),
                (&kind.title, true)
            );
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), node_types().len());
        assert!(ALL.current("transfrom").is_none());
    }

    #[test]
    fn versions_count_from_one_and_lead_to_the_current_one() {
        for kind in node_types() {
            let older = kind.older.iter().map(|older| older.version);
            let versions: Vec<_> = older.chain([kind.version]).collect();
            assert_eq!(
                versions,
                (1..=kind.version).collect::<Vec<_>>(),
                "{}",
                kind.kind
            );
            for older in &kind.older {
                assert!(
                    !older.changes.is_empty() && older.changes.iter().all(|it| it.ends_with('.'))
                );
                let step = ALL.get(&kind.kind, older.version).unwrap().next.as_ref();
                let mut ports = step.unwrap().ports.iter().flat_map(|(old, new)| [old, new]);
                assert!(ports.all(|port| *port != Edge::ERROR_PORT));
            }
        }
    }
}
