//! A field whose text stands for a number or a piece of JSON.
//!
//! **Invariant:** what is typed stays as it is, also while it is not yet a value.

use dioxus::prelude::*;
use serde_json::Value;

use super::Slot;
use crate::{
    schema::{Shape, hint, parse_number, plain, shape as shape_of},
    ui::{
        code::pretty,
        field::{TextArea, TextField},
    },
};

#[component]
pub(super) fn ParsedField(props: Slot) -> Element {
    let shape = shape_of(&props.schema);
    let parse = move |text: &str| match shape {
        Shape::Number { integer } => parse_number(text, integer),
        _ => serde_json::from_str(text).ok(),
    };
    let is_number = matches!(shape_of(&props.schema), Shape::Number { .. });
    let written = |value: &Option<Value>| match value {
        None => String::new(),
        Some(value) if is_number => plain(value),
        Some(value) => pretty(value),
    };
    let mut typed = use_signal(|| written(&props.value));
    let mut parsed = use_hook(|| CopyValue::new(props.value.clone()));
    if *parsed.peek() != props.value {
        // Changed from outside: by a reset, or by another view of the same value.
        parsed.set(props.value.clone());
        typed.set(written(&props.value));
    }
    let now = typed();
    let wrong = (!now.trim().is_empty() && props.value.is_none()).then(|| match is_number {
        true => "This is not such a number.".to_owned(),
        false => "This is not JSON.".to_owned(),
    });
    let onchange = props.onchange;
    let oninput = move |text: String| {
        let value = parse(&text);
        typed.set(text);
        if *parsed.peek() != value {
            parsed.set(value.clone());
            onchange.call(value);
        }
    };
    let (label, hint, error) = (
        props.title(),
        hint(&props.schema),
        wrong.or_else(|| props.error()),
    );
    match is_number {
        true => rsx! {
            TextField { label, value: now, hint, error, oninput, inputmode: "decimal", autocomplete: "off", class: "input num" }
        },
        false => rsx! {
            TextArea { label, value: now, hint, error, oninput, class: "input mono" }
        },
    }
}
