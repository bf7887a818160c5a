//! The lens of steps: the span tree with its waterfall on the time axis.

use dioxus::prelude::*;
use graph::view::NodeState;

use super::{
    mark::Mark,
    step,
    virtual_list::{VirtualList, moved},
    watch::Watch,
};
use crate::{
    dom,
    live::{
        axis::{Axis, Stretch, millis},
        spans::Span,
        words,
    },
};

const ROW: usize = 32;

#[component]
pub(crate) fn Tree() -> Element {
    let mut watch = use_context::<Watch>();
    let rows = use_memo(move || {
        let folded = watch.folded.read();
        watch
            .record
            .read()
            .spans()
            .rows(|path| folded.contains(path))
    });
    let chosen = use_memo(move || {
        let step = watch.step.read();
        let record = watch.record.read();
        let step = step.as_deref()?;
        rows.read()
            .iter()
            .position(|&at| record.spans().list()[at].path == step)
    });
    let path_of = move |row: usize| {
        let record = watch.record.peek();
        rows.peek()
            .get(row)
            .map(|&at| record.spans().list()[at].path.clone())
    };
    let onkeydown = move |event: KeyboardEvent| {
        let key = event.key();
        let row = *chosen.peek();
        let path = row.and_then(path_of);
        if let Some(to) = moved(&key, row, rows.peek().len()) {
            event.prevent_default();
            watch.select(path_of(to));
        } else if let (Key::ArrowLeft | Key::ArrowRight, Some(path)) = (&key, path) {
            event.prevent_default();
            turn(watch, &path, key == Key::ArrowLeft);
        } else if key == Key::Escape {
            watch.select(None);
        }
    };

    rsx! {
        Scale {}
        VirtualList {
            id: "steps",
            label: "Steps",
            role: "tree",
            total: rows.read().len(),
            row_height: ROW,
            chosen: chosen(),
            onkeydown,
            render: move |row| rsx! { Row { row, at: rows.read().get(row).copied() } },
        }
    }
}

/// Folds or unfolds; a left arrow on what is folded goes to the parent.
fn turn(mut watch: Watch, path: &str, fold: bool) {
    let record = watch.record.peek();
    let Some(span) = record.spans().get(path) else {
        return;
    };
    let (has_children, parent) = (!span.children.is_empty(), span.parent);
    let parent = parent.map(|at| record.spans().list()[at].path.clone());
    drop(record);
    let is_folded = watch.folded.peek().contains(path);
    match (fold, has_children, is_folded) {
        (true, true, false) => {
            watch.folded.write().insert(path.to_owned());
        }
        (false, true, true) => {
            watch.folded.write().remove(path);
        }
        (true, _, _) if parent.is_some() => watch.select(parent),
        _ => {}
    }
}

/// The scale of the time axis, above the waterfall.
#[component]
fn Scale() -> Element {
    let mut watch = use_context::<Watch>();
    let axis = watch.axis();
    // The slider is the way for keys; a click on the scale is a short cut.
    let go = move |event: MouseEvent| {
        let Some(scale) = dom::by_id("span-scale") else {
            return;
        };
        let scale = scale.get_bounding_client_rect();
        let part = (event.client_coordinates().x - scale.left()) / scale.width();
        let n = watch.record.peek().n_at(axis.start + part * axis.length());
        watch.go_to(n.max(1));
        watch.note();
    };
    rsx! {
        div { class: "span-head", "aria-hidden": "true",
            span { class: "span-name", "Step" }
            span { id: "span-scale", class: "span-scale", onclick: go,
                for tick in axis.ticks(4).into_iter().filter(|tick| tick.left < 90.0) {
                    span { key: "{tick.label}", class: "span-tick", left: "{tick.left}%", "{tick.label}" }
                }
            }
            span { class: "span-took", "Duration" }
            span { class: "span-tokens", "Tokens" }
        }
    }
}

