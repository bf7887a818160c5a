//! An address that is no page's.

use dioxus::prelude::*;

use crate::{
    routes::Route,
    ui::{button::ButtonLink, page::Page},
};

#[component]
pub(crate) fn Missing(path: Vec<String>) -> Element {
    let address = path.join("/");
    rsx! {
        Page { title: "Page not found", loaded: true,
            p { "There is no page at " code { "/{address}" } "." }
            p { ButtonLink { to: Route::Dashboard {}, "Go to the dashboard" } }
        }
    }
}
