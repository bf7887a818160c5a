//! A comparison in words.

use contracts::execution::{Compared, Comparison, NodeComparison, NodeEnd, NodeOutcome};

use crate::{canvas::board::Mark, format};

/// What differs, in one line.
pub(super) fn summary(compared: &Comparison) -> String {
    let mut parts = Vec::new();
    parts.push(match compared.changed.len() {
        0 => "Every node did the same".to_owned(),
        n => format!(
            "{} of {} did not do the same",
            n,
            format::plural(compared.nodes.len(), "node", "nodes")
        ),
    });
    for (same, what) in [
        (compared.same_input, "the input"),
        (compared.same_output, "the output"),
    ] {
        parts.push(format!(
            "{what} {}",
            if same { "is the same" } else { "differs" }
        ));
    }
    format!("{}.", parts.join(", "))
}

/// The state of a node as canvases colour it.
pub(super) const fn state(end: NodeEnd) -> &'static str {
    match end {
        NodeEnd::Succeeded => "succeeded",
        NodeEnd::Failed => "failed",
        NodeEnd::Skipped => "skipped",
        NodeEnd::Stopped => "stopped",
        NodeEnd::Pending => "",
    }
}

pub(super) fn told(outcome: Option<&NodeOutcome>) -> String {
    let Some(outcome) = outcome else {
        return "not in the flow".into();
    };
    let word = match outcome.end {
        NodeEnd::Pending => "not reached",
        end => state(end),
    };
    match (outcome.reused, &outcome.port) {
        (true, _) => format!("{word}, taken over"),
        (false, Some(port)) if port != "out" => format!("{word} at {port}"),
        _ => word.to_owned(),
    }
}

pub(super) fn mark(outcome: &NodeOutcome) -> Mark {
    let tokens = outcome.usage.prompt_tokens + outcome.usage.completion_tokens;
    let mut parts = Vec::new();
    match outcome.reused {
        true => parts.push("taken over".to_owned()),
        false if matches!(outcome.end, NodeEnd::Succeeded | NodeEnd::Failed) => {
            parts.push(format::duration(outcome.duration_ms));
        }
        false => {}
    }
    if tokens > 0 {
        parts.push(format!("{} tokens", format::count(tokens)));
    }
    Mark {
        state: state(outcome.end),
        note: parts.join(" · "),
        duration_ms: outcome.duration_ms,
        tokens,
        ..Mark::default()
    }
}

/// Why a node did not do the same, as far as it can be told.
pub(super) fn reason(node: &NodeComparison) -> &'static str {
    match (node.same, node.same_config, node.same_input) {
        (true, _, _) => "same",
        (false, None, _) => "only in one",
        (false, Some(false), Some(false)) => "configuration and input changed",
        (false, Some(false), _) => "configuration changed",
        (false, _, Some(false)) => "input changed",
        (false, _, _) => "another outcome",
    }
}

/// `1.2 s → 0.3 s`; once where both are alike.
pub(super) fn pair(before: String, after: String) -> String {
    if before == after {
        return before;
    }
    format!("{before} → {after}")
}

pub(super) fn totals(compared: &Compared) -> [(&'static str, String); 3] {
    [
        ("Duration", format::duration(compared.duration_ms)),
        ("Tokens", format::tokens(&compared.usage)),
        ("Price", format::cost(&compared.usage)),
    ]
}

#[cfg(test)]
mod tests {
    use contracts::execution::Usage;

    use super::*;

    fn outcome(end: NodeEnd, reused: bool, port: &str) -> NodeOutcome {
        NodeOutcome {
            end,
            attempts: 1,
            port: Some(port.to_owned()),
            error: None,
            duration_ms: 1_200,
            usage: Usage::ZERO,
            reused,
        }
    }

    #[test]
    fn outcomes_are_told_with_what_is_special() {
        assert_eq!(told(None), "not in the flow");
        assert_eq!(
            told(Some(&outcome(NodeEnd::Succeeded, true, "out"))),
            "succeeded, taken over"
        );
        assert_eq!(
            told(Some(&outcome(NodeEnd::Failed, false, "error"))),
            "failed at error"
        );
        assert_eq!(
            told(Some(&outcome(NodeEnd::Pending, false, "out"))),
            "not reached"
        );
        assert_eq!(
            mark(&outcome(NodeEnd::Succeeded, false, "out")).note,
            "1.2 s"
        );
        assert_eq!(pair("1 s".into(), "1 s".into()), "1 s");
    }

    #[test]
    fn the_reason_is_what_changed_before() {
        let node = |same, same_config, same_input| NodeComparison {
            node: "a".into(),
            execution: None,
            with: None,
            same,
            same_output: same,
            same_config,
            same_input,
        };
        assert_eq!(reason(&node(true, Some(false), Some(true))), "same");
        assert_eq!(
            reason(&node(false, Some(false), Some(true))),
            "configuration changed"
        );
        assert_eq!(
            reason(&node(false, Some(true), Some(false))),
            "input changed"
        );
        assert_eq!(
            reason(&node(false, Some(true), Some(true))),
            "another outcome"
        );
        assert_eq!(reason(&node(false, None, None)), "only in one");
    }
}
