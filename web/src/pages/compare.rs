//! Two executions beside each other, node by node: what each did, and where they part.

mod outputs;
mod sides;
mod table;
mod words;

use contracts::execution::Comparison;
use dioxus::prelude::*;

use self::{outputs::Outputs, sides::Sides, table::Table};
use crate::{
    api::{
        names::short,
        query::{View, use_get},
    },
    routes::Route,
    ui::{page::Page, problem::ProblemView, skeleton::Skeleton},
};

#[component]
pub(crate) fn Compare(id: String, with: String) -> Element {
    rsx! {
        // A key counts in a list.
        for (id , with) in [(id, with)] {
            Content { key: "{id}{with}", id, with }
        }
    }
}

#[component]
fn Content(id: String, with: String) -> Element {
    let compared = use_get::<Comparison>(format!("/executions/{id}/compare/{with}"));
    let chosen = use_signal(|| None::<String>);
    rsx! {
        Page {
            title: "Comparison",
            loaded: compared.is_settled(),
            heading: rsx! {
                div { class: "execution-heading",
                    Link { class: "crumb", to: Route::executions(), "Executions" }
                    h1 { "Comparison" }
                }
            },
            p { class: "row",
                Link { to: Route::execution(&id), "A: {short(&id)}" }
                Link { to: Route::execution(&with), "B: {short(&with)}" }
            }
            match compared.view() {
                View::Loading => rsx! { Skeleton { rows: 6 } },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| compared.refetch() } },
                View::Ready(compared) => rsx! {
                    p { role: "status", {words::summary(&compared)} }
                    Sides { compared: (*compared).clone(), chosen }
                    Table { compared: (*compared).clone(), chosen }
                    if let Some(node) = chosen() {
                        Outputs { key: "{node}", id, with, node }
                    }
                },
            }
        }
    }
}
