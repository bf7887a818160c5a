//! What happens when a node fails: how often it is tried again, how long it may take, how the flow goes on.

use contracts::flow::{Cache, Idempotency, Node, OnError};
use dioxus::prelude::*;
use graph::{SHOWING_PROGRESS, WORKING};
use serde_json::Value;

use crate::{
    canvas::{
        board::{Board, NodeHandle},
        commands::bodies::has_body,
        fields::{json_text, json_value},
        model::title,
    },
    pages::editor::{properties::change, retry_fields::RetryFields},
    ui::{
        field::{TextArea, TextField},
        select::SelectField,
    },
};

#[component]
pub(super) fn Settings(node: NodeHandle) -> Element {
    let board = use_context::<Board>();
    let data = node.data.read();
    let on_error = match &data.on_error {
        OnError::Fail => "fail",
        OnError::Branch => "branch",
        OnError::Default(_) => "default",
    };
    let choices = [
        ("fail", "Fail the execution"),
        ("branch", "Go on at the port error"),
        ("default", "Go on with a value"),
    ];
    let is_plain = data.on_error == OnError::Fail
        && data.retry.is_none()
        && data.timeout_ms.is_none()
        && data.idle_timeout_ms.is_none()
        && data.idempotency.is_keyed()
        && data.cache.is_none()
        && data.compensates.is_none();
    let number = |number: Option<u64>| number.map(|it| it.to_string()).unwrap_or_default();
    rsx! {
        details { class: "settings", open: !is_plain,
            summary { "Errors and time" }
            div { class: "stack",
                SelectField {
                    label: "When it fails",
                    value: on_error,
                    options: choices.map(|(key, text)| (key.to_owned(), text.to_owned())).to_vec(),
                    onchange: move |choice: String| change(board, node, "on error", |data| {
                        data.on_error = match choice.as_str() {
                            "branch" => OnError::Branch,
                            "default" => OnError::Default(Value::Null),
                            _ => OnError::Fail,
                        };
                    }),
                }
                if let OnError::Default(value) = &data.on_error {
                    DefaultValue { node, text: json_text(Some(value)) }
                }
                if data.idempotency.is_keyed() && !has_body(&data) {
                    RetryFields { node }
                }
                if WORKING.contains(&data.kind.as_str()) && data.kind != "flow" {
                    SelectField {
                        label: "When its worker breaks down",
                        value: if data.idempotency.is_keyed() { "keyed" } else { "at_most_once" },
                        options: [("keyed", "Do it again, with the same key"), ("at_most_once", "Never do it twice: fail")]
                            .map(|(key, text)| (key.to_owned(), text.to_owned())).to_vec(),
                        onchange: move |choice: String| change(board, node, "idempotency", |data| {
                            data.idempotency = Idempotency::default();
                            if choice == "at_most_once" {
                                data.idempotency = Idempotency::AtMostOnce;
                                data.retry = None;
                            }
                        }),
                    }
                }
                TextField {
                    label: "Time limit of an attempt, ms",
                    kind: "number",
                    value: number(data.timeout_ms),
                    min: "1",
                    oninput: move |text: String| change(board, node, "timeout", |data| data.timeout_ms = text.parse().ok()),
                }
                if SHOWING_PROGRESS.contains(&data.kind.as_str()) {
                    TextField {
                        label: "Time limit of silence, ms",
                        kind: "number",
                        value: number(data.idle_timeout_ms),
                        min: "1",
                        oninput: move |text: String| change(board, node, "idle timeout", |data| data.idle_timeout_ms = text.parse().ok()),
                    }
                }
                if WORKING.contains(&data.kind.as_str()) {
                    TextField {
                        label: "Take an equal output again for, s",
                        kind: "number",
                        value: number(data.cache.map(|cache| cache.ttl_seconds)),
                        min: "1",
                        oninput: move |text: String| change(board, node, "cache", |data| {
                            data.cache = text.parse().ok().map(|ttl_seconds| Cache { ttl_seconds });
                        }),
                    }
                    Undoes { node }
                }
            }
        }
    }
}

/// Which step the node undoes when the execution fails; nothing where none can be undone.
#[component]
fn Undoes(node: NodeHandle) -> Element {
    let board = use_context::<Board>();
    let data = node.data.read();
    let graph = board.graph.read();
    let is_other = |other: &&Node| {
        other.id != data.id && other.parent == data.parent && other.compensates.is_none()
    };
    let others = graph.nodes.iter().filter(is_other);
    let others: Vec<_> = others
        .map(|other| (other.id.clone(), title(other).to_owned()))
        .collect();
    rsx! {
        SelectField {
            label: "Undoes, when the execution fails",
            value: data.compensates.clone().unwrap_or_default(),
            options: std::iter::once((String::new(), "no other node".to_owned())).chain(others).collect::<Vec<_>>(),
            onchange: move |choice: String| change(board, node, "undoes", |data| {
                data.compensates = Some(choice).filter(|choice| !choice.is_empty());
            }),
        }
    }
}

#[component]
fn DefaultValue(node: NodeHandle, text: String) -> Element {
    let board = use_context::<Board>();
    let mut draft = use_signal(|| text);
    let error = json_value(&draft.read()).err();
    rsx! {
        TextArea {
            label: "Value",
            value: "{draft}",
            rows: 2,
            error,
            oninput: move |text: String| {
                if let Ok(value) = json_value(&text) {
                    change(board, node, "default", |data| data.on_error = OnError::Default(value.unwrap_or(Value::Null)));
                }
                draft.set(text);
            },
        }
    }
}
