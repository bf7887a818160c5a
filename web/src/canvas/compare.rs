//! Two states of a flow laid over each other: what the newer one added, changed and took out.
//!
//! **Invariant:** whatever stands in one of the two is in the comparison; where something lies is no change.
//! Groups that are gone are counted, not drawn.

use std::collections::{BTreeMap, BTreeSet};

use contracts::flow::{Definition, Edge, Group, Node, Note};
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
    /// How long an execution may take.
    pub(crate) timeout: bool,
    /// The notes, and the groups, that one of the two lacks or that differ.
    pub(crate) notes: usize,
    pub(crate) groups: usize,
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
        let is_gone = |note: &&Note| !new.notes.iter().any(|known| known.id == note.id);
        let gone_notes = old.notes.iter().filter(is_gone);
        Self {
            union: Definition {
                nodes: new.nodes.iter().chain(gone).cloned().collect(),
                edges: new.edges.iter().chain(&removed_edges).cloned().collect(),
                input_schema: new.input_schema.clone(),
                timeout_seconds: new.timeout_seconds,
                notes: new.notes.iter().chain(gone_notes).cloned().collect(),
                groups: new.groups.clone(),
            },
            nodes,
            added_edges: lacking(&new.edges, &old.edges),
            removed_edges,
            input_schema: old.input_schema != new.input_schema,
            timeout: old.timeout_seconds != new.timeout_seconds,
            notes: differences(&texts(old), &texts(new)),
            groups: differences(&members(old), &members(new)),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
            && self.added_edges.is_empty()
            && self.removed_edges.is_empty()
            && !self.input_schema
            && !self.timeout
            && self.notes + self.groups == 0
    }
}

fn find<'a>(definition: &'a Definition, id: &str) -> Option<&'a Node> {
    definition.nodes.iter().find(|node| node.id == id)
}

fn texts(definition: &Definition) -> BTreeMap<&str, &str> {
    let notes = definition.notes.iter();
    notes.map(|note| (note.id.as_str(), &*note.text)).collect()
}

/// What each group is called and holds, in whatever order; whether it is collapsed is no change.
fn members(definition: &Definition) -> BTreeMap<&str, (&str, BTreeSet<&str>)> {
    let mut members = BTreeMap::new();
    for Group {
        id, name, nodes, ..
    } in &definition.groups
    {
        let nodes = nodes.iter().map(String::as_str).collect();
        members.insert(id.as_str(), (name.as_str(), nodes));
    }
    members
}

/// How many there are that one of the two lacks or that differ.
fn differences<V: PartialEq>(old: &BTreeMap<&str, V>, new: &BTreeMap<&str, V>) -> usize {
    let ids: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let differs = |id: &&&str| old.get(**id) != new.get(**id);
    ids.iter().filter(differs).count()
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
    fn notes_and_groups_are_counted_wherever_they_lie() {
        let note = |id: &str, text: &str, x: f64| json!({"id": id, "text": text, "position": {"x": x, "y": 0.0}, "width": 240.0, "height": 96.0});
        let with = |notes: Value, groups: Value| {
            definition(json!({"nodes": [], "notes": notes, "groups": groups}))
        };
        let old = with(
            json!([
                note("same", "a", 0.0),
                note("gone", "b", 0.0),
                note("other", "c", 0.0)
            ]),
            json!([{"id": "same", "name": "G", "nodes": ["a", "b"]}, {"id": "gone", "name": "H", "nodes": ["c"]}]),
        );
        let new = with(
            json!([note("same", "a", 9.0), note("other", "d", 0.0)]),
            json!([{"id": "same", "name": "G", "nodes": ["b", "a"], "collapsed": true}]),
        );
        let compared = Comparison::of(&old, &new);
        assert_eq!((compared.notes, compared.groups), (2, 1));
        assert!(!compared.is_empty());
        let drawn: Vec<_> = compared.union.notes.iter().map(|note| &note.id).collect();
        assert_eq!(drawn, ["same", "other", "gone"]);
    }

    #[test]
    fn a_flow_does_not_differ_from_itself() {
        let flow = Definition::example();
        let compared = Comparison::of(&flow, &flow);
        assert!(compared.is_empty());
        assert_eq!(compared.union, flow);
    }
}
