//! The lens of the graph: the canvas, read only, with the state of each node at the moment that is shown.
//!
//! **Invariant:** the canvas and the other lenses have one selection: the step in the address.

use std::rc::Rc;

use contracts::{
    execution::Usage,
    flow::{Definition, NodeType},
    page::Page,
};
use dioxus::prelude::*;
use graph::{
    path,
    view::{ExecutionView, NodeState},
};

use super::watch::Watch;
use crate::{
    api::query::use_get,
    canvas::{
        Picture,
        board::{Board, Mark, set_if_new},
        tally, use_picture,
    },
    format,
    live::{axis::millis, record::Record, spans::urgency, words},
    ui::{empty::EmptyState, icon::Glyph, skeleton::Skeleton},
};

#[component]
pub(crate) fn GraphLens() -> Element {
    let watch = use_context::<Watch>();
    let types = use_get::<Page<NodeType>>("/node-types".into());
    let definition = use_memo(move || {
        let drawn = watch
            .subject
            .read()
            .as_ref()
            .and_then(|subject| subject.definition.clone());
        drawn.unwrap_or_else(|| heard(&watch.record.read()))
    });
    if !types.is_settled() {
        return rsx! { Skeleton {} };
    }
    if definition.read().nodes.is_empty() {
        return rsx! {
            EmptyState { glyph: Glyph::Flow, text: "Nothing to draw yet." }
        };
    }
    // Without their types nodes are drawn all the same, under the words of the definition.
    let types = types
        .data()
        .map(|page| page.items.clone())
        .unwrap_or_default();
    rsx! {
        Drawing { types: Rc::new(types), definition }
    }
}

/// Agents and crews have no drawing: what was heard of them stands in a row.
fn heard(record: &Record) -> Definition {
    let roots: Vec<_> = record
        .spans()
        .list()
        .iter()
        .filter(|span| span.parent.is_none())
        .collect();
    let node = |path: &str| serde_json::json!({"id": path, "type": path});
    let edges = roots
        .windows(2)
        .map(|pair| serde_json::json!({"from": pair[0].path, "to": pair[1].path}));
    let drawn = serde_json::json!({
        "nodes": roots.iter().map(|span| node(&span.path)).collect::<Vec<_>>(),
        "edges": edges.collect::<Vec<_>>(),
    });
    serde_json::from_value(drawn).unwrap_or_default()
}

#[component]
fn Drawing(types: Rc<Vec<NodeType>>, definition: Memo<Definition>) -> Element {
    let watch = use_context::<Watch>();
    let board = use_picture(|| definition.peek().clone(), types);
    use_growth(board, definition);
    use_marks(board, watch);
    use_selection(board, watch);
    rsx! {
        Picture {}
    }
}

/// What is heard of an agent grows while it runs.
fn use_growth(mut board: Board, definition: Memo<Definition>) {
    let mut shown = use_hook(|| CopyValue::new(definition.peek().clone()));
    use_effect(move || {
        let now = definition.read().clone();
        if *shown.peek() != now {
            shown.set(now.clone());
            board.replace(now);
            board.fit();
        }
    });
}

fn use_marks(board: Board, watch: Watch) {
    use_effect(move || {
        let n = watch.n();
        let record = watch.record.read();
        let view = record.view_at(n);
        for node in board.nodes.read().iter() {
            let mut mark = node.mark;
            set_if_new(&mut mark, mark_at(watch, &record, &view, &node.id()));
        }
    });
}

/// The selection of the canvas follows that of the page, and the other way round.
fn use_selection(mut board: Board, watch: Watch) {
    let mut watch = watch;
    let mut last = use_hook(|| CopyValue::new(None::<String>));
    use_effect(move || {
        let step = watch.step.read().clone();
        let node = step
            .as_deref()
            .and_then(|step| board.by_id(path::node_id(step)));
        last.set(node.map(|node| node.id()));
        if *board.active.peek() != node {
            board.activate(node);
            board.reveal(node);
        }
    });
    use_effect(move || {
        let active = (*board.active.read()).map(|node| node.id());
        // Only what the user does on the canvas counts here; a step within a node stays selected with it.
        if *last.peek() != active {
            last.set(active.clone());
            let record = watch.record.peek();
            let step = active.map(|id| step_of(&record, watch.n(), &id));
            drop(record);
            watch.select(step);
        }
    });
}

/// The step that is looked at when a node is chosen: of several iterations the most urgent, of equal ones the last.
fn step_of(record: &Record, n: u64, id: &str) -> String {
    let spans = record.spans();
    let view = record.view_at(n);
    let steps = spans.of_node(id).iter().copied();
    let chosen = steps.max_by_key(|&at| urgency(spans.state(at, &view)));
    chosen.map_or_else(|| id.to_owned(), |at| spans.list()[at].path.clone())
}

/// Time and tokens beside the state, with what lies within the node; of a node in a body, of all its iterations.
fn mark_at(watch: Watch, record: &Record, view: &ExecutionView, id: &str) -> Mark {
    let marks: Vec<_> = record
        .spans()
        .of_node(id)
        .iter()
        .map(|&at| mark_of(watch, record, view, at))
        .collect();
    match marks.as_slice() {
        [] => Mark::default(),
        [only] => only.clone(),
        several => tally::of_times(several),
    }
}

fn mark_of(watch: Watch, record: &Record, view: &ExecutionView, at: usize) -> Mark {
    let span = &record.spans().list()[at];
    let state = record.spans().state(at, view);
    let mut mark = Mark {
        state: words::state(state),
        ..Mark::default()
    };
    match state {
        NodeState::Pending => return Mark::default(),
        NodeState::Skipped => {}
        _ => {
            let moment = watch.moment();
            let end = span.ended.map_or(moment, millis).min(moment);
            mark.duration_ms = words::whole(end - millis(span.started));
            mark.note = format::duration(mark.duration_ms);
            if view.nodes.get(&span.path).is_some_and(|it| it.reused) {
                mark.note = "taken over".to_owned();
            }
            if let Some(iterations) = view.nodes.get(&span.path).and_then(|it| it.iterations) {
                mark.note += &format!(" · {}", words::iterations(iterations));
            }
            let tokens = |usage: &Usage| usage.prompt_tokens + usage.completion_tokens;
            if let Some(usage) = record.spans().usage(at).filter(|usage| tokens(usage) > 0) {
                mark.tokens = tokens(&usage);
                mark.note += &format!(" · {} tokens", format::tokens(&usage));
            }
        }
    }
    mark
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::testing::long;

    #[test]
    fn what_was_heard_stands_in_a_row() {
        let mut record = Record::default();
        assert!(heard(&record).nodes.is_empty());
        for frame in long(4) {
            record.push(frame);
        }
        let drawn = heard(&record);
        assert!(!drawn.nodes.is_empty());
        assert_eq!(drawn.edges.len() + 1, drawn.nodes.len());
    }
}
