//! The form that a JSON Schema makes.
//!
//! **Invariant:** it never invents a value: an optional field that is empty is absent.

mod parsed;

use std::rc::Rc;

use contracts::FieldProblem;
use dioxus::prelude::*;
use serde_json::Value;

use self::parsed::ParsedField;
use super::{
    button::{Button, IconButton, Variant},
    field::{TextArea, TextField},
    icon::Glyph,
    select::SelectField,
    switch::Switch,
};
use crate::schema::{
    Property, Shape, below, hint, initial, plain, problem_at, shape, with_property,
};

/// A field and where it stands.
#[derive(Clone, PartialEq, Props)]
pub(crate) struct Slot {
    schema: Value,
    value: Option<Value>,
    /// JSON pointer of the value in what is sent; the problems name it.
    #[props(default)]
    path: String,
    label: String,
    #[props(default)]
    required: bool,
    #[props(default)]
    problems: Rc<Vec<FieldProblem>>,
    onchange: EventHandler<Option<Value>>,
}

impl Slot {
    fn error(&self) -> Option<String> {
        problem_at(&self.problems, &self.path)
    }
    fn title(&self) -> String {
        let title = self.schema.get("title").and_then(Value::as_str);
        let title = title.unwrap_or(&self.label);
        match self.required {
            true => title.to_owned(),
            false => format!("{title} (optional)"),
        }
    }
    fn text(&self) -> String {
        self.value.as_ref().map(plain).unwrap_or_default()
    }
}

/// The whole form: the properties of an object schema, or one field where it is another.
#[component]
pub(crate) fn SchemaForm(
    schema: Value,
    value: Value,
    #[props(default)] path: String,
    #[props(default)] problems: Rc<Vec<FieldProblem>>,
    onchange: EventHandler<Value>,
) -> Element {
    match shape(&schema) {
        Shape::Object(properties) if properties.is_empty() => rsx! {
            p { class: "hint", "No arguments." }
        },
        Shape::Object(properties) => rsx! {
            div { class: "stack",
                Properties { properties, value: Some(value), path, problems, onchange }
            }
        },
        _ => rsx! {
            SchemaField {
                schema,
                value: Some(value),
                path,
                label: "Arguments as JSON",
                required: true,
                problems,
                onchange: move |value: Option<Value>| onchange.call(value.unwrap_or_default()),
            }
        },
    }
}

#[component]
fn Properties(
    properties: Vec<Property>,
    value: Option<Value>,
    path: String,
    problems: Rc<Vec<FieldProblem>>,
    onchange: EventHandler<Value>,
) -> Element {
    rsx! {
        for property in properties {
            SchemaField {
                key: "{property.name}",
                path: below(&path, &property.name),
                label: property.name.clone(),
                required: property.required,
                problems: problems.clone(),
                value: value.as_ref().and_then(|value| value.get(&property.name)).cloned(),
                onchange: {
                    let (object, name) = (value.clone(), property.name.clone());
                    move |value| onchange.call(with_property(object.as_ref(), &name, value))
                },
                schema: property.schema,
            }
        }
    }
}

#[component]
pub(crate) fn SchemaField(props: Slot) -> Element {
    match shape(&props.schema) {
        Shape::Choice(choices) => choice(props, choices),
        Shape::Text { long } => text(props, long),
        Shape::Flag => flag(props),
        Shape::Number { .. } | Shape::Free => rsx! {
            ParsedField { ..props }
        },
        Shape::List(_) => list(props),
        Shape::Object(_) => object(props),
    }
}

fn choice(slot: Slot, choices: Vec<Value>) -> Element {
    let mut options: Vec<_> = choices.iter().map(plain).map(|t| (t.clone(), t)).collect();
    if !slot.required || slot.value.is_none() {
        options.insert(0, (String::new(), "–".into()));
    }
    let onchange = slot.onchange;
    rsx! {
        SelectField {
            label: slot.title(),
            value: slot.text(),
            options,
            hint: hint(&slot.schema),
            error: slot.error(),
            onchange: move |text: String| {
                onchange.call(choices.iter().find(|choice| plain(choice) == text).cloned());
            },
        }
    }
}

