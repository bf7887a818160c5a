//! What a node asks a person, and the form of the answer.

use std::rc::Rc;

use contracts::{
    Permission, Problem,
    execution::{Execution, PendingAnswer},
};
use dioxus::prelude::*;
use serde_json::{Value, json};

use super::watch::Watch;
use crate::{
    api::{self, session},
    schema::initial,
    ui::{
        button::{Button, Variant},
        field::TextArea,
        markdown_view::Markdown,
        problem::ProblemLine,
        schema_form::SchemaForm,
    },
};

#[component]
pub(crate) fn Answer(asked: Rc<PendingAnswer>) -> Element {
    let may = session::may(Permission::ExecutionApprove)
        && session::identity().is_some_and(|me| asked.may_answer(me.user.id, me.role));
    rsx! {
        section { class: "decide", "aria-label": "Answer",
            h3 { "{asked.title}" }
            if !asked.text.is_empty() {
                Markdown { text: asked.text.clone() }
            }
            if let Some(until) = asked.until {
                p { class: "hint", {until.format("Until %-d %b %Y, %H:%M UTC.").to_string()} }
            }
            if may {
                Form { asked }
            } else {
                p { class: "hint", "Someone else is asked to answer this." }
            }
        }
    }
}

#[component]
fn Form(asked: Rc<PendingAnswer>) -> Element {
    let watch = use_context::<Watch>();
    let mut values = use_signal(|| asked.form.as_ref().and_then(initial).unwrap_or(Value::Null));
    let mut comment = use_signal(String::new);
    let mut busy = use_signal(|| None::<String>);
    let mut problem = use_signal(|| None::<Problem>);
    let node = asked.node.clone();
    let give = use_callback(move |port: String| {
        let body = json!({
            "node": node, "port": port, "values": *values.peek(), "comment": comment.peek().trim(),
        });
        spawn(async move {
            busy.set(Some(port));
            problem.set(None);
            let address = format!("/executions/{}/answers", watch.id());
            if let Err(refused) = api::post::<Execution>(&address, &body).await {
                problem.set(Some(refused));
            }
            busy.set(None);
        });
    });
    let errors = problem
        .read()
        .as_ref()
        .map(|problem| problem.errors.clone());
    rsx! {
        if let Some(schema) = asked.form.clone() {
            SchemaForm { schema, value: values(), path: "/values", problems: Rc::new(errors.unwrap_or_default()), onchange: move |value| values.set(value) }
        }
        TextArea {
            label: "Comment",
            value: comment(),
            rows: 2,
            oninput: move |text| comment.set(text),
            maxlength: "1000",
        }
        if let Some(problem) = problem() {
            ProblemLine { problem }
        }
        div { class: "decide-acts",
            for (at , button) in asked.buttons.iter().cloned().enumerate() {
                Button {
                    key: "{button.port}",
                    variant: if at == 0 { Variant::Primary } else { Variant::default() },
                    busy: busy().as_ref() == Some(&button.port),
                    disabled: busy().is_some_and(|port| port != button.port),
                    onclick: move |_| give.call(button.port.clone()),
                    "{button.label}"
                }
            }
        }
    }
}
