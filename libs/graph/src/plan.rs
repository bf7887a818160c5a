//! A valid flow, indexed for execution.

use std::collections::HashMap;

use contracts::flow::{Definition, FlowProblem, Node};
use petgraph::{
    algo::toposort,
    graph::{DiGraph, NodeIndex as GraphIndex},
};

use crate::validate;

/// The position of a node in [`Plan::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeIndex(pub u16);

impl NodeIndex {
    fn at(self) -> usize {
        usize::from(self.0)
    }
}

/// An edge by positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeRef {
    pub from: NodeIndex,
    pub port: String,
    pub to: NodeIndex,
}

/// A definition that [`validate`] finds nothing wrong with, and its graph.
#[derive(Debug)]
pub struct Plan {
    definition: Definition,
    by_id: HashMap<String, NodeIndex>,
    incoming: Vec<Vec<EdgeRef>>,
    outgoing: Vec<Vec<EdgeRef>>,
    order: Vec<NodeIndex>,
}

impl Plan {
    /// # Errors
    /// What is wrong with the definition.
    pub fn new(definition: Definition) -> Result<Self, Vec<FlowProblem>> {
        let problems = validate(&definition);
        if !problems.is_empty() {
            return Err(problems);
        }
        let indexes = (0u16..).map(NodeIndex);
        let by_id: HashMap<_, _> = definition
            .nodes
            .iter()
            .map(|node| node.id.clone())
            .zip(indexes)
            .collect();
        let mut incoming = vec![Vec::new(); definition.nodes.len()];
        let mut outgoing = incoming.clone();
        for edge in &definition.edges {
            let edge = EdgeRef {
                from: by_id[&edge.from],
                port: edge.port().to_owned(),
                to: by_id[&edge.to],
            };
            outgoing[edge.from.at()].push(edge.clone());
            incoming[edge.to.at()].push(edge);
        }
        let order = order(&definition)
            .into_iter()
            .map(|position| NodeIndex(small(position)))
            .collect();
        Ok(Self {
            definition,
            by_id,
            incoming,
            outgoing,
            order,
        })
    }

    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    pub fn nodes(&self) -> &[Node] {
        &self.definition.nodes
    }

    pub fn node(&self, index: NodeIndex) -> &Node {
        &self.definition.nodes[index.at()]
    }

    pub fn index(&self, id: &str) -> Option<NodeIndex> {
        self.by_id.get(id).copied()
    }

    pub fn incoming(&self, index: NodeIndex) -> &[EdgeRef] {
        &self.incoming[index.at()]
    }

    pub fn outgoing(&self, index: NodeIndex) -> &[EdgeRef] {
        &self.outgoing[index.at()]
    }

    /// All nodes, each after those before it.
    pub fn order(&self) -> &[NodeIndex] {
        &self.order
    }

    /// All nodes from which a path leads to this one, in their order.
    pub fn upstream(&self, index: NodeIndex) -> Vec<NodeIndex> {
        let mut seen = vec![false; self.nodes().len()];
        let mut open = vec![index];
        while let Some(node) = open.pop() {
            for edge in self.incoming(node) {
                if !std::mem::replace(&mut seen[edge.from.at()], true) {
                    open.push(edge.from);
                }
            }
        }
        self.order
            .iter()
            .copied()
            .filter(|node| seen[node.at()])
            .collect()
    }
}

fn order(definition: &Definition) -> Vec<usize> {
    let (graph, _) = digraph(definition);
    let sorted = toposort(&graph, None).unwrap_or_default();
    sorted.into_iter().map(GraphIndex::index).collect()
}

/// The graph of a definition; edges whose ends do not exist are left out. Positions are those of the nodes.
pub(crate) fn digraph(definition: &Definition) -> (DiGraph<(), ()>, HashMap<&str, GraphIndex>) {
    let mut graph = DiGraph::with_capacity(definition.nodes.len(), definition.edges.len());
    let mut indexes = HashMap::with_capacity(definition.nodes.len());
    for node in &definition.nodes {
        let index = graph.add_node(());
        indexes.entry(node.id.as_str()).or_insert(index);
    }
    for edge in &definition.edges {
        if let (Some(from), Some(to)) = (
            indexes.get(edge.from.as_str()),
            indexes.get(edge.to.as_str()),
        ) {
            graph.add_edge(*from, *to, ());
        }
    }
    (graph, indexes)
}

fn small(position: usize) -> u16 {
    u16::try_from(position).expect("a valid flow has at most 1,000 nodes")
}
