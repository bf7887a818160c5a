//! Run from the editor: the input by the flow's schema, then what becomes of it.

use std::rc::Rc;

use contracts::{Permission, Problem, execution::ExecutionState, flow::RevisionChoice};
use dioxus::prelude::*;
use serde_json::json;

use crate::{
    api::session,
    canvas::model::title,
    format,
    live::feed::Link,
    pages::{
        editor::{
            desk::Desk,
            run_form::{InputForm, InputSchema, TimeLimit, has_fields},
            running,
        },
        value::ValueView,
    },
    routes::Route,
    schema::initial,
    ui::{
        badge::StateBadge,
        button::{Button, Variant},
        icon::Glyph,
        problem::ProblemLine,
        select::SelectField,
        switch::Switch,
        toast,
    },
};

#[component]
pub(super) fn RunPanel() -> Element {
    let desk = use_context::<Desk>();
    let mut problem = use_signal(|| None::<Problem>);
    let mut busy = use_signal(|| false);
    let mut published = use_signal(|| false);
    let mut pinned = use_signal(|| true);
    let revision = *desk.revision.read();
    let schema = desk.board.graph.read().input_schema.clone();
    let input = use_signal(|| {
        schema
            .as_ref()
            .and_then(initial)
            .unwrap_or_else(|| json!({}))
    });
    let is_text = !has_fields(schema.as_ref()) && input.read().is_string();
    let problems = problem
        .read()
        .as_ref()
        .map(|problem: &Problem| problem.errors.clone())
        .unwrap_or_default();
    let pins = desk.pins.read().len();
    let running = desk.execution.read().is_some() && !desk.record.read().is_final();
    let start = move |_| {
        let choice = match revision.filter(|_| *published.peek()) {
            Some(revision) => RevisionChoice::Number(revision),
            None => RevisionChoice::DRAFT,
        };
        let value = input.peek().clone();
        let tests =
            choice == RevisionChoice::DRAFT && *pinned.peek() && !desk.pins.peek().is_empty();
        busy.set(true);
        desk.board.spawn(async move {
            let outcome = match tests {
                true => running::test(desk, value, None).await,
                false => running::execute(desk, value, choice).await,
            };
            problem.set(outcome.err());
            busy.set(false);
        });
    };
    if !session::may(Permission::FlowExecute) {
        return rsx! {
            div { class: "run-panel stack", Outcome {} }
        };
    }
    rsx! {
        div { class: "run-panel stack",
            if let Some(revision) = revision {
                SelectField {
                    label: "What to run",
                    value: if *published.read() { "revision" } else { "draft" },
                    options: vec![
                        ("draft".to_owned(), "The draft".to_owned()),
                        ("revision".to_owned(), format!("Revision {revision}")),
                    ],
                    onchange: move |choice: String| published.set(choice == "revision"),
                }
            }
            if pins > 0 && !*published.read() {
                Switch {
                    label: format!("Use {}", format::plural(pins, "pinned output", "pinned outputs")),
                    hint: "The nodes are not run.",
                    checked: pinned(),
                    onchange: move |on| pinned.set(on),
                }
            }
            InputForm { schema: schema.clone(), input, problems: Rc::new(problems) }
            if let Some(problem) = problem.read().clone() {
                ProblemLine { problem: beside(problem, has_fields(schema.as_ref())) }
            }
            div { class: "run-acts",
                Button {
                    variant: Variant::Primary,
                    icon: Glyph::Play,
                    busy: *busy.read(),
                    disabled: is_text,
                    onclick: start,
                    "Run"
                }
                if running {
                    Button {
                        icon: Glyph::Stop,
                        onclick: move |_| {
                            spawn(async move {
                                if let Err(problem) = running::cancel(desk).await {
                                    toast::problem(&problem);
                                }
                            });
                        },
                        "Cancel"
                    }
                }
            }
            if !*desk.board.locked.read() {
                InputSchema { schema }
                TimeLimit {}
            }
            if desk.execution.read().is_some() {
                Outcome {}
            }
        }
    }
}

/// What the fields of a form say themselves is not said again.
fn beside(problem: Problem, fields: bool) -> Problem {
    match fields {
        true => Problem {
            errors: Vec::new(),
            ..problem
        },
        false => problem,
    }
}

#[component]
fn Outcome() -> Element {
    let desk = use_context::<Desk>();
    let id = desk.execution.read().clone().unwrap_or_default();
    let record = desk.record.read();
    let view = record.view();
    let lost = matches!(*desk.link.read(), Link::Lost);
    rsx! {
        section { class: "run-outcome stack",
            header {
                StateBadge { state: view.state }
                if view.usage.prompt_tokens + view.usage.completion_tokens > 0 {
                    span { class: "hint", "{format::tokens(&view.usage)} tokens · {format::cost(&view.usage)}" }
                }
                Link { to: Route::execution(&id), class: "run-link", "Open the execution" }
            }
            if lost {
                p { class: "hint", role: "status", "The connection was lost. Trying again…" }
            }
            if let Link::Refused(problem) = desk.link.read().clone() {
                ProblemLine { problem }
            }
            Steps {}
            if let Some(error) = &view.error {
                p { class: "run-error", role: "alert", code { "{error.code}" } " {error.message}" }
            }
            if view.state.is_final() && view.state != ExecutionState::Succeeded {
                Continue { id }
            }
            if let Some(output) = view.output.as_ref().filter(|_| view.state == ExecutionState::Succeeded) {
                ValueView { execution: desk.execution.read().clone().unwrap_or_default(), label: "Output of the flow", value: output.clone() }
            }
        }
    }
}

/// After a repair: what did not change is taken over, and not paid again.
#[component]
fn Continue(id: String) -> Element {
    let desk = use_context::<Desk>();
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    if !session::may(Permission::FlowExecute) || *desk.board.locked.read() {
        return rsx! {};
    }
    let go_on = move |_| {
        let id = id.clone();
        busy.set(true);
        desk.board.spawn(async move {
            let outcome = running::go_on(desk, &id).await;
            problem.set(outcome.err());
            busy.set(false);
        });
    };
    rsx! {
        div { class: "stack-s",
            Button { icon: Glyph::Skip, busy: busy(), onclick: go_on, "Continue with the draft" }
            p { class: "hint", "Runs with the same input. What succeeded is taken over where neither the node nor anything before it has changed." }
            if let Some(problem) = problem() {
                ProblemLine { problem }
            }
        }
    }
}

/// The nodes the execution has reached, in the order of the flow; choosing one shows it.
#[component]
fn Steps() -> Element {
    let desk = use_context::<Desk>();
    let mut board = desk.board;
    let record = desk.record.read();
    let nodes = board.nodes.read();
    let reached: Vec<_> = nodes
        .iter()
        .filter_map(|node| {
            record
                .view()
                .nodes
                .get(&node.id())
                .map(|view| (*node, running::mark_of(view)))
        })
        .filter(|(_, mark)| !mark.state.is_empty())
        .collect();
    rsx! {
        ol { class: "run-steps",
            for (node, mark) in reached {
                li { key: "{node.key}",
                    button {
                        r#type: "button",
                        "data-state": mark.state,
                        onclick: move |_| {
                            board.activate(Some(node));
                            board.reveal(Some(node));
                        },
                        span { class: "node-mark" }
                        span { class: "run-step", {title(&node.data.read()).to_owned()} }
                        span { class: "run-note", "{mark.state}" if !mark.note.is_empty() { " · {mark.note}" } }
                    }
                }
            }
        }
    }
}
