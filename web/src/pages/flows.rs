//! Flows of the organization.

use contracts::{flow::FlowSummary, page::Page as ListPage};
use dioxus::prelude::*;

use crate::{
    api::query::{View, use_get},
    params::Params,
    routes::Route,
    ui::{empty::EmptyState, icon::Glyph, page::Page, problem::ProblemView, skeleton::Skeleton},
};

#[component]
pub(crate) fn Flows(params: Params) -> Element {
    let list = use_get::<ListPage<FlowSummary>>(format!("/flows{}", params.query()));
    rsx! {
        Page { title: "Flows", loaded: list.is_settled(),
            match list.view() {
                View::Loading => rsx! { Skeleton {} },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| list.refetch() } },
                View::Ready(page) if page.items.is_empty() => rsx! { EmptyState { glyph: Glyph::Flow, text: "No flows yet." } },
                View::Ready(page) => rsx! {
                    ul { class: "rows",
                        for item in page.items.iter() {
                            li { key: "{item.id}", Link { to: Route::flow(item.id), "{item.name}" } }
                        }
                    }
                },
            }
        }
    }
}
