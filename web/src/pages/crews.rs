//! Crews of the organization.

use contracts::{crew::CrewSummary, page::Page as ListPage};
use dioxus::prelude::*;

use crate::{
    api::query::{View, use_get},
    params::Params,
    routes::Route,
    ui::{empty::EmptyState, icon::Glyph, page::Page, problem::ProblemView, skeleton::Skeleton},
};

#[component]
pub(crate) fn Crews(params: Params) -> Element {
    let list = use_get::<ListPage<CrewSummary>>(format!("/crews{}", params.query()));
    rsx! {
        Page { title: "Crews", loaded: list.is_settled(),
            match list.view() {
                View::Loading => rsx! { Skeleton {} },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| list.refetch() } },
                View::Ready(page) if page.items.is_empty() => rsx! { EmptyState { glyph: Glyph::Crew, text: "No crews yet." } },
                View::Ready(page) => rsx! {
                    ul { class: "rows",
                        for item in page.items.iter() {
                            li { key: "{item.id}", Link { to: Route::crew(item.id), "{item.name}" } }
                        }
                    }
                },
            }
        }
    }
}
