//! Providers.

use dioxus::prelude::*;

use crate::ui::page::Page;

#[component]
pub(crate) fn Providers() -> Element {
    rsx! {
        Page { title: "Providers", loaded: true }
    }
}
