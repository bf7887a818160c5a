//! What all lists have: a search that lives in the address, and pages by cursor.

use dioxus::prelude::*;

use crate::{
    params::Params,
    routes::Route,
    ui::{
        button::{ButtonLink, Variant},
        search::SearchField,
    },
};

/// The query for the API: of the address's parameters only these.
pub(crate) fn query(params: &Params, names: &[&str]) -> String {
    names
        .iter()
        .fold(Params::default(), |query, name| {
            query.with(name, params.get(name).unwrap_or_default())
        })
        .query()
}

/// The search of a list; `to` makes the address of the list with other parameters.
#[component]
pub(crate) fn ListSearch(label: String, params: Params, to: Callback<Params, Route>) -> Element {
    let navigator = navigator();
    rsx! {
        SearchField {
            label,
            value: params.get("search").unwrap_or_default(),
            onsearch: move |text: String| {
                let found = params.with("search", text.trim()).with("cursor", "");
                navigator.replace(to.call(found));
            },
        }
    }
}

#[component]
pub(crate) fn Pager(next: Option<String>, params: Params, to: Callback<Params, Route>) -> Element {
    let is_first = params.get("cursor").is_none();
    rsx! {
        if !is_first || next.is_some() {
            nav { class: "row", "aria-label": "Pages of the list",
                if !is_first {
                    ButtonLink { to: to.call(params.with("cursor", "")), variant: Variant::Quiet, "First page" }
                }
                if let Some(next) = next {
                    ButtonLink { to: to.call(params.with("cursor", &next)), "Next page" }
                }
            }
        }
    }
}
