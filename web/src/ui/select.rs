//! A native select with its label.

use dioxus::prelude::*;

use super::{
    field::{Field, described_by},
    use_id,
};

/// `options` are pairs of value and text.
#[component]
pub(crate) fn SelectField(
    label: String,
    value: String,
    options: Vec<(String, String)>,
    onchange: EventHandler<String>,
    hint: Option<String>,
    error: Option<String>,
    #[props(default)] bare: bool,
    #[props(extends = GlobalAttributes, extends = select)] attributes: Vec<Attribute>,
) -> Element {
    let id = use_id("select");
    let described = described_by(&id, hint.is_some(), error.is_some());
    let invalid = error.is_some().then_some("true");
    rsx! {
        Field { id: id.clone(), label, hint, error, bare,
            select {
                id,
                class: "input",
                "aria-describedby": described,
                "aria-invalid": invalid,
                onchange: move |event| onchange.call(event.value()),
                ..attributes,
                for (key, text) in options {
                    option { key: "{key}", value: "{key}", selected: key == value, "{text}" }
                }
            }
        }
    }
}
