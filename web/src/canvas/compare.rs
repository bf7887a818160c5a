//! Two states of a flow laid over each other: what the newer one added, changed and took out.
//!
//! **Invariant:** whatever stands in one of the two is in the comparison; where a node lies is no change.

use std::collections::BTreeMap;

use contracts::flow::{Definition, Edge, Node};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Added,
    Removed,
    Changed(Vec<Field>),
}

impl Change {
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed(_) => "changed",
        }
    }
}

/// One value that differs; none on the side that lacks it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) old: Option<Value>,
    pub(crate) new: Option<Value>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Comparison {
    /// Everything of both: the newer state, and what it no longer has.
    pub(crate) union: Definition,
    pub(crate) nodes: BTreeMap<String, Change>,
    pub(crate) added_edges: Vec<Edge>,
    pub(crate) removed_edges: Vec<Edge>,
    pub(crate) input_schema: bool,
}

impl Comparison {
    pub(crate) fn of(old: &Definition, new: &Definition) -> Self {
        let mut nodes = BTreeMap::new();
        for node in &new.nodes {
            match find(old, &node.id) {
                None => drop(nodes.insert(node.id.clone(), Change::Added)),
                Some(before) => {
                    let fields = differing(before, node);
                    if !fields.is_empty() {
                        nodes.insert(node.id.clone(), Change::Changed(fields));
                    }
                }
            }
        }
        let gone: Vec<&Node> = old
            .nodes
            .iter()
            .filter(|node| find(new, &node.id).is_none())
            .collect();
        nodes.extend(gone.iter().map(|node| (node.id.clone(), Change::Removed)));
        let lacking = |these: &[Edge], those: &[Edge]| -> Vec<Edge> {
            these
                .iter()
                .filter(|edge| !those.contains(edge))
                .cloned()
                .collect()
        };
        let removed_edges = lacking(&old.edges, &new.edges);
        Self {
            union: Definition {
                nodes: new.nodes.iter().chain(gone).cloned().collect(),
                edges: new.edges.iter().chain(&removed_edges).cloned().collect(),
                input_schema: new.input_schema.clone(),
            },
            nodes,
            added_edges: lacking(&new.edges, &old.edges),
            removed_edges,
            input_schema: old.input_schema != new.input_schema,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
            && self.added_edges.is_empty()
            && self.removed_edges.is_empty()
            && !self.input_schema
    }
}

fn find<'a>(definition: &'a Definition, id: &str) -> Option<&'a Node> {
    definition.nodes.iter().find(|node| node.id == id)
}

/// What the node does and is called, value by value; the configuration key by key.
fn differing(old: &Node, new: &Node) -> Vec<Field> {
    let (old, new) = (values(old), values(new));
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    let fields = names.into_iter().map(|name| Field {
        name: name.clone(),
        old: old.get(name).cloned(),
        new: new.get(name).cloned(),
    });
    fields.filter(|field| field.old != field.new).collect()
}

fn values(node: &Node) -> BTreeMap<String, Value> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(node) else {
        return BTreeMap::new();
    };
    fields.remove("id");
    fields.remove("position");
    let config = match fields.remove("config") {
        Some(Value::Object(config)) => config,
        _ => serde_json::Map::new(),
    };
    fields.into_iter().chain(config).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition(value: Value) -> Definition {
        serde_json::from_value(value).expect("a definition")
    }

    #[test]
    fn what_differs_is_named_and_nothing_is_lost() {
        let old = definition(json!({
            "nodes": [
                {"id": "start", "type": "trigger", "position": {"x": 0.0, "y": 0.0}},
                {"id": "ask", "type": "llm", "config": {"prompt": "Hello"}},
                {"id": "old", "type": "transform", "config": {"value": 1}},
            ],
            "edges": [{"from": "start", "to": "ask"}, {"from": "ask", "to": "old"}],
        }));
        let new = definition(json!({
            "nodes": [
                {"id": "start", "type": "trigger", "position": {"x": 80.0, "y": 0.0}},
                {"id": "ask", "type": "llm", "name": "Ask", "config": {"prompt": "Good day"}},
                {"id": "end", "type": "output", "config": {"value": 1}},
            ],
            "edges": [{"from": "start", "to": "ask"}, {"from": "ask", "to": "end"}],
        }));
        let compared = Comparison::of(&old, &new);
        let Some(Change::Changed(fields)) = compared.nodes.get("ask") else {
            panic!("`ask` has changed")
        };
        let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["name", "prompt"]);
        assert_eq!(fields[0].old, None);
        assert_eq!(fields[1].old, Some(json!("Hello")));
        assert_eq!(compared.nodes.get("end"), Some(&Change::Added));
        assert_eq!(compared.nodes.get("old"), Some(&Change::Removed));
        assert_eq!(compared.nodes.get("start"), None, "a place is no change");
        assert_eq!(
            (compared.union.nodes.len(), compared.union.edges.len()),
            (4, 3)
        );
        assert_eq!(
            (compared.added_edges.len(), compared.removed_edges.len()),
            (1, 1)
        );
    }

    #[test]
    fn a_flow_does_not_differ_from_itself() {
        let flow = Definition::example();
        let compared = Comparison::of(&flow, &flow);
        assert!(compared.is_empty());
        assert_eq!(compared.union, flow);
    }
}
