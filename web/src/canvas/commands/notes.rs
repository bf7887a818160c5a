//! What a user can do to the notes on the canvas, as commands.
//!
//! **Invariant:** pure; a note keeps within the sizes that a flow may have.

use std::collections::BTreeSet;

use contracts::flow::Note;

use crate::canvas::{
    geometry::{GRID, Point},
    log::Command,
    model::{Edit, Graph, free_id, position},
};

/// The size of a new note.
pub(crate) const SIZE: Point = Point::new(240.0, 120.0);
/// What stands on a new note.
pub(crate) const FIRST_TEXT: &str = "New note";

pub(crate) const fn place_of(note: &Note) -> Point {
    Point::new(note.position.x, note.position.y)
}

/// A new note; with its id.
pub(crate) fn add(graph: &Graph, at: Point) -> (String, Command) {
    let id = free_id("note", |id| graph.note(id).is_some());
    let note = Note {
        id: id.clone(),
        text: FIRST_TEXT.to_owned(),
        position: position(at.snapped()),
        width: SIZE.x,
        height: SIZE.y,
    };
    let index = graph.notes.len();
    let edits = vec![Edit::AddNote { index, note }];
    (id, Command::new("Added a note", edits))
}

pub(crate) fn write(note: &Note, text: &str) -> Command {
    let text = text.chars().take(Note::MAX_TEXT).collect();
    let changed = Note {
        text,
        ..note.clone()
    };
    set("Changed a note", changed).merging(format!("note {}", note.id))
}

pub(crate) fn place(note: &Note, at: Point) -> Edit {
    let note = Note {
        position: position(at),
        ..note.clone()
    };
    Edit::SetNote { note }
}

pub(crate) fn resize(note: &Note, size: Point) -> Command {
    let size = fitting(size).snapped();
    let changed = Note {
        width: size.x,
        height: size.y,
        ..note.clone()
    };
    set("Changed the size of a note", changed)
}

/// The nearest size that a note may have.
pub(crate) fn fitting(size: Point) -> Point {
    // The least that is on the grid, too.
    let least = (Note::MIN_SIZE / GRID).ceil() * GRID;
    let side = |length: f64| length.clamp(least, Note::MAX_SIZE);
    Point::new(side(size.x), side(size.y))
}

fn set(label: &str, note: Note) -> Command {
    Command::new(label, vec![Edit::SetNote { note }])
}

pub(crate) fn removal(ids: &[String]) -> Vec<Edit> {
    let edit = |id: &String| Edit::RemoveNote { id: id.clone() };
    ids.iter().map(edit).collect()
}

/// The notes with free ids, moved; with those ids.
pub(super) fn copies(graph: &Graph, notes: &[Note], shift: Point) -> (Vec<String>, Vec<Edit>) {
    let mut taken: BTreeSet<String> = graph.notes.iter().map(|note| note.id.clone()).collect();
    let copy = |(offset, note): (usize, &Note)| {
        let id = free_id(&note.id, |id| taken.contains(id));
        taken.insert(id.clone());
        let at = place_of(note).plus(shift).snapped();
        let index = graph.notes.len() + offset;
        let note = Note {
            id: id.clone(),
            position: position(at),
            ..note.clone()
        };
        (id, Edit::AddNote { index, note })
    };
    notes.iter().enumerate().map(copy).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::commands::{Clip, copy, paste};

    fn noted() -> (Graph, String) {
        let mut graph = Graph::default();
        let (id, command) = add(&graph, Point::new(13.0, 20.0));
        graph.apply(&command.edits);
        (graph, id)
    }

    #[test]
    fn a_new_note_lies_on_the_grid_and_says_something() {
        let (mut graph, id) = noted();
        let note = graph.note(&id).unwrap();
        assert_eq!(
            (place_of(note), note.text.as_str()),
            (Point::new(16.0, 24.0), FIRST_TEXT)
        );
        let (second, command) = add(&graph, Point::default());
        graph.apply(&command.edits);
        assert_eq!((second.as_str(), graph.notes.len()), ("note_2", 2));
    }

    #[test]
    fn a_note_is_neither_too_small_nor_too_large_nor_too_long() {
        let (mut graph, id) = noted();
        let note = graph.note(&id).unwrap().clone();
        graph.apply(&resize(&note, Point::new(-7.0, 9000.0)).edits);
        let note = graph.note(&id).unwrap().clone();
        assert_eq!((note.width, note.height), (Note::MIN_SIZE, Note::MAX_SIZE));
        graph.apply(&write(&note, &"ü".repeat(5000)).edits);
        assert_eq!(graph.note(&id).unwrap().text.chars().count(), 4000);
    }

    #[test]
    fn notes_alone_can_be_copied() {
        let (mut graph, id) = noted();
        let clip = copy(&graph, &[], &[id]);
        let clip = Clip::parse(&serde_json::to_string(&clip).unwrap()).unwrap();
        let (pasted, command) = paste(&graph, &clip, Point::new(80.0, 80.0));
        assert_eq!(command.label, "Pasted 1 note");
        graph.apply(&command.edits);
        assert_eq!(pasted.notes, ["note_2"]);
        let copied = graph.note("note_2").unwrap();
        assert_eq!(place_of(copied), Point::new(80.0, 80.0));
    }
}
