//! Whose outputs a node's expressions may read.
//!
//! A node sees what every way to it must have settled: the nodes before it, theirs, and, in a body, what the node with the
//! body sees. The error handler sees what stands outside of all bodies: some of it has settled, and nothing of it runs any
//! more. A join that goes on before all its edges are decided sees only what each of its edges brings.
//!
//! **Invariant:** what a node sees has settled for good when the node begins.

use contracts::flow::{Definition, Node};
use fixedbitset::FixedBitSet;
use petgraph::{algo::toposort, visit::EdgeRef};

use crate::{
    node_types::{self, ERROR_HANDLER, Need},
    plan::{digraph, reached},
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
        if node.kind == ERROR_HANDLER {
            sees.union_with(&main(definition, index.index()));
        }
        seen[index.index()] = sees;
    }
    Some(seen)
}

/// The nodes outside of all bodies that an error handler does not lead to.
fn main(definition: &Definition, handler: usize) -> FixedBitSet {
    let handled = reached(definition, handler);
    let nodes = definition.nodes.iter().enumerate();
    let is_main = |(at, node): &(usize, &Node)| {
        node.parent.is_none() && node.compensates.is_none() && !handled.contains(*at)
    };
    let mut main = FixedBitSet::with_capacity(definition.nodes.len());
    main.extend(nodes.filter(is_main).map(|(at, _)| at));
    main
}

fn needs_less_than_all(node: &Node) -> bool {
    matches!(node_types::need(node), Need::First(_))
}
