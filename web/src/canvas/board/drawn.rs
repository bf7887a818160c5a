//! The handles of what is drawn beside nodes and edges: notes, and groups with their frames and cards.
//!
//! **Invariant:** the area of a group follows its nodes whenever these have moved.

use std::collections::{BTreeSet, HashMap};

use contracts::flow::{Group, Note};
use dioxus::prelude::*;

use super::{Board, NodeHandle, set_if_new};
use crate::canvas::{
    commands::notes,
    geometry::{self, Point, Rect},
    model::Graph,
};

#[derive(Clone, Copy, PartialEq)]
pub(crate) struct NoteHandle {
    pub(crate) key: u32,
    pub(crate) data: Signal<Note>,
    pub(crate) at: Signal<Point>,
    pub(crate) size: Signal<Point>,
    pub(crate) selected: Signal<bool>,
}

impl NoteHandle {
    pub(crate) fn id(&self) -> String {
        self.data.peek().id.clone()
    }

    pub(crate) fn rect(&self) -> Rect {
        let (at, size) = (*self.at.peek(), *self.size.peek());
        Rect::between(at, at.plus(size))
    }

    /// Its first words, as they are said.
    pub(crate) fn title(&self) -> String {
        let text = &self.data.peek().text;
        let line = text.lines().find(|line| !line.trim().is_empty());
        line.unwrap_or_default().chars().take(80).collect()
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) struct GroupHandle {
    pub(crate) key: u32,
    pub(crate) data: Signal<Group>,
    pub(crate) members: Signal<Vec<NodeHandle>>,
    /// Its frame, or its card.
    pub(crate) area: Signal<Rect>,
    /// All its nodes are selected.
    pub(crate) selected: Signal<bool>,
}

impl GroupHandle {
    pub(crate) fn id(&self) -> String {
        self.data.peek().id.clone()
    }

    pub(crate) fn is_collapsed(&self) -> bool {
        self.data.peek().collapsed
    }

    /// Its name and size, as they are said.
    pub(crate) fn title(&self) -> String {
        let data = self.data.peek();
        let state = if data.collapsed { ", collapsed" } else { "" };
        let count = crate::format::plural(self.members.peek().len(), "node", "nodes");
        format!("Group {}, {count}{state}", data.name)
    }

    /// Lets the area follow the nodes.
    pub(crate) fn follow(mut self) {
        let nodes = Rect::around(self.members.peek().iter().map(NodeHandle::rect));
        let shape = if self.is_collapsed() {
            geometry::card
        } else {
            geometry::frame
        };
        set_if_new(&mut self.area, nodes.map(shape).unwrap_or_default());
    }
}

/// What can be active in the place of a node.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Beside {
    Note(NoteHandle),
    Group(GroupHandle),
}

impl Beside {
    /// The id of its element.
    pub(crate) fn element(self) -> String {
        match self {
            Self::Note(note) => format!("note-{}", note.key),
            Self::Group(group) => format!("group-{}", group.key),
        }
    }

    pub(crate) fn rect(self) -> Rect {
        match self {
            Self::Note(note) => note.rect(),
            Self::Group(group) => *group.area.peek(),
        }
    }

    /// What is selected with it: the note itself, or the nodes of the group.
    pub(crate) fn keys(self) -> BTreeSet<u32> {
        match self {
            Self::Note(note) => BTreeSet::from([note.key]),
            Self::Group(group) => group.members.peek().iter().map(|node| node.key).collect(),
        }
    }
}

/// What the arrow keys lead to.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Item {
    Node(NodeHandle),
    Beside(Beside),
}

impl Board {
    /// Lets notes and groups follow the graph; the nodes have done so.
    pub(super) fn reconcile_drawn(&mut self, graph: &Graph) {
        let notes: Vec<NoteHandle> = graph.notes.iter().map(|it| self.note_handle(it)).collect();
        set_if_new(&mut self.notes, notes);
        let handles = self.nodes.peek().clone();
        let ids = graph.nodes.iter().map(|node| node.id.as_str());
        let nodes: HashMap<&str, NodeHandle> = match graph.groups.is_empty() {
            true => HashMap::new(),
            false => ids.zip(handles.iter().copied()).collect(),
        };
        let groups = graph.groups.iter();
        let groups: Vec<GroupHandle> = groups.map(|it| self.group_handle(it, &nodes)).collect();
        let mut folded = HashMap::new();
        for group in groups.iter().filter(|group| group.is_collapsed()) {
            let members = group.members.peek();
            folded.extend(members.iter().map(|node| (node.key, *group)));
        }
        for node in handles {
            let mut card = node.folded;
            set_if_new(&mut card, folded.get(&node.key).copied());
        }
        set_if_new(&mut self.groups, groups);
    }

    /// What is gone is neither active nor being typed.
    pub(super) fn forget_drawn(&mut self) {
        let is_there = |beside: &Beside| match beside {
            Beside::Note(note) => self.notes.peek().contains(note),
            Beside::Group(group) => self.groups.peek().contains(group),
        };
        let beside = (*self.beside.peek()).filter(is_there);
        set_if_new(&mut self.beside, beside);
        let editing = *self.editing.peek();
        let editing = editing.filter(|key| self.drawn_by_key(*key).is_some());
        set_if_new(&mut self.editing, editing);
    }

