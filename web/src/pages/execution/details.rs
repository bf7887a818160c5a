//! The selected step: how it stands, what went in, what came out, what it used and why it failed.

use contracts::{execution::StepError, live::StepCall};
use dioxus::prelude::*;
use graph::view::{NodeState, NodeView};
use serde_json::Value;

use super::{
    again::StepAgain,
    began::Began,
    mark::Mark,
    messages::Messages,
    step,
    watch::{Lens, Watch},
};
use crate::{
    format,
    live::{
        axis::millis,
        inputs,
        spans::{Attempt, Span},
        words,
    },
    pages::{
        asking::{answer::Answer, decide::Decide},
        value::{ValueView, ValuesApart},
    },
    ui::{button::IconButton, data::Data, icon::Glyph},
};

#[component]
pub(crate) fn Details() -> Element {
    let mut watch = use_context::<Watch>();
    let raw = *watch.lens.read() == Lens::Events;
    let step = watch.step.read().clone();
    let known = step.filter(|path| watch.record.read().spans().get(path).is_some());
    rsx! {
        aside { class: "details", "aria-label": "Details",
            if raw {
                RawEvent {}
            }
            match known {
                Some(path) => rsx! {
                    Step { key: "{path}", path, onclose: move |()| watch.select(None) }
                },
                None if raw => rsx! {},
                None => rsx! { Whole {} },
            }
        }
    }
}

/// The event at the moment that is shown.
#[component]
fn RawEvent() -> Element {
    let watch = use_context::<Watch>();
    let record = watch.record.read();
    let Some(frame) = record.frame(watch.n()) else {
        return rsx! {};
    };
    let value = serde_json::to_value(&**frame).unwrap_or_default();
    rsx! {
        section { class: "details-part",
            h2 { "Event {frame.n}" }
            Data { key: "{frame.n}", label: "Event {frame.n}", value: value.clone() }
            ValuesApart { execution: watch.id(), event: value }
        }
    }
}

/// Without a selection: what the execution was given and what it gave.
#[component]
fn Whole() -> Element {
    let watch = use_context::<Watch>();
    let n = watch.n();
    let record = watch.record.read();
    let view = record.view_at(n);
    rsx! {
        h2 { class: "details-title", "Execution" }
        p { class: "hint", "Select a step to see what went in and what came out." }
        Began {}
        if let Some(input) = &view.input {
            Part { title: "Input", value: input.clone() }
        }
        if let Some(output) = &view.output {
            Part { title: "Output", value: output.clone() }
        }
        if let Some(error) = &view.error {
            ErrorPart { error: error.clone() }
        }
    }
}

#[component]
fn Step(path: String, onclose: EventHandler<()>) -> Element {
    let watch = use_context::<Watch>();
    let n = watch.n();
    let record = watch.record.read();
    let Some(at) = record.spans().place_of(&path) else {
        return rsx! {};
    };
    let span = &record.spans().list()[at];
    let view = record.view_at(n);
    let node = view.nodes.get(&path).cloned().unwrap_or_default();
    let state = record.spans().state(at, &view);
    let subject = watch.subject.read();
    let (label, kind) = (
        step::label(span, subject.as_ref()),
        step::kind(span, subject.as_ref()),
    );
    let usage = record.spans().usage(at).filter(|_| span.first <= n);
    let decides = node.state == NodeState::Asking && watch.at.read().is_none();
    let asked = span.asked.clone().filter(|_| decides);
    let question = span.question.clone().filter(|_| decides);
    let came_in = came_in(watch, span);

    rsx! {
        header { class: "details-head",
            Mark { state: words::state(state) }
            h2 { class: "details-title", "{label}" }
            span { class: "span-kind", "{kind}" }
            IconButton { glyph: Glyph::Close, label: "Close the details", onclick: move |_| onclose.call(()) }
        }
        p { class: "details-line",
            span { class: "state-word", "data-state": words::state(state), {words::state(state)} }
            code { "{path}" }
            if node.reused {
                span { class: "hint", "taken over, not run again" }
            }
        }
        if let Some(asked) = asked {
            Decide { execution: watch.id(), path: path.clone(), asked }
        }
        if let Some(asked) = question {
            Answer { key: "{path}", execution: watch.id(), asked }
        }
        StepAgain { step: path.clone(), output: node.output.clone(), port: node.port.clone() }
        Began { of: path.clone() }
        if let Some(error) = node.error.clone() {
            ErrorPart { error }
        }
        if let Some(usage) = usage {
            dl { class: "facts",
                div { class: "fact", dt { "Tokens in" } dd { {words::count(usage.prompt_tokens)} } }
                div { class: "fact", dt { "Tokens out" } dd { {words::count(usage.completion_tokens)} } }
                div { class: "fact", dt { "Price" } dd { {words::money(&usage)} } }
            }
        }
        for (title , value) in came_in {
            Part { key: "{title}", title, value }
        }
        Messages { path }
        Output { node }
        Attempts { attempts: span.attempts.clone() }
    }
}

