//! What keeps the flow from being published, and the bar that appears when somebody else has saved it.

use dioxus::prelude::*;

use crate::{
    dom,
    pages::editor::{
        desk::{Desk, Panel, Saving},
        saving,
    },
    ui::{
        button::{Button, Variant},
        icon::{Glyph, Icon},
        toast,
    },
};

#[component]
pub(super) fn ProblemList() -> Element {
    let mut desk = use_context::<Desk>();
    let mut open = use_signal(|| false);
    let problems = desk.problems.read().clone();
    let count = problems.as_ref().map_or(0, Vec::len);
    let summary = match (&problems, count) {
        (None, _) => "Checking…".to_owned(),
        (Some(_), 0) => "No problems".to_owned(),
        (Some(_), 1) => "1 problem".to_owned(),
        (Some(_), several) => format!("{several} problems"),
    };
    rsx! {
        section { class: "problem-list", "aria-label": "Problems",
            button {
                class: "problem-toggle",
                r#type: "button",
                "data-bad": (count > 0).then_some(""),
                disabled: count == 0,
                "aria-expanded": (*open.read() && count > 0).to_string(),
                onclick: move |_| open.toggle(),
                Icon { glyph: if problems.is_none() { Glyph::Clock } else if count == 0 { Glyph::Success } else { Glyph::Warning } }
                "{summary}"
            }
            if *open.read() && count > 0 {
                ul {
                    for (index, problem) in problems.unwrap_or_default().into_iter().enumerate() {
                        li { key: "{index}",
                            button {
                                r#type: "button",
                                onclick: move |_| {
                                    let node = problem.node.as_deref().and_then(|id| desk.board.by_id(id));
                                    if node.is_some() {
                                        desk.board.activate(node);
                                        desk.board.reveal(node);
                                        desk.panel.set(Some(Panel::Properties));
                                    }
                                },
                                code { {problem.node.clone().unwrap_or_else(|| "flow".to_owned())} }
                                span { "{problem.message}" }
                                small { "{problem.path}" }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Nothing is lost here: both states exist until the user has chosen one, and the other can be kept as text.
#[component]
pub(super) fn ConflictBar() -> Element {
    let mut desk = use_context::<Desk>();
    rsx! {
        div { class: "conflict-bar", role: "alert",
            Icon { glyph: Glyph::Warning }
            p { "Somebody else has saved this flow since you opened it. Your changes are still here and are not saved." }
            Button {
                onclick: move |_| {
                    let mine = serde_json::to_string_pretty(&desk.board.graph.peek().definition()).unwrap_or_default();
                    spawn(async move {
                        match dom::copy(&mine).await {
                            true => toast::done("Your flow is on the clipboard as JSON."),
                            false => toast::failed("The browser does not allow copying here."),
                        }
                    });
                },
                "Copy mine"
            }
            Button {
                onclick: move |_| {
                    let Saving::Conflict(theirs) = desk.saving.peek().clone() else { return };
                    desk.take(*theirs);
                    desk.board.say("The saved state was loaded");
                },
                "Load theirs"
            }
            Button { variant: Variant::Danger, onclick: move |_| desk.board.spawn(saving::overwrite(desk)), "Overwrite with mine" }
        }
    }
}
