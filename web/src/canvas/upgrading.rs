//! Nodes of older versions of their types, and the command that brings them to the current ones.
//!
//! **Invariant:** pure; the rules are those of the server.

use contracts::flow::Node;
use graph::Upgrade;

use crate::{
    canvas::{
        log::Command,
        model::{Edit, Graph},
    },
    format::plural,
};

/// The version of a node and the current one of its type; none where there is no newer one, or its own is not known here.
pub(crate) fn behind(node: &Node) -> Option<(u32, u32)> {
    let current = graph::current_version(&node.kind)?;
    let version = node.version();
    (1..current)
        .contains(&version)
        .then_some((version, current))
}

/// How many nodes there are a newer version for.
pub(crate) fn count_behind(flow: &Graph) -> usize {
    flow.nodes
        .iter()
        .filter(|node| behind(node).is_some())
        .count()
}

/// What becomes of the nodes with these ids, or of all.
pub(crate) fn upgraded(flow: &Graph, only: Option<&[String]>) -> Upgrade {
    graph::upgrade(&flow.definition(), only)
}

/// The upgrade as one act.
pub(crate) fn command(flow: &Graph, upgrade: &Upgrade) -> Command {
    let mut edits = Vec::new();
    for change in &upgrade.nodes {
        let mut nodes = upgrade.definition.nodes.iter();
        if let Some(node) = nodes.find(|node| node.id == change.node) {
            let node = Box::new(node.clone());
            edits.push(Edit::SetNode { node });
        }
    }
    // Each edge stays at its place in the list. Those that change go before any comes: two may exchange their ports.
    let edges = flow.edges.iter().zip(&upgrade.definition.edges);
    let changed: Vec<_> = edges
        .enumerate()
        .filter(|(_, (old, new))| old != new)
        .collect();
    for (_, (old, _)) in &changed {
        let edge = (*old).clone();
        edits.push(Edit::RemoveEdge { edge });
    }
    for (index, (_, new)) in changed {
        let edge = new.clone();
        edits.push(Edit::AddEdge { index, edge });
    }
    let label = format!("Upgraded {}", plural(upgrade.nodes.len(), "node", "nodes"));
    Command::new(label, edits)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::canvas::log::Log;

    fn flow() -> Graph {
        let definition = json!({
            "nodes": [
                {"id": "start", "type": "trigger"},
                {"id": "a", "type": "http", "config": {"method": "POST", "url": "https://x.test", "body": "x"}},
                {"id": "b", "type": "http", "type_version": 1},
                {"id": "c", "type": "http", "type_version": 2},
                {"id": "d", "type": "http", "type_version": 9}
            ],
            "edges": [{"from": "start", "to": "a"}, {"from": "a", "to": "b"}, {"from": "b", "to": "c"}]
        });
        Graph::new(serde_json::from_value(definition).unwrap())
    }

    #[test]
    fn only_nodes_with_a_newer_version_are_behind() {
        let flow = flow();
        let behind: Vec<_> = flow.nodes.iter().map(behind).collect();
        assert_eq!(behind, [None, Some((1, 2)), Some((1, 2)), None, None]);
        assert_eq!(count_behind(&flow), 2);
    }

    #[test]
    fn an_upgrade_is_one_act_that_is_undone_as_a_whole() {
        let (before, mut log) = (flow(), Log::default());
        let mut graph = before.clone();
        let upgrade = upgraded(&graph, None);
        assert!(log.run(&mut graph, &command(&before, &upgrade)));
        assert_eq!(graph.definition(), upgrade.definition);
        assert_eq!(count_behind(&graph), 0);
        log.undo(&mut graph);
        assert_eq!(graph, before);
    }

    #[test]
    fn edges_take_their_new_ports_at_their_old_places() {
        let before = flow();
        let mut upgrade = upgraded(&before, Some(&["a".to_owned()]));
        upgrade.definition.edges[1].from_port = Some("done".to_owned());
        let (mut graph, mut log) = (before.clone(), Log::default());
        log.run(&mut graph, &command(&before, &upgrade));
        assert_eq!(graph.edges, upgrade.definition.edges);
        log.undo(&mut graph);
        assert_eq!(graph, before);
    }
}
