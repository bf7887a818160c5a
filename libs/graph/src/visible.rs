//! Whose outputs a node's expressions may read.
//!
//! A node sees what every way to it must have settled: the nodes before it, theirs, and, in a body, what the node with the
//! body sees. A join that goes on before all its edges are decided sees only what each of its edges brings.
//!
//! **Invariant:** what a node sees has settled for good when the node begins.

use contracts::flow::{Definition, Node};
use fixedbitset::FixedBitSet;
use petgraph::{algo::toposort, visit::EdgeRef};

use crate::{
    node_types::{self, Need},
    plan::digraph,
};

/// By position, the positions that each node sees; none where the definition has a cycle.
pub(crate) fn visible(definition: &Definition) -> Option<Vec<FixedBitSet>> {
    let (graph, indexes) = digraph(definition);
    let order = toposort(&graph, None).ok()?;
    let count = definition.nodes.len();
    let mut seen = vec![FixedBitSet::with_capacity(count); count];
    for index in order {
        let node = &definition.nodes[index.index()];
        let parent = node.parent.as_deref().and_then(|id| indexes.get(id));
        let mut brought = graph
            .edges_directed(index, petgraph::Direction::Incoming)
            .map(|edge| edge.source())
            .filter(|from| Some(from) != parent)
            .map(|from| {
                let mut brings = seen[from.index()].clone();
                brings.insert(from.index());
                brings
            });
        let is_early = needs_less_than_all(node);
        let nothing = || FixedBitSet::with_capacity(count);
        let first = brought.next().unwrap_or_else(nothing);
        let mut sees = brought.fold(first, |mut sees, brings| {
            if is_early {
                sees.intersect_with(&brings);
            } else {
                sees.union_with(&brings);
            }
            sees
        });
        if let Some(parent) = parent {
            sees.union_with(&seen[parent.index()]);
        }
        seen[index.index()] = sees;
    }
    Some(seen)
}

fn needs_less_than_all(node: &Node) -> bool {
    matches!(node_types::need(node), Need::First(_))
}
