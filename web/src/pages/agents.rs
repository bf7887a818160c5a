//! Agents of the organization.

use contracts::{Permission, agent::AgentSummary, page::Page as ListPage};
use dioxus::prelude::*;

use super::listing::{ListSearch, Pager, query};
use crate::{
    api::{
        query::{View, use_get},
        session,
    },
    params::Params,
    routes::Route,
    ui::{
        button::{ButtonLink, Variant},
        empty::EmptyState,
        icon::Glyph,
        page::Page,
        problem::ProblemView,
        skeleton::Skeleton,
        time::Ago,
    },
};

fn to(params: Params) -> Route {
    Route::Agents { params }
}

#[component]
pub(crate) fn Agents(params: Params) -> Element {
    let list = use_get::<ListPage<AgentSummary>>(format!(
        "/agents{}",
        query(&params, &["search", "cursor"])
    ));
    let may_write = session::may(Permission::AgentWrite);
    let new = || {
        rsx! {
            ButtonLink { creates: true, to: Route::agent("new"), variant: Variant::Primary, icon: Glyph::Plus, "New agent" }
        }
    };
    let searched = params.get("search").is_some();
    rsx! {
        Page { title: "Agents", loaded: list.is_settled(), actions: may_write.then(new),
            div { class: "filters", ListSearch { label: "Search agents", params: params.clone(), to } }
            match list.view() {
                View::Loading => rsx! { Skeleton {} },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| list.refetch() } },
                View::Ready(page) if page.items.is_empty() && searched => rsx! {
                    EmptyState { glyph: Glyph::Search, text: "No agent matches." }
                },
                View::Ready(page) if page.items.is_empty() => rsx! {
                    EmptyState { glyph: Glyph::Agent, text: "An agent has a role, a goal, a model and tools. There is none yet.",
                        if may_write {
                            {new()}
                        }
                    }
                },
                View::Ready(page) => rsx! {
                    div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Agents",
                        table { class: "table",
                            thead {
                                tr {
                                    th { "Name" }
                                    th { "Role" }
                                    th { class: "wide-only", "Framework" }
                                    th { class: "wide-only end", "Version" }
                                    th { class: "end", "Changed" }
                                }
                            }
                            tbody {
                                for agent in page.items.iter() {
                                    tr { key: "{agent.id}",
                                        td { Link { to: Route::agent(agent.id), "{agent.name}" } }
                                        td { class: "fluid", p { class: "clip muted", "{agent.role}" } }
                                        td { class: "wide-only muted", {agent.framework.as_str()} }
                                        td { class: "wide-only end num", "{agent.version}" }
                                        td { class: "end muted", Ago { at: agent.updated_at } }
                                    }
                                }
                            }
                        }
                    }
                    Pager { next: page.next.clone(), params, to }
                },
            }
        }
    }
}
