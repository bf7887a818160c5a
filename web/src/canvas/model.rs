//! The flow as the editor holds it, and the smallest changes of it, each of which knows its inverse.
//!
//! **Invariant:** `apply` gives the edits that restore the graph exactly, the order of nodes and edges included.
//! **Invariant:** an edit that names what does not exist changes nothing.

use std::collections::BTreeSet;

use contracts::flow::{Definition, Edge, Group, Node, Note, Position};
use serde_json::Value;

use crate::canvas::geometry::Point;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) input_schema: Option<Value>,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) notes: Vec<Note>,
    pub(crate) groups: Vec<Group>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Edit {
    AddNode {
        index: usize,
        node: Box<Node>,
    },
    RemoveNode {
        id: String,
    },
    /// Replaces a node by another state of it; the id stays.
    SetNode {
        node: Box<Node>,
    },
    Place {
        id: String,
        at: Option<Position>,
    },
    AddEdge {
        index: usize,
        edge: Edge,
    },
    RemoveEdge {
        edge: Edge,
    },
    SetInputSchema {
        schema: Option<Value>,
    },
    SetTimeout {
        seconds: Option<u64>,
    },
    AddNote {
        index: usize,
        note: Note,
    },
    RemoveNote {
        id: String,
    },
    /// Replaces a note by another state of it; the id stays.
    SetNote {
        note: Note,
    },
    /// Other groups in the place of all.
    SetGroups {
        groups: Vec<Group>,
    },
}

impl Graph {
    pub(crate) fn new(definition: Definition) -> Self {
        Self {
            nodes: definition.nodes,
            edges: definition.edges,
            input_schema: definition.input_schema,
            timeout_seconds: definition.timeout_seconds,
            notes: definition.notes,
            groups: definition.groups,
        }
    }

    pub(crate) fn definition(&self) -> Definition {
        Definition {
            nodes: self.nodes.clone(),
            edges: self.edges.clone(),
            input_schema: self.input_schema.clone(),
            timeout_seconds: self.timeout_seconds,
            notes: self.notes.clone(),
            groups: self.groups.clone(),
        }
    }

    pub(crate) fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    pub(crate) fn note(&self, id: &str) -> Option<&Note> {
        self.notes.iter().find(|note| note.id == id)
    }

