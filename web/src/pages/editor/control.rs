//! The control of one key of a node's configuration.

use dioxus::prelude::*;
use serde_json::{Map, Value, json};

use crate::{
    canvas::{
        board::{Board, NodeHandle},
        fields::{Control, Field, json_text},
    },
    pages::editor::{
        buttons::ButtonsField,
        expression::{Expression, JsonExpression},
        pickers::{ArgumentsField, ModelField, Picker, Source},
        properties::configure,
    },
    ui::{
        button::{Button, IconButton},
        code_editor::CodeEditor,
        field::TextField,
        icon::Glyph,
        select::SelectField,
    },
};

#[component]
pub(super) fn FieldView(node: NodeHandle, field: Field) -> Element {
    let board = use_context::<Board>();
    let value = node.data.read().config.get(&field.key).cloned();
    let text = match &value {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let key = field.key.clone();
    let set_text = move |text: String| {
        let value = (!text.is_empty()).then_some(Value::String(text));
        configure(board, node, &key, value);
    };
    let key = field.key.clone();
    let label = if field.required {
        format!("{} *", field.label)
    } else {
        field.label.clone()
    };
    let hint = field.about.clone();
    match field.control.clone() {
        Control::Text { lines } => rsx! {
            Expression { node, label, hint, text, lines, bare: false, oninput: set_text }
        },
        Control::Plain => rsx! {
            TextField { label, hint, value: text, oninput: set_text, class: "input field-control" }
        },
        Control::Number { least, most, whole } => rsx! {
            TextField {
                label,
                hint,
                kind: "number",
                value: text,
                min: least.map(|least| least.to_string()),
                max: most.map(|most| most.to_string()),
                step: if whole { "1" } else { "any" },
                oninput: move |text: String| configure(board, node, &key, number(&text, whole)),
            }
        },
        Control::Choice(words) => rsx! {
            SelectField {
                label,
                hint,
                value: text,
                options: choices(words, field.required),
                onchange: set_text,
            }
        },
        Control::Yes => rsx! {
            label { class: "check",
                input {
                    r#type: "checkbox",
                    checked: value == Some(Value::Bool(true)),
                    onchange: move |event| configure(board, node, &key, Some(Value::Bool(event.checked()))),
                }
                "{field.label}"
            }
        },
        Control::Names => rsx! { NamesField { node, field, value } },
        Control::Json => rsx! {
            JsonExpression { node, label, hint, text: json_text(value.as_ref()), oninput: move |value| configure(board, node, &key, value) }
        },
        Control::Code => rsx! {
            CodeEditor { label, hint, value: text, language: "javascript", oninput: set_text }
        },
        Control::Cases => rsx! { CasesField { node, value } },
        Control::Buttons => rsx! { ButtonsField { node, value } },
        Control::Agent => {
            rsx! { Picker { label, value: text, source: Source::Agents, onpick: set_text } }
        }
        Control::Crew => {
            rsx! { Picker { label, value: text, source: Source::Crews, onpick: set_text } }
        }
        Control::Tool => {
            rsx! { Picker { label, value: text, source: Source::Tools, onpick: set_text } }
        }
        Control::Knowledge => {
            rsx! { Picker { label, value: text, source: Source::Knowledge, onpick: set_text } }
        }
        Control::Flow => {
            rsx! { Picker { label, value: text, source: Source::Flows, onpick: set_text } }
        }
        Control::Condition => rsx! {
            Expression { node, label, hint, text, lines: 1, bare: true, oninput: set_text }
        },
        Control::Model => rsx! { ModelField { label, hint, value: text, oninput: set_text } },
        Control::Arguments => rsx! { ArgumentsField { node, value } },
    }
}

/// What need not be chosen may be left open.
fn choices(words: Vec<String>, required: bool) -> Vec<(String, String)> {
    let open = (!required).then(|| (String::new(), "—".to_owned()));
    let words = words.into_iter().map(|word| (word.clone(), word));
    open.into_iter().chain(words).collect()
}

fn number(text: &str, whole: bool) -> Option<Value> {
    if whole {
        text.parse::<i64>().ok().map(Value::from)
    } else {
        text.parse::<f64>().ok().map(Value::from)
    }
}

/// The cases of a condition: what must hold, and the port it then goes on at.
#[component]
fn CasesField(node: NodeHandle, value: Option<Value>) -> Element {
    let board = use_context::<Board>();
    let cases: Vec<Value> = value
        .and_then(|value| value.as_array().cloned())
        .unwrap_or_default();
    let save = {
        let cases = cases.clone();
        move |change: &dyn Fn(&mut Vec<Value>)| {
            let mut cases = cases.clone();
            change(&mut cases);
            configure(board, node, "cases", Some(Value::Array(cases)));
        }
    };
    let part = |case: &Value, key: &str| {
        case.get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let count = cases.len();
    rsx! {
        div { class: "cases", role: "group", "aria-label": "Cases",
            for (index, case) in cases.iter().enumerate() {
                div { key: "{index}", class: "case",
                    Expression {
                        node,
                        label: if index == 0 { "If" } else { "Else if" },
                        hint: "",
                        text: part(case, "when"),
                        lines: 1,
                        bare: true,
                        oninput: {
                            let save = save.clone();
                            move |text: String| save(&|cases| cases[index]["when"] = json!(text))
                        },
                    }
                    TextField {
                        label: "go on at port",
                        value: part(case, "port"),
                        oninput: {
                            let save = save.clone();
                            move |text: String| save(&|cases| cases[index]["port"] = json!(text))
                        },
                    }
                    if count > 1 {
                        IconButton {
                            glyph: Glyph::Trash,
                            label: "Remove case {index + 1}",
                            onclick: {
                                let save = save.clone();
                                move |_| save(&|cases| drop(cases.remove(index)))
                            },
                        }
                    }
                }
            }
            Button {
                small: true,
                icon: Glyph::Plus,
                onclick: move |_| save(&|cases| cases.push(json!({"when": "", "port": format!("case_{}", cases.len() + 1)}))),
                "Add a case"
            }
        }
    }
}

/// A text for each of any names, for example header fields.
#[component]
fn NamesField(node: NodeHandle, field: Field, value: Option<Value>) -> Element {
    let board = use_context::<Board>();
    let pairs: Map<String, Value> = value
        .and_then(|value| value.as_object().cloned())
        .unwrap_or_default();
    let key = field.key.clone();
    let save = {
        let pairs = pairs.clone();
        move |change: &dyn Fn(&mut Map<String, Value>)| {
            let mut pairs = pairs.clone();
            change(&mut pairs);
            let value = (!pairs.is_empty()).then_some(Value::Object(pairs));
            configure(board, node, &key, value);
        }
    };
    let mut name = use_signal(String::new);
    rsx! {
        div { class: "cases", role: "group", "aria-label": "{field.label}",
            p { class: "field-title", "{field.label}" }
            for (known, text) in pairs.iter() {
                div { key: "{known}", class: "case",
                    Expression {
                        node,
                        label: known.clone(),
                        hint: "",
                        text: text.as_str().unwrap_or_default().to_owned(),
                        lines: 1,
                        bare: false,
                        oninput: {
                            let (save, known) = (save.clone(), known.clone());
                            move |text: String| save(&|pairs| drop(pairs.insert(known.clone(), json!(text))))
                        },
                    }
                    IconButton {
                        glyph: Glyph::Trash,
                        label: "Remove {known}",
                        onclick: {
                            let (save, known) = (save.clone(), known.clone());
                            move |_| save(&|pairs| drop(pairs.remove(&known)))
                        },
                    }
                }
            }
            div { class: "case",
                TextField { label: "New name", value: "{name}", oninput: move |text| name.set(text) }
                Button {
                    small: true,
                    icon: Glyph::Plus,
                    disabled: name.read().trim().is_empty(),
                    onclick: move |_| {
                        let new = name.take().trim().to_owned();
                        save(&|pairs| drop(pairs.insert(new.clone(), json!(""))));
                    },
                    "Add"
                }
            }
        }
    }
}
