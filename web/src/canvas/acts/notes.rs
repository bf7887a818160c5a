//! What the user does to notes.

use dioxus::prelude::*;

use crate::canvas::{
    board::{
        Board,
        drawn::{Beside, NoteHandle},
        set_if_new,
    },
    commands::notes,
    geometry::{self, Direction, Point},
};

impl Board {
    /// A new note at the pointer, else in the middle; its text can be typed at once.
    pub(crate) fn begin_note(&mut self) {
        let view = *self.view.peek();
        let pointer = (*self.pointer.peek()).map(|at| view.to_world(at));
        self.begin_note_at(pointer);
    }

    /// A new note there, else in the middle.
    pub(crate) fn begin_note_at(&mut self, at: Option<Point>) {
        let at = at.unwrap_or_else(|| self.free_of_notes(self.middle()));
        let (id, command) = notes::add(&self.graph.peek(), at);
        if !self.run(&command) {
            return;
        }
        if let Some(note) = self.note_by_id(&id) {
            self.activate_beside(Beside::Note(note));
            self.reveal_rect(note.rect());
            self.editing.set(Some(note.key));
        }
    }

    /// `at`, or a few steps down where a note lies exactly there.
    fn free_of_notes(&self, at: Point) -> Point {
        let mut at = at.snapped();
        let notes = self.notes.peek();
        while notes.iter().any(|note| *note.at.peek() == at) {
            at = at.plus(Point::new(24.0, 24.0));
        }
        at
    }

    pub(crate) fn begin_writing(&mut self, note: NoteHandle) {
        if *self.locked.peek() {
            return self.say("This flow cannot be changed");
        }
        set_if_new(&mut self.editing, Some(note.key));
    }

    pub(crate) fn write_note(&mut self, note: NoteHandle, text: &str) {
        let command = notes::write(&note.data.peek(), text);
        self.run(&command);
    }

    /// What was typed in the place of a note or a name is complete; a note without a text goes.
    pub(crate) fn end_editing(&mut self, key: u32) {
        if *self.editing.peek() == Some(key) {
            self.editing.set(None);
        }
        if let Some(Beside::Note(note)) = self.drawn_by_key(key)
            && note.data.peek().text.trim().is_empty()
        {
            self.delete_note(note);
        }
    }

    pub(crate) fn delete_note(&mut self, note: NoteHandle) {
        self.delete_all(&[], &[], &[note.id()]);
    }

    /// Makes the selected notes wider or higher, or less so.
    pub(crate) fn resize_notes(&mut self, way: Direction) {
        let step = way.step();
        let shift = Point::new(step.x * geometry::GRID, step.y * geometry::GRID);
        let notes = self.selected_notes();
        let Some(first) = notes.first() else {
            return self.say("Choose a note first");
        };
        let resized = |note: &NoteHandle| {
            let size = note.size.peek().plus(shift);
            notes::resize(&note.data.peek(), size)
        };
        let mut command = resized(first).merging("size of notes");
        let others = notes.iter().skip(1).map(resized);
        command.edits.extend(others.flat_map(|other| other.edits));
        self.run(&command);
        let size = *first.size.peek();
        self.say(format!("{} by {}", size.x, size.y));
    }
}
