//! The conversations, the last used first.

use contracts::{chat::ChatSession, page::Page};
use dioxus::prelude::*;

use super::{answerer::glyph_of, begin::Begin, named, session_menu::SessionMenu};
use crate::{
    api::{
        pages::get_pages,
        query::{Query, View, use_query},
    },
    dom,
    routes::Route,
    ui::{
        button::{Button, IconButton, Variant},
        field::TextField,
        icon::{Glyph, Icon},
        problem::ProblemView,
        skeleton::Skeleton,
        time::Ago,
    },
};

/// How long nobody types before it is searched.
const TYPING_MS: i32 = 200;

pub(super) fn use_sessions(search: &str, pages: usize) -> Query<Page<ChatSession>> {
    let path = match search.is_empty() {
        true => "/chat/sessions".to_owned(),
        false => format!(
            "/chat/sessions?search={}",
            js_sys::encode_uri_component(search)
        ),
    };
    use_query(format!("{path}#{pages}"), move || {
        let path = path.clone();
        async move { get_pages(&path, pages).await }
    })
}

#[component]
pub(super) fn Sessions(current: Option<String>) -> Element {
    let mut typed = use_signal(String::new);
    let mut search = use_signal(String::new);
    let mut pages = use_signal(|| 1_usize);
    let mut beginning = use_signal(|| false);
    let list = use_sessions(&search(), pages());
    let find = move |text: String| async move {
        typed.set(text.clone());
        dom::sleep_ms(TYPING_MS).await;
        if *typed.peek() == text && *search.peek() != text {
            search.set(text);
        }
    };
    rsx! {
        nav { class: "chat-sessions", "aria-label": "Conversations",
            header {
                match current {
                    None => rsx! { h1 { "Chat" } },
                    Some(_) => rsx! { h2 { "Chat" } },
                }
                IconButton { glyph: Glyph::Plus, label: "New conversation", class: "icon-button spread", onclick: move |_| beginning.set(true) }
            }
            TextField { label: "Search conversations", bare: true, kind: "search", placeholder: "Search", value: typed(), oninput: find }
            match list.view() {
                View::Loading => rsx! { Skeleton { rows: 6 } },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| list.refetch() } },
                View::Ready(found) if found.items.is_empty() => rsx! {
                    p { class: "hint chat-nothing",
                        if search().is_empty() { "No conversations yet." } else { "No title has these words." }
                    }
                },
                View::Ready(found) => rsx! {
                    ul {
                        for session in found.items.iter() {
                            Row { key: "{session.id}", session: session.clone(), here: current.as_deref() == Some(session.id.to_string().as_str()) }
                        }
                    }
                    if found.next.is_some() {
                        Button { variant: Variant::Quiet, onclick: move |_| pages += 1, "Show more" }
                    }
                },
            }
        }
        if beginning() {
            Begin { onclose: move |()| beginning.set(false) }
        }
    }
}

#[component]
fn Row(session: ChatSession, here: bool) -> Element {
    rsx! {
        li { "data-here": here.then_some(""),
            Link { to: Route::chat_session(session.id),
                Icon { glyph: glyph_of(&session) }
                span { class: "clip", {named(&session)} }
                span { class: "hint", Ago { at: session.updated_at } }
            }
            SessionMenu { session, here }
        }
    }
}
