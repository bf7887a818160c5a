//! The notes on the canvas: Markdown on a sheet, or the text while it is being typed.
//!
//! **Invariant:** a flow without notes has nothing of this in the document; moving a note draws its sheet anew, not its text.

use dioxus::prelude::*;

use crate::{
    canvas::{
        board::{Board, drawn::NoteHandle},
        editing,
        nodes::{Far, use_drawn_area},
    },
    ui::markdown_view::Markdown,
};

#[component]
pub(super) fn NoteLayer() -> Element {
    let board = use_context::<Board>();
    let area = use_drawn_area();
    let area = *area.read();
    let is_drawn = |note: &&NoteHandle| {
        area.is_none_or(|area| *note.selected.peek() || note.rect().meets(area))
    };
    let notes: Vec<NoteHandle> = board
        .notes
        .read()
        .iter()
        .filter(is_drawn)
        .copied()
        .collect();
    rsx! {
        for note in notes {
            NoteFrame { key: "{note.key}", note }
        }
    }
}

#[component]
fn NoteFrame(note: NoteHandle) -> Element {
    let board = use_context::<Board>();
    let (at, size) = (*note.at.read(), *note.size.read());
    note.data.read();
    rsx! {
        div {
            id: "note-{note.key}",
            class: "note",
            role: "note",
            "aria-label": "Note: {note.title()}",
            "data-beside": "{note.key}",
            "data-note": "{note.id()}",
            "data-selected": note.selected.read().then_some(""),
            transform: "translate({at.x}px,{at.y}px)",
            width: "{size.x}px",
            height: "{size.y}px",
            NoteBody { note }
            if !*board.locked.read() {
                span { class: "note-grip", "data-resize": "" }
            }
        }
    }
}

#[component]
fn NoteBody(note: NoteHandle) -> Element {
    let mut board = use_context::<Board>();
    let far = use_context::<Far>();
    let is_typed = editing::use_editing(board, note.key);
    let text = note.data.read().text.clone();
    if is_typed {
        return rsx! {
            textarea {
                class: "note-text",
                "aria-label": "Text of the note",
                "data-outside": "",
                maxlength: "4000",
                value: "{text}",
                onmounted: move |event| editing::take_focus(&event),
                oninput: move |event| board.write_note(note, &event.value()),
                onkeydown: move |event| editing::keys(board, note.key, &event, false),
                onblur: move |_| board.end_editing(note.key),
                oncopy: move |event| event.stop_propagation(),
                oncut: move |event| event.stop_propagation(),
                onpaste: move |event| event.stop_propagation(),
            }
        };
    }
    if far.read() {
        return rsx! {};
    }
    rsx! {
        div { class: "note-body",
            Markdown { text }
        }
    }
}
