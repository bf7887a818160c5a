//! Organization settings.

use dioxus::prelude::*;

use crate::ui::page::Page;

#[component]
pub(crate) fn Settings() -> Element {
    rsx! {
        Page { title: "Organization settings", loaded: true }
    }
}
