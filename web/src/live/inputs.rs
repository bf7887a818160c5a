//! What came into a step by the edges of its node.

use contracts::flow::Definition;
use graph::view::ExecutionView;
use serde_json::Value;

/// The outputs that reached the step of this path, with the nodes that gave them. An edge that was not taken brings nothing.
pub(crate) fn inputs(
    view: &ExecutionView,
    definition: &Definition,
    step: &str,
) -> Vec<(String, Value)> {
    let (before, node) = match step.rsplit_once('/') {
        Some((iteration, node)) => (format!("{iteration}/"), node),
        None => (String::new(), step),
    };
    let arriving = definition.edges.iter().filter(|edge| edge.to == node);
    let came = arriving.filter_map(|edge| {
        let from = view.nodes.get(&format!("{before}{}", edge.from))?;
        let taken = from.port.as_deref() == Some(edge.port());
        let output = from.output.clone().filter(|_| taken)?;
        Some((edge.from.clone(), output))
    });
    came.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::live::testing::{frame, started};

    #[test]
    fn only_edges_that_were_taken_bring_something() {
        let definition: Definition = serde_json::from_value(json!({
            "nodes": [{"id": "a", "type": "code"}, {"id": "b", "type": "output"}, {"id": "c", "type": "output"}],
            "edges": [{"from": "a", "to": "b"}, {"from": "a", "from_port": "error", "to": "c"}],
        }))
        .expect("a definition");
        let mut view = ExecutionView::default();
        for frame in [
            started(),
            frame(2, "step_started", "a"),
            frame(3, "step_succeeded", "a"),
        ] {
            view.apply(&frame);
        }
        assert_eq!(
            inputs(&view, &definition, "b"),
            [("a".to_owned(), json!(3))]
        );
        assert_eq!(inputs(&view, &definition, "c"), []);
    }
}
