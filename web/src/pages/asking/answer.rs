//! What a node asks a person, and the form of the answer.

use std::rc::Rc;

use chrono::Utc;
use contracts::{
    Permission, Problem,
    execution::{Execution, PendingAnswer},
};
use dioxus::prelude::*;
use serde_json::{Value, json};

use super::who::who;
use crate::{
    api::{self, names::use_member_names, session},
    schema::initial,
    ui::{
        button::{Button, Variant},
        field::TextArea,
        markdown_view::Markdown,
        problem::ProblemLine,
        schema_form::SchemaForm,
        time::Due,
    },
};

#[component]
pub(crate) fn Answer(
    execution: String,
    asked: Rc<PendingAnswer>,
    /// Hears the execution as it is after the answer.
    #[props(default)]
    onanswered: EventHandler<Execution>,
    /// Without its title, where that stands above it.
    #[props(default)]
    bare: bool,
) -> Element {
    let names = use_member_names();
    let may = session::may(Permission::ExecutionApprove)
        && session::identity().is_some_and(|me| asked.may_answer(me.user.id, me.role));
    rsx! {
        section { class: "decide", "aria-label": "Answer",
            if !bare {
                h3 { "{asked.title}" }
            }
            if !asked.text.is_empty() {
                Markdown { text: asked.text.clone() }
            }
            p { class: "hint",
                {who(&asked, |user| names.of(user), Utc::now())}
                if let Some(until) = asked.until {
                    " Due "
                    Due { at: until }
                    "; then it goes on by itself."
                }
            }
            if may {
                Form { execution, asked, onanswered }
            } else {
                p { class: "hint", "Someone else is asked to answer this." }
            }
        }
    }
}

#[component]
fn Form(
    execution: String,
    asked: Rc<PendingAnswer>,
    onanswered: EventHandler<Execution>,
) -> Element {
    let mut values = use_signal(|| asked.form.as_ref().and_then(initial).unwrap_or(Value::Null));
    let mut comment = use_signal(String::new);
    let mut busy = use_signal(|| None::<String>);
    let mut problem = use_signal(|| None::<Problem>);
    let node = asked.node.clone();
    let give = use_callback(move |port: String| {
        let body = json!({
            "node": node, "port": port, "values": *values.peek(), "comment": comment.peek().trim(),
        });
        let address = format!("/executions/{execution}/answers");
        spawn(async move {
            busy.set(Some(port));
            problem.set(None);
            match api::post::<Execution>(&address, &body).await {
                Ok(execution) => onanswered.call(execution),
                Err(refused) => problem.set(Some(refused)),
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
