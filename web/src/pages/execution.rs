//! One Execution.

use contracts::execution::Execution as Object;
use dioxus::prelude::*;

use crate::{
    api::query::{View, use_get},
    params::Params,
    ui::{page::Page, problem::ProblemView, skeleton::Skeleton},
};

#[component]
pub(crate) fn Execution(id: String, params: Params) -> Element {
    let object = use_get::<Object>(format!("/executions/{id}"));
    let title = object
        .data()
        .map_or_else(|| "Execution".to_owned(), |object| object.id.to_string());
    rsx! {
        Page { title, loaded: object.is_settled(),
            match object.view() {
                View::Loading => rsx! { Skeleton {} },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| object.refetch() } },
                View::Ready(_) => rsx! {},
            }
        }
    }
}