    pub(crate) fn group(&self, id: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == id)
    }

    /// The group that a node is in.
    pub(crate) fn group_of(&self, node: &str) -> Option<&Group> {
        let holds = |group: &&Group| group.nodes.iter().any(|id| id == node);
        self.groups.iter().find(holds)
    }

    /// The ids of all nodes that lie before `id`, or before a node in whose body it stands.
    pub(crate) fn upstream(&self, id: &str) -> BTreeSet<&str> {
        let parent = |id: &&str| self.node(id)?.parent.as_deref();
        let around = std::iter::successors(Some(id), parent).take(self.nodes.len() + 1);
        around
            .flat_map(|id| self.reach(id, |edge| (&edge.to, &edge.from)))
            .collect()
    }

    /// The ids of all nodes that lie behind `id`.
    pub(crate) fn downstream(&self, id: &str) -> BTreeSet<&str> {
        self.reach(id, |edge| (&edge.from, &edge.to))
    }

    fn reach<'a>(
        &'a self,
        id: &str,
        ends: impl Fn(&'a Edge) -> (&'a String, &'a String),
    ) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut open = vec![id];
        while let Some(next) = open.pop() {
            for (near, far) in self.edges.iter().map(&ends) {
                if near == next && found.insert(far.as_str()) {
                    open.push(far);
                }
            }
        }
        found
    }

    /// Applies the edits in order and gives those that undo them.
    pub(crate) fn apply(&mut self, edits: &[Edit]) -> Vec<Edit> {
        let mut inverse: Vec<Edit> = edits.iter().filter_map(|edit| self.change(edit)).collect();
        inverse.reverse();
        inverse
    }

    fn change(&mut self, edit: &Edit) -> Option<Edit> {
        match edit {
            Edit::AddNode { index, node } => {
                if self.node(&node.id).is_some() {
                    return None;
                }
                let index = (*index).min(self.nodes.len());
                self.nodes.insert(index, node.as_ref().clone());
                Some(Edit::RemoveNode {
                    id: node.id.clone(),
                })
            }
            Edit::RemoveNode { id } => {
                let index = self.index(id)?;
                let node = Box::new(self.nodes.remove(index));
                Some(Edit::AddNode { index, node })
            }
            Edit::SetNode { node } => {
                let index = self.index(&node.id)?;
                let old = std::mem::replace(&mut self.nodes[index], node.as_ref().clone());
                Some(Edit::SetNode {
                    node: Box::new(old),
                })
            }
            Edit::Place { id, at } => {
                let index = self.index(id)?;
                let old = std::mem::replace(&mut self.nodes[index].position, *at);
                Some(Edit::Place {
                    id: id.clone(),
                    at: old,
                })
            }
            Edit::AddEdge { index, edge } => {
                if self.edges.contains(edge) {
                    return None;
                }
                let index = (*index).min(self.edges.len());
                self.edges.insert(index, edge.clone());
                Some(Edit::RemoveEdge { edge: edge.clone() })
            }
            Edit::RemoveEdge { edge } => {
                let index = self.edges.iter().position(|known| known == edge)?;
                let edge = self.edges.remove(index);
                Some(Edit::AddEdge { index, edge })
            }
            Edit::SetInputSchema { schema } => {
                let old = std::mem::replace(&mut self.input_schema, schema.clone());
                Some(Edit::SetInputSchema { schema: old })
            }
            Edit::SetTimeout { seconds } => {
                let old = std::mem::replace(&mut self.timeout_seconds, *seconds);
                Some(Edit::SetTimeout { seconds: old })
            }
            Edit::AddNote { index, note } => self.add_note(*index, note),
            Edit::RemoveNote { id } => {
                let index = self.note_index(id)?;
                let note = self.notes.remove(index);
                Some(Edit::AddNote { index, note })
            }
            Edit::SetNote { note } => {
                let index = self.note_index(&note.id)?;
                let note = std::mem::replace(&mut self.notes[index], note.clone());
                Some(Edit::SetNote { note })
            }
            Edit::SetGroups { groups } => self.set_groups(groups),
        }
    }

    fn add_note(&mut self, index: usize, note: &Note) -> Option<Edit> {
        if self.note(&note.id).is_some() {
            return None;
        }
        let index = index.min(self.notes.len());
        self.notes.insert(index, note.clone());
        let id = note.id.clone();
        Some(Edit::RemoveNote { id })
    }

    fn set_groups(&mut self, groups: &[Group]) -> Option<Edit> {
        if self.groups == groups {
            return None;
        }
        let groups = std::mem::replace(&mut self.groups, groups.to_vec());
        Some(Edit::SetGroups { groups })
    }

    fn note_index(&self, id: &str) -> Option<usize> {
        self.notes.iter().position(|note| note.id == id)
    }

    fn index(&self, id: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.id == id)
    }

    /// An id that is free: the wish itself, else with the first number that makes it so.
    pub(crate) fn free_id(&self, wish: &str) -> String {
        free_id(wish, |id| self.node(id).is_some())
    }
}

/// The wish itself, else with the first number that makes it free.
pub(crate) fn free_id(wish: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(wish) {
        return wish.to_owned();
    }
    let stem = wish.trim_end_matches(|c: char| c.is_ascii_digit());
    let stem = stem.trim_end_matches('_');
    let numbered = (2_u32..).map(|n| format!("{stem}_{n}"));
    let mut free = numbered.filter(|id| !taken(id));
    free.next().unwrap_or_else(|| wish.to_owned())
}

/// What a node is called: its name, else its id.
pub(crate) fn title(node: &Node) -> &str {
    let name = node.name.as_deref().filter(|name| !name.is_empty());
    name.unwrap_or(&node.id)
}

/// Where a node lies; nodes without a place lie at the origin until they are laid out.
pub(crate) fn place(node: &Node) -> Point {
    node.position
        .map_or_else(Point::default, |at| Point::new(at.x, at.y))
}

pub(crate) const fn position(at: Point) -> Position {
    Position { x: at.x, y: at.y }
}
