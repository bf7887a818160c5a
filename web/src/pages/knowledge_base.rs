//! One knowledge base: its documents, and a search in them.

mod add;
mod document_row;
mod documents;
mod head;
mod search;

use contracts::knowledge::Base;
use dioxus::prelude::*;

use self::{documents::Documents, head::Acts, search::Search};
use crate::{
    api::query::{Query, View, use_get},
    dom, format,
    params::Params,
    routes::Route,
    ui::{page::Page, problem::ProblemView, skeleton::Skeleton},
};

/// How often what is being made is looked at.
const LOOK_MS: i32 = 1_500;

#[component]
pub(crate) fn KnowledgeBase(id: String, params: Params) -> Element {
    let base = use_get::<Base>(format!("/knowledge/bases/{id}"));
    use_looking(base.clone(), |base| base.reindex.is_some());
    let title = base
        .data()
        .map_or_else(|| "Knowledge base".to_owned(), |base| base.name.clone());
    let actions = base.data().map(|base| {
        rsx! { Acts { base: (*base).clone() } }
    });
    rsx! {
        Page { title, loaded: base.is_settled(), actions,
            match base.view() {
                View::Loading => rsx! { Skeleton {} },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| base.refetch() } },
                View::Ready(base) => rsx! {
                    About { base: (*base).clone() }
                    div { class: "kb",
                        Documents { key: "{base.id}", base: (*base).clone() }
                        Search { base: (*base).clone() }
                    }
                },
            }
        }
    }
}

/// Reads a query again and again for as long as something in it is being made.
fn use_looking<T: PartialEq + 'static>(query: Query<T>, going: fn(&T) -> bool) {
    use_future(use_reactive!(|query| async move {
        loop {
            dom::sleep_ms(LOOK_MS).await;
            let is_going = query.peek().is_some_and(|data| going(&data));
            if is_going {
                query.refetch();
            }
        }
    }));
}

#[component]
fn About(base: Base) -> Element {
    let model = base.embedding_model.as_deref().unwrap_or("default model");
    let documents = usize::try_from(base.documents).unwrap_or(usize::MAX);
    rsx! {
        div { class: "stack",
            p { class: "hint",
                Link { to: Route::knowledge(), "Knowledge" }
                " · "
                {format::plural(documents, "document", "documents")}
                " · "
                {format::count(base.passages)}
                " passages · "
                code { "{model}" }
            }
            if !base.description.is_empty() {
                p { "{base.description}" }
            }
            if let Some(reindex) = base.reindex {
                div { class: "kb-reindex",
                    p {
                        "Indexing anew: {reindex.done} of {reindex.of} documents"
                        if reindex.failed > 0 {
                            span { class: "kb-reason", ", {reindex.failed} failed" }
                        }
                        ". The old passages are found until the new ones are there."
                    }
                    progress { "aria-label": "Documents indexed anew", max: "{reindex.of.max(1)}", value: "{reindex.done}" }
                }
            }
        }
    }
}
