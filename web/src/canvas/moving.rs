//! What moves together: the selected nodes and notes, what stands in bodies of these, and the groups that follow them.
//!
//! **Invariant:** moving changes signals only; the graph follows with the command.

use dioxus::prelude::*;

use crate::canvas::{
    board::{
        Board, NodeHandle,
        drawn::{GroupHandle, NoteHandle},
        set_if_new,
    },
    commands::{self, bodies},
    geometry::Point,
    log::Command,
};

#[derive(Clone, Default)]
pub(super) struct Moving {
    /// Each with the place where it lay before.
    nodes: Vec<(NodeHandle, Point)>,
    notes: Vec<(NoteHandle, Point)>,
    groups: Vec<GroupHandle>,
}

impl Moving {
    pub(super) fn selection(board: &Board) -> Self {
        let selected: Vec<_> = board.selected().iter().map(NodeHandle::id).collect();
        let whole = bodies::with_bodies(&board.graph.peek(), &selected);
        let nodes = whole.iter().filter_map(|id| board.by_id(id));
        let notes = board.selected_notes().into_iter();
        let moves = |group: &&GroupHandle| {
            let members = group.members.peek();
            members.iter().any(|node| whole.contains(&node.id()))
        };
        let groups = board.groups.peek();
        Self {
            nodes: nodes.map(|node| (node, *node.at.peek())).collect(),
            notes: notes.map(|note| (note, *note.at.peek())).collect(),
            groups: groups.iter().filter(moves).copied().collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.notes.is_empty()
    }

    /// So far from where everything lay before.
    pub(super) fn by(&self, shift: Point) {
        for (node, before) in &self.nodes {
            let mut at = node.at;
            set_if_new(&mut at, before.plus(shift));
        }
        for (note, before) in &self.notes {
            let mut at = note.at;
            set_if_new(&mut at, before.plus(shift));
        }
        self.groups.iter().for_each(|group| group.follow());
    }

    /// Everything stays where it is now, on the grid.
    pub(super) fn command(&self) -> Command {
        let nodes = self.nodes.iter();
        let places = nodes.map(|(node, _)| (node.id(), node.at.peek().snapped()));
        let mut command = commands::place(places.collect());
        let notes = self.notes.iter();
        command.edits.extend(notes.map(|(note, _)| {
            let at = note.at.peek().snapped();
            commands::notes::place(&note.data.peek(), at)
        }));
        if !self.notes.is_empty() {
            let moved = commands::counted(self.nodes.len(), self.notes.len());
            command.label = format!("Moved {moved}");
        }
        command
    }
}
