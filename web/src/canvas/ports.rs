//! Which output ports a node has, and whether an edge may lead from one node to another.

use contracts::{
    execution::PendingAnswer,
    flow::{Edge, Node, NodeType, OnError},
};
use serde_json::Value;

use crate::canvas::model::Graph;

/// The output ports in the order in which they are drawn.
pub(crate) fn of(node: &Node, kind: Option<&NodeType>) -> Vec<String> {
    let mut ports = match node.kind.as_str() {
        "condition" => of_condition(node),
        "approval" => of_approval(node),
        "event" => of_event(node),
        _ => kind.map_or_else(
            || vec![Edge::DEFAULT_PORT.to_owned()],
            |kind| kind.ports.clone(),
        ),
    };
    if node.on_error == OnError::Branch {
        ports.push(Edge::ERROR_PORT.to_owned());
    }
    ports
}

fn of_condition(node: &Node) -> Vec<String> {
    let cases = node.config.get("cases").and_then(Value::as_array);
    let named = cases
        .into_iter()
        .flatten()
        .map(|case| case.get("port"))
        .chain([node.config.get("default_port")]);
    distinct(named.filter_map(|port| port?.as_str()))
}

fn of_approval(node: &Node) -> Vec<String> {
    let deadline = node.config.get("deadline_seconds");
    let deadline = deadline.map(|_| PendingAnswer::DEADLINE_PORT);
    match node.config.get("buttons").and_then(Value::as_array) {
        Some(buttons) => {
            let named = buttons.iter().filter_map(|button| button["port"].as_str());
            distinct(named.chain(deadline))
        }
        None => distinct(["approve", "reject"].into_iter().chain(deadline)),
    }
}

fn of_event(node: &Node) -> Vec<String> {
    let deadline = node.config.get("deadline_seconds");
    let deadline = deadline.map(|_| PendingAnswer::DEADLINE_PORT);
    distinct([Edge::DEFAULT_PORT].into_iter().chain(deadline))
}

fn distinct<'a>(named: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut ports: Vec<String> = Vec::new();
    for port in named.filter(|port| !port.is_empty()) {
        if !ports.iter().any(|known| known == port) {
            ports.push(port.to_owned());
        }
    }
    ports
}

/// Why an edge may not be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    TakesNoInput,
    Exists,
    Circle,
    Bodies,
}

impl Refusal {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::TakesNoInput => "a trigger takes no input",
            Self::Exists => "this connection exists",
            Self::Circle => "a flow must not go in a circle",
            Self::Bodies => "both nodes must stand in the same body",
        }
    }
}

/// Whether `edge` may be added to `graph`.
pub(crate) fn may_connect(graph: &Graph, edge: &Edge, takes_input: bool) -> Result<(), Refusal> {
    if !takes_input {
        return Err(Refusal::TakesNoInput);
    }
    let same = |known: &Edge| {
        known.from == edge.from && known.to == edge.to && known.port() == edge.port()
    };
    if graph.edges.iter().any(same) {
        return Err(Refusal::Exists);
    }
    let body = |id: &str| graph.node(id).and_then(|node| node.parent.as_deref());
    if body(&edge.from) != body(&edge.to) {
        return Err(Refusal::Bodies);
    }
    if edge.from == edge.to || graph.downstream(&edge.to).contains(edge.from.as_str()) {
        return Err(Refusal::Circle);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use contracts::flow::Definition;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_condition_has_the_ports_its_cases_name_once() {
        let node: Node = serde_json::from_value(json!({
            "id": "c", "type": "condition", "on_error": "branch",
            "config": {"cases": [{"when": "a", "port": "yes"}, {"when": "b", "port": "yes"}], "default_port": "no"}
        }))
        .unwrap();
        assert_eq!(of(&node, None), ["yes", "no", "error"]);
    }

    #[test]
    fn circles_repetitions_and_triggers_are_refused() {
        let graph = Graph::new(Definition::example());
        let edge = |from: &str, to: &str| Edge {
            from: from.into(),
            from_port: None,
            to: to.into(),
        };
        let check = |from, to, takes| may_connect(&graph, &edge(from, to), takes);
        assert_eq!(check("start", "end", true), Ok(()));
        assert_eq!(check("start", "greet", true), Err(Refusal::Exists));
        assert_eq!(check("greet", "greet", true), Err(Refusal::Circle));
        assert_eq!(check("end", "greet", true), Err(Refusal::Circle));
        assert_eq!(check("greet", "start", false), Err(Refusal::TakesNoInput));
    }
}
