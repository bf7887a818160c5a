//! A JSON value as text, in the code editor.
//!
//! **Invariant:** what is on the screen is what is saved: a text that is no JSON goes to the server as that text, which refuses it.

use dioxus::prelude::*;
use serde_json::Value;

use crate::ui::{code::pretty, code_editor::CodeEditor};

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => pretty(other),
    }
}

#[component]
pub(crate) fn JsonText(
    label: String,
    value: Value,
    onchange: EventHandler<Value>,
    hint: Option<String>,
    error: Option<String>,
) -> Element {
    let mut text = use_signal(|| written(&value));
    let mut known = use_hook(|| CopyValue::new(value.clone()));
    if *known.peek() != value {
        // Changed from outside; otherwise the text keeps the layout that its author gave it.
        known.set(value.clone());
        text.set(written(&value));
    }
    let wrong = value
        .is_string()
        .then(|| "This is not JSON yet.".to_owned());
    rsx! {
        CodeEditor {
            label,
            language: "json",
            value: text(),
            hint,
            error: wrong.or(error),
            oninput: move |typed: String| {
                let value = serde_json::from_str(&typed).unwrap_or_else(|_| Value::String(typed.clone()));
                text.set(typed);
                if *known.peek() != value {
                    known.set(value.clone());
                    onchange.call(value);
                }
            },
        }
    }
}
