//! Tools of the organization.

use contracts::{page::Page as ListPage, tool::ToolSummary};
use dioxus::prelude::*;

use crate::{
    api::query::{View, use_get},
    params::Params,
    routes::Route,
    ui::{empty::EmptyState, icon::Glyph, page::Page, problem::ProblemView, skeleton::Skeleton},
};

#[component]
pub(crate) fn Tools(params: Params) -> Element {
    let list = use_get::<ListPage<ToolSummary>>(format!("/tools{}", params.query()));
    rsx! {
        Page { title: "Tools", loaded: list.is_settled(),
            match list.view() {
                View::Loading => rsx! { Skeleton {} },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| list.refetch() } },
                View::Ready(page) if page.items.is_empty() => rsx! { EmptyState { glyph: Glyph::Tool, text: "No tools yet." } },
                View::Ready(page) => rsx! {
                    ul { class: "rows",
                        for item in page.items.iter() {
                            li { key: "{item.id}", Link { to: Route::tool(item.id), "{item.name}" } }
                        }
                    }
                },
            }
        }
    }
}
