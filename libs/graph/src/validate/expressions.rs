//! Expressions: their syntax, and that they name only what they can see.

use contracts::flow::{Definition, Node};
use fixedbitset::FixedBitSet;
use serde_json::Value;

use super::{Problems, short};
use crate::{
    expression::{self, Names, Reference, roots},
    node_types,
    visible::visible,
};

/// Expressions in one node's configuration.
const MAX_PER_NODE: usize = 1000;

pub(super) fn check(definition: &Definition, problems: &mut Problems) {
    let visible = visible(definition);
    for (position, node) in definition.nodes.iter().enumerate() {
        let mut place = Place {
            node,
            problems,
            definition,
            visible: visible.as_ref().map(|visible| &visible[position]),
        };
        let found = place.expressions(position);
        if found.len() > MAX_PER_NODE {
            let message = format!("a node has at most {MAX_PER_NODE} expressions");
            let path = format!("/nodes/{position}/config");
            place.tell(&path, "too_many_expressions", message);
            continue;
        }
        for (path, expression) in found {
            place.check(&path, expression);
        }
    }
}

struct Place<'a> {
    node: &'a Node,
    problems: &'a mut Problems,
    definition: &'a Definition,
    /// None where a cycle keeps it from being found; the cycle is told.
    visible: Option<&'a FixedBitSet>,
}

impl<'a> Place<'a> {
    /// All expressions of the node with their paths; texts that cannot be cut are told as problems.
    fn expressions(&mut self, position: usize) -> Vec<(String, &'a str)> {
        let mut found = Vec::new();
        let node = self.node;
        let Some(kind) = node_types::find(node) else {
            return found;
        };
        let at = format!("/nodes/{position}/config");
        for (key, value) in &node.config {
            if !kind.verbatim.contains(&key.as_str()) {
                self.collect(value, &format!("{at}/{}", escaped(key)), &mut found);
            }
        }
        for (path, condition) in (kind.conditions)(&node.config) {
            let source = expression::condition_source(condition);
            found.push((format!("{at}{path}"), source));
        }
        found
    }

    fn collect(&mut self, value: &'a Value, path: &str, found: &mut Vec<(String, &'a str)>) {
        match value {
            Value::String(text) => match expression::segments(text) {
                Ok(segments) => found.extend(segments.into_iter().filter_map(|segment| {
                    let expression = segment.expression()?;
                    Some((path.to_owned(), expression))
                })),
                Err(reason) => {
                    let message = format!("a text in `{}`: {reason}", short(&self.node.id));
                    self.tell(path, "invalid_expression", message);
                }
            },
            Value::Array(items) => {
                for (position, item) in items.iter().enumerate() {
                    self.collect(item, &format!("{path}/{position}"), found);
                }
            }
            Value::Object(object) => {
                for (key, item) in object {
                    self.collect(item, &format!("{path}/{}", escaped(key)), found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn check(&mut self, path: &str, expression: &str) {
        let shown = expression::shown(expression);
        let names = match expression::parse(expression) {
            Ok(parsed) => parsed.names,
            Err(reason) => {
                let message = format!("`{shown}` cannot be read: {reason}");
                return self.tell(path, "invalid_expression", message);
            }
        };
        self.roots(path, &shown, &names);
        for reference in &names.nodes {
            match reference {
                Reference::Node { id, attribute } => self.reference(path, &shown, id, *attribute),
                Reference::Dynamic => {
                    let message =
                        format!("`{shown}` must name each node as `nodes.<id>` or `nodes['<id>']`");
                    self.tell(path, "dynamic_node_reference", message);
                }
            }
        }
    }

    fn roots(&mut self, path: &str, shown: &str, names: &Names<'_>) {
        let known = roots(self.definition, self.node);
        let unknown = names.roots.iter().filter(|root| !known.contains(root));
        for root in unknown {
            let root = short(root);
            let message = format!(
                "`{shown}` reads `{root}`: there are `{}`",
                known.join("`, `")
            );
            self.tell(path, "unknown_name", message);
        }
    }

    fn reference(&mut self, path: &str, shown: &str, id: &str, attribute: Option<&str>) {
        let name = short(id);
        let mut nodes = self.definition.nodes.iter();
        match nodes.position(|node| node.id == id) {
            None => {
                let message = match self.meant(id) {
                    Some(meant) => format!(
                        "`{shown}` names node `{name}`, which does not exist: write `nodes['{meant}']`"
                    ),
                    None => format!("`{shown}` names node `{name}`, which does not exist"),
                };
                self.tell(path, "unknown_node", message);
            }
            Some(node) if self.visible.is_some_and(|visible| !visible.contains(node)) => {
                let this = short(&self.node.id);
                let message = format!(
                    "`{shown}` reads the output of `{name}`, which need not have ended when `{this}` begins"
                );
                self.tell(path, "node_not_upstream", message);
            }
            Some(_) if attribute.is_some_and(|attribute| attribute != "output") => {
                let attribute = short(attribute.unwrap_or_default());
                let message = format!(
                    "`{shown}` reads `{attribute}` of node `{name}`: write `nodes.{name}.output`"
                );
                self.tell(path, "unknown_name", message);
            }
            Some(_) => {}
        }
    }

    /// `nodes.my-id` is a difference in Jinja: the node that was meant.
    fn meant(&self, id: &str) -> Option<&'a str> {
        let ids = self.definition.nodes.iter().map(|node| node.id.as_str());
        let rest = |whole: &str| {
            whole
                .strip_prefix(id)
                .is_some_and(|rest| rest.starts_with('-'))
        };
        ids.into_iter().find(|whole| rest(whole))
    }

    fn tell(&mut self, path: &str, code: &str, message: String) {
        let path = path.to_owned();
        self.problems.node(&self.node.id, path, code, message);
    }
}

/// A key as part of a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
