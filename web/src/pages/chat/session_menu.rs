//! What can be done with a whole conversation: name it, say what it does while it is busy, delete it.

use contracts::{
    Problem,
    chat::{ChatSession, Concurrency},
};
use dioxus::prelude::*;
use serde_json::json;

use super::named;
use crate::{
    api::{self, query},
    routes::Route,
    ui::{
        Tone,
        button::{Button, Variant},
        confirm::Confirm,
        dialog::{Dialog, DialogActions},
        field::TextField,
        icon::{Glyph, Icon},
        menu::{Menu, MenuItem, MenuLine},
        problem::ProblemLine,
        toast,
    },
};

#[derive(Clone, Copy, PartialEq)]
enum Asking {
    Nothing,
    Name,
    Delete,
}

pub(super) const fn policy_text(policy: Concurrency) -> &'static str {
    match policy {
        Concurrency::Enqueue => "New messages wait",
        Concurrency::Reject => "New messages are refused",
        Concurrency::Interrupt => "New messages interrupt",
    }
}

pub(super) async fn change(session: &ChatSession, body: serde_json::Value) -> Result<(), Problem> {
    let path = format!("/chat/sessions/{}", session.id);
    let answer = api::patch::<ChatSession>(&path, &body).await;
    query::invalidate("/chat/sessions");
    answer.map(drop)
}

/// `here` says that the conversation is open.
#[component]
pub(super) fn SessionMenu(session: ChatSession, here: bool) -> Element {
    let mut asking = use_signal(|| Asking::Nothing);
    let label = format!("Actions for {}", named(&session));
    rsx! {
        Menu { label, trigger: rsx! { Icon { glyph: Glyph::More } },
            MenuItem { glyph: Glyph::Pencil, onclick: move |()| asking.set(Asking::Name), "Rename" }
            MenuLine {}
            div { class: "menu-head", role: "presentation", span { "While an answer is made" } }
            for policy in Concurrency::ALL {
                MenuItem {
                    key: "{policy.as_str()}",
                    checked: policy == session.concurrency,
                    onclick: {
                        let session = session.clone();
                        move |()| {
                            let session = session.clone();
                            spawn(async move {
                                if let Err(problem) = change(&session, json!({"concurrency": policy})).await {
                                    toast::problem(&problem);
                                }
                            });
                        }
                    },
                    {policy_text(policy)}
                }
            }
            MenuLine {}
            MenuItem { glyph: Glyph::Trash, tone: Tone::Err, onclick: move |()| asking.set(Asking::Delete), "Delete" }
        }
        match asking() {
            Asking::Nothing => rsx! {},
            Asking::Name => rsx! { Rename { session, onclose: move |()| asking.set(Asking::Nothing) } },
            Asking::Delete => rsx! { Delete { session, here, onclose: move |()| asking.set(Asking::Nothing) } },
        }
    }
}

#[component]
fn Rename(session: ChatSession, onclose: EventHandler<()>) -> Element {
    let mut title = use_signal(|| session.title.clone());
    let mut problem = use_signal(|| None);
    let mut busy = use_signal(|| false);
    let submit = move |event: FormEvent| {
        event.prevent_default();
        let session = session.clone();
        async move {
            busy.set(true);
            match change(&session, json!({"title": title()})).await {
                Ok(()) => onclose.call(()),
                Err(found) => problem.set(Some(found)),
            }
            busy.set(false);
        }
    };
    rsx! {
        Dialog { title: "Rename conversation", onclose,
            form { class: "stack", onsubmit: submit,
                TextField { label: "Title", required: true, focused: true, maxlength: 200, value: title(), oninput: move |text| title.set(text) }
                if let Some(problem) = problem() {
                    ProblemLine { problem }
                }
                DialogActions {
                    Button { onclick: move |_| onclose.call(()), "Cancel" }
                    Button { variant: Variant::Primary, submit: true, busy: busy(), "Rename" }
                }
            }
        }
    }
}

#[component]
fn Delete(session: ChatSession, here: bool, onclose: EventHandler<()>) -> Element {
    let mut problem = use_signal(|| None);
    let mut busy = use_signal(|| false);
    let navigator = navigator();
    let id = session.id;
    let delete = move |()| {
        spawn(async move {
            busy.set(true);
            match api::delete(&format!("/chat/sessions/{id}")).await {
                Ok(()) => {
                    if here {
                        navigator.replace(Route::chat());
                    }
                    query::invalidate("/chat/sessions#");
                    query::invalidate("/chat/sessions?");
                    onclose.call(());
                }
                Err(found) => problem.set(Some(found)),
            }
            busy.set(false);
        });
    };
    rsx! {
        Confirm { title: "Delete conversation?", act: "Delete conversation", busy: busy(), problem: problem(), onconfirm: delete, onclose,
            p { "“" {named(&session)} "” goes with all its messages and files, for good." }
        }
    }
}