    fn note_handle(&mut self, note: &Note) -> NoteHandle {
        let (at, size) = (notes::place_of(note), Point::new(note.width, note.height));
        let known = self.known_notes.read().get(&note.id).copied();
        if let Some(mut handle) = known {
            set_if_new(&mut handle.data, note.clone());
            set_if_new(&mut handle.at, at);
            set_if_new(&mut handle.size, size);
            return handle;
        }
        let scope = self.scope;
        let handle = NoteHandle {
            key: self.key(),
            data: Signal::new_in_scope(note.clone(), scope),
            at: Signal::new_in_scope(at, scope),
            size: Signal::new_in_scope(size, scope),
            selected: Signal::new_in_scope(false, scope),
        };
        self.known_notes.write().insert(note.id.clone(), handle);
        handle
    }

    fn group_handle(&mut self, group: &Group, nodes: &HashMap<&str, NodeHandle>) -> GroupHandle {
        let members = group.nodes.iter().filter_map(|id| nodes.get(id.as_str()));
        let members: Vec<NodeHandle> = members.copied().collect();
        let known = self.known_groups.read().get(&group.id).copied();
        let handle = match known {
            Some(mut handle) => {
                set_if_new(&mut handle.data, group.clone());
                set_if_new(&mut handle.members, members);
                handle
            }
            None => {
                let scope = self.scope;
                let handle = GroupHandle {
                    key: self.key(),
                    data: Signal::new_in_scope(group.clone(), scope),
                    members: Signal::new_in_scope(members, scope),
                    area: Signal::new_in_scope(Rect::default(), scope),
                    selected: Signal::new_in_scope(false, scope),
                };
                self.known_groups.write().insert(group.id.clone(), handle);
                handle
            }
        };
        handle.follow();
        handle
    }

    pub(super) fn select_drawn(&self, keys: &BTreeSet<u32>) {
        for note in self.notes.peek().iter() {
            let mut selected = note.selected;
            set_if_new(&mut selected, keys.contains(&note.key));
        }
        for group in self.groups.peek().iter() {
            let members = group.members.peek();
            let all = !members.is_empty() && members.iter().all(|node| keys.contains(&node.key));
            let mut selected = group.selected;
            set_if_new(&mut selected, all);
        }
    }

    pub(crate) fn drawn_by_key(&self, key: u32) -> Option<Beside> {
        let (notes, groups) = (self.notes.peek(), self.groups.peek());
        let note = notes.iter().find(|note| note.key == key).copied();
        let group = groups.iter().find(|group| group.key == key).copied();
        note.map(Beside::Note).or(group.map(Beside::Group))
    }

    pub(crate) fn note_by_id(&self, id: &str) -> Option<NoteHandle> {
        let notes = self.notes.peek();
        notes.iter().find(|note| note.data.peek().id == id).copied()
    }

    pub(crate) fn group_by_id(&self, id: &str) -> Option<GroupHandle> {
        let groups = self.groups.peek();
        groups
            .iter()
            .find(|group| group.data.peek().id == id)
            .copied()
    }

    pub(crate) fn selected_notes(&self) -> Vec<NoteHandle> {
        let (selection, notes) = (self.selection.peek(), self.notes.peek());
        let chosen = notes.iter().filter(|note| selection.contains(&note.key));
        chosen.copied().collect()
    }

    /// The note or group alone, with the nodes that belong to it.
    pub(crate) fn activate_beside(&mut self, beside: Beside) {
        self.select(beside.keys());
        self.stand(None, Some(beside));
    }

    /// The keyboard stands on the first of what is selected.
    pub(crate) fn stand_on_selection(&mut self) {
        let nodes = self.selected();
        let node = nodes.into_iter().find(|node| node.folded.peek().is_none());
        let groups = self.groups.peek().clone();
        let group = groups.into_iter().find(|group| *group.selected.peek());
        let note = self.selected_notes().first().copied().map(Beside::Note);
        self.stand(node, group.map(Beside::Group).or(note));
    }

    /// What the keyboard stands on.
    pub(crate) fn standing(&self) -> Option<Item> {
        let (node, beside) = (*self.active.peek(), *self.beside.peek());
        node.map(Item::Node).or(beside.map(Item::Beside))
    }

    /// Everything that is seen and can be gone to, with its rectangle: nodes, then cards, then notes.
    pub(crate) fn items(&self) -> Vec<(Item, Rect)> {
        let nodes = self.rects().into_iter();
        let groups = self.groups.peek();
        let is_card =
            |group: &&GroupHandle| group.is_collapsed() && !group.members.peek().is_empty();
        let cards = groups.iter().filter(is_card).copied().map(Beside::Group);
        let notes = self.notes.peek();
        let beside = cards.chain(notes.iter().copied().map(Beside::Note));
        let beside = beside.map(|beside| (Item::Beside(beside), beside.rect()));
        nodes
            .map(|(node, rect)| (Item::Node(node), rect))
            .chain(beside)
            .collect()
    }
}
