//! Agents of the organization.

use contracts::{agent::AgentSummary, page::Page as ListPage};
use dioxus::prelude::*;

use crate::{
    api::query::{View, use_get},
    params::Params,
    routes::Route,
    ui::{empty::EmptyState, icon::Glyph, page::Page, problem::ProblemView, skeleton::Skeleton},
};

#[component]
pub(crate) fn Agents(params: Params) -> Element {
    let list = use_get::<ListPage<AgentSummary>>(format!("/agents{}", params.query()));
    rsx! {
        Page { title: "Agents", loaded: list.is_settled(),
            match list.view() {
                View::Loading => rsx! { Skeleton {} },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| list.refetch() } },
                View::Ready(page) if page.items.is_empty() => rsx! { EmptyState { glyph: Glyph::Agent, text: "No agents yet." } },
                View::Ready(page) => rsx! {
                    ul { class: "rows",
                        for item in page.items.iter() {
                            li { key: "{item.id}", Link { to: Route::agent(item.id), "{item.name}" } }
                        }
                    }
                },
            }
        }
    }
}
