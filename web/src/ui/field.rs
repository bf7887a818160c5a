//! Labelled inputs: label, hint and error belong to the control for every reader.

use dioxus::prelude::*;

use super::use_id;

/// The frame of a control whose `id` is given; `{id}-hint` and `{id}-error` describe it.
#[component]
pub(crate) fn Field(
    id: String,
    label: String,
    hint: Option<String>,
    error: Option<String>,
    /// Only screen readers need the label.
    #[props(default)]
    bare: bool,
    children: Element,
) -> Element {
    rsx! {
        div { class: "field", "data-invalid": error.is_some().then_some(""),
            label { r#for: "{id}", class: if bare { "visually-hidden" }, "{label}" }
            {children}
            if let Some(hint) = &hint {
                p { class: "hint", id: "{id}-hint", "{hint}" }
            }
            if let Some(error) = &error {
                p { class: "error", id: "{id}-error", "{error}" }
            }
        }
    }
}

/// The ids for `aria-describedby`.
pub(crate) fn described_by(id: &str, hint: bool, error: bool) -> Option<String> {
    let ids: Vec<_> = [(hint, "hint"), (error, "error")]
        .into_iter()
        .filter(|(present, _)| *present)
        .map(|(_, part)| format!("{id}-{part}"))
        .collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

#[component]
pub(crate) fn TextField(
    label: String,
    value: String,
    oninput: EventHandler<String>,
    #[props(default = "text")] kind: &'static str,
    hint: Option<String>,
    error: Option<String>,
    #[props(default)] bare: bool,
    #[props(default)] required: bool,
    #[props(default)] focused: bool,
    #[props(default)] onkey: EventHandler<KeyboardEvent>,
    #[props(extends = GlobalAttributes, extends = input)] attributes: Vec<Attribute>,
) -> Element {
    let id = use_id("field");
    let described = described_by(&id, hint.is_some(), error.is_some());
    let invalid = error.is_some().then_some("true");
    rsx! {
        Field { id: id.clone(), label, hint, error, bare,
            input {
                id,
                class: "input",
                r#type: kind,
                value,
                required,
                "aria-describedby": described,
                "aria-invalid": invalid,
                oninput: move |event| oninput.call(event.value()),
                onkeydown: move |event| onkey.call(event),
                onmounted: move |event| async move {
                    if focused {
                        // An element that is gone already takes no focus.
                        drop(event.set_focus(true).await);
                    }
                },
                ..attributes,
            }
        }
    }
}

#[component]
pub(crate) fn TextArea(
    label: String,
    value: String,
    oninput: EventHandler<String>,
    hint: Option<String>,
    error: Option<String>,
    #[props(default)] bare: bool,
    #[props(default = 3)] rows: u32,
    #[props(extends = GlobalAttributes, extends = textarea)] attributes: Vec<Attribute>,
) -> Element {
    let id = use_id("field");
    let described = described_by(&id, hint.is_some(), error.is_some());
    let invalid = error.is_some().then_some("true");
    rsx! {
        Field { id: id.clone(), label, hint, error, bare,
            textarea {
                id,
                class: "input",
                rows: "{rows}",
                value,
                "aria-describedby": described,
                "aria-invalid": invalid,
                oninput: move |event| oninput.call(event.value()),
                ..attributes,
            }
        }
    }
}
