//! The place to write. Enter sends, Shift+Enter makes a line.

use contracts::chat::{ChatSession, Concurrency};
use dioxus::prelude::*;

use super::{
    attach::{ACCEPTED, UploadList, use_uploads},
    talk::Talk,
};
use crate::ui::{
    button::{Button, Variant},
    icon::{Glyph, Icon},
    problem::ProblemLine,
    use_id,
};

/// Characters of a message.
const LONGEST: usize = 32_000;

/// `busy`: an answer is being made or waits.
#[component]
pub(super) fn Composer(
    talk: Talk,
    session: ChatSession,
    busy: bool,
    onsend: EventHandler<()>,
) -> Element {
    let mut text = use_signal(String::new);
    let mut problem = use_signal(|| None);
    let uploads = use_uploads();
    let id = use_id("composer");
    let refused = busy && session.concurrency == Concurrency::Reject;
    let sending = (talk.sending)().is_some();
    let empty = text().trim().is_empty() && uploads.ready().is_empty();
    let able = !empty && !refused && !sending && !uploads.is_going();
    let send = {
        let talk = talk.clone();
        move || {
            let talk = talk.clone();
            spawn(async move {
                if !able {
                    return;
                }
                problem.set(None);
                onsend.call(());
                let (said, files) = (text.take(), uploads.ready());
                match talk.send(said.clone(), files, None).await {
                    Ok(()) => uploads.clear(),
                    Err(found) => {
                        problem.set(Some(found));
                        // What was typed meanwhile is newer.
                        if text.peek().is_empty() {
                            text.set(said);
                        }
                    }
                }
            });
        }
    };
    let (submit, press, stop) = (send.clone(), send, talk.clone());
    let files = talk.address("/attachments");
    rsx! {
        form {
            class: "chat-composer",
            onsubmit: move |event| {
                event.prevent_default();
                submit();
            },
            if let Some(problem) = problem() {
                ProblemLine { problem }
            }
            UploadList { uploads }
            div { class: "chat-write",
                label { class: "visually-hidden", r#for: "{id}", "Message" }
                textarea {
                    id: "{id}",
                    rows: "1",
                    maxlength: LONGEST as i64,
                    placeholder: "Write a message",
                    "aria-describedby": "{id}-hint",
                    value: "{text}",
                    oninput: move |event| text.set(event.value()),
                    onkeydown: move |event| {
                        let sends = event.key() == Key::Enter && !event.modifiers().contains(Modifiers::SHIFT);
                        if sends && !event.is_composing() {
                            event.prevent_default();
                            press();
                        }
                    },
                }
                div { class: "chat-tools",
                    label { class: "icon-button", title: "Attach files",
                        input {
                            class: "visually-hidden",
                            r#type: "file",
                            multiple: true,
                            accept: ACCEPTED,
                            "aria-label": "Attach files",
                            onchange: move |event| uploads.picked(&event, &files),
                        }
                        Icon { glyph: Glyph::Clip }
                    }
                    p { class: "hint clip", id: "{id}-hint", {hint(busy, session.concurrency)} }
                    if busy {
                        Button {
                            icon: Glyph::Stop,
                            small: true,
                            onclick: move |_| {
                                let talk = stop.clone();
                                async move { talk.stop().await }
                            },
                            "Stop"
                        }
                    }
                    Button { variant: Variant::Primary, small: true, submit: true, disabled: !able, icon: Glyph::Send, "Send" }
                }
            }
        }
    }
}

const fn hint(busy: bool, policy: Concurrency) -> &'static str {
    match (busy, policy) {
        (false, _) => "Enter sends, Shift+Enter makes a line",
        (true, Concurrency::Enqueue) => "The next message waits for its turn",
        (true, Concurrency::Reject) => "The next message can be sent after the answer",
        (true, Concurrency::Interrupt) => "The next message stops the answer",
    }
}
