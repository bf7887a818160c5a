//! The mark of a state: a shape and a word, never colour alone.

use dioxus::prelude::*;

/// The shape of a state, in a square of 14.
pub(crate) const fn shape(word: &str) -> &'static str {
    match word.as_bytes() {
        b"running" => "M7 2 A5 5 0 1 1 2 7",
        b"retrying" => "M11.5 7 A4.5 4.5 0 1 1 9.5 3.2 M9.5 1 V3.5 H7",
        b"sleeping" => "M7 2 A5 5 0 1 1 6.99 2 M7 4.5 V7 L9 8.5",
        b"waiting" => "M5 3.5 V10.5 M9 3.5 V10.5",
        b"succeeded" => "M2.5 7.5 L5.5 10.5 L11.5 3.5",
        b"failed" => "M3.5 3.5 L10.5 10.5 M10.5 3.5 L3.5 10.5",
        b"skipped" => "M3 7 H11 M8.5 4.5 L11 7 L8.5 9.5",
        b"stopped" | b"cancelled" => "M4 4 H10 V10 H4 Z",
        _ => "M7 3 A4 4 0 1 1 6.99 3",
    }
}

#[component]
pub(crate) fn Mark(state: &'static str) -> Element {
    rsx! {
        svg { class: "mark", "data-state": state, view_box: "0 0 14 14", width: "14", height: "14", "aria-hidden": "true",
            path { d: shape(state), fill: "none", stroke: "currentColor", stroke_width: "1.75", stroke_linecap: "round", stroke_linejoin: "round" }
        }
    }
}
