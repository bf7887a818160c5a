//! The small bars on the canvas: undo, zoom, layout, and what can be done with a selection.

use dioxus::prelude::*;

use crate::{
    canvas::{
        board::Board,
        commands::{Alignment, counted},
    },
    ui::{button::IconButton, icon::Glyph},
};

#[component]
pub(crate) fn Toolbar() -> Element {
    let mut board = use_context::<Board>();
    let locked = *board.locked.read();
    let log = board.log.read();
    let (undo, redo) = (
        log.undoable().map(str::to_owned),
        log.redoable().map(str::to_owned),
    );
    rsx! {
        div { class: "canvas-bar", role: "toolbar", "aria-label": "Canvas",
            if !locked {
                IconButton {
                    glyph: Glyph::Undo,
                    label: undo.as_ref().map_or_else(|| "Undo".to_owned(), |label| format!("Undo: {label}")),
                    disabled: undo.is_none(),
                    onclick: move |_| board.undo(),
                }
                IconButton {
                    glyph: Glyph::Redo,
                    label: redo.as_ref().map_or_else(|| "Redo".to_owned(), |label| format!("Redo: {label}")),
                    disabled: redo.is_none(),
                    onclick: move |_| board.redo(),
                }
                IconButton { glyph: Glyph::Note, label: "Add a note", onclick: move |_| board.begin_note_at(None) }
                IconButton { glyph: Glyph::Layout, label: "Arrange automatically", onclick: move |_| board.arrange() }
                span { class: "bar-line" }
            }
            IconButton { glyph: Glyph::Minus, label: "Zoom out", onclick: move |_| board.zoom(1.0 / 1.2) }
            ZoomLevel {}
            IconButton { glyph: Glyph::Plus, label: "Zoom in", onclick: move |_| board.zoom(1.2) }
            IconButton { glyph: Glyph::Fit, label: "Fit the flow", onclick: move |_| board.fit() }
        }
        if board.selection.read().len() > 1 && !locked {
            SelectionBar {}
        }
        if board.nodes.read().is_empty() && !locked {
            p { class: "canvas-empty", "Drag a trigger from the left, or press N, to begin." }
        }
    }
}

#[component]
fn ZoomLevel() -> Element {
    let mut board = use_context::<Board>();
    let zoom = board.view.read().zoom;
    rsx! {
        button {
            class: "zoom-level",
            r#type: "button",
            title: "Actual size",
            onclick: move |_| board.zoom(1.0 / zoom),
            "{zoom * 100.0:.0} %"
        }
    }
}

#[component]
fn SelectionBar() -> Element {
    let mut board = use_context::<Board>();
    board.selection.read();
    board.groups.read();
    let (nodes, notes) = (board.selected().len(), board.selected_notes().len());
    let groups = board.groups_here();
    let is_open = groups.iter().any(|group| !group.data.read().collapsed);
    rsx! {
        div { class: "selection-bar", role: "toolbar", "aria-label": "Selection",
            span { {counted(nodes, notes)} }
            for (alignment, label) in Alignment::ALL {
                button {
                    key: "{label}",
                    class: "bar-act",
                    r#type: "button",
                    onclick: move |_| board.align(alignment),
                    "{label}"
                }
            }
            span { class: "bar-line" }
            if nodes > 0 {
                button { class: "bar-act", r#type: "button", onclick: move |_| board.group_selection(), "Group" }
            }
            if !groups.is_empty() {
                button { class: "bar-act", r#type: "button", onclick: move |_| board.ungroup_selection(), "Ungroup" }
                button { class: "bar-act", r#type: "button", onclick: move |_| board.fold_selection(is_open),
                    if is_open { "Collapse" } else { "Expand" }
                }
            }
            span { class: "bar-line" }
            IconButton { glyph: Glyph::Copy, label: "Duplicate", onclick: move |_| board.duplicate() }
            IconButton { glyph: Glyph::Trash, label: "Delete", onclick: move |_| board.delete_selection() }
        }
    }
}
