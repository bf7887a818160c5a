//! Which nodes may run.
//!
//! A node runs when every edge into it is decided and at least one is taken; it is skipped when none is. An edge is
//! decided when the node it leaves is settled, and taken when that node went on at the edge's port.

use std::collections::BTreeSet;

use crate::{NodeIndex, Plan};

/// How a node ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It went on at this port.
    Taken { port: String },
    /// No edge into it was taken.
    Skipped,
    /// It failed, and the execution with it.
    Failed,
}

/// Which edges are decided; a function of the nodes settled so far, whatever their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decisions {
    undecided: Vec<usize>,
    taken: Vec<bool>,
    settled: Vec<bool>,
    /// Decided, not settled.
    frontier: BTreeSet<NodeIndex>,
}

/// What may happen next, by position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next {
    pub ready: Vec<NodeIndex>,
    pub skipped: Vec<NodeIndex>,
}

impl Decisions {
    /// Nothing is settled yet.
    pub fn new(plan: &Plan) -> Self {
        let undecided: Vec<_> = (0..plan.nodes().len())
            .map(|at| plan.incoming(index(at)).len())
            .collect();
        // Nodes without an edge into them are triggers: nothing has to be taken.
        let taken: Vec<_> = undecided.iter().map(|count| *count == 0).collect();
        let frontier = (0..undecided.len())
            .filter(|at| taken[*at])
            .map(index)
            .collect();
        Self {
            settled: vec![false; undecided.len()],
            undecided,
            taken,
            frontier,
        }
    }

    /// Whether every node is settled.
    pub fn is_complete(&self) -> bool {
        self.settled.iter().all(|settled| *settled)
    }
}

/// Notes how a node ended. Settling a node again changes nothing.
pub fn settle(plan: &Plan, decisions: &mut Decisions, node: NodeIndex, how: Settled) {
    let at = usize::from(node.0);
    if std::mem::replace(&mut decisions.settled[at], true) {
        return;
    }
    decisions.frontier.remove(&node);
    let port = match how {
        Settled::Taken { port } => Some(port),
        Settled::Skipped | Settled::Failed => None,
    };
    for edge in plan.outgoing(node) {
        let to = usize::from(edge.to.0);
        decisions.undecided[to] -= 1;
        decisions.taken[to] |= port.as_deref() == Some(edge.port.as_str());
        if decisions.undecided[to] == 0 && !decisions.settled[to] {
            decisions.frontier.insert(edge.to);
        }
    }
}

/// The nodes that may run or are skipped, and are not settled.
pub fn ready(_: &Plan, decisions: &Decisions) -> Next {
    let (ready, skipped) = decisions
        .frontier
        .iter()
        .partition(|node| decisions.taken[usize::from(node.0)]);
    Next { ready, skipped }
}

fn index(at: usize) -> NodeIndex {
    NodeIndex(u16::try_from(at).expect("a valid flow has at most 1,000 nodes"))
}

#[cfg(test)]
mod tests {
    use contracts::flow::{Definition, Edge};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A flow of `count` nodes whose edges all point forward, reachable from the trigger.
    fn random_flow(count: usize, edges: &[(usize, usize, bool)]) -> Definition {
        let mut nodes = vec![json!({"id": "n0", "type": "trigger"})];
        for n in 1..count {
            nodes.push(json!({"id": format!("n{n}"), "type": "condition", "config": {"cases": [{"when": "true", "port": "a"}], "default_port": "b"}}));
        }
        let mut list: Vec<Edge> = Vec::new();
        let mut connect = |from: usize, port: Option<&str>, to: usize| {
            let port = port.filter(|_| from > 0).or((from > 0).then_some("a"));
            let edge = Edge {
                from: format!("n{from}"),
                from_port: port.map(str::to_owned),
                to: format!("n{to}"),
            };
            if !list.contains(&edge) {
                list.push(edge);
            }
        };
        for n in 1..count {
            connect(n - 1, Some("a"), n);
        }
        for (from, to, second) in edges {
            let (from, to) = (from % count, to % count);
            if from < to {
                connect(from, Some(if *second { "b" } else { "a" }), to);
            }
        }
        Definition {
            nodes: serde_json::from_value(json!(nodes)).unwrap(),
            edges: list,
            ..Definition::default()
        }
    }

    proptest! {
        #[test]
        fn every_node_is_settled_once_in_any_order(
            count in 2usize..24,
            edges in prop::collection::vec((0usize..24, 0usize..24, any::<bool>()), 0..60),
            choices in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 24),
        ) {
            let plan = Plan::new(random_flow(count, &edges)).unwrap();
            let mut decisions = Decisions::new(&plan);
            let mut settled = Vec::new();
            for (pick, second) in choices {
                let next = ready(&plan, &decisions);
                let open: Vec<_> = next.ready.iter().map(|node| (*node, true)).chain(next.skipped.iter().map(|node| (*node, false))).collect();
                if open.is_empty() {
                    break;
                }
                let (node, runs) = *pick.get(&open);
                let port = if node.0 == 0 { "out" } else if second { "b" } else { "a" };
                settle(&plan, &mut decisions, node, if runs { Settled::Taken { port: port.into() } } else { Settled::Skipped });
                prop_assert!(!settled.contains(&node));
                settled.push(node);
            }
            prop_assert_eq!(settled.len(), count);
            prop_assert!(decisions.is_complete());
        }
    }

    #[test]
    fn a_join_waits_for_all_and_runs_if_one_was_taken() {
        let flow = serde_json::from_value(json!({
            "nodes": [
                {"id": "t", "type": "trigger"},
                {"id": "c", "type": "condition", "config": {"cases": [{"when": "input.x", "port": "yes"}], "default_port": "no"}},
                {"id": "a", "type": "transform", "config": {"value": 1}},
                {"id": "b", "type": "transform", "config": {"value": 2}},
                {"id": "join", "type": "output", "config": {"value": 3}}
            ],
            "edges": [{"from": "t", "to": "c"}, {"from": "c", "from_port": "yes", "to": "a"}, {"from": "c", "from_port": "no", "to": "b"}, {"from": "a", "to": "join"}, {"from": "b", "to": "join"}]
        }));
        let plan = Plan::new(flow.unwrap()).unwrap();
        let mut decisions = Decisions::new(&plan);
        let at = |id| plan.index(id).unwrap();
        let taken = |port: &str| Settled::Taken { port: port.into() };
        settle(&plan, &mut decisions, at("t"), taken("out"));
        settle(&plan, &mut decisions, at("c"), taken("yes"));
        let next = ready(&plan, &decisions);
        assert_eq!((next.ready, next.skipped), (vec![at("a")], vec![at("b")]));
        settle(&plan, &mut decisions, at("a"), taken("out"));
        assert!(ready(&plan, &decisions).ready.is_empty());
        settle(&plan, &mut decisions, at("b"), Settled::Skipped);
        assert_eq!(ready(&plan, &decisions).ready, [at("join")]);
    }
}
