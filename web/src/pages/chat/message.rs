//! An answer: what was called for it, what was said, what it cost, and what can be done with it.

use contracts::{
    chat::{ChatMessage, ChatSession, MessageState},
    id::MessageId,
};
use dioxus::prelude::*;

use super::{answer::stored, live::Live, talk::Talk, tool_line::ToolLine};
use crate::{
    dom, format,
    routes::Route,
    ui::{
        badge::Badge,
        button::IconButton,
        icon::{Glyph, Icon},
        markdown_view::Markdown,
        problem::sentence,
        toast,
    },
};

/// `followed`: this is the answer that is listened to.
#[component]
pub(super) fn Answer(
    message: ChatMessage,
    talk: Talk,
    session: ChatSession,
    followed: bool,
) -> Element {
    rsx! {
        article { class: "chat-answer", "aria-label": "Answer",
            if followed {
                Live { message, talk }
            } else if !message.state.is_final() {
                p { class: "chat-state", Badge { glyph: Glyph::Clock, "Queued" } }
            } else {
                div { class: "chat-parts",
                    for call in message.tool_calls.iter() {
                        ToolLine { key: "{call.node}", call: stored(call), execution: message.execution_id }
                    }
                    if !message.content.is_empty() {
                        div { class: "chat-said", Markdown { text: message.content.clone() } }
                    }
                }
                Ending { message: message.clone() }
                Acts { message, talk, session }
            }
        }
    }
}

/// How it ended, where it did not end well.
#[component]
fn Ending(message: ChatMessage) -> Element {
    match message.state {
        MessageState::Stopped => rsx! {
            p { class: "chat-state", Badge { glyph: Glyph::Stop, "Stopped" } }
        },
        MessageState::Failed => {
            let error = message.error.as_ref().map(|error| sentence(&error.message));
            rsx! {
                div { class: "problem-line", role: "note",
                    Icon { glyph: Glyph::Error }
                    p { strong { "The answer failed. " } {error} }
                }
            }
        }
        MessageState::Queued | MessageState::Running | MessageState::Done => rsx! {},
    }
}

#[component]
fn Acts(message: ChatMessage, talk: Talk, session: ChatSession) -> Element {
    let id = message.id;
    let again = {
        let talk = talk.clone();
        move |_| {
            let talk = talk.clone();
            async move {
                if let Err(problem) = talk.regenerate(id).await {
                    toast::problem(&problem);
                }
            }
        }
    };
    rsx! {
        footer { class: "chat-acts",
            Siblings { message: message.clone(), talk, session }
            if !message.content.is_empty() {
                CopyText { text: message.content.clone() }
            }
            IconButton { glyph: Glyph::Refresh, label: "Regenerate", onclick: again }
            Price { message: message.clone() }
            if let Some(execution) = message.execution_id {
                Link { class: "hint", to: Route::execution(execution), "Execution" }
            }
        }
    }
}

/// Money, tokens and time of an answer.
#[component]
fn Price(message: ChatMessage) -> Element {
    let mut facts = Vec::new();
    if let Some(usage) = &message.usage {
        facts.push(match usage.cost {
            Some(_) => format::cost(usage),
            None => "price unknown".into(),
        });
        facts.push(format!("{} tokens", format::tokens(usage)));
    }
    if let Some(finished) = message.finished_at {
        let ms = (finished - message.created_at).num_milliseconds();
        facts.push(format::duration(ms.max(0).unsigned_abs()));
    }
    rsx! {
        span { class: "hint num", {facts.join(" · ")} }
    }
}

#[component]
pub(super) fn CopyText(text: String) -> Element {
    let copy = move |_| {
        let text = text.clone();
        async move {
            match dom::copy(&text).await {
                true => toast::done("Copied."),
                false => toast::failed("The browser does not allow copying here."),
            }
        }
    };
    rsx! {
        IconButton { glyph: Glyph::Copy, label: "Copy", onclick: copy }
    }
}

/// The versions of a message's place: ‹ 2/3 ›.
#[component]
pub(super) fn Siblings(message: ChatMessage, talk: Talk, session: ChatSession) -> Element {
    let siblings = &message.siblings;
    let count = siblings.len();
    let Some(at) = siblings.iter().position(|id| *id == message.id) else {
        return rsx! {};
    };
    if count < 2 {
        return rsx! {};
    }
    let before = at.checked_sub(1).map(|at| siblings[at]);
    let after = siblings.get(at + 1).copied();
    let show = move |to: Option<MessageId>| {
        let (talk, session) = (talk.clone(), session.clone());
        spawn(async move {
            if let Some(to) = to {
                talk.show(session, to).await;
            }
        });
    };
    let back = show.clone();
    rsx! {
        span { class: "chat-siblings", role: "group", "aria-label": "Versions",
            IconButton { glyph: Glyph::Left, label: "Version before", disabled: before.is_none(), onclick: move |_| back(before) }
            span { class: "num", "{at + 1}/{count}" }
            IconButton { glyph: Glyph::Right, label: "Next version", disabled: after.is_none(), onclick: move |_| show(after) }
        }
    }
}
