//! Crews of the organization.

mod import;

use contracts::{Permission, crew::CrewSummary, page::Page as ListPage};
use dioxus::prelude::*;

use self::import::ImportCrewDialog;
use super::listing::{ListSearch, Pager, query};
use crate::{
    api::{
        query::{View, use_get},
        session,
    },
    params::Params,
    routes::Route,
    ui::{
        button::{Button, ButtonLink, Variant},
        empty::EmptyState,
        icon::Glyph,
        page::Page,
        problem::ProblemView,
        skeleton::Skeleton,
        time::Ago,
    },
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
    let searched = params.get("search").is_some();
    let actions = rsx! {
        Button { icon: Glyph::Upload, onclick: move |_| importing.set(true), "Import from CrewAI" }
        ButtonLink { creates: true, to: Route::crew("new"), variant: Variant::Primary, icon: Glyph::Plus, "New crew" }
    };
    rsx! {
        Page { title: "Crews", loaded: list.is_settled(), actions: may_write.then_some(actions),
            div { class: "filters", ListSearch { label: "Search crews", params: params.clone(), to } }
            match list.view() {
                View::Loading => rsx! { Skeleton {} },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| list.refetch() } },
                View::Ready(page) if page.items.is_empty() && searched => rsx! {
                    EmptyState { glyph: Glyph::Search, text: "No crew matches." }
                },
                View::Ready(page) if page.items.is_empty() => rsx! {
                    EmptyState { glyph: Glyph::Crew, text: "A crew is a set of agents with tasks that depend on each other. There is none yet." }
                },
                View::Ready(page) => rsx! {
                    div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Crews",
                        table { class: "table",
                            thead {
                                tr {
                                    th { "Name" }
                                    th { "Process" }
                                    th { class: "wide-only", "Description" }
                                    th { class: "wide-only end", "Version" }
                                    th { class: "end", "Changed" }
                                }
                            }
                            tbody {
                                for crew in page.items.iter() {
                                    tr { key: "{crew.id}",
                                        td { Link { to: Route::crew(crew.id), "{crew.name}" } }
                                        td { class: "muted", {crew.process.as_str()} }
                                        td { class: "wide-only", p { class: "clip muted cell", "{crew.description}" } }
                                        td { class: "wide-only end num", "{crew.version}" }
                                        td { class: "end muted", Ago { at: crew.updated_at } }
                                    }
                                }
                            }
                        }
                    }
                    Pager { next: page.next.clone(), params, to }
                },
            }
            if importing() {
                ImportCrewDialog { onclose: move |()| importing.set(false) }
            }
        }
    }
}
