//! Notes in the outline: to be read, written and deleted.

use dioxus::prelude::*;

use super::keep_focus;
use crate::{
    canvas::{
        board::{Board, drawn::NoteHandle},
        editing,
    },
    ui::{button::IconButton, icon::Glyph, markdown_view::Markdown},
};

#[component]
pub(super) fn Notes(locked: bool) -> Element {
    let board = use_context::<Board>();
    let notes = board.notes.read().clone();
    if notes.is_empty() {
        return rsx! {};
    }
    rsx! {
        section { class: "outline-notes", "aria-label": "Notes",
            h2 { "Notes" }
            ul {
                for (index, note) in notes.into_iter().enumerate() {
                    li { key: "{note.key}",
                        NoteRow { note, number: index + 1, locked }
                    }
                }
            }
        }
    }
}

#[component]
fn NoteRow(note: NoteHandle, number: usize, locked: bool) -> Element {
    let mut board = use_context::<Board>();
    let text = note.data.read().text.clone();
    if locked {
        return rsx! { Markdown { text } };
    }
    rsx! {
        textarea {
            class: "input",
            rows: "3",
            "aria-label": "Note {number}",
            maxlength: "4000",
            value: "{text}",
            onmounted: move |event| {
                // A note that has just been added is written at once.
                if *board.editing.peek() == Some(note.key) {
                    board.editing.set(None);
                    editing::take_focus(&event);
                }
            },
            oninput: move |event| board.write_note(note, &event.value()),
            onblur: move |_| board.end_editing(note.key),
        }
        IconButton { glyph: Glyph::Trash, label: "Delete note {number}", onclick: move |_| {
            board.delete_note(note);
            keep_focus(board, super::ID.to_owned());
        } }
    }
}
