//! Bodies: what stands in the body of a node, and what may.

use std::collections::{HashMap, HashSet};

use contracts::flow::{Definition, Node};

use super::{Problems, short};
use crate::node_types::{self, Kind};

/// How deep bodies may stand in bodies.
const MAX_DEPTH: usize = 5;

pub(super) fn check(definition: &Definition, problems: &mut Problems) {
    let mut by_id: HashMap<&str, &Node> = HashMap::new();
    for node in &definition.nodes {
        by_id.entry(&node.id).or_insert(node);
    }
    let has_nodes: HashSet<_> = definition
        .nodes
        .iter()
        .filter_map(|node| node.parent.as_deref())
        .collect();
    for (position, node) in definition.nodes.iter().enumerate() {
        let at = format!("/nodes/{position}");
        let mut tell = |path: &str, code: &str, message: String| {
            problems.node(&node.id, format!("{at}{path}"), code, message);
        };
        let id = short(&node.id);
        if let Some(parent) = &node.parent {
            let name = short(parent);
            match by_id.get(parent.as_str()) {
                None => {
                    let message =
                        format!("`parent` of `{id}` names node `{name}`, which does not exist");
                    tell("/parent", "unknown_parent", message);
                }
                Some(parent) if has_body(parent) == Some(false) => {
                    let message = format!(
                        "`{name}`, the `parent` of `{id}`, is a `{}`: it has no body",
                        short(&parent.kind)
                    );
                    tell("/parent", "no_body", message);
                }
                Some(_) if depth(node, &by_id) > MAX_DEPTH => {
                    let message = format!("`{id}` stands in more than {MAX_DEPTH} bodies");
                    tell("/parent", "too_deep", message);
                }
                Some(_) => {}
            }
            if kind(node).is_some_and(|kind| !kind.about.takes_input) {
                let message = format!("`{id}` begins the flow: it stands in no body");
                tell("/parent", "trigger_in_body", message);
            }
        }
        if has_body(node) == Some(true) {
            if !has_nodes.contains(node.id.as_str()) {
                let message =
                    format!("the body of `{id}` is empty: no node names it as its `parent`");
                tell("", "empty_body", message);
            }
            if node.retry.is_some() {
                let message = format!("`{id}` runs other nodes: `retry` is for those");
                tell("/retry", "invalid_retry", message);
            }
        }
    }
    edges(definition, &by_id, problems);
}

fn edges(definition: &Definition, by_id: &HashMap<&str, &Node>, problems: &mut Problems) {
    for (position, edge) in definition.edges.iter().enumerate() {
        let ends = (by_id.get(edge.from.as_str()), by_id.get(edge.to.as_str()));
        if let (Some(from), Some(to)) = ends
            && from.parent != to.parent
        {
            let (from, to) = (short(&from.id), short(&to.id));
            let message = format!(
                "an edge leads from `{from}` to `{to}`, which do not stand in the same body"
            );
            problems.flow(&format!("/edges/{position}"), "edge_crosses_body", message);
        }
    }
}

fn kind(node: &Node) -> Option<&'static Kind> {
    node_types::find(node)
}

/// None where the type is unknown: that is told already.
fn has_body(node: &Node) -> Option<bool> {
    kind(node).map(|kind| kind.about.has_body)
}

/// In how many bodies a node stands; parents that lead back to themselves are told as a cycle.
fn depth(node: &Node, by_id: &HashMap<&str, &Node>) -> usize {
    let parent = |node: &&Node| by_id.get(node.parent.as_deref()?).copied();
    std::iter::successors(Some(node), parent)
        .take(MAX_DEPTH + 2)
        .count()
        - 1
}
