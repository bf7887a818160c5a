//! The form for the input of an execution: a field for each property of the flow's input schema, else JSON.

use std::collections::BTreeMap;

use dioxus::prelude::*;
use serde_json::{Map, Value, json};

use crate::{
    canvas::{
        commands,
        fields::{Control, Field, json_text},
    },
    pages::editor::{
        control::{of_input, parse_input},
        desk::Desk,
    },
    ui::{
        field::{TextArea, TextField},
        select::SelectField,
    },
};

/// Writes what the form stands for into `input`; an error while it is no JSON.
#[component]
pub(super) fn InputForm(schema: Option<Value>, input: Signal<Result<Value, String>>) -> Element {
    let fields = schema.as_ref().map(of_input).unwrap_or_default();
    if fields.is_empty() {
        return rsx! { JsonInput { input } };
    }
    rsx! { FieldsInput { fields, input } }
}

#[component]
fn JsonInput(input: Signal<Result<Value, String>>) -> Element {
    let mut text = use_signal(String::new);
    use_hook(|| input.set(Ok(Value::Null)));
    rsx! {
        TextArea {
            label: "Input",
            hint: "JSON, or nothing.",
            rows: 5,
            class: "input mono",
            value: "{text}",
            error: input.read().clone().err(),
            oninput: move |new: String| {
                let value = if new.trim().is_empty() {
                    Ok(Value::Null)
                } else {
                    serde_json::from_str(&new).map_err(|error| error.to_string())
                };
                input.set(value);
                text.set(new);
            },
        }
    }
}

#[component]
fn FieldsInput(fields: Vec<Field>, input: Signal<Result<Value, String>>) -> Element {
    let mut texts = use_signal(BTreeMap::<String, String>::new);
    use_hook(|| input.set(Ok(json!({}))));
    let known = fields.clone();
    let set = move |key: &str, text: String| {
        texts.write().insert(key.to_owned(), text);
        input.set(read(&known, &texts.peek()));
    };
    rsx! {
        for field in fields {
            {
                let text = texts.read().get(&field.key).cloned().unwrap_or_default();
                let error = parse_input(&field, &text).err();
                let label = if field.required { format!("{} *", field.key) } else { field.key.clone() };
                let hint = Some(field.about.clone()).filter(|about| !about.is_empty());
                let key = field.key.clone();
                let mut set = set.clone();
                match field.control {
                    Control::Choice(words) => rsx! {
                        SelectField {
                            key: "{key}", label, hint, value: text,
                            options: [String::new()].into_iter().chain(words).map(|word| (word.clone(), word)).collect::<Vec<_>>(),
                            onchange: move |text| set(&key, text),
                        }
                    },
                    Control::Yes => rsx! {
                        SelectField {
                            key: "{key}", label, hint, value: text,
                            options: ["", "true", "false"].map(|word| (word.to_owned(), word.to_owned())).to_vec(),
                            onchange: move |text| set(&key, text),
                        }
                    },
                    Control::Number { .. } => rsx! {
                        TextField { key: "{key}", label, hint, error, kind: "number", step: "any", value: text, oninput: move |text| set(&key, text) }
                    },
                    Control::Json | Control::Names => rsx! {
                        TextArea { key: "{key}", label, hint, error, value: text, class: "input mono", oninput: move |text| set(&key, text) }
                    },
                    _ => rsx! {
                        TextArea { key: "{key}", label, hint, error, rows: 1, value: text, oninput: move |text| set(&key, text) }
                    },
                }
            }
        }
    }
}

fn read(fields: &[Field], texts: &BTreeMap<String, String>) -> Result<Value, String> {
    let mut object = Map::new();
    for field in fields {
        let text = texts.get(&field.key).map(String::as_str).unwrap_or_default();
        if let Some(value) = parse_input(field, text)? {
            object.insert(field.key.clone(), value);
        }
    }
    Ok(Value::Object(object))
}

/// The input schema of the flow itself.
#[component]
pub(super) fn SchemaField(schema: Option<Value>) -> Element {
    let desk = use_context::<Desk>();
    let mut board = desk.board;
    let mut draft = use_signal(|| None::<String>);
    let text = draft.read().clone().unwrap_or_else(|| json_text(schema.as_ref()));
    let error = (!text.trim().is_empty()).then(|| serde_json::from_str::<Value>(&text).err()).flatten();
    rsx! {
        details { class: "settings",
            summary { "Input schema of the flow" }
            TextArea {
                label: "JSON Schema",
                hint: "What the input of an execution must look like. Each of its properties becomes a field above.",
                rows: 10,
                    class: "input mono",
                value: text,
                error: error.map(|error| error.to_string()),
                oninput: move |text: String| {
                    let schema = match text.trim() {
                        "" => Ok(None),
                        text => serde_json::from_str(text).map(Some),
                    };
                    match schema {
                        Ok(schema) => {
                            board.run(&commands::set_input_schema(schema));
                            draft.set(Some(text));
                        }
                        Err(_) => draft.set(Some(text)),
                    }
                },
            }
        }
    }
}
