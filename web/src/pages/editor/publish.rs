//! Publishing: the draft becomes the next revision, with a word about what is new.

use contracts::{Permission, Problem, flow::Revision};
use dioxus::prelude::*;
use serde_json::json;

use crate::{
    api::{self, session},
    pages::editor::{
        desk::{Desk, Dialogue},
        regression::RegressionCheck,
        saving,
    },
    ui::{
        button::{Button, Variant},
        dialog::{Dialog, DialogActions},
        field::TextArea,
        problem::ProblemLine,
        toast,
    },
};

#[component]
pub(super) fn PublishDialog() -> Element {
    let mut desk = use_context::<Desk>();
    let mut notes = use_signal(String::new);
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let mut close = move || desk.dialogue.set(Dialogue::None);
    let problems = desk.problems.read().clone().unwrap_or_default();
    let publish = move |_| {
        busy.set(true);
        spawn(async move {
            if !saving::save(desk).await {
                close();
                return;
            }
            let path = format!("{}/publish", desk.path());
            match api::post::<Revision>(&path, &json!({"notes": notes.peek().trim()})).await {
                Ok(revision) => {
                    desk.revision.set(Some(revision.revision));
                    desk.published.set(true);
                    api::query::invalidate("/flows");
                    toast::done(format!("Published as revision {}.", revision.revision));
                    close();
                }
                Err(told) => {
                    problem.set(Some(told));
                    busy.set(false);
                }
            }
        });
    };
    rsx! {
        Dialog { title: "Publish", onclose: move |()| close(),
            div { class: "stack",
                if problems.is_empty() {
                    p { "The draft is kept as a revision that can be run by its number and restored." }
                } else {
                    p { "The flow cannot be published yet:" }
                    ul { class: "node-problems",
                        for (index, found) in problems.iter().take(8).enumerate() {
                            li { key: "{index}",
                                if let Some(node) = &found.node { code { "{node}" } " " }
                                "{found.message}"
                            }
                        }
                    }
                }
                if problems.is_empty() && session::may(Permission::FlowExecute) {
                    RegressionCheck {}
                }
                TextArea { label: "What is new", value: "{notes}", oninput: move |text| notes.set(text) }
                if let Some(problem) = problem.read().clone() {
                    ProblemLine { problem }
                }
            }
            DialogActions {
                Button { onclick: move |_| close(), "Cancel" }
                Button {
                    variant: Variant::Primary,
                    busy: *busy.read(),
                    disabled: !problems.is_empty(),
                    onclick: publish,
                    "Publish"
                }
            }
        }
    }
}
