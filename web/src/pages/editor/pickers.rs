//! Choosing what a node refers to: an agent, a crew, a tool, a knowledge base, a model.

use contracts::{page::Page as ListPage, tool::Tool};
use dioxus::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    api::query::{View, use_get},
    canvas::{
        board::{Board, NodeHandle},
        fields::{self, Control, json_text},
    },
    pages::editor::{
        expression::{Expression, JsonExpression},
        properties::configure,
    },
    ui::{problem::ProblemLine, select::SelectField, use_id},
};

/// What every list has of its objects.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Named {
    id: String,
    #[serde(default)]
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Agents,
    Crews,
    Tools,
    Knowledge,
    Flows,
}

impl Source {
    const fn path(self) -> &'static str {
        match self {
            Self::Agents => "/agents?limit=200",
            Self::Crews => "/crews?limit=200",
            Self::Tools => "/tools?limit=200",
            Self::Knowledge => "/knowledge/bases?limit=200",
            Self::Flows => "/flows?limit=200",
        }
    }

    const fn none(self) -> &'static str {
        match self {
            Self::Agents => "There are no agents yet.",
            Self::Crews => "There are no crews yet.",
            Self::Tools => "There are no tools yet.",
            Self::Knowledge => "There are no knowledge bases yet.",
            Self::Flows => "There are no flows yet.",
        }
    }
}

#[component]
pub(super) fn Picker(
    label: String,
    value: String,
    source: Source,
    onpick: EventHandler<String>,
) -> Element {
    let list = use_get::<ListPage<Named>>(source.path().to_owned());
    let items = match list.view() {
        View::Loading => Vec::new(),
        View::Failed(problem) => return rsx! { ProblemLine { problem } },
        View::Ready(page) => page.items.clone(),
    };
    let hint = (items.is_empty() && list.is_settled()).then(|| source.none().to_owned());
    let mut options = vec![(String::new(), "Choose…".to_owned())];
    if !value.is_empty() && !items.iter().any(|item| item.id == value) {
        options.push((value.clone(), value.clone()));
    }
    options.extend(items.into_iter().map(|item| (item.id, item.name)));
    rsx! {
        SelectField { label, value, options, hint, onchange: move |id| onpick.call(id) }
    }
}

/// A model by its name; the known ones are suggested.
#[component]
pub(super) fn ModelField(
    label: String,
    hint: String,
    value: String,
    oninput: EventHandler<String>,
) -> Element {
    let id = use_id("model");
    let models = use_get::<ListPage<Named>>("/llm/models".to_owned());
    rsx! {
        div { class: "field",
            label { r#for: "{id}", "{label}" }
            input {
                id: "{id}",
                class: "input field-control",
                list: "{id}-list",
                spellcheck: "false",
                placeholder: "the organization's default",
                value: "{value}",
                oninput: move |event| oninput.call(event.value()),
            }
            datalist { id: "{id}-list",
                for model in models.data().map(|page| page.items.clone()).unwrap_or_default() {
                    option { key: "{model.id}", value: "{model.id}" }
                }
            }
            p { class: "hint", "{hint}" }
        }
    }
}

/// The arguments of a tool, by its own schema.
#[component]
pub(super) fn ArgumentsField(node: NodeHandle, value: Option<Value>) -> Element {
    let id = node
        .data
        .read()
        .config
        .get("tool_id")
        .and_then(Value::as_str)
        .map(str::to_owned);
    match id {
        Some(id) => rsx! { Arguments { key: "{id}", id, node, value } },
        None => rsx! {
            p { class: "hint", "Choose a tool to fill in its arguments." }
        },
    }
}

#[component]
fn Arguments(id: String, node: NodeHandle, value: Option<Value>) -> Element {
    let board = use_context::<Board>();
    let tool = use_get::<Tool>(format!("/tools/{id}"));
    let fields = match tool.view() {
        View::Loading => Vec::new(),
        View::Failed(problem) => return rsx! { ProblemLine { problem } },
        View::Ready(tool) => fields::of("", &tool.input_schema),
    };
    let known: Map<String, Value> = value
        .and_then(|value| value.as_object().cloned())
        .unwrap_or_default();
    let set = {
        let known = known.clone();
        move |key: &str, value: Option<Value>| {
            let mut known = known.clone();
            match value {
                Some(value) => known.insert(key.to_owned(), value),
                None => known.remove(key),
            };
            configure(board, node, "arguments", Some(Value::Object(known)));
        }
    };
    rsx! {
        fieldset { class: "arguments stack",
            legend { "Arguments" }
            if fields.is_empty() {
                p { class: "hint", "This tool takes no arguments." }
            }
            for field in fields {
                if let Control::Text { lines } = field.control {
                    Expression {
                        key: "{field.key}",
                        node,
                        label: if field.required { format!("{} *", field.key) } else { field.key.clone() },
                        hint: field.about.clone(),
                        text: known.get(&field.key).and_then(Value::as_str).unwrap_or_default().to_owned(),
                        lines,
                        bare: false,
                        oninput: {
                            let (set, key) = (set.clone(), field.key.clone());
                            move |text: String| set(&key, (!text.is_empty()).then_some(Value::String(text)))
                        },
                    }
                } else {
                    JsonExpression {
                        key: "{field.key}",
                        node,
                        label: if field.required { format!("{} *", field.key) } else { field.key.clone() },
                        hint: field.about.clone(),
                        text: json_text(known.get(&field.key)),
                        oninput: {
                            let (set, key) = (set.clone(), field.key.clone());
                            move |value| set(&key, value)
                        },
                    }
                }
            }
        }
    }
}
