//! Typing in the place of what is drawn: the field takes the focus when it appears and gives it back to the canvas.

use dioxus::{prelude::*, web::WebEventExt};
use wasm_bindgen::JsCast;
use web_sys::{HtmlInputElement, HtmlTextAreaElement};

use crate::canvas::{board::Board, stage::focus_stage};

/// Whether the text of this note or group is being typed.
pub(super) fn use_editing(board: Board, key: u32) -> bool {
    let is_typed = use_memo(move || *board.editing.read() == Some(key));
    is_typed()
}

/// What is in the field is chosen, so that typing replaces it.
pub(super) fn take_focus(event: &MountedEvent) {
    let element = event.as_web_event();
    if let Some(field) = element.dyn_ref::<HtmlTextAreaElement>() {
        drop(field.focus());
        field.select();
    } else if let Some(field) = element.dyn_ref::<HtmlInputElement>() {
        drop(field.focus());
        field.select();
    }
}

/// The keys of the canvas mean nothing in a text, but for saving and running. Escape ends it; Enter does in a line.
pub(super) fn keys(mut board: Board, key: u32, event: &KeyboardEvent, line: bool) {
    let command = event.modifiers().ctrl() || event.modifiers().meta();
    match event.key() {
        Key::Enter if command => return,
        Key::Character(letter) if command && letter.eq_ignore_ascii_case("s") => return,
        Key::Escape => {}
        Key::Enter if line => {}
        _ => return event.stop_propagation(),
    }
    event.prevent_default();
    event.stop_propagation();
    board.end_editing(key);
    focus_stage();
}
