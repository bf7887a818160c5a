//! Dashboard.

use dioxus::prelude::*;

use crate::ui::page::Page;

#[component]
pub(crate) fn Dashboard() -> Element {
    rsx! {
        Page { title: "Dashboard", loaded: true }
    }
}
