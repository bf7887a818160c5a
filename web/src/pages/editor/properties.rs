//! What can be set on a node: its name, its configuration by the schema of its type, what happens when it fails; and
//! what it gave last.

use contracts::flow::Node;
use dioxus::prelude::*;

use crate::{
    canvas::{
        KindGlyph,
        board::{Adding, Board, NodeHandle},
        commands::{self, bodies},
        fields,
        geometry::{HEAD, Point},
        model::title,
    },
    live::inputs::inputs,
    pages::{
        editor::{
            control::FieldView, desk::Desk, pins::Pinning, running, settings::Settings,
            upgrade::VersionLine,
        },
        value::ValueView,
    },
    ui::{button::IconButton, icon::Glyph, select::SelectField},
};

#[component]
pub(super) fn Properties(node: NodeHandle) -> Element {
    let mut board = use_context::<Board>();
    let data = node.data.read().clone();
    let locked = *board.locked.read();
    let kind = board.kind_of(&data);
    let fields = kind
        .as_ref()
        .map(|kind| fields::of(&kind.kind, &kind.config_schema))
        .unwrap_or_default();
    let has_settings = !matches!(
        data.kind.as_str(),
        "trigger" | "chat_trigger" | "output" | graph::ERROR_HANDLER
    );
    rsx! {
        div { class: "properties",
            div { class: "properties-head",
                KindGlyph { kind: data.kind.clone() }
                input {
                    id: "node-name",
                    class: "editor-name",
                    "aria-label": "Name of the node",
                    maxlength: "200",
                    placeholder: "{data.id}",
                    value: data.name.unwrap_or_default(),
                    readonly: locked,
                    oninput: move |event| {
                        let command = commands::rename(&board.current(node), &event.value());
                        board.run(&command);
                    },
                }
                if !locked {
                    IconButton { glyph: Glyph::Copy, label: "Duplicate", onclick: move |_| board.duplicate() }
                    IconButton { glyph: Glyph::Trash, label: "Delete {title(&data)}", onclick: move |_| board.delete(&[node.id()], &[]) }
                }
            }
            p { class: "properties-id", code { "nodes.{data.id}" } }
            if let Some(kind) = &kind {
                p { class: "hint", "{kind.description}" }
            }
            VersionLine { node }
            NodeProblems { node }
            fieldset { class: "stack plain", disabled: locked,
                legend { class: "visually-hidden", "Configuration" }
                for field in fields {
                    FieldView { key: "{field.key}", node, field }
                }
                Home { node }
                if has_settings {
                    Settings { node }
                }
            }
            Trying { node: data.clone() }
            LastRun { id: data.id.clone() }
        }
    }
}

/// In whose body the node stands; nothing where no body is there for it.
#[component]
fn Home(node: NodeHandle) -> Element {
    let mut board = use_context::<Board>();
    let data = node.data.read().clone();
    let graph = board.graph.read();
    let homes = bodies::homes(&graph, &data.id);
    let homes: Vec<_> = homes
        .map(|home| (home.id.clone(), title(home).to_owned()))
        .collect();
    let is_body = bodies::has_body(&data);
    let begins = matches!(
        data.kind.as_str(),
        "trigger" | "chat_trigger" | graph::ERROR_HANDLER
    );
    let add = data.id.clone();
    let at = node.at.peek().plus(Point::new(0.0, HEAD * 3.0));
    rsx! {
        if is_body && !*board.locked.read() {
            button {
                class: "button",
                r#type: "button",
                onclick: move |_| board.adding.set(Some(Adding::within(add.clone(), at))),
                "Add a node to its body"
            }
        }
        if !begins && !homes.is_empty() {
            SelectField {
                label: "Stands in the body of",
                value: data.parent.clone().unwrap_or_default(),
                options: std::iter::once((String::new(), "no other node".to_owned())).chain(homes).collect::<Vec<_>>(),
                onchange: move |choice: String| {
                    let parent = Some(choice.as_str()).filter(|choice| !choice.is_empty());
                    let command = bodies::put_in(&board.graph.peek(), &board.current(node), parent);
                    board.run(&command);
                },
            }
        }
    }
}

#[component]
fn NodeProblems(node: NodeHandle) -> Element {
    let problems = node.problems.read().clone();
    rsx! {
        if !problems.is_empty() {
            ul { class: "node-problems",
                for problem in problems {
                    li { key: "{problem}", "{problem}" }
                }
            }
        }
    }
}

/// The pin of the node; what it gave last is what may be pinned.
#[component]
fn Trying(node: Node) -> Element {
    let desk = use_context::<Desk>();
    let record = desk.record.read();
    let last = record.view().nodes.get(&node.id);
    let output = last.and_then(|view| view.output.clone());
    let port = last.and_then(|view| view.port.clone());
    rsx! {
        Pinning { node, output, port }
    }
}

/// What the node gave in the execution that the canvas shows.
#[component]
fn LastRun(id: String) -> Element {
    let desk = use_context::<Desk>();
    let record = desk.record.read();
    // Of several iterations the last.
    let last = record.spans().of_node(&id).last();
    let Some(path) = last.map(|&at| record.spans().list()[at].path.clone()) else {
        return rsx! {};
    };
    let Some(view) = record.view().nodes.get(&path) else {
        return rsx! {};
    };
    let mark = running::mark_of(view);
    let execution = desk.execution.read().clone().unwrap_or_default();
    let called = |from: String| desk.board.by_id(&from).map_or(from, |node| node.title());
    let came: Vec<_> = inputs(record.view(), &desk.board.graph.read().definition(), &path)
        .into_iter()
        .map(|(from, value)| (called(from), value))
        .collect();
    rsx! {
        section { class: "last-run",
            h2 { "Last run" span { class: "run-state", "data-state": mark.state, "{mark.state}" } }
            if !mark.note.is_empty() {
                p { class: "hint", "{mark.note}" }
            }
            if let Some(error) = &view.error {
                p { class: "run-error", code { "{error.code}" } " {error.message}" }
            }
            for (index , (from , value)) in came.into_iter().enumerate() {
                details { key: "{index}", class: "fold",
                    summary { "Input from {from}" }
                    ValueView { execution: execution.clone(), label: "Input from {from}", value }
                }
            }
            if let Some(output) = &view.output {
                h3 { class: "field-title", "Output" }
                ValueView { execution, label: "Output", value: output.clone() }
            }
        }
    }
}

/// Sets a key of the configuration, or takes it away.
pub(super) fn configure(
    mut board: Board,
    node: NodeHandle,
    key: &str,
    value: Option<serde_json::Value>,
) {
    let command = commands::configure(&board.current(node), key, value);
    board.run(&command);
}

/// Replaces the node by another state of it.
pub(super) fn change(
    mut board: Board,
    node: NodeHandle,
    word: &str,
    change: impl FnOnce(&mut Node),
) {
    let mut data = board.current(node);
    change(&mut data);
    let merge = format!("{word} {}", data.id);
    board.run(&commands::set(data).merging(merge));
}
