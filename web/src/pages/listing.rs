//! What all lists have: a search that lives in the address, the states of a table, and pages by cursor.

use contracts::page::Page as ListPage;
use dioxus::prelude::*;

use crate::{
    api::query::{Query, View},
    params::Params,
    routes::Route,
    ui::{
        button::{ButtonLink, Variant},
        empty::EmptyState,
        icon::Glyph,
        problem::ProblemView,
        search::SearchField,
        skeleton::Skeleton,
    },
};

/// What a list says of itself.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Words {
    pub(crate) label: &'static str,
    pub(crate) glyph: Glyph,
    /// Where a search finds nothing, and where there is nothing to find.
    pub(crate) none: &'static str,
    pub(crate) empty: &'static str,
    /// The columns: their names and classes.
    pub(crate) columns: &'static [(&'static str, &'static str)],
}

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

/// `children` begin the first one; `row` has the key of what it shows.
#[component]
pub(crate) fn Listing<T: Clone + PartialEq + 'static>(
    words: Words,
    list: Query<ListPage<T>>,
    params: Params,
    to: Callback<Params, Route>,
    row: Callback<T, Element>,
    #[props(default = "table")] class: &'static str,
    children: Element,
) -> Element {
    let filtered = !params.with("cursor", "").is_empty();
    match list.view() {
        View::Loading => rsx! { Skeleton { rows: 6 } },
        View::Failed(problem) => {
            rsx! { ProblemView { problem, onretry: move |()| list.refetch() } }
        }
        View::Ready(page) if page.items.is_empty() && filtered => rsx! {
            EmptyState { glyph: Glyph::Search, text: words.none,
                ButtonLink { to: to.call(Params::default()), "Show all" }
            }
        },
        View::Ready(page) if page.items.is_empty() => rsx! {
            EmptyState { glyph: words.glyph, text: words.empty, {children} }
        },
        View::Ready(page) => rsx! {
            div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": words.label,
                table { class,
                    thead {
                        tr {
                            for (name , class) in words.columns.iter().copied() {
                                th { key: "{name}", scope: "col", class,
                                    if name == ACTS {
                                        span { class: "visually-hidden", "{name}" }
                                    } else {
                                        "{name}"
                                    }
                                }
                            }
                        }
                    }
                    tbody { {page.items.iter().map(|item| row.call(item.clone()))} }
                }
            }
            Pager { next: page.next.clone(), params, to }
        },
    }
}

/// The name of a column of acts, which nobody needs to see.
pub(crate) const ACTS: &str = "Actions";

#[component]
fn Pager(next: Option<String>, params: Params, to: Callback<Params, Route>) -> Element {
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
