//! The input of an execution: the form that the flow's input schema makes, else JSON; and that schema itself.

use std::rc::Rc;

use contracts::FieldProblem;
use dioxus::prelude::*;
use serde_json::{Value, json};

use crate::{
    canvas::{board::Board, commands},
    pages::json_text::JsonText,
    schema::{Shape, shape},
    ui::{field::TextField, schema_form::SchemaForm},
};

/// Whether the schema asks for anything by name.
pub(super) fn has_fields(schema: Option<&Value>) -> bool {
    schema
        .is_some_and(|schema| matches!(shape(schema), Shape::Object(fields) if !fields.is_empty()))
}

#[component]
pub(super) fn InputForm(
    schema: Option<Value>,
    input: Signal<Value>,
    problems: Rc<Vec<FieldProblem>>,
) -> Element {
    let mut input = input;
    match schema.filter(|schema| has_fields(Some(schema))) {
        Some(schema) => rsx! {
            SchemaForm { schema, value: input(), path: "/input", problems, onchange: move |value: Value| input.set(value) }
        },
        None => rsx! {
            JsonText { label: "Input", hint: "JSON.", value: input(), onchange: move |value: Value| input.set(value) }
        },
    }
}

/// The input schema of the flow itself.
#[component]
pub(super) fn InputSchema(schema: Option<Value>) -> Element {
    let mut board = use_context::<Board>();
    let mut draft = use_signal(|| written(schema.as_ref()));
    let mut known = use_hook(|| CopyValue::new(schema.clone()));
    if *known.peek() != schema {
        // Changed from outside: by an undo, for example.
        draft.set(written(schema.as_ref()));
        known.set(schema);
    }
    rsx! {
        details { class: "settings",
            summary { "Input schema of the flow" }
            JsonText {
                label: "JSON Schema",
                hint: "What the input of an execution must look like. Each of its properties becomes a field above.",
                value: draft(),
                onchange: move |value: Value| {
                    if let Some(schema) = meant(&value) {
                        known.set(schema.clone());
                        board.run(&commands::set_input_schema(schema));
                    }
                    draft.set(value);
                },
            }
        }
    }
}

/// How long an execution of the flow may take.
#[component]
pub(super) fn TimeLimit() -> Element {
    let mut board = use_context::<Board>();
    let seconds = board.graph.read().timeout_seconds;
    rsx! {
        TextField {
            label: "Time limit of an execution, s",
            kind: "number",
            value: seconds.map(|seconds| seconds.to_string()).unwrap_or_default(),
            min: "1",
            oninput: move |text: String| {
                board.run(&commands::set_timeout(text.parse().ok()));
            },
        }
    }
}

fn written(schema: Option<&Value>) -> Value {
    schema.cloned().unwrap_or_else(|| json!({}))
}

/// The schema that a value stands for: none at all where it says nothing; nothing is meant while it is no object.
fn meant(value: &Value) -> Option<Option<Value>> {
    match value {
        Value::Object(fields) if fields.is_empty() => Some(None),
        Value::Object(_) => Some(Some(value.clone())),
        Value::String(text) if text.trim().is_empty() => Some(None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_meant_once_it_is_an_object() {
        assert_eq!(meant(&json!({})), Some(None));
        assert_eq!(meant(&json!(" ")), Some(None));
        assert_eq!(meant(&json!("{\"type\"")), None);
        assert_eq!(
            meant(&json!({"type": "object"})),
            Some(Some(json!({"type": "object"})))
        );
    }

    #[test]
    fn only_named_values_make_a_form() {
        assert!(!has_fields(None));
        assert!(!has_fields(Some(&json!({"type": "object"}))));
        assert!(has_fields(Some(
            &json!({"properties": {"a": {"type": "string"}}})
        )));
    }
}
