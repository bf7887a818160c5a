//! What a user can do to the bodies of maps and loops, as commands.
//!
//! **Invariant:** pure; an edge never joins nodes of different bodies.

use std::collections::BTreeMap;

use contracts::flow::{Edge, Node};

use crate::canvas::{
    geometry::{HEAD, Point},
    log::Command,
    model::{Edit, Graph, title},
};

/// The types whose nodes have a body.
pub(crate) const WITH_BODY: [&str; 2] = [graph::MAP, graph::LOOP];

pub(crate) fn has_body(node: &Node) -> bool {
    WITH_BODY.contains(&node.kind.as_str())
}

/// These nodes with all that stands in their bodies, in the order of the graph.
pub(crate) fn with_bodies(graph: &Graph, ids: &[String]) -> Vec<String> {
    let goes = |node: &&Node| {
        let parent = |node: &&Node| graph.node(node.parent.as_deref()?);
        let around = std::iter::successors(Some(*node), parent).take(graph.nodes.len() + 1);
        around.into_iter().any(|node| ids.contains(&node.id))
    };
    let all = graph.nodes.iter().filter(goes);
    all.map(|node| node.id.clone()).collect()
}

/// The nodes that stand directly in each body, by the id of its node.
pub(crate) fn bodies(graph: &Graph) -> BTreeMap<String, Vec<String>> {
    let mut bodies: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in &graph.nodes {
        if let Some(parent) = node.parent.as_ref().filter(|id| graph.node(id).is_some()) {
            bodies
                .entry(parent.clone())
                .or_default()
                .push(node.id.clone());
        }
    }
    bodies
}

/// A first node for the body of a new node, so that there is something to change.
pub(super) fn first(graph: &Graph, kind: &str, parent: &str, at: Point) -> Option<Edit> {
    if !WITH_BODY.contains(&kind) {
        return None;
    }
    let at = at.plus(Point::new(HEAD, HEAD * 2.5));
    let (_, command) = super::add(graph, "transform", at);
    let mut edit = command.edits.into_iter().next()?;
    if let Edit::AddNode { index, node } = &mut edit {
        *index += 1;
        node.parent = Some(parent.to_owned());
        let value = if kind == graph::MAP {
            "{{ item }}"
        } else {
            "{{ index }}"
        };
        node.config.insert("value".to_owned(), value.into());
    }
    Some(edit)
}

/// The node stands in the body of another, or in none; edges that would leave its body go.
pub(crate) fn put_in(graph: &Graph, node: &Node, parent: Option<&str>) -> Command {
    let label = match parent.and_then(|id| graph.node(id)) {
        Some(parent) => format!("Put {} into the body of {}", title(node), title(parent)),
        None => format!("Took {} out of its body", title(node)),
    };
    let crosses = |edge: &&Edge| {
        let far = match (edge.from == node.id, edge.to == node.id) {
            (true, _) => &edge.to,
            (_, true) => &edge.from,
            _ => return false,
        };
        graph.node(far).and_then(|far| far.parent.as_deref()) != parent
    };
    let gone = graph.edges.iter().filter(crosses).cloned();
    let mut edits: Vec<_> = gone.map(|edge| Edit::RemoveEdge { edge }).collect();
    edits.push(Edit::SetNode {
        node: Box::new(Node {
            parent: parent.map(str::to_owned),
            ..node.clone()
        }),
    });
    Command::new(label, edits)
}

/// The nodes in whose bodies this one may stand.
pub(crate) fn homes<'a>(graph: &'a Graph, id: &str) -> impl Iterator<Item = &'a Node> {
    let own = with_bodies(graph, &[id.to_owned()]);
    let nodes = graph.nodes.iter();
    nodes.filter(move |node| has_body(node) && !own.contains(&node.id))
}

#[cfg(test)]
mod tests {
    use contracts::flow::Definition;

    use super::*;
    use crate::canvas::commands::{add, append, connect, copy, delete, paste};

    /// `start → greet → end`, and a map with its first node.
    fn mapped() -> Graph {
        let mut graph = Graph::new(Definition::example());
        let (_, command) = add(&graph, "map", Point::default());
        graph.apply(&command.edits);
        graph
    }

    #[test]
    fn a_new_map_has_a_body_that_goes_with_it() {
        let mut graph = mapped();
        assert_eq!(bodies(&graph)["map"], ["transform"]);
        let before = graph.clone();
        let undo = graph.apply(&delete(&graph, &["map".into()], &[]).edits);
        assert_eq!(graph.nodes.len(), 3);
        graph.apply(&undo);
        assert_eq!(graph, before);
    }

    #[test]
    fn what_follows_a_node_of_a_body_stands_in_it() {
        let mut graph = mapped();
        let (id, command) = append(&graph, "http", ("transform", "out"), Point::default());
        graph.apply(&command.edits);
        assert_eq!(graph.node(&id).unwrap().parent.as_deref(), Some("map"));
        let node = graph.node(&id).unwrap().clone();
        let undo = graph.apply(&put_in(&graph, &node, None).edits);
        assert_eq!(graph.node(&id).unwrap().parent, None);
        assert!(
            graph.edges.iter().all(|edge| edge.to != id),
            "the edge went"
        );
        graph.apply(&undo);
        assert!(graph.edges.iter().any(|edge| edge.to == id));
    }

    #[test]
    fn a_copy_of_a_map_has_a_body_of_its_own() {
        let mut graph = mapped();
        let clip = copy(&graph, &["map".into()], &[]);
        let (_, command) = paste(&graph, &clip, Point::default());
        graph.apply(&command.edits);
        assert_eq!(bodies(&graph)["map_2"], ["transform_2"]);
        // One node of a body, copied alone, stays in it.
        let clip = copy(&graph, &["transform".into()], &[]);
        let (_, command) = paste(&graph, &clip, Point::default());
        graph.apply(&command.edits);
        assert_eq!(bodies(&graph)["map"], ["transform", "transform_3"]);
    }

    #[test]
    fn a_body_does_not_stand_in_itself() {
        let mut graph = mapped();
        let (_, command) = add(&graph, "loop", Point::default());
        graph.apply(&command.edits);
        let inner = graph.node("loop").unwrap().clone();
        graph.apply(&put_in(&graph, &inner, Some("map")).edits);
        let ids = |id: &str| -> Vec<_> { homes(&graph, id).map(|node| node.id.clone()).collect() };
        assert_eq!(ids("map"), Vec::<String>::new());
        assert_eq!(ids("greet"), ["map", "loop"]);
        assert_eq!(with_bodies(&graph, &["map".into()]).len(), 4);
        graph.apply(&connect(&graph, "transform", "out", "loop").edits);
        assert!(!graph.upstream("loop").contains("map"));
    }
}
