//! The nodes together: edges, ports, one trigger, no cycle, nothing out of reach.

use std::collections::{HashMap, HashSet, VecDeque};

use contracts::flow::{Definition, Edge, Node, OnError};
use petgraph::{
    algo::tarjan_scc,
    graph::{DiGraph, NodeIndex},
    visit::Dfs,
};

use super::{Problems, short};
use crate::{
    node_types::{self, ERROR_HANDLER},
    plan::digraph,
};

/// Of the nodes in a cycle, this many are named.
const MAX_NAMED: usize = 10;

pub(super) fn check(definition: &Definition, problems: &mut Problems) {
    let (graph, indexes) = digraph(definition);
    edges(definition, &indexes, problems);
    cycles(definition, &graph, problems);
    if let Some(trigger) = trigger(definition, problems) {
        reach(definition, &graph, &indexes, trigger, problems);
    }
}

/// The one node where the flow begins.
fn trigger(definition: &Definition, problems: &mut Problems) -> Option<NodeIndex> {
    let begins = |node: &Node| {
        let kind = node_types::find(node);
        node.kind != ERROR_HANDLER && kind.is_some_and(|kind| !kind.about.takes_input)
    };
    let mut triggers = definition
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| begins(node));
    let Some((first, _)) = triggers.next() else {
        let message = "a flow needs a node of type `trigger`".to_owned();
        problems.flow("/nodes", "no_trigger", message);
        return None;
    };
    let mut is_one = true;
    for (position, node) in triggers {
        is_one = false;
        let message = format!("`{}` is a second trigger: a flow has one", short(&node.id));
        let path = format!("/nodes/{position}");
        problems.node(&node.id, path, "several_triggers", message);
    }
    is_one.then(|| NodeIndex::new(first))
}

fn edges(definition: &Definition, indexes: &HashMap<&str, NodeIndex>, problems: &mut Problems) {
    let find = |id: &str| {
        indexes
            .get(id)
            .map(|index| &definition.nodes[index.index()])
    };
    let mut seen = HashSet::new();
    for (position, edge) in definition.edges.iter().enumerate() {
        let at = format!("/edges/{position}");
        let (from, to) = (find(&edge.from), find(&edge.to));
        for (end, name, field) in [(from, &edge.from, "from"), (to, &edge.to, "to")] {
            if end.is_none() {
                let message = format!("an edge names node `{}`, which does not exist", short(name));
                problems.flow(&format!("{at}/{field}"), "dangling_edge", message);
            }
        }
        if !seen.insert((&edge.from, edge.port(), &edge.to)) {
            let (from, to) = (short(&edge.from), short(&edge.to));
            let message = format!(
                "there are two edges from port `{}` of `{from}` to `{to}`",
                short(edge.port())
            );
            problems.flow(&at, "duplicate_edge", message);
        }
        if let Some(from) = from {
            port(from, edge.port(), &at, problems);
        }
        let takes_none =
            |to: &&Node| node_types::find(to).is_some_and(|kind| !kind.about.takes_input);
        if let Some(to) = to.filter(takes_none) {
            let message = format!("no edge may lead into `{}`, a `{}`", short(&to.id), to.kind);
            problems.node(&to.id, format!("{at}/to"), "edge_into_trigger", message);
        }
    }
}

fn port(from: &Node, port: &str, at: &str, problems: &mut Problems) {
    // The ports of an unknown type are unknown; the type is told already.
    let Some(kind) = node_types::find(from) else {
        return;
    };
    let ports = kind.ports(from);
    if ports.contains(&port) {
        return;
    }
    let known = match ports.as_slice() {
        _ if port == Edge::ERROR_PORT && from.on_error != OnError::Branch => {
            "there is one when its `on_error` is `branch`".to_owned()
        }
        [] => "it has none".to_owned(),
        some => format!("it has {}", quoted(some)),
    };
    let message = format!(
        "`{}` has no port `{}`: {known}",
        short(&from.id),
        short(port)
    );
    problems.node(&from.id, format!("{at}/from_port"), "unknown_port", message);
}

fn quoted(names: &[&str]) -> String {
    let quoted = |name: &&str| format!("`{}`", short(name));
    let named: Vec<_> = names.iter().take(MAX_NAMED).map(quoted).collect();
    let more = if names.len() > MAX_NAMED { ", …" } else { "" };
    named.join(", ") + more
}

fn cycles(definition: &Definition, graph: &DiGraph<(), ()>, problems: &mut Problems) {
    let mut components = tarjan_scc(graph);
    components.sort_unstable_by_key(|component| component.iter().min().copied());
    for component in components {
        let first = component.iter().min().copied().unwrap_or_default();
        if component.len() == 1 && !graph.contains_edge(first, first) {
            continue;
        }
        let id = |index: &NodeIndex| definition.nodes[index.index()].id.as_str();
        let mut ids: Vec<_> = cycle(graph, first).iter().map(id).map(short).collect();
        if ids.len() > MAX_NAMED {
            ids.truncate(MAX_NAMED);
            ids.push("…".to_owned());
        }
        ids.push(short(id(&first)));
        let message = format!(
            "these nodes lead back to themselves: `{}`",
            ids.join("` → `")
        );
        problems.node(id(&first), "/edges".to_owned(), "cycle", message);
    }
}

/// A shortest cycle through a node that is on one.
fn cycle(graph: &DiGraph<(), ()>, first: NodeIndex) -> Vec<NodeIndex> {
    let mut before = HashMap::new();
    let mut open = VecDeque::from([first]);
    while let Some(node) = open.pop_front() {
        for next in graph.neighbors(node) {
            if next == first {
                let step = |node: &NodeIndex| before.get(node).copied();
                let mut path: Vec<_> = std::iter::successors(Some(node), step).collect();
                path.reverse();
                return path;
            }
            if let std::collections::hash_map::Entry::Vacant(entry) = before.entry(next) {
                entry.insert(node);
                open.push_back(next);
            }
        }
    }
    vec![first]
}

fn reach(
    definition: &Definition,
    graph: &DiGraph<(), ()>,
    indexes: &HashMap<&str, NodeIndex>,
    trigger: NodeIndex,
    problems: &mut Problems,
) {
    let mut reached = HashSet::new();
    let is_handler = |at: &NodeIndex| definition.nodes[at.index()].kind == ERROR_HANDLER;
    let begins = |at: &NodeIndex| *at == trigger || is_handler(at);
    for from in graph.node_indices().filter(begins) {
        let mut walk = Dfs::new(graph, from);
        while let Some(node) = walk.next(graph) {
            reached.insert(node);
        }
    }
    for (position, node) in definition.nodes.iter().enumerate() {
        // A second node of the same id has no edges of its own; the id is told already.
        let is_named = indexes[node.id.as_str()].index() == position;
        if is_named && !reached.contains(&NodeIndex::new(position)) {
            let message = format!("no path leads from the trigger to `{}`", short(&node.id));
            let path = format!("/nodes/{position}");
            problems.node(&node.id, path, "unreachable_node", message);
        }
    }
}
