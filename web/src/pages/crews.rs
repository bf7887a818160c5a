//! Crews of the organization.

mod import;

use contracts::{Permission, crew::CrewSummary, page::Page as ListPage};
use dioxus::prelude::*;

use self::import::ImportCrewDialog;
use super::listing::{ListSearch, Listing, Words, query};
use crate::{
    api::{query::use_get, session},
    params::Params,
    routes::Route,
    ui::{
        button::{Button, ButtonLink, Variant},
        icon::Glyph,
        page::Page,
        time::Ago,
    },
};

const WORDS: Words = Words {
    label: "Crews",
    glyph: Glyph::Crew,
    none: "No crew matches.",
    empty: "A crew is a set of agents with tasks that depend on each other. There is none yet.",
    columns: &[
        ("Name", ""),
        ("Process", ""),
        ("Description", "wide-only"),
        ("Version", "wide-only end"),
        ("Changed", "end"),
    ],
};

fn to(params: Params) -> Route {
    Route::Crews { params }
}

#[component]
pub(crate) fn Crews(params: Params) -> Element {
    let list = use_get::<ListPage<CrewSummary>>(format!(
        "/crews{}",
        query(&params, &["search", "cursor"])
    ));
    let may_write = session::may(Permission::AgentWrite);
    let mut importing = use_signal(|| false);
    let new = || {
        rsx! {
            ButtonLink { creates: true, to: Route::crew("new"), variant: Variant::Primary, icon: Glyph::Plus, "New crew" }
        }
    };
    let actions = rsx! {
        Button { icon: Glyph::Upload, onclick: move |_| importing.set(true), "Import from CrewAI" }
        {new()}
    };
    rsx! {
        Page { title: "Crews", loaded: list.is_settled(), actions: may_write.then_some(actions),
            div { class: "filters", ListSearch { label: "Search crews", params: params.clone(), to } }
            Listing {
                words: WORDS,
                list,
                params,
                to,
                row: |crew: CrewSummary| rsx! {
                    tr { key: "{crew.id}",
                        td { Link { to: Route::crew(crew.id), "{crew.name}" } }
                        td { class: "muted", {crew.process.as_str()} }
                        td { class: "wide-only", p { class: "clip muted cell", "{crew.description}" } }
                        td { class: "wide-only end num", "{crew.version}" }
                        td { class: "end muted", Ago { at: crew.updated_at } }
                    }
                },
                if may_write {
                    {new()}
                }
            }
            if importing() {
                ImportCrewDialog { onclose: move |()| importing.set(false) }
            }
        }
    }
}
