//! One Agent.

use contracts::agent::Agent as Object;
use dioxus::prelude::*;

use crate::{
    api::query::{View, use_get},
    params::Params,
    ui::{page::Page, problem::ProblemView, skeleton::Skeleton},
};

#[component]
pub(crate) fn Agent(id: String, params: Params) -> Element {
    let object = use_get::<Object>(format!("/agents/{id}"));
    let title = object
        .data()
        .map_or_else(|| "Agent".to_owned(), |object| object.name.to_string());
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
