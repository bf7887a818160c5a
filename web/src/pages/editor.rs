//! One Flow.

use contracts::flow::Flow as Object;
use dioxus::prelude::*;

use crate::{
    api::query::{View, use_get},
    params::Params,
    ui::{page::Page, problem::ProblemView, skeleton::Skeleton},
};

#[component]
pub(crate) fn Editor(id: String, params: Params) -> Element {
    let object = use_get::<Object>(format!("/flows/{id}"));
    let title = object
        .data()
        .map_or_else(|| "Flow".to_owned(), |object| object.name.to_string());
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
