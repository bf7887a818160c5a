//! What the user asked, with its files; it can be asked anew, in another version.

use contracts::chat::{Attachment, ChatMessage, ChatSession};
use dioxus::prelude::*;

use super::{
    message::{CopyText, Siblings},
    talk::Talk,
};
use crate::{
    api::file::download,
    ui::{
        button::{Button, IconButton, Variant},
        icon::{Glyph, Icon},
        problem::ProblemLine,
        toast,
    },
};

#[component]
pub(super) fn Question(message: ChatMessage, talk: Talk, session: ChatSession) -> Element {
    let mut editing = use_signal(|| false);
    if editing() {
        return rsx! {
            Edit { message, talk, onclose: move |()| editing.set(false) }
        };
    }
    rsx! {
        article { class: "chat-question", "aria-label": "Question",
            Files { files: message.attachments.clone(), talk: talk.clone() }
            if !message.content.is_empty() {
                p { class: "chat-bubble", "{message.content}" }
            }
            footer { class: "chat-acts",
                Siblings { message: message.clone(), talk, session }
                CopyText { text: message.content }
                IconButton { glyph: Glyph::Pencil, label: "Edit", onclick: move |_| editing.set(true) }
            }
        }
    }
}

/// A question on its way to the server.
#[component]
pub(super) fn Pending(text: String) -> Element {
    rsx! {
        article { class: "chat-question", "aria-label": "Question, being sent", "data-pending": "",
            if !text.is_empty() {
                p { class: "chat-bubble", "{text}" }
            }
        }
    }
}

#[component]
fn Files(files: Vec<Attachment>, talk: Talk) -> Element {
    if files.is_empty() {
        return rsx! {};
    }
    rsx! {
        ul { class: "chat-files", "aria-label": "Files",
            for file in files {
                li { key: "{file.id}",
                    button {
                        r#type: "button",
                        class: "chat-file",
                        title: "Download {file.name}",
                        onclick: {
                            let path = talk.address(&format!("/attachments/{}", file.id));
                            let name = file.name;
                            move |_| {
                                let (path, name) = (path.clone(), name.clone());
                                async move {
                                    if let Err(problem) = download(&path, &name).await {
                                        toast::problem(&problem);
                                    }
                                }
                            }
                        },
                        Icon { glyph: Glyph::Document, size: 14 }
                        span { class: "clip", "{file.name}" }
                        span { class: "hint", {crate::format::bytes(file.bytes)} }
                        Icon { glyph: Glyph::Download, size: 14 }
                    }
                }
            }
        }
    }
}

#[component]
fn Edit(message: ChatMessage, talk: Talk, onclose: EventHandler<()>) -> Element {
    let mut text = use_signal(|| message.content.clone());
    let mut problem = use_signal(|| None);
    let mut busy = use_signal(|| false);
    let send = move |event: FormEvent| {
        event.prevent_default();
        let talk = talk.clone();
        async move {
            busy.set(true);
            match talk.send(text(), Vec::new(), Some(message.id)).await {
                Ok(()) => onclose.call(()),
                Err(found) => problem.set(Some(found)),
            }
            busy.set(false);
        }
    };
    let hint =
        (!message.attachments.is_empty()).then_some("Its files stay with the first version.");
    rsx! {
        form {
            class: "chat-edit",
            onsubmit: send,
            onkeydown: move |event| {
                if event.key() == Key::Escape {
                    event.stop_propagation();
                    onclose.call(());
                }
            },
            textarea {
                class: "input",
                "aria-label": "Edit the question",
                maxlength: "32000",
                rows: "2",
                value: "{text}",
                onmounted: move |event| async move {
                    // A form that is gone already takes no focus.
                    drop(event.set_focus(true).await);
                },
                oninput: move |event| text.set(event.value()),
            }
            if let Some(hint) = hint {
                p { class: "hint", {hint} }
            }
            if let Some(problem) = problem() {
                ProblemLine { problem }
            }
            div { class: "row",
                p { class: "hint", "The conversation forks here; this version stays." }
                Button { class: "button spread", onclick: move |_| onclose.call(()), "Cancel" }
                Button { variant: Variant::Primary, submit: true, busy: busy(), disabled: text().trim().is_empty(), "Ask" }
            }
        }
    }
}