fn text(slot: Slot, long: bool) -> Element {
    let (label, value, hint, error) = (slot.title(), slot.text(), hint(&slot.schema), slot.error());
    let keeps_empty = slot.required;
    let onchange = slot.onchange;
    let oninput = move |text: String| {
        let value = (keeps_empty || !text.is_empty()).then_some(Value::String(text));
        onchange.call(value);
    };
    match long {
        true => rsx! {
            TextArea { label, value, hint, error, oninput }
        },
        false => rsx! {
            TextField { label, value, hint, error, oninput, autocomplete: "off" }
        },
    }
}

fn flag(slot: Slot) -> Element {
    let onchange = slot.onchange;
    rsx! {
        Switch {
            label: slot.label.clone(),
            checked: slot.value == Some(Value::Bool(true)),
            hint: slot.error().or_else(|| hint(&slot.schema)),
            onchange: move |checked| onchange.call(Some(Value::Bool(checked))),
        }
    }
}

fn list(slot: Slot) -> Element {
    let items = match &slot.value {
        Some(Value::Array(items)) => items.clone(),
        _ => Vec::new(),
    };
    let Shape::List(item) = shape(&slot.schema) else {
        return rsx! {};
    };
    let (onchange, keeps_empty) = (slot.onchange, slot.required);
    let put = move |items: Vec<Value>| {
        let value = (keeps_empty || !items.is_empty()).then_some(Value::Array(items));
        onchange.call(value);
    };
    let added = items.clone();
    let fresh = initial(&item).unwrap_or_else(|| match shape(&item) {
        Shape::Text { .. } => Value::String(String::new()),
        Shape::Choice(choices) => choices.first().cloned().unwrap_or_default(),
        _ => Value::Null,
    });
    rsx! {
        fieldset { class: "nested",
            legend { {slot.title()} }
            if let Some(hint) = slot.error().or_else(|| hint(&slot.schema)) {
                p { class: "hint", "{hint}" }
            }
            for (index , value) in items.iter().enumerate() {
                div { key: "{index}", class: "nested-item",
                    SchemaField {
                        schema: item.clone(),
                        value: (!value.is_null()).then(|| value.clone()),
                        path: below(&slot.path, &index.to_string()),
                        label: "{slot.label} {index + 1}",
                        required: true,
                        problems: slot.problems.clone(),
                        onchange: {
                            let items = items.clone();
                            move |value: Option<Value>| {
                                let mut items = items.clone();
                                items[index] = value.unwrap_or_default();
                                put(items);
                            }
                        },
                    }
                    IconButton {
                        glyph: Glyph::Trash,
                        label: "Remove {slot.label} {index + 1}",
                        onclick: {
                            let items = items.clone();
                            move |_| {
                                let mut items = items.clone();
                                items.remove(index);
                                put(items);
                            }
                        },
                    }
                }
            }
            Button {
                variant: Variant::Quiet,
                small: true,
                icon: Glyph::Plus,
                onclick: move |_| put(added.iter().cloned().chain([fresh.clone()]).collect()),
                "Add"
            }
        }
    }
}

fn object(slot: Slot) -> Element {
    let Shape::Object(properties) = shape(&slot.schema) else {
        return rsx! {};
    };
    let (onchange, required) = (slot.onchange, slot.required);
    rsx! {
        fieldset { class: "nested",
            legend { {slot.title()} }
            if let Some(hint) = slot.error().or_else(|| hint(&slot.schema)) {
                p { class: "hint", "{hint}" }
            }
            Properties {
                properties,
                value: slot.value.clone(),
                path: slot.path.clone(),
                problems: slot.problems,
                onchange: move |value: Value| {
                    let empty = value.as_object().is_some_and(serde_json::Map::is_empty);
                    onchange.call((required || !empty).then_some(value));
                },
            }
        }
    }
}
