//! A valid flow, indexed for execution.

use std::collections::HashMap;

use contracts::flow::{Definition, FlowProblem, Node};
use fixedbitset::FixedBitSet;
use petgraph::{
    graph::{DiGraph, NodeIndex as GraphIndex},
    visit::Dfs,
};

use crate::{
    node_types::{self, ERROR_HANDLER, Need},
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
    /// The nodes that stand in no body, and not in the branch of the error handler.
    outer: Vec<NodeIndex>,
    /// Those of the error handler's branch that stand in no body, the handler first.
    handling: Vec<NodeIndex>,
    /// By the node that is undone, the one that undoes it.
    compensations: HashMap<NodeIndex, NodeIndex>,
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
        let handling: Vec<_> = handled(&definition)
            .into_iter()
            .map(|at| NodeIndex(small(at)))
            .collect();
        let mut parents = Vec::with_capacity(definition.nodes.len());
        let mut compensations = HashMap::new();
        let mut outer = Vec::new();
        let mut bodies: HashMap<_, Vec<_>> = HashMap::new();
        for (node, index) in definition.nodes.iter().zip((0u16..).map(NodeIndex)) {
            let parent = node.parent.as_ref().map(|parent| by_id[parent]);
            parents.push(parent);
            match parent {
                Some(parent) => bodies.entry(parent).or_default().push(index),
                None if handling.contains(&index) => {}
                None => outer.push(index),
            }
            if let Some(undone) = &node.compensates {
                compensations.insert(by_id[undone], index);
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
            handling,
            compensations,
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

    /// The nodes of a body, those of bodies within it left out; without a node with a body, those that stand in none, without
    /// the branch of the error handler.
    pub fn body(&self, of: Option<NodeIndex>) -> &[NodeIndex] {
        match of {
            Some(index) => self.bodies.get(&index).map_or(&[], Vec::as_slice),
            None => &self.outer,
        }
    }

    /// The nodes of the error handler's branch that stand in no body, the handler first; none where there is no handler.
    pub fn handling(&self) -> &[NodeIndex] {
        &self.handling
    }

    /// The node that undoes this one.
    pub fn compensation(&self, of: NodeIndex) -> Option<NodeIndex> {
        self.compensations.get(&of).copied()
    }

    /// Whether the node undoes another: it has no turn of its own.
    pub fn is_compensation(&self, node: NodeIndex) -> bool {
        self.node(node).compensates.is_some()
    }

    /// Whether something in the body of a node, or in a body within it, can be undone.
    pub fn is_undone(&self, body: NodeIndex) -> bool {
        let stands_in = |node: &NodeIndex| {
            let around = std::iter::successors(self.parent(*node), |node| self.parent(*node));
            around.into_iter().any(|parent| parent == body)
        };
        self.compensations.keys().any(stands_in)
    }

    /// The nodes whose outputs this one may read: they have settled for good when it begins.
    pub fn visible(&self, index: NodeIndex) -> &[NodeIndex] {
        &self.visible[index.at()]
    }

    pub(crate) fn need(&self, index: NodeIndex) -> Need {
        self.needs[index.at()]
    }
}

/// The positions of the nodes to which the error handler leads and that stand in no body, itself first.
fn handled(definition: &Definition) -> Vec<usize> {
    let is_handler = |node: &Node| node.kind == ERROR_HANDLER;
    let Some(handler) = definition.nodes.iter().position(is_handler) else {
        return Vec::new();
    };
    let mut nodes = vec![handler];
    for at in reached(definition, handler).ones() {
        let is_outer = definition.nodes[at].parent.is_none();
        if is_outer && at != handler && definition.nodes[at].compensates.is_none() {
            nodes.push(at);
        }
    }
    nodes
}

/// The positions of the nodes to which one leads, itself among them.
pub(crate) fn reached(definition: &Definition, from: usize) -> FixedBitSet {
    let (graph, _) = digraph(definition);
    let mut walk = Dfs::new(&graph, GraphIndex::new(from));
    let mut reached = FixedBitSet::with_capacity(definition.nodes.len());
    while let Some(node) = walk.next(&graph) {
        reached.insert(node.index());
    }
    reached
}

/// The graph of a definition, with an edge from each node with a body to the nodes in it, and from each node to the one that
/// undoes it; edges whose ends do not exist are left out. Positions are those of the nodes.
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
        for before in [&node.parent, &node.compensates] {
            if let Some(before) = before.as_deref().and_then(|id| indexes.get(id)) {
                graph.add_edge(*before, GraphIndex::new(position), ());
            }
        }
    }
    (graph, indexes)
}

fn small(position: usize) -> u16 {
    u16::try_from(position).expect("a valid flow has at most 1,000 nodes")
}
