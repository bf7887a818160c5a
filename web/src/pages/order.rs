//! The acts that move one of several up or down.

use dioxus::prelude::*;

use crate::ui::{button::IconButton, icon::Glyph};

/// `onswap` gets the place of the one with which it changes places.
#[component]
pub(crate) fn Order(
    name: String,
    index: usize,
    count: usize,
    onswap: EventHandler<usize>,
) -> Element {
    rsx! {
        IconButton { glyph: Glyph::Up, label: "Move {name} up", disabled: index == 0, onclick: move |_| onswap.call(index - 1) }
        IconButton { glyph: Glyph::Down, label: "Move {name} down", disabled: index + 1 == count, onclick: move |_| onswap.call(index + 1) }
    }
}
