//! What a comparison says of another state of a flow.

use contracts::{
    execution::{Comparison, ExecutionState, NodeComparison, NodeEnd},
    flow::{NodeVerdict, Verdict},
};

/// The verdict on an execution that went on from another one, and on its nodes that did not do the same.
pub(crate) fn judge(comparison: &Comparison) -> (Verdict, Vec<NodeVerdict>) {
    let (before, now) = (comparison.execution.state, comparison.with.state);
    let changed = comparison.nodes.iter().filter(|node| !node.same);
    let nodes: Vec<_> = changed
        .map(|node| NodeVerdict {
            node: node.node.clone(),
            verdict: of_node(node),
        })
        .collect();
    let succeeded = ExecutionState::Succeeded;
    let verdict = if before == succeeded && now != succeeded {
        Verdict::Broke
    } else if before != now || !comparison.same_output || !nodes.is_empty() {
        Verdict::Changed
    } else {
        Verdict::Same
    };
    (verdict, nodes)
}

fn of_node(node: &NodeComparison) -> Verdict {
    let end = |outcome: &Option<contracts::execution::NodeOutcome>| {
        outcome.as_ref().map(|outcome| outcome.end)
    };
    let failed = matches!(end(&node.with), Some(NodeEnd::Failed | NodeEnd::Stopped));
    match end(&node.execution) {
        Some(NodeEnd::Succeeded | NodeEnd::Skipped) if failed => Verdict::Broke,
        _ => Verdict::Changed,
    }
}

#[cfg(test)]
mod tests {
    use contracts::{
        execution::{Compared, NodeOutcome, Origin, Usage},
        id::ExecutionId,
    };

    use super::*;

    fn side(state: ExecutionState) -> Compared {
        Compared {
            id: ExecutionId::EXAMPLE,
            origin: Origin::default(),
            state,
            error: None,
            usage: Usage::ZERO,
            duration_ms: 1,
        }
    }

    fn node(id: &str, before: NodeEnd, now: Option<NodeEnd>, same: bool) -> NodeComparison {
        let outcome = |end| NodeOutcome {
            end,
            attempts: 1,
            port: None,
            error: None,
            duration_ms: 1,
            usage: Usage::ZERO,
            reused: false,
        };
        NodeComparison {
            node: id.into(),
            execution: Some(outcome(before)),
            with: now.map(outcome),
            same,
            same_output: same,
            same_config: None,
            same_input: None,
        }
    }

    fn verdict(
        (before, now): (ExecutionState, ExecutionState),
        same_output: bool,
        nodes: Vec<NodeComparison>,
    ) -> (Verdict, Vec<Verdict>) {
        let comparison = Comparison {
            execution: side(before),
            with: side(now),
            same_input: true,
            same_output,
            nodes,
            changed: Vec::new(),
        };
        let (verdict, nodes) = judge(&comparison);
        (verdict, nodes.into_iter().map(|it| it.verdict).collect())
    }

    #[test]
    fn what_had_succeeded_and_does_not_any_more_is_broken() {
        use ExecutionState::{Failed, Succeeded};
        let same = || node("a", NodeEnd::Succeeded, Some(NodeEnd::Succeeded), true);
        let other = || node("b", NodeEnd::Succeeded, Some(NodeEnd::Succeeded), false);
        let fails = || node("c", NodeEnd::Succeeded, Some(NodeEnd::Failed), false);
        let gone = || node("d", NodeEnd::Succeeded, None, false);
        assert_eq!(
            verdict((Succeeded, Succeeded), true, vec![same()]),
            (Verdict::Same, vec![])
        );
        assert_eq!(
            verdict((Succeeded, Succeeded), false, vec![same(), other(), gone()]),
            (Verdict::Changed, vec![Verdict::Changed, Verdict::Changed])
        );
        assert_eq!(
            verdict((Succeeded, Failed), false, vec![same(), fails()]),
            (Verdict::Broke, vec![Verdict::Broke])
        );
        assert_eq!(
            verdict((Failed, Succeeded), true, vec![]).0,
            Verdict::Changed
        );
    }
}
