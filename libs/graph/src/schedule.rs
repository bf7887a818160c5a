//! Which nodes may run.
//!
//! A node runs when every edge into it is decided and at least one is taken; it is skipped when none is. An edge is
//! decided when the node it leaves is settled, and taken when that node went on at the edge's port. A join may run earlier:
//! once as many edges into it are taken as it waits for. Each body is decided by itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    NodeIndex, Plan,
    node_types::{JOIN, Need},
};

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

/// Which edges of one body are decided; a function of the nodes settled so far, but for the order in which edges into a join
/// were taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decisions {
    undecided: Vec<usize>,
    taken: Vec<usize>,
    settled: Vec<bool>,
    /// Ready or to be skipped, and not settled.
    frontier: BTreeSet<NodeIndex>,
    /// The nodes whose edges into a join were taken before it ran, in their order.
    arrived: BTreeMap<NodeIndex, Vec<NodeIndex>>,
    /// How many nodes of the body are not settled.
    left: usize,
}

/// What may happen next, by position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next {
    pub ready: Vec<NodeIndex>,
    pub skipped: Vec<NodeIndex>,
}

impl Decisions {
    /// Nothing is settled yet in the body of a node; without one, among the nodes that stand in no body.
    pub fn new(plan: &Plan, body: Option<NodeIndex>) -> Self {
        Self::among(plan, plan.body(body))
    }

    /// Nothing is settled yet in the branch of the error handler.
    pub fn of_handler(plan: &Plan) -> Self {
        Self::among(plan, plan.handling())
    }

    fn among(plan: &Plan, nodes: &[NodeIndex]) -> Self {
        let has_turn = |node: &&NodeIndex| !plan.is_compensation(**node);
        let nodes: Vec<_> = nodes.iter().filter(has_turn).collect();
        let count = plan.nodes().len();
        let mut undecided = vec![0; count];
        let mut taken = vec![0; count];
        let mut frontier = BTreeSet::new();
        for node in &nodes {
            let node = *node;
            undecided[usize::from(node.0)] = plan.incoming(*node).len();
            // A node without an edge into it begins its body: nothing has to be taken.
            if plan.incoming(*node).is_empty() {
                taken[usize::from(node.0)] = 1;
                frontier.insert(*node);
            }
        }
        Self {
            undecided,
            taken,
            settled: vec![false; count],
            frontier,
            arrived: BTreeMap::new(),
            left: nodes.len(),
        }
    }

    /// Whether every node is settled.
    pub fn is_complete(&self) -> bool {
        self.left == 0
    }

    /// The nodes that had come to a join when it ran, in their order.
    pub fn arrived(&self, join: NodeIndex) -> &[NodeIndex] {
        self.arrived.get(&join).map_or(&[], Vec::as_slice)
    }
}

/// Notes how a node ended. Settling a node again changes nothing.
pub fn settle(plan: &Plan, decisions: &mut Decisions, node: NodeIndex, how: Settled) {
    let at = usize::from(node.0);
    if std::mem::replace(&mut decisions.settled[at], true) {
        return;
    }
    decisions.left -= 1;
    decisions.frontier.remove(&node);
    let port = match how {
        Settled::Taken { port } => Some(port),
        Settled::Skipped | Settled::Failed => None,
    };
    for edge in plan.outgoing(node) {
        let to = usize::from(edge.to.0);
        let is_taken = port.as_deref() == Some(edge.port.as_str());
        decisions.undecided[to] -= 1;
        if decisions.settled[to] {
            continue;
        }
        if is_taken {
            decisions.taken[to] += 1;
            if plan.node(edge.to).kind == JOIN {
                decisions.arrived.entry(edge.to).or_default().push(node);
            }
        }
        let is_enough = match plan.need(edge.to) {
            Need::AllDecided => false,
            Need::First(count) => decisions.taken[to] >= count,
        };
        if is_enough || decisions.undecided[to] == 0 {
            decisions.frontier.insert(edge.to);
        }
    }
}

/// The nodes that may run or are skipped, and are not settled.
pub fn ready(plan: &Plan, decisions: &Decisions) -> Next {
    let runs = |node: &NodeIndex| {
        let least = match plan.need(*node) {
            Need::AllDecided => 1,
            // A body or a flow may lead fewer edges into a join than it waits for: it is skipped, as where they were not taken.
            Need::First(count) => count,
        };
        decisions.taken[usize::from(node.0)] >= least
    };
    let (ready, skipped) = decisions.frontier.iter().partition(|node| runs(node));
    Next { ready, skipped }
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
            let mut decisions = Decisions::new(&plan, None);
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
        let mut decisions = Decisions::new(&plan, None);
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
