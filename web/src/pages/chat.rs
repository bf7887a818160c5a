//! Chat of the organization.

use contracts::{chat::ChatSession as Session, page::Page as ListPage};
use dioxus::prelude::*;

use crate::{
    api::query::{View, use_get},
    params::Params,
    routes::Route,
    ui::{empty::EmptyState, icon::Glyph, page::Page, problem::ProblemView, skeleton::Skeleton},
};

#[component]
pub(crate) fn Chat(params: Params) -> Element {
    let list = use_get::<ListPage<Session>>(format!("/chat/sessions{}", params.query()));
    rsx! {
        Page { title: "Chat", loaded: list.is_settled(),
            match list.view() {
                View::Loading => rsx! { Skeleton {} },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| list.refetch() } },
                View::Ready(page) if page.items.is_empty() => rsx! { EmptyState { glyph: Glyph::Chat, text: "No conversations yet." } },
                View::Ready(page) => rsx! {
                    ul { class: "rows",
                        for item in page.items.iter() {
                            li { key: "{item.id}", Link { to: Route::chat_session(item.id), "{item.title}" } }
                        }
                    }
                },
            }
        }
    }
}
#[component]
pub(crate) fn ChatSession(id: String, params: Params) -> Element {
    let object = use_get::<Session>(format!("/chat/sessions/{id}"));
    let title = object.data().map_or_else(
        || "Conversation".to_owned(),
        |object| object.title.to_string(),
    );
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
