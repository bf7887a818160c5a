//! Expressions: their syntax, and that they name only what they can see.

use std::collections::HashSet;

use contracts::flow::{Definition, Node};
use petgraph::{
    graph::{DiGraph, NodeIndex},
    visit::{Dfs, Reversed},
};
use serde_json::Value;

use super::Problems;
use crate::{
    expression::{self, Reference},
    node_types,
    plan::digraph,
};

const ROOTS: [&str; 4] = ["input", "nodes", "execution", "vars"];

pub(super) fn check(definition: &Definition, problems: &mut Problems) {
    let (graph, indexes) = digraph(definition);
    for (position, node) in definition.nodes.iter().enumerate() {
        let found = expressions_of(node, position, problems);
        if found.is_empty() {
            continue;
        }
        let upstream = upstream(definition, &graph, NodeIndex::new(position));
        for (path, expression) in found {
            let mut place = Place {
                node,
                path,
                problems,
            };
            place.check(expression, &upstream, |id| indexes.contains_key(id));
        }
    }
}

/// All expressions of a node with their paths; texts that cannot be cut are told as problems.
fn expressions_of<'a>(
    node: &'a Node,
    position: usize,
    problems: &mut Problems,
) -> Vec<(String, &'a str)> {
    let mut found = Vec::new();
    let at = format!("/nodes/{position}/config");
    let verbatim = node_types::verbatim_keys(&node.kind);
    for (key, value) in node
        .config
        .iter()
        .filter(|(key, _)| !verbatim.contains(&key.as_str()))
    {
        collect(node, value, format!("{at}/{key}"), &mut found, problems);
    }
    for (path, condition) in node_types::conditions(node) {
        found.push((
            format!("{at}{path}"),
            expression::condition_source(condition),
        ));
    }
    found
}

fn collect<'a>(
    node: &Node,
    value: &'a Value,
    path: String,
    found: &mut Vec<(String, &'a str)>,
    problems: &mut Problems,
) {
    match value {
        Value::String(text) => match expression::expressions(text) {
            Ok(expressions) => found.extend(
                expressions
                    .into_iter()
                    .map(|expression| (path.clone(), expression)),
            ),
            Err(reason) => {
                problems.node(
                    &node.id,
                    path,
                    "invalid_expression",
                    format!("an expression in `{}` cannot be read: {reason}", node.id),
                );
            }
        },
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                collect(node, item, format!("{path}/{position}"), found, problems);
            }
        }
        Value::Object(object) => {
            for (key, item) in object {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect(node, item, format!("{path}/{key}"), found, problems);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

struct Place<'a> {
    node: &'a Node,
    path: String,
    problems: &'a mut Problems,
}

impl Place<'_> {
    fn check(&mut self, expression: &str, upstream: &HashSet<&str>, exists: impl Fn(&str) -> bool) {
        let shown: String = expression.chars().take(120).collect();
        if let Some(reason) = expression::syntax_error(expression) {
            self.tell(
                "invalid_expression",
                format!("`{shown}` cannot be read: {reason}"),
            );
            return;
        }
        for root in expression::roots(expression) {
            if !ROOTS.contains(&root.as_str()) {
                self.tell("unknown_name", format!("`{shown}` reads `{root}`: there are `input`, `nodes`, `execution` and `vars`"));
            }
        }
        for reference in expression::references(expression) {
            match reference {
                Reference::Node(id) if upstream.contains(id.as_str()) => {}
                Reference::Node(id) if exists(&id) => {
                    let message = format!(
                        "`{shown}` reads the output of `{id}`, from which no path leads to `{}`",
                        self.node.id
                    );
                    self.tell("node_not_upstream", message);
                }
                Reference::Node(id) => self.tell(
                    "unknown_node",
                    format!("`{shown}` names node `{id}`, which does not exist"),
                ),
                Reference::Dynamic => {
                    let message =
                        format!("`{shown}` must name each node as `nodes.<id>` or `nodes['<id>']`");
                    self.tell("dynamic_node_reference", message);
                }
            }
        }
    }

    fn tell(&mut self, code: &str, message: String) {
        self.problems
            .node(&self.node.id, self.path.clone(), code, message);
    }
}

/// The ids of all nodes from which a path leads to this one.
fn upstream<'a>(
    definition: &'a Definition,
    graph: &DiGraph<(), ()>,
    node: NodeIndex,
) -> HashSet<&'a str> {
    let reversed = Reversed(graph);
    let mut walk = Dfs::new(reversed, node);
    let mut ids = HashSet::new();
    while let Some(found) = walk.next(reversed) {
        if found != node {
            ids.insert(definition.nodes[found.index()].id.as_str());
        }
    }
    ids
}
