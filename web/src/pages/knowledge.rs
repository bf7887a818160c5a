//! The organization's knowledge bases.

mod base_form;

use contracts::{Permission, knowledge::Base};
use dioxus::prelude::*;

pub(super) use self::base_form::BaseForm;
use super::listing::ListSearch;
use crate::{
    api::{
        pages::get_pages,
        query::{View, use_query},
        session,
    },
    format,
    params::Params,
    routes::Route,
    ui::{
        Tone,
        badge::Badge,
        button::{Button, Variant},
        empty::EmptyState,
        icon::Glyph,
        page::Page,
        problem::ProblemView,
        skeleton::Skeleton,
        time::Ago,
    },
};

/// Pages of 200: nobody reads a longer list.
const PAGES: usize = 5;

#[component]
pub(crate) fn Knowledge(params: Params) -> Element {
    let list = use_query("/knowledge/bases#all".into(), || async {
        Ok(get_pages::<Base>("/knowledge/bases", PAGES).await?.items)
    });
    let mut creating = use_signal(|| false);
    let may_write = session::may(Permission::KnowledgeWrite);
    let navigator = navigator();
    let search = params.get("search").unwrap_or_default().to_owned();
    let create = rsx! {
        if may_write {
            Button { variant: Variant::Primary, icon: Glyph::Plus, onclick: move |_| creating.set(true), "New base" }
        }
    };
    rsx! {
        Page { title: "Knowledge", loaded: list.is_settled(), actions: create,
            match list.view() {
                View::Loading => rsx! { Skeleton {} },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| list.refetch() } },
                View::Ready(bases) if bases.is_empty() => rsx! {
                    EmptyState { glyph: Glyph::Knowledge, text: "No knowledge bases yet. Documents in a base are searched by people, agents and flows.",
                        if may_write {
                            Button { icon: Glyph::Plus, onclick: move |_| creating.set(true), "New base" }
                        }
                    }
                },
                View::Ready(bases) => rsx! {
                    ListSearch { label: "Search knowledge bases", params, to: |params| Route::Knowledge { params } }
                    Bases { bases: matching(&bases, &search) }
                },
            }
        }
        if creating() {
            BaseForm {
                onclose: move |()| creating.set(false),
                ondone: move |base: Base| {
                    creating.set(false);
                    navigator.push(Route::knowledge_base(base.id));
                },
            }
        }
    }
}

fn matching(bases: &[Base], search: &str) -> Vec<Base> {
    let wanted = search.to_lowercase();
    let found = bases.iter().filter(|base| {
        let name = base.name.to_lowercase();
        name.contains(&wanted) || base.description.to_lowercase().contains(&wanted)
    });
    found.cloned().collect()
}

#[component]
fn Bases(bases: Vec<Base>) -> Element {
    if bases.is_empty() {
        return rsx! {
            p { class: "hint", "No base has these words." }
        };
    }
    rsx! {
        div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Knowledge bases",
            table { class: "table",
                thead {
                    tr {
                        th { scope: "col", "Name" }
                        th { scope: "col", class: "wide-only", "Description" }
                        th { scope: "col", class: "end", "Documents" }
                        th { scope: "col", class: "end wide-only", "Passages" }
                        th { scope: "col", class: "end", "Changed" }
                    }
                }
                tbody {
                    for base in bases {
                        tr { key: "{base.id}",
                            td { class: "kb-name",
                                Link { to: Route::knowledge_base(base.id), "{base.name}" }
                            }
                            td { class: "muted wide-only",
                                if let Some(reindex) = base.reindex {
                                    Badge { tone: Tone::Run, glyph: Glyph::Refresh, "Re-indexing {reindex.done}/{reindex.of}" }
                                } else {
                                    "{base.description}"
                                }
                            }
                            td { class: "end num", {format::count(base.documents)} }
                            td { class: "end num wide-only", {format::count(base.passages)} }
                            td { class: "end muted", Ago { at: base.updated_at } }
                        }
                    }
                }
            }
        }
    }
}
