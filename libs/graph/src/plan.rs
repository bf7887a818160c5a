//! A valid flow, indexed for execution.

use std::collections::HashMap;

use contracts::flow::{Definition, FlowProblem, Node};
use fixedbitset::FixedBitSet;
use petgraph::graph::{DiGraph, NodeIndex as GraphIndex};

use crate::{
    node_types::{self, Need},
    validate,
    visible::visible,
};

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
    parents: Vec<Option<NodeIndex>>,
    /// The nodes that stand in no body.
    outer: Vec<NodeIndex>,
    bodies: HashMap<NodeIndex, Vec<NodeIndex>>,
    needs: Vec<Need>,
    visible: Vec<Vec<NodeIndex>>,
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
        let mut parents = Vec::with_capacity(definition.nodes.len());
        let mut outer = Vec::new();
        let mut bodies: HashMap<_, Vec<_>> = HashMap::new();
        for (node, index) in definition.nodes.iter().zip((0u16..).map(NodeIndex)) {
            let parent = node.parent.as_ref().map(|parent| by_id[parent]);
            parents.push(parent);
            match parent {
                Some(parent) => bodies.entry(parent).or_default().push(index),
                None => outer.push(index),
            }
        }
        let positions = |set: FixedBitSet| set.ones().map(|at| NodeIndex(small(at))).collect();
        let visible = visible(&definition).unwrap_or_default();
        Ok(Self {
            needs: definition.nodes.iter().map(node_types::need).collect(),
            visible: visible.into_iter().map(positions).collect(),
            definition,
            by_id,
            incoming,
            outgoing,
            parents,
            outer,
            bodies,
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

    /// The node in whose body this one stands.
    pub fn parent(&self, index: NodeIndex) -> Option<NodeIndex> {
        self.parents[index.at()]
    }

    /// The nodes of a body, those of bodies within it left out; without a node with a body, those that stand in none.
    pub fn body(&self, of: Option<NodeIndex>) -> &[NodeIndex] {
        match of {
            Some(index) => self.bodies.get(&index).map_or(&[], Vec::as_slice),
            None => &self.outer,
        }
    }

    /// The nodes whose outputs this one may read: they have settled for good when it begins.
    pub fn visible(&self, index: NodeIndex) -> &[NodeIndex] {
        &self.visible[index.at()]
    }

    pub(crate) fn need(&self, index: NodeIndex) -> Need {
        self.needs[index.at()]
    }
}

/// The graph of a definition, with an edge from each node with a body to the nodes in it; edges whose ends do not exist are
/// left out. Positions are those of the nodes.
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
    for (position, node) in definition.nodes.iter().enumerate() {
        let parent = node.parent.as_deref().and_then(|id| indexes.get(id));
        if let Some(parent) = parent {
            graph.add_edge(*parent, GraphIndex::new(position), ());
        }
    }
    (graph, indexes)
}

fn small(position: usize) -> u16 {
    u16::try_from(position).expect("a valid flow has at most 1,000 nodes")
}
