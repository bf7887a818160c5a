//! One conversation: its head, its messages, and the place to write.

use std::rc::Rc;

use contracts::chat::{ChatMessage, ChatRole, ChatSession};
use dioxus::prelude::*;

use super::{
    answerer::Answerer,
    composer::Composer,
    message::Answer,
    named,
    question::{Pending, Question},
    session_menu::SessionMenu,
    sticky::use_sticky,
    talk::{Talk, open_answer, use_talk},
};
use crate::{
    api::query::View,
    routes::Route,
    ui::{
        button::{Button, Variant},
        icon::{Glyph, Icon},
        problem::ProblemView,
        skeleton::Skeleton,
    },
};

/// Messages that are drawn at first.
const SHOWN: usize = 60;

#[component]
pub(super) fn Conversation(id: String, session: ChatSession) -> Element {
    let talk = use_talk(&id);
    let mut sticky = use_sticky();
    let view = talk.messages.view();
    let open = match &view {
        View::Ready(list) => open_answer(list),
        View::Loading | View::Failed(_) => None,
    };
    let news = talk.news;
    rsx! {
        section { class: "chat-pane", "aria-labelledby": "chat-title",
            header { class: "chat-head",
                Link { to: Route::chat(), class: "icon-button chat-back", "aria-label": "All conversations", Icon { glyph: Glyph::Left } }
                div {
                    h1 { id: "chat-title", class: "clip", {named(&session)} }
                    Answerer { session: session.clone() }
                }
                SessionMenu { session: session.clone(), here: true }
            }
            div {
                class: "chat-scroll",
                tabindex: "0",
                role: "log",
                "aria-live": "off",
                "aria-label": "Messages",
                onmounted: move |event| sticky.mount(&event),
                onscroll: move |event| sticky.scrolled(&event),
                div { class: "chat-column",
                    match view {
                        View::Loading => rsx! { Skeleton { rows: 4 } },
                        View::Failed(problem) => {
                            let messages = talk.messages.clone();
                            rsx! { ProblemView { problem, onretry: move |()| messages.refetch() } }
                        }
                        View::Ready(list) => rsx! { Messages { list, talk: talk.clone(), session: session.clone() } },
                    }
                    if let Some(text) = (talk.sending)() {
                        Pending { text }
                    }
                }
            }
            p { class: "visually-hidden", role: "status", "{news}" }
            if !sticky.at_end() {
                div { class: "chat-latest",
                    Button { small: true, icon: Glyph::Down, onclick: move |_| sticky.go(), "Latest" }
                }
            }
            Composer { talk, session, busy: open.is_some(), onsend: move |()| sticky.go() }
        }
    }
}

#[component]
fn Messages(list: Rc<Vec<ChatMessage>>, talk: Talk, session: ChatSession) -> Element {
    let mut shown = use_signal(|| SHOWN);
    let open = open_answer(&list);
    let hidden = list.len().saturating_sub(shown());
    if list.is_empty() && (talk.sending)().is_none() {
        return rsx! {
            p { class: "chat-nothing hint", "Nothing was said yet. Ask something." }
        };
    }
    rsx! {
        if hidden > 0 {
            div { class: "chat-earlier",
                Button { variant: Variant::Quiet, small: true, onclick: move |_| shown += SHOWN, "Show earlier messages ({hidden})" }
            }
        }
        for message in list.iter().skip(hidden) {
            match message.role {
                ChatRole::User => rsx! {
                    Question { key: "{message.id}", message: message.clone(), talk: talk.clone(), session: session.clone() }
                },
                ChatRole::Assistant => rsx! {
                    Answer { key: "{message.id}", message: message.clone(), talk: talk.clone(), session: session.clone(), followed: open == Some(message.id) }
                },
            }
        }
    }
}
