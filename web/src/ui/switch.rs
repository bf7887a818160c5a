//! A labelled checkbox.

use dioxus::prelude::*;

use super::use_id;

#[component]
pub(crate) fn Switch(
    label: String,
    checked: bool,
    onchange: EventHandler<bool>,
    hint: Option<String>,
    #[props(default)] disabled: bool,
) -> Element {
    let id = use_id("switch");
    let described = hint.is_some().then(|| format!("{id}-hint"));
    rsx! {
        div { class: "switch",
            input {
                id: "{id}",
                r#type: "checkbox",
                checked,
                disabled,
                "aria-describedby": described,
                onchange: move |event| onchange.call(event.checked()),
            }
            label { r#for: "{id}", "{label}" }
            if let Some(hint) = hint {
                p { class: "hint", id: "{id}-hint", "{hint}" }
            }
        }
    }
}
