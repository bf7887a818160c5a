//! The draft beside a revision: both on one canvas, and below it what was added, changed and taken out.

use std::rc::Rc;

use contracts::flow::Revision;
use dioxus::prelude::*;
use serde_json::Value;

use crate::{
    api::query::{View, use_get},
    canvas::{
        Picture,
        board::{Board, Mark},
        compare::{Change, Comparison, Field},
        model::title,
        use_picture,
    },
    format::plural,
    pages::editor::desk::Desk,
    ui::{
        Tone, button::Button, code::pretty, icon::Glyph, problem::ProblemView, skeleton::Skeleton,
    },
};

#[component]
pub(super) fn Difference(revision: u32) -> Element {
    let mut desk = use_context::<Desk>();
    let then = use_get::<Revision>(format!("{}/revisions/{revision}", desk.path()));
    let compared = use_memo(use_reactive!(|then| {
        let then = then.data()?;
        Some(Rc::new(Comparison::of(
            &then.definition,
            &desk.board.graph.read().definition(),
        )))
    }));
    let told = compared.read().as_ref().map(|compared| told(compared));
    rsx! {
        section { class: "difference", "aria-label": "Comparison with revision {revision}",
            header {
                h2 { "Revision {revision} → draft" }
                span { class: "muted", role: "status", {told.unwrap_or_default()} }
                span { class: "spread",
                    Button { small: true, icon: Glyph::Close, onclick: move |_| desk.comparing.set(None), "Close the comparison" }
                }
            }
            match (then.view(), compared()) {
                (View::Failed(problem), _) => rsx! { ProblemView { problem, onretry: move |()| then.refetch() } },
                (View::Loading, _) | (_, None) => rsx! { Skeleton {} },
                (View::Ready(_), Some(compared)) => rsx! { Drawing { compared } },
            }
        }
    }
}

fn told(compared: &Comparison) -> String {
    if compared.is_empty() {
        return "No difference".to_owned();
    }
    let count = |word: &str| {
        compared
            .nodes
            .values()
            .filter(|change| change.as_str() == word)
            .count()
    };
    let edges = compared.added_edges.len() + compared.removed_edges.len();
    let mut parts: Vec<String> = ["added", "changed", "removed"]
        .into_iter()
        .filter(|word| count(word) > 0)
        .map(|word| format!("{} {word}", plural(count(word), "node", "nodes")))
        .collect();
    if edges > 0 {
        parts.push(format!(
            "{} changed",
            plural(edges, "connection", "connections")
        ));
    }
    for (count, one, many) in [
        (compared.notes, "note", "notes"),
        (compared.groups, "group", "groups"),
    ] {
        if count > 0 {
            parts.push(format!("{} changed", plural(count, one, many)));
        }
    }
    if compared.input_schema {
        parts.push("input schema changed".to_owned());
    }
    if compared.timeout {
        parts.push("time limit changed".to_owned());
    }
    parts.join(", ")
}

#[component]
fn Drawing(compared: Rc<Comparison>) -> Element {
    let desk = use_context::<Desk>();
    let board = use_picture(|| compared.union.clone(), desk.board.types.read().clone());
    use_effect(use_reactive!(|compared| show(board, &compared)));
    rsx! {
        Picture {}
        ul { class: "differences",
            for (id , change) in compared.nodes.iter() {
                Row { key: "{id}", id: id.clone(), change: change.clone() }
            }
        }
    }
}

fn show(mut board: Board, compared: &Comparison) {
    board.replace(compared.union.clone());
    for node in board.nodes.peek().iter() {
        let change = compared.nodes.get(&node.id());
        let mut mark = node.mark;
        mark.set(change.map_or_else(Mark::default, |change| Mark {
            state: change.as_str(),
            note: note(change),
            ..Mark::default()
        }));
    }
    for edge in board.edges.peek().iter() {
        let known = edge.edge.read().clone();
        let mut change = edge.change;
        change.set(
            match (
                compared.added_edges.contains(&known),
                compared.removed_edges.contains(&known),
            ) {
                (true, _) => "added",
                (_, true) => "removed",
                _ => "",
            },
        );
    }
}

fn note(change: &Change) -> String {
    match change {
        Change::Changed(fields) => fields
            .iter()
            .map(|field| field.name.as_str())
            .collect::<Vec<_>>()
            .join(", "),
        Change::Added | Change::Removed => change.as_str().to_owned(),
    }
}

#[component]
fn Row(id: String, change: Change) -> Element {
    let mut board = use_context::<Board>();
    let node = board.by_id(&id);
    let name = node.map_or_else(|| id.clone(), |node| title(&node.data.read()).to_owned());
    let tone = match change {
        Change::Added => Tone::Ok,
        Change::Removed => Tone::Err,
        Change::Changed(_) => Tone::Warn,
    };
    rsx! {
        li {
            button {
                r#type: "button",
                onclick: move |_| {
                    board.activate(node);
                    board.reveal(node);
                },
                "{name}"
                span { "data-tone": tone.as_str(), {change.as_str()} }
            }
            if let Change::Changed(fields) = &change {
                dl {
                    for field in fields.iter() {
                        FieldRow { key: "{field.name}", field: field.clone() }
                    }
                }
            }
        }
    }
}

#[component]
fn FieldRow(field: Field) -> Element {
    rsx! {
        dt { "{field.name}" }
        dd {
            if let Some(old) = &field.old {
                del { {text(old)} }
                " "
            }
            if let Some(new) = &field.new {
                ins { {text(new)} }
            }
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => pretty(other),
    }
}

#[cfg(test)]
mod tests {
    use contracts::flow::Definition;

    use super::*;

    #[test]
    fn a_comparison_is_told_in_one_line() {
        let flow = Definition::example();
        let mut other = flow.clone();
        other.groups = vec![contracts::flow::Group {
            id: "g".into(),
            name: "Work".into(),
            nodes: vec!["greet".into()],
            collapsed: false,
        }];
        other.nodes[1].name = Some("Greet".into());
        other.nodes.remove(2);
        other.edges.remove(1);
        assert_eq!(told(&Comparison::of(&flow, &flow)), "No difference");
        assert_eq!(
            told(&Comparison::of(&flow, &other)),
            "1 node changed, 1 node removed, 1 connection changed, 1 group changed"
        );
    }
}
