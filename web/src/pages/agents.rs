//! Agents of the organization.

use contracts::{Permission, agent::AgentSummary, page::Page as ListPage};
use dioxus::prelude::*;

use super::listing::{ListSearch, Listing, Words, query};
use crate::{
    api::{query::use_get, session},
    params::Params,
    routes::Route,
    ui::{
        button::{ButtonLink, Variant},
        icon::Glyph,
        page::Page,
        time::Ago,
    },
};

const WORDS: Words = Words {
    label: "Agents",
    glyph: Glyph::Agent,
    none: "No agent matches.",
    empty: "An agent has a role, a goal, a model and tools. There is none yet.",
    columns: &[
        ("Name", ""),
        ("Role", ""),
        ("Framework", "wide-only"),
        ("Version", "wide-only end"),
        ("Changed", "end"),
    ],
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
    rsx! {
        Page { title: "Agents", loaded: list.is_settled(), actions: may_write.then(new),
            div { class: "filters", ListSearch { label: "Search agents", params: params.clone(), to } }
            Listing {
                words: WORDS,
                list,
                params,
                to,
                row: |agent: AgentSummary| rsx! {
                    tr { key: "{agent.id}",
                        td { Link { to: Route::agent(agent.id), "{agent.name}" } }
                        td { class: "fluid", p { class: "clip muted", "{agent.role}" } }
                        td { class: "wide-only muted", {agent.framework.as_str()} }
                        td { class: "wide-only end num", "{agent.version}" }
                        td { class: "end muted", Ago { at: agent.updated_at } }
                    }
                },
                if may_write {
                    {new()}
                }
            }
        }
    }
}
