//! The lens of the graph: the flow as it was executed, with the state of each node at the moment that is shown.

use contracts::{execution::Usage, flow::Definition};
use dioxus::prelude::*;
use graph::view::{ExecutionView, NodeState};

use super::{
    drawing::{self, Drawn, HEIGHT, Line, WIDTH},
    mark,
    watch::Watch,
};
use crate::{
    format,
    live::{axis::millis, record::Record, words},
    ui::{empty::EmptyState, icon::Glyph},
};

#[component]
pub(crate) fn GraphLens() -> Element {
    let watch = use_context::<Watch>();
    let drawing = use_memo(move || {
        let subject = watch.subject.read();
        let drawn = subject.as_ref().map(|subject| match &subject.definition {
            Some(definition) => drawing::draw(definition),
            None => drawing::draw(&heard(&watch.record.read())),
        });
        drawn.unwrap_or_default()
    });
    let drawing = drawing.read();
    if drawing.nodes.is_empty() {
        return rsx! {
            EmptyState { glyph: Glyph::Flow, text: "Nothing to draw yet." }
        };
    }
    rsx! {
        div { class: "drawing",
            svg {
                class: "drawing-sheet",
                view_box: "0 0 {drawing.width} {drawing.height}",
                width: "{drawing.width}",
                height: "{drawing.height}",
                role: "group",
                "aria-label": "Graph",
                for line in drawing.edges.iter() {
                    EdgeView { key: "{line.from} {line.port} {line.to}", line: line.clone() }
                }
                for drawn in drawing.nodes.iter() {
                    NodeShape { key: "{drawn.id}", drawn: drawn.clone() }
                }
            }
        }
    }
}

/// Agents and crews have no drawing: what was heard of them stands in a row.
fn heard(record: &Record) -> Definition {
    let roots: Vec<_> = record.spans().list().iter().filter(|span| span.parent.is_none()).collect();
    let node = |path: &str| serde_json::json!({"id": path, "type": path});
    let edges = roots.windows(2).map(|pair| serde_json::json!({"from": pair[0].path, "to": pair[1].path}));
    let drawn = serde_json::json!({
        "nodes": roots.iter().map(|span| node(&span.path)).collect::<Vec<_>>(),
        "edges": edges.collect::<Vec<_>>(),
    });
    serde_json::from_value(drawn).unwrap_or_default()
}

#[component]
fn EdgeView(line: Line) -> Element {
    let watch = use_context::<Watch>();
    let n = watch.n();
    let record = watch.record.read();
    let taken = is_taken(&record.view_at(n), &line);
    rsx! {
        path { class: "drawing-edge", "data-taken": if taken { "true" } else { "false" }, d: "{line.path}" }
    }
}

fn is_taken(view: &ExecutionView, line: &Line) -> bool {
    let from = view.nodes.get(&line.from).and_then(|node| node.port.as_deref());
    let to = view.nodes.get(&line.to).map(|node| node.state);
    from == Some(line.port.as_str()) && to.is_some_and(|state| state != NodeState::Skipped)
}

#[component]
fn NodeShape(drawn: Drawn) -> Element {
    let mut watch = use_context::<Watch>();
    let n = watch.n();
    let record = watch.record.read();
    let view = record.view_at(n);
    let at = record.spans().place_of(&drawn.id);
    let state = at.map_or(NodeState::Pending, |at| record.spans().state(at, &view));
    let word = mark::word(state);
    let selected = watch.step.read().as_deref().is_some_and(|step| step.split('/').next() == Some(&drawn.id));
    let note = at.map_or_else(|| word.to_owned(), |at| note(watch, &record, at, state));
    let shown = short(&drawn.name, 18);
    let (by_click, by_key) = (drawn.id.clone(), drawn.id.clone());
    rsx! {
        g {
            class: "drawing-node",
            role: "button",
            tabindex: "0",
            // What is seen comes first, for those who speak to their computer.
            "aria-label": "{shown} {note}, {drawn.kind}, {word}",
            "aria-pressed": if selected { "true" } else { "false" },
            "data-state": word,
            transform: "translate({drawn.x} {drawn.y})",
            onclick: move |_| watch.select(Some(by_click.clone())),
            onkeydown: move |event| {
                if matches!(event.key(), Key::Enter) || event.key() == Key::Character(" ".into()) {
                    event.prevent_default();
                    watch.select(Some(by_key.clone()));
                }
            },
            rect { width: "{WIDTH}", height: "{HEIGHT}", rx: "6" }
            rect { class: "drawing-side", width: "4", height: "{HEIGHT - 12.0}", x: "0", y: "6", rx: "2" }
            text { class: "drawing-name", x: "14", y: "21", "{shown}" }
            // Without it the two texts are one word to those who compare them with the label.
            " "
            path { class: "drawing-mark", transform: "translate({WIDTH - 24.0} 9)", d: mark::shape(word) }
            text { class: "drawing-note", x: "14", y: "40", "{note}" }
        }
    }
}

/// Time and tokens; the state where there are none.
fn note(watch: Watch, record: &Record, at: usize, state: NodeState) -> String {
    if matches!(state, NodeState::Pending | NodeState::Skipped) {
        return mark::word(state).to_owned();
    }
    let span = &record.spans().list()[at];
    let moment = watch.moment();
    let end = span.ended.map_or(moment, millis).min(moment);
    let took = words::duration(end - millis(span.started));
    let tokens = |usage: &Usage| usage.prompt_tokens + usage.completion_tokens;
    match record.spans().usage(at).filter(|usage| tokens(usage) > 0) {
        Some(usage) => format!("{took} · {} tok", format::tokens(&usage)),
        None => took,
    }
}

fn short(text: &str, letters: usize) -> String {
    match text.char_indices().nth(letters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
