//! A call that waits for a person's word.
//!
//! **Invariant:** what is approved is exactly what is shown: the hash of the shown arguments goes with the word.

use contracts::{Permission, Problem, execution::Execution, payload::reference_of};
use dioxus::prelude::*;

use crate::{
    api::{self, session},
    live::spans::Asked,
    pages::value::ValueView,
    ui::{
        button::{Button, Variant},
        field::TextArea,
        icon::Glyph,
        problem::ProblemLine,
    },
};

/// What would be called, with the two answers.
#[component]
pub(crate) fn Decide(
    execution: String,
    path: String,
    asked: Asked,
    /// Hears the execution as it is after the word.
    #[props(default)]
    onanswered: EventHandler<Execution>,
) -> Element {
    let mut comment = use_signal(String::new);
    let mut busy = use_signal(|| None::<bool>);
    let mut problem = use_signal(|| None::<Problem>);
    let mut seen = use_signal(|| reference_of(&asked.arguments).is_none());
    let hash = asked.hash.clone();
    let of = execution.clone();
    let decide = use_callback(move |approved: bool| {
        let body = serde_json::json!({
            "node": path, "approved": approved, "arguments_hash": hash, "comment": comment.peek().trim(),
        });
        let address = format!("/executions/{execution}/approvals");
        spawn(async move {
            busy.set(Some(approved));
            problem.set(None);
            match api::post::<Execution>(&address, &body).await {
                Ok(execution) => onanswered.call(execution),
                Err(refused) => problem.set(Some(refused)),
            }
            busy.set(None);
        });
    });
    let may = session::may(Permission::ExecutionApprove);

    rsx! {
        section { class: "decide", "aria-label": "Approval",
            p { "The agent wants to call " b { "{asked.name}" } " with exactly these arguments." }
            ValueView { execution: of, label: "Arguments", value: asked.arguments, onread: move |()| seen.set(true) }
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
                if !seen() {
                    p { class: "hint", "Read all of the arguments before you approve them." }
                }
                div { class: "decide-acts",
                    Button { variant: Variant::Primary, icon: Glyph::Check, disabled: !seen(), busy: busy() == Some(true), onclick: move |_| decide.call(true), "Approve" }
                    Button { icon: Glyph::Close, busy: busy() == Some(false), onclick: move |_| decide.call(false), "Refuse" }
                }
            } else {
                p { class: "hint", "Your role does not allow to decide this." }
            }
        }
    }
}
