//! The nodes together: edges, ports, one trigger, no cycle, nothing out of reach.

use std::collections::HashSet;

use contracts::flow::{Definition, Node};
use petgraph::{
    algo::tarjan_scc,
    graph::{DiGraph, NodeIndex},
    visit::Dfs,
};

use super::Problems;
use crate::{node_types, plan::digraph};

const TRIGGER: &str = "trigger";

pub(super) fn check(definition: &Definition, problems: &mut Problems) {
    let triggers: Vec<_> = definition
        .nodes
        .iter()
        .filter(|node| node.kind == TRIGGER)
        .collect();
    match triggers.as_slice() {
        [] => problems.flow(
            "/nodes",
            "no_trigger",
            "a flow needs a node of type `trigger`".to_owned(),
        ),
        [_] => {}
        [_, more @ ..] => {
            for node in more {
                let message = format!("`{}` is a second trigger: a flow has one", node.id);
                problems.node(&node.id, "/nodes".to_owned(), "several_triggers", message);
            }
        }
    }
    edges(definition, problems);
    let (graph, indexes) = digraph(definition);
    let has_cycle = cycles(definition, &graph, problems);
    if let ([trigger], false) = (triggers.as_slice(), has_cycle) {
        reach(definition, &graph, indexes[trigger.id.as_str()], problems);
    }
}

fn edges(definition: &Definition, problems: &mut Problems) {
    let find = |id: &str| definition.nodes.iter().find(|node| node.id == id);
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
            let message = format!(
                "there are two edges from `{}` to `{}`",
                short(&edge.from),
                short(&edge.to)
            );
            problems.flow(&at, "duplicate_edge", message);
        }
        if let Some(from) = from {
            port(from, edge.port(), &at, problems);
        }
        if let Some(to) =
            to.filter(|to| node_types::find(&to.kind).is_some_and(|kind| !kind.about.takes_input))
        {
            let message = format!(
                "no edge may lead into `{}`, which is a `{}`",
                to.id, to.kind
            );
            problems.node(&to.id, format!("{at}/to"), "edge_into_trigger", message);
        }
    }
}

fn port(from: &Node, port: &str, at: &str, problems: &mut Problems) {
    // The ports of an unknown type are unknown; the type is told already.
    if node_types::find(&from.kind).is_none() {
        return;
    }
    let ports = node_types::ports(from);
    if !ports.contains(&port) {
        let known = if ports.is_empty() {
            "it has none".to_owned()
        } else {
            format!("it has `{}`", ports.join("`, `"))
        };
        let message = format!("`{}` has no port `{}`: {known}", from.id, short(port));
        problems.node(&from.id, format!("{at}/from_port"), "unknown_port", message);
    }
}

fn cycles(definition: &Definition, graph: &DiGraph<(), ()>, problems: &mut Problems) -> bool {
    let mut found = false;
    for component in tarjan_scc(graph) {
        let turns = component.len() > 1 || graph.contains_edge(component[0], component[0]);
        if !turns {
            continue;
        }
        found = true;
        let mut ids: Vec<_> = component
            .iter()
            .map(|index| definition.nodes[index.index()].id.as_str())
            .collect();
        ids.sort_unstable();
        let named = ids
            .iter()
            .take(10)
            .copied()
            .collect::<Vec<_>>()
            .join("`, `");
        problems.node(
            ids[0],
            "/edges".to_owned(),
            "cycle",
            format!("these nodes lead back to themselves: `{named}`"),
        );
    }
    found
}

fn reach(
    definition: &Definition,
    graph: &DiGraph<(), ()>,
    trigger: NodeIndex,
    problems: &mut Problems,
) {
    let mut reached = HashSet::new();
    let mut walk = Dfs::new(graph, trigger);
    while let Some(node) = walk.next(graph) {
        reached.insert(node);
    }
    for (position, node) in definition.nodes.iter().enumerate() {
        let is_trigger = node.kind == TRIGGER;
        if !is_trigger && !reached.contains(&NodeIndex::new(position)) {
            let message = format!("no path leads from the trigger to `{}`", short(&node.id));
            problems.node(
                &node.id,
                format!("/nodes/{position}"),
                "unreachable_node",
                message,
            );
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}
