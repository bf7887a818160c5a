//! One dead letter: what it is, why it is here, and putting it back.

use contracts::{Permission, Problem, dead_letter::DeadLetter};
use dioxus::prelude::*;
use serde_json::{Value, json};

use super::{
    PATH,
    words::{explained, refusal, shown, title_of},
};
use crate::{
    api::{
        self,
        names::{short, use_member_names},
        query, session,
    },
    routes::Route,
    ui::{
        Tone,
        button::{Button, Variant},
        data::Data,
        dialog::{Dialog, DialogActions},
        icon::{Glyph, Icon},
        problem::ProblemLine,
        time::Ago,
    },
};

#[component]
pub(super) fn Detail(letter: DeadLetter, onclose: EventHandler<()>) -> Element {
    let mut letter = use_signal(|| letter);
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let may_write = session::may(Permission::DeadLetterWrite);
    let redrive = move |_| async move {
        let id = letter.peek().id;
        busy.set(true);
        problem.set(None);
        match api::post::<DeadLetter>(&format!("{PATH}/{id}/redrive"), &json!({})).await {
            Ok(now) => {
                letter.set(now);
                query::invalidate(PATH);
            }
            Err(refused) => problem.set(Some(refusal(refused))),
        }
        busy.set(false);
    };
    let now = letter();
    let is_back = now.redriven_at.is_some();
    rsx! {
        Dialog { title: "{title_of(now.reason)}: {now.step}", wide: true, onclose,
            div { class: "stack",
                p { {explained(now.reason)} }
                Facts { letter: now.clone() }
                section { class: "stack-s",
                    h3 { {shown(&now)} }
                    Data { label: "Item", value: Value::from(now.payload.clone()) }
                }
                if let Some(problem) = problem() {
                    ProblemLine { problem }
                }
                Returned { letter: now }
            }
            DialogActions {
                Button { onclick: move |_| onclose.call(()), "Close" }
                if may_write && !is_back {
                    Button { variant: Variant::Primary, icon: Glyph::Undo, busy: busy(), onclick: redrive, "Put back" }
                }
            }
        }
    }
}

#[component]
fn Facts(letter: DeadLetter) -> Element {
    let execution = letter.execution_id;
    rsx! {
        dl { class: "facts",
            div { class: "fact", dt { "Execution" } dd { Link { to: Route::execution(execution), {short(&execution.to_string())} } } }
            div { class: "fact", dt { "Work" } dd { "{letter.class}" } }
            div { class: "fact", dt { "Attempt" } dd { "{letter.attempt}" } }
            div { class: "fact", dt { "Handed to workers" } dd { "{letter.deliveries}" } }
            div { class: "fact", dt { "Put away" } dd { Ago { at: letter.died_at } } }
        }
    }
}

/// What became of it.
#[component]
fn Returned(letter: DeadLetter) -> Element {
    let members = use_member_names();
    let Some(at) = letter.redriven_at else {
        return rsx! {};
    };
    let by = letter.redriven_by.map(|user| members.of(user));
    rsx! {
        p { class: "notice", role: "status", "data-tone": Tone::Ok.as_str(),
            Icon { glyph: Glyph::Success }
            span {
                "Put back "
                Ago { at }
                if let Some(by) = by {
                    " by {by}"
                }
                ". A worker takes it next; if none can do it, it comes back as another dead letter."
            }
        }
    }
}
