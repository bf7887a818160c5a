//! Knowledge of the organization.

use contracts::{knowledge::Base, page::Page as ListPage};
use dioxus::prelude::*;

use crate::{
    api::query::{View, use_get},
    params::Params,
    routes::Route,
    ui::{empty::EmptyState, icon::Glyph, page::Page, problem::ProblemView, skeleton::Skeleton},
};

#[component]
pub(crate) fn Knowledge(params: Params) -> Element {
    let list = use_get::<ListPage<Base>>(format!("/knowledge/bases{}", params.query()));
    rsx! {
        Page { title: "Knowledge", loaded: list.is_settled(),
            match list.view() {
                View::Loading => rsx! { Skeleton {} },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| list.refetch() } },
                View::Ready(page) if page.items.is_empty() => rsx! { EmptyState { glyph: Glyph::Knowledge, text: "No knowledge bases yet." } },
                View::Ready(page) => rsx! {
                    ul { class: "rows",
                        for item in page.items.iter() {
                            li { key: "{item.id}", Link { to: Route::knowledge_base(item.id), "{item.name}" } }
                        }
                    }
                },
            }
        }
    }
}
