//! Nothing here yet: one sentence and one act.

use dioxus::prelude::*;

use super::icon::{Glyph, Icon};

#[component]
pub(crate) fn EmptyState(glyph: Glyph, text: String, children: Element) -> Element {
    rsx! {
        div { class: "empty",
            Icon { glyph, size: 24 }
            p { "{text}" }
            {children}
        }
    }
}