#[component]
fn Output(node: ReadSignal<NodeView>) -> Element {
    let node = node.read();
    let Some(output) = node.output.clone() else {
        return rsx! {};
    };
    let port = node.port.clone().filter(|port| port != "out");
    let title = port.map_or_else(|| "Output".to_owned(), |port| format!("Output at {port}"));
    rsx! {
        Part { title, value: output }
    }
}

/// What went in: the arguments of a call, or what came by the edges.
fn came_in(watch: Watch, span: &Span) -> Vec<(String, Value)> {
    match &span.call {
        Some(StepCall::Tool { arguments, .. }) => return vec![("Input".into(), arguments.clone())],
        Some(StepCall::Knowledge { query, .. }) => {
            return vec![("Input".into(), query.clone().into())];
        }
        Some(StepCall::Llm { .. } | StepCall::Recall { .. } | StepCall::Remember { .. }) | None => {
        }
    }
    let subject = watch.subject.read();
    let Some((subject, definition)) = subject
        .as_ref()
        .and_then(|it| it.definition.as_ref().map(|drawn| (it, drawn)))
    else {
        return Vec::new();
    };
    let record = watch.record.read();
    let came = inputs::inputs(&record.view_at(watch.n()), definition, &span.path);
    came.into_iter()
        .map(|(from, output)| (format!("Input from {}", subject.name_of(&from)), output))
        .collect()
}

#[component]
fn Part(title: String, value: Value) -> Element {
    let watch = use_context::<Watch>();
    rsx! {
        section { class: "details-part",
            h3 { "{title}" }
            ValueView { execution: watch.id(), label: title, value }
        }
    }
}

#[component]
fn ErrorPart(error: ReadSignal<StepError>) -> Element {
    let error = error.read();
    rsx! {
        section { class: "details-part details-error",
            h3 { "Error" }
            p { b { "{error.code}" } " {error.message}" }
            if error.retryable {
                p { class: "hint", "Another attempt may help." }
            }
        }
    }
}

/// All tries, where there was more than one.
#[component]
fn Attempts(attempts: Vec<Attempt>) -> Element {
    if attempts.len() < 2 {
        return rsx! {};
    }
    rsx! {
        section { class: "details-part",
            h3 { "Attempts" }
            ol { class: "attempts",
                for (index , attempt) in attempts.into_iter().enumerate() {
                    li { key: "{index}",
                        span { class: "attempt-n", "{attempt.number}" }
                        span { class: "attempt-time", {attempt.started.format("%H:%M:%S%.3f").to_string()} }
                        span { class: "attempt-took",
                            {attempt.ended.map(|end| words::duration(millis(end) - millis(attempt.started))).unwrap_or_else(|| "goes on".into())}
                        }
                        span { class: "attempt-error",
                            match &attempt.error {
                                Some(error) => rsx! { b { "{error.code}" } " {error.message}" },
                                None if attempt.ended.is_some() => rsx! { "no error" },
                                None => rsx! {},
                            }
                            if let Some(usage) = attempt.usage {
                                span { class: "hint", " {format::tokens(&usage)} tokens" }
                            }
                        }
                    }
                }
            }
        }
    }
}
