//! Calls the tool once, with arguments from the form that its schema makes.

use std::rc::Rc;

use contracts::{
    Permission, Problem,
    tool::{Tool, ToolKind, ToolResult},
};
use dioxus::prelude::*;
use serde_json::{Value, json};

use crate::{
    api::{self, query, session},
    dom, format,
    pages::editing::Edit,
    schema::initial,
    ui::{
        Tone,
        badge::Badge,
        button::{Button, Variant},
        code::{CodeBlock, pretty},
        icon::Glyph,
        problem::ProblemLine,
        schema_form::SchemaForm,
    },
};

/// How the last call went.
#[derive(Clone, PartialEq)]
enum Outcome {
    Done(ToolResult),
    Failed { problem: Problem, ms: u64 },
}

#[component]
pub(crate) fn Attempt(edit: Edit<Tool>, tool: Option<Rc<Tool>>) -> Element {
    let (kind, schema) = {
        let draft = edit.draft.read();
        (draft.kind, draft.input_schema.clone())
    };
    let mut arguments = use_signal(|| initial(&schema).unwrap_or_else(|| json!({})));
    let mut outcome = use_signal(|| None::<Outcome>);
    let mut busy = use_signal(|| false);
    let id = tool.as_ref().map(|tool| tool.id);
    let call = move || async move {
        let Some(id) = id else { return };
        busy.set(true);
        let start = dom::now_ms();
        let answer = api::post(
            &format!("/tools/{id}/invoke"),
            &json!({"arguments": arguments()}),
        )
        .await;
        busy.set(false);
        let ms = (dom::now_ms() - start).max(0.0) as u64;
        outcome.set(Some(match answer {
            Ok(result) => Outcome::Done(result),
            Err(problem) => Outcome::Failed { problem, ms },
        }));
        query::invalidate(&format!("/tools/{id}/calls"));
    };
    let problems = match &*outcome.read() {
        Some(Outcome::Failed { problem, .. }) => problem.errors.clone(),
        _ => Vec::new(),
    };
    let callable = id.is_some() && kind != ToolKind::Flow;
    if callable && !session::may(Permission::ToolInvoke) {
        return rsx! {
            h2 { "Try it" }
            p { class: "hint", "Your role may not call tools." }
        };
    }
    rsx! {
        h2 { "Try it" }
        form {
            class: "stack",
            onsubmit: move |event| {
                event.prevent_default();
                if !busy() {
                    spawn(call());
                }
            },
            SchemaForm {
                schema,
                value: arguments(),
                path: "/arguments",
                problems: Rc::new(problems),
                onchange: move |value: Value| arguments.set(value),
            }
            if callable {
                div { class: "row",
                    Button { variant: Variant::Plain, submit: true, busy: busy(), icon: Glyph::Play, "Call" }
                    if edit.is_dirty() {
                        span { class: "hint", "Calls the version that was saved last." }
                    }
                }
            } else if kind == ToolKind::Flow {
                p { class: "hint", "Only agents call a flow as a tool. Run the flow itself to try it." }
            } else if id.is_none() {
                p { class: "hint", "Create the tool to call it. The form follows the schema as you write it." }
            }
        }
        div { role: "status", class: "stack",
            match outcome() {
                None => rsx! {},
                Some(Outcome::Done(done)) => rsx! {
                    p { class: "row",
                        Badge { tone: Tone::Ok, glyph: Glyph::Success, "Result" }
                        span { class: "num muted", {format::duration(done.duration_ms)} " · v{done.version}" }
                    }
                    CodeBlock { text: pretty(&done.result), label: "Result" }
                },
                Some(Outcome::Failed { problem, ms }) => rsx! {
                    p { class: "row",
                        Badge { tone: Tone::Err, glyph: Glyph::Error, {problem.reason.clone().unwrap_or_else(|| problem.code.as_str().into())} }
                        span { class: "num muted", {format::duration(ms)} " · {problem.status}" }
                    }
                    ProblemLine { problem }
                },
            }
        }
    }
}