/// What a row shows, read once for all of it.
struct Facts {
    path: String,
    label: String,
    kind: String,
    depth: usize,
    state: NodeState,
    children: usize,
    took: String,
    tokens: String,
    bars: Vec<(Stretch, &'static str)>,
    begun: bool,
}

#[component]
fn Row(row: usize, at: Option<usize>) -> Element {
    let mut watch = use_context::<Watch>();
    let Some(facts) = at.and_then(|at| facts(watch, at)) else {
        return rsx! {};
    };
    let selected = watch.step.read().as_deref() == Some(facts.path.as_str());
    let folded = watch.folded.read().contains(&facts.path);
    let (path, fold_path) = (facts.path.clone(), facts.path.clone());
    let state = words::state(facts.state);
    let open = (facts.children > 0).then_some(if folded { "false" } else { "true" });

    rsx! {
        div {
            id: "steps-{row}",
            class: "span-row",
            role: "treeitem",
            "aria-selected": if selected { "true" } else { "false" },
            "aria-level": "{facts.depth + 1}",
            "aria-expanded": open,
            "data-state": state,
            "data-begun": if facts.begun { "true" } else { "false" },
            onclick: move |_| watch.select(Some(path.clone())),
            span { class: "span-name", padding_left: "{facts.depth * 16}px",
                if facts.children > 0 {
                    span {
                        class: "span-fold",
                        "data-open": if folded { "false" } else { "true" },
                        "aria-hidden": "true",
                        onclick: move |event| {
                            event.stop_propagation();
                            turn(watch, &fold_path, !folded);
                        },
                        svg { view_box: "0 0 10 10", width: "10", height: "10",
                            path { d: "M3 2 L7 5 L3 8", fill: "none", stroke: "currentColor", stroke_width: "1.5" }
                        }
                    }
                } else {
                    span { class: "span-fold" }
                }
                Mark { state }
                span { class: "visually-hidden", "{state} " }
                span { class: "span-label", title: "{facts.path}", "{facts.label}" }
                span { class: "span-kind", "{facts.kind}" }
            }
            span { class: "span-lane",
                for (index, (bar, tone)) in facts.bars.into_iter().enumerate() {
                    span { key: "{index}", class: "span-bar", "data-tone": tone, left: "{bar.left}%", width: "{bar.width}%" }
                }
                Cursor {}
            }
            span { class: "span-took", "{facts.took}" }
            span { class: "span-tokens", "{facts.tokens}" }
        }
    }
}

/// Where the moment that is shown lies.
#[component]
fn Cursor() -> Element {
    let watch = use_context::<Watch>();
    if watch.at.read().is_none() {
        return rsx! {};
    }
    let left = watch.axis().place(watch.moment());
    rsx! { span { class: "span-cursor", left: "{left}%" } }
}

fn facts(watch: Watch, at: usize) -> Option<Facts> {
    let (axis, moment, n) = (watch.axis(), watch.moment(), watch.n());
    let record = watch.record.read();
    let span = record.spans().list().get(at)?;
    let view = record.view_at(n);
    let subject = watch.subject.read();
    let state = record.spans().state(at, &view);
    let end = span.ended.map_or(moment, millis).min(moment);
    let begun = span.first <= n;
    let instant = span.ended == Some(span.started);
    let took = match state {
        NodeState::Skipped | NodeState::Pending => String::new(),
        _ if instant => "0 ms".to_owned(),
        _ => words::duration(end - millis(span.started)),
    };
    let usage = record.spans().usage(at).filter(|_| begun);
    Some(Facts {
        path: span.path.clone(),
        label: step::label(span, subject.as_ref()),
        kind: step::kind(span, subject.as_ref()),
        depth: span.depth,
        state,
        children: span.children.len(),
        took,
        tokens: usage
            .map(|usage| crate::format::tokens(&usage))
            .unwrap_or_default(),
        bars: if begun {
            bars(span, axis, moment, state)
        } else {
            Vec::new()
        },
        begun,
    })
}

/// A bar for each attempt, and the pauses between them.
fn bars(span: &Span, axis: Axis, moment: f64, state: NodeState) -> Vec<(Stretch, &'static str)> {
    let last = words::state(state);
    if span.attempts.is_empty() {
        let end = span.ended.map_or(moment, millis).min(moment);
        return vec![(axis.stretch(millis(span.started), end), last)];
    }
    let mut bars = Vec::new();
    let mut before: Option<f64> = None;
    for attempt in &span.attempts {
        let from = millis(attempt.started);
        if from > moment {
            break;
        }
        if let Some(before) = before {
            bars.push((axis.stretch(before, from), "pause"));
        }
        let over = attempt.ended.map(millis).filter(|end| *end <= moment);
        let tone = match (&attempt.error, over) {
            (_, None) => "running",
            (Some(_), Some(_)) => "failed",
            (None, Some(_)) => last,
        };
        let tone = if state == NodeState::Asking && over.is_none() {
            "waiting"
        } else {
            tone
        };
        bars.push((axis.stretch(from, over.unwrap_or(moment)), tone));
        before = over;
    }
    bars
}
