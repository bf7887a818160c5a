//! The shape of rows that are on their way. It appears only after a moment, by CSS.

use dioxus::prelude::*;

#[component]
pub(crate) fn Skeleton(#[props(default = 5)] rows: usize) -> Element {
    rsx! {
        div { class: "skeleton", role: "status",
            span { class: "visually-hidden", "Loading…" }
            for row in 0..rows {
                span { key: "{row}", class: "skeleton-row" }
            }
        }
    }
}
