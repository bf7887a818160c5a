//! Chat: the caller's conversations, and the one that is open.

mod answer;
mod answerer;
mod attach;
mod begin;
mod composer;
mod conversation;
mod follow;
mod live;
mod message;
mod question;
mod session_menu;
mod sessions;
mod sticky;
mod talk;
mod tool_line;

use contracts::{ErrorCode, Permission, Problem, chat::ChatSession as Session};
use dioxus::prelude::*;

use self::{
    begin::Begin,
    conversation::Conversation,
    sessions::{Sessions, use_sessions},
};
use crate::{
    api::{
        self,
        query::{View, use_get},
        session,
    },
    dom,
    params::Params,
    routes::Route,
    ui::{
        button::{Button, Variant},
        empty::EmptyState,
        icon::Glyph,
        page::Page,
        problem::ProblemView,
        skeleton::Skeleton,
        toast,
    },
};

/// The list; `?agent=`, `?crew=` or `?flow=` begins a conversation with that one.
#[component]
pub(crate) fn Chat(params: Params) -> Element {
    match session::may(Permission::ChatUse) {
        true => rsx! { Start { params } },
        false => rsx! { Refused {} },
    }
}

#[component]
fn Refused() -> Element {
    let problem = Problem::new(
        ErrorCode::Forbidden,
        "conversations need the role operator or a higher one",
    );
    rsx! {
        Page { title: "Chat", loaded: true, ProblemView { problem } }
    }
}

#[component]
fn Start(params: Params) -> Element {
    let list = use_sessions("", 1);
    let mut beginning = use_signal(|| false);
    let navigator = navigator();
    use_future(move || {
        let asked = asked(&params);
        async move {
            let Some(body) = asked else { return };
            match api::post::<Session>("/chat/sessions", &body).await {
                Ok(session) => drop(navigator.replace(Route::chat_session(session.id))),
                Err(problem) => toast::problem(&problem),
            }
        }
    });
    let empty = list.data().is_some_and(|list| list.items.is_empty());
    rsx! {
        ChatFrame { title: "Chat", loaded: list.is_settled(), open: false,
            Sessions { current: None }
            section { class: "chat-none", "aria-label": "Conversation",
                EmptyState {
                    glyph: Glyph::Chat,
                    text: if empty { "No conversations yet. Talk to an agent, a crew or a flow." } else { "Choose a conversation, or begin another." },
                    Button { variant: Variant::Primary, icon: Glyph::Plus, onclick: move |_| beginning.set(true), "New conversation" }
                }
            }
        }
        if beginning() {
            Begin { onclose: move |()| beginning.set(false) }
        }
    }
}

fn asked(params: &Params) -> Option<serde_json::Value> {
    ["agent", "crew", "flow"].into_iter().find_map(|kind| {
        let id = params.get(kind)?;
        let mut body = serde_json::Map::new();
        body.insert(format!("{kind}_id"), id.into());
        Some(body.into())
    })
}

#[component]
pub(crate) fn ChatSession(id: String, params: Params) -> Element {
    match session::may(Permission::ChatUse) {
        true => rsx! { Opened { id } },
        false => rsx! { Refused {} },
    }
}

#[component]
fn Opened(id: String) -> Element {
    let session = use_get::<Session>(format!("/chat/sessions/{id}"));
    let title = session
        .data()
        .map_or_else(|| "Conversation".to_owned(), |session| named(&session));
    rsx! {
        ChatFrame { title, loaded: session.is_settled(), open: true,
            Sessions { current: Some(id.clone()) }
            match session.view() {
                View::Loading => rsx! {
                    section { class: "chat-none", Skeleton {} }
                },
                View::Failed(problem) => rsx! {
                    section { class: "chat-none",
                        h1 { class: "visually-hidden", "Conversation" }
                        ProblemView { problem, onretry: move |()| session.refetch() }
                    }
                },
                View::Ready(session) => rsx! {
                    Conversation { key: "{id}", id, session: (*session).clone() }
                },
            }
        }
    }
}

/// Its title, or a word for having none.
fn named(session: &Session) -> String {
    match session.title.is_empty() {
        true => "New conversation".into(),
        false => session.title.clone(),
    }
}

/// Two panes as high as the window; on a phone one of them.
#[component]
fn ChatFrame(title: String, loaded: bool, open: bool, children: Element) -> Element {
    use_effect(use_reactive!(
        |title| dom::document().set_title(&format!("{title} · Troupe"))
    ));
    rsx! {
        div { class: "page chat", "data-full": "", "data-loaded": loaded.then_some(""), "data-open": open.then_some(""), {children} }
    }
}
