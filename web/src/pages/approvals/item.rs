//! One thing that is asked: a line, and below it what to know and how to answer.

use contracts::execution::{Execution, PendingApproval};
use dioxus::prelude::*;

use super::inbox::{Ask, Item};
use crate::{
    api::{
        names::{Names, short},
        session,
    },
    live::spans::Asked,
    pages::asking::{answer::Answer, decide::Decide},
    routes::Route,
    ui::{
        icon::{Glyph, Icon},
        time::{Ago, Due},
    },
};

/// The id of the button that opens it.
pub(super) fn head_id(key: &str) -> String {
    format!("ask-{key}")
}

#[component]
pub(super) fn ItemView(
    item: Item,
    open: bool,
    origins: Names,
    members: Names,
    ontoggle: EventHandler<()>,
    onanswered: EventHandler<Execution>,
) -> Element {
    let key = item.key();
    let body = format!("ask-body-{key}");
    let (origin, _, glyph) = origins.origin(&item.origin);
    rsx! {
        li { class: "ask", "data-open": open.then_some(""),
            h2 {
                button {
                    r#type: "button",
                    id: head_id(&key),
                    class: "ask-head",
                    "aria-expanded": open.to_string(),
                    "aria-controls": open.then(|| body.clone()),
                    onclick: move |_| ontoggle.call(()),
                    Icon { glyph: if open { Glyph::Down } else { Glyph::Right } }
                    span { class: "ask-title", {item.title()} }
                    span { class: "ask-origin",
                        Icon { glyph, size: 14 }
                        "{origin}"
                    }
                    span { class: "ask-times",
                        if let Some(until) = item.until() {
                            "due "
                            Due { at: until }
                            " · "
                        }
                        "asked "
                        Ago { at: item.asked_at() }
                    }
                }
            }
            if open {
                div { class: "ask-body", id: "{body}",
                    p { class: "hint",
                        "Started by {members.of(item.started_by)}. "
                        Link { to: Route::execution(item.execution), "Open execution {short(&item.execution.to_string())}" }
                    }
                    match &item.ask {
                        Ask::Answer(asked) => rsx! {
                            Answer { execution: item.execution.to_string(), asked: asked.clone(), bare: true, onanswered }
                        },
                        Ask::Call(asked) => rsx! {
                            Call { item: item.clone(), asked: (**asked).clone(), onanswered }
                        },
                    }
                }
            }
        }
    }
}

/// A call that needs a second person is not for the one in whose name it is made.
#[component]
fn Call(item: Item, asked: PendingApproval, onanswered: EventHandler<Execution>) -> Element {
    let own = session::identity().is_some_and(|me| me.user.id == item.started_by);
    if own && asked.second_person {
        return rsx! {
            p { "The agent wants to call " b { "{asked.name}" } " in your name: someone else has to decide it." }
        };
    }
    let hash = asked.arguments_hash;
    rsx! {
        Decide {
            execution: item.execution.to_string(),
            path: asked.node,
            asked: Asked { name: asked.name, arguments: asked.arguments, hash },
            onanswered,
        }
    }
}
