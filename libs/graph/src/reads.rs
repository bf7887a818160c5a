//! What the expressions of a node read of what lies outside of it, whatever they make of it.

use std::collections::BTreeSet;

use contracts::flow::Node;
use serde_json::Value;

use crate::{
    expression::{self, Reference},
    node_types,
};

/// What a node names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Other nodes, by their ids.
    pub nodes: BTreeSet<String>,
    /// The organization's variables, by their names.
    pub variables: BTreeSet<String>,
    /// Whether it may read every variable.
    pub all_variables: bool,
}

/// What the expressions of a node name. Those that cannot be read name nothing: a valid flow has none.
pub fn reads(node: &Node) -> Reads {
    let mut reads = Reads::default();
    let Some(kind) = node_types::find(node) else {
        return reads;
    };
    for (key, value) in &node.config {
        if !kind.verbatim.contains(&key.as_str()) {
            reads.value(value);
        }
    }
    for (_, condition) in (kind.conditions)(&node.config) {
        reads.expression(expression::condition_source(condition));
    }
    reads
}

impl Reads {
    fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                let segments = expression::segments(text).unwrap_or_default();
                for segment in segments {
                    if let Some(expression) = segment.expression() {
                        self.expression(expression);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(fields) => fields.values().for_each(|item| self.value(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn expression(&mut self, expression: &str) {
        let Ok(names) = expression::names_of(expression) else {
            return;
        };
        for reference in names.nodes {
            if let Reference::Node { id, .. } = reference {
                self.nodes.insert(id.to_owned());
            }
        }
        for variable in names.variables {
            match variable {
                Some(name) => self.variables.extend([name.to_owned()]),
                None => self.all_variables = true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(node: Value) -> Reads {
        reads(&serde_json::from_value(node).unwrap())
    }

    #[test]
    fn what_is_named_is_found_wherever_it_stands() {
        let call = of(
            json!({"id": "a", "type": "http", "config": {"method": "POST",
            "url": "https://{{ vars.host }}/{{ nodes.b.output }}", "body": {"x": ["{{ nodes['c'].output ~ vars['key'] }}"]}}}),
        );
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(
            (call.nodes, call.variables),
            (names(&["b", "c"]), names(&["host", "key"]))
        );
        assert!(!call.all_variables);
        let choice = of(json!({"id": "a", "type": "condition", "config": {
            "cases": [{"when": "nodes.b.output > vars.limit", "port": "x"}], "default_port": "y"}}));
        assert_eq!(
            (choice.nodes, choice.variables),
            (names(&["b"]), names(&["limit"]))
        );
        let whole = of(json!({"id": "a", "type": "transform", "config": {"value": "{{ vars }}"}}));
        assert!(whole.all_variables);
        let code = of(json!({"id": "a", "type": "code", "config": {"source": "'{{ vars.x }}'"}}));
        assert_eq!(code, Reads::default());
    }
}
