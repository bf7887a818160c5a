//! What was published: the revisions with their notes, any of which can become the draft again.

use contracts::{
    Problem,
    flow::{Flow, RevisionSummary},
    page::Page as ListPage,
};
use dioxus::prelude::*;
use serde_json::json;

use crate::{
    api::{
        self,
        query::{View, use_get},
    },
    pages::editor::{desk::Desk, is_phone, saving},
    ui::{
        button::Button, confirm::Confirm, problem::ProblemView, skeleton::Skeleton, time::Ago,
        toast,
    },
};

#[component]
pub(super) fn Revisions() -> Element {
    let mut desk = use_context::<Desk>();
    let list = use_get::<ListPage<RevisionSummary>>(format!("{}/revisions?limit=100", desk.path()));
    let mut chosen = use_signal(|| None::<u32>);
    let locked = *desk.board.locked.read();
    match list.view() {
        View::Loading => rsx! { Skeleton {} },
        View::Failed(problem) => {
            rsx! { ProblemView { problem, onretry: move |()| list.refetch() } }
        }
        View::Ready(page) if page.items.is_empty() => rsx! {
            p { class: "hint", "Nothing has been published yet. Publishing keeps the draft as revision 1, which others can run while you go on." }
        },
        View::Ready(page) => rsx! {
            ol { class: "revisions",
                for revision in page.items.iter().cloned() {
                    li { key: "{revision.revision}",
                        div {
                            strong { "Revision {revision.revision}" }
                            " "
                            Ago { at: revision.published_at }
                        }
                        if !revision.notes.is_empty() {
                            p { "{revision.notes}" }
                        }
                        div { class: "row",
                            Button {
                                small: true,
                                "aria-pressed": (*desk.comparing.read() == Some(revision.revision)).to_string(),
                                onclick: move |_| {
                                    let shown = *desk.comparing.peek() == Some(revision.revision);
                                    desk.comparing.set((!shown).then_some(revision.revision));
                                    if !shown && is_phone() {
                                        desk.panel.set(None);
                                    }
                                },
                                "Compare with the draft"
                            }
                            if !locked {
                                Button { small: true, onclick: move |_| chosen.set(Some(revision.revision)), "Restore" }
                            }
                        }
                    }
                }
            }
            if let Some(revision) = *chosen.read() {
                Restore { revision, onclose: move |()| chosen.set(None) }
            }
        },
    }
}

#[component]
fn Restore(revision: u32, onclose: EventHandler<()>) -> Element {
    let mut desk = use_context::<Desk>();
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    rsx! {
        Confirm {
            title: "Restore revision {revision}",
            act: "Restore",
            busy: *busy.read(),
            problem: problem.read().clone(),
            onclose,
            onconfirm: move |()| {
                busy.set(true);
                spawn(async move {
                    // What is on the canvas now is saved first, so that the server's order of events is the user's.
                    saving::save(desk).await;
                    let path = format!("{}/revisions/{revision}/restore", desk.path());
                    match api::post::<Flow>(&path, &json!({})).await {
                        Ok(flow) => {
                            desk.take(flow);
                            desk.comparing.set(None);
                            desk.board.fit();
                            toast::done(format!("Revision {revision} is the draft now."));
                            onclose.call(());
                        }
                        Err(told) => {
                            problem.set(Some(told));
                            busy.set(false);
                        }
                    }
                });
            },
            p { "The draft is replaced by revision {revision}. Revisions stay as they are." }
        }
    }
}
