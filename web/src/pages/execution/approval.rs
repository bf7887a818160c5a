//! Calls that wait for a person's word.
//!
//! **Invariant:** what is approved is exactly what is shown: the hash of the shown arguments goes with the word.

use contracts::{Permission, Problem, execution::Execution};
use dioxus::prelude::*;
use graph::view::NodeState;

use super::{data::Data, watch::Watch};
use crate::{
    api::{self, session},
    live::spans::{Asked, Span},
    ui::{
        button::{Button, Variant},
        field::TextArea,
        icon::{Glyph, Icon},
        problem::ProblemLine,
    },
};

/// Says at the top that somebody is waited for.
#[component]
pub(crate) fn Waiting() -> Element {
    let mut watch = use_context::<Watch>();
    let record = watch.record.read();
    let view = record.view();
    let asking: Vec<(String, String)> = record
        .spans()
        .list()
        .iter()
        .filter(|span| {
            view.nodes
                .get(&span.path)
                .is_some_and(|node| node.state == NodeState::Asking)
        })
        .filter_map(|span| Some((span.path.clone(), said(span)?)))
        .collect();
    rsx! {
        for (path , said) in asking {
            div { key: "{path}", class: "waiting-bar", role: "status",
                Icon { glyph: Glyph::Waiting }
                span { "{said}" }
                Button { small: true, onclick: move |_| watch.select(Some(path.clone())), "Review" }
            }
        }
    }
}

fn said(span: &Span) -> Option<String> {
    let call = span.asked.as_ref();
    let question = span.question.as_ref();
    call.map(|asked| format!("The call of {} waits for approval.", asked.name))
        .or_else(|| question.map(|asked| format!("Waits for an answer: {}", asked.title)))
}

/// What would be called, with the two answers.
#[component]
pub(crate) fn Decide(path: String, asked: Asked) -> Element {
    let watch = use_context::<Watch>();
    let mut comment = use_signal(String::new);
    let mut busy = use_signal(|| None::<bool>);
    let mut problem = use_signal(|| None::<Problem>);
    let hash = asked.hash.clone();
    let decide = use_callback(move |approved: bool| {
        let body = serde_json::json!({
            "node": path, "approved": approved, "arguments_hash": hash, "comment": comment.peek().trim(),
        });
        spawn(async move {
            busy.set(Some(approved));
            problem.set(None);
            let address = format!("/executions/{}/approvals", watch.id());
            if let Err(refused) = api::post::<Execution>(&address, &body).await {
                problem.set(Some(refused));
            }
            busy.set(None);
        });
    });
    let may = session::may(Permission::ExecutionApprove);

    rsx! {
        section { class: "decide", "aria-label": "Approval",
            p { "The agent wants to call " b { "{asked.name}" } " with exactly these arguments." }
            Data { label: "Arguments", value: asked.arguments }
            if may {
                TextArea {
                    label: "Comment, told to the agent when the call is refused",
                    value: comment(),
                    rows: 2,
                    oninput: move |text| comment.set(text),
                    maxlength: "1000",
                }
                if let Some(problem) = problem() {
                    ProblemLine { problem }
                }
                div { class: "decide-acts",
                    Button { variant: Variant::Primary, icon: Glyph::Check, busy: busy() == Some(true), onclick: move |_| decide.call(true), "Approve" }
                    Button { icon: Glyph::Close, busy: busy() == Some(false), onclick: move |_| decide.call(false), "Refuse" }
                }
            } else {
                p { class: "hint", "Your role does not allow to decide this." }
            }
        }
    }
}
