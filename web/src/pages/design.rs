//! Design.

use dioxus::prelude::*;

use crate::ui::page::Page;

#[component]
pub(crate) fn Design() -> Element {
    rsx! {
        Page { title: "Design", loaded: true }
    }
}
