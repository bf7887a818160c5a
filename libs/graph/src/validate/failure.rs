//! What runs when an execution fails: the error handler and its branch, and the nodes that undo others.

use std::collections::HashSet;

use contracts::flow::{Definition, Node, OnError};
use fixedbitset::FixedBitSet;

use super::{Problems, short};
use crate::{
    node_types::{self, ERROR_HANDLER},
    plan::reached,
};

pub(super) fn check(definition: &Definition, problems: &mut Problems) {
    let handled = handler(definition, problems);
    let mut undone = HashSet::new();
    for (position, node) in definition.nodes.iter().enumerate() {
        let Some(target) = &node.compensates else {
            continue;
        };
        let is_first = undone.insert(target.as_str());
        if let Err(reason) = compensation(definition, node, target, is_first, handled.as_ref()) {
            let (id, target) = (short(&node.id), short(target));
            let message = format!("`{id}` cannot undo `{target}`: {reason}");
            let path = format!("/nodes/{position}/compensates");
            problems.node(&node.id, path, "invalid_compensation", message);
        }
    }
}

/// The nodes to which the error handler leads; none where there is no handler.
fn handler(definition: &Definition, problems: &mut Problems) -> Option<FixedBitSet> {
    let nodes = || definition.nodes.iter().enumerate();
    let mut handlers = nodes().filter(|(_, node)| node.kind == ERROR_HANDLER);
    let (first, _) = handlers.next()?;
    for (position, node) in handlers {
        let id = short(&node.id);
        let message = format!("`{id}` is a second error handler: a flow has one");
        let path = format!("/nodes/{position}");
        problems.node(&node.id, path, "several_handlers", message);
    }
    let handled = reached(definition, first);
    let begins = |node: &Node| node.kind != ERROR_HANDLER && !takes_input(node);
    if let Some((trigger, _)) = nodes().find(|(_, node)| begins(node)) {
        let mut both = reached(definition, trigger);
        both.intersect_with(&handled);
        for position in both.ones() {
            let id = &definition.nodes[position].id;
            let message = format!(
                "both the trigger and the error handler lead to `{}`: the handler's branch stands apart",
                short(id)
            );
            let path = format!("/nodes/{position}");
            problems.node(id, path, "handler_not_apart", message);
        }
    }
    Some(handled)
}

fn compensation(
    definition: &Definition,
    node: &Node,
    target: &str,
    is_first: bool,
    handled: Option<&FixedBitSet>,
) -> Result<(), &'static str> {
    let mut nodes = definition.nodes.iter();
    let position = nodes.position(|known| known.id == target);
    let position = position.ok_or("there is no such node")?;
    let undone = &definition.nodes[position];
    let has_edges = |id: &str| {
        definition
            .edges
            .iter()
            .any(|it| it.from == id || it.to == id)
    };
    if !node_types::may_compensate(&node.kind) {
        return Err("nodes of its type undo nothing");
    }
    if has_edges(&node.id) {
        return Err("what undoes another has no edges");
    }
    if node.on_error == OnError::Branch {
        return Err("it cannot go on at the port `error`, for it has no edges");
    }
    if undone.compensates.is_some() || !takes_input(undone) {
        return Err("it does nothing that can be undone");
    }
    if undone.parent != node.parent {
        return Err("both must stand in the same body");
    }
    if handled.is_some_and(|handled| handled.contains(position)) {
        return Err("it is in the branch of the error handler, after which nothing is undone");
    }
    match is_first {
        true => Ok(()),
        false => Err("another node undoes it"),
    }
}

/// An unknown type is told already.
fn takes_input(node: &Node) -> bool {
    node_types::find(node).is_none_or(|kind| kind.about.takes_input)
}
