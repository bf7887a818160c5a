//! Chooses several of a list: what is chosen as chips that can be taken away, the rest in a select.

use dioxus::prelude::*;

use crate::ui::{button::IconButton, icon::Glyph, select::SelectField};

/// `options` and `chosen` are pairs of value and text; what is chosen is not offered again.
#[component]
pub(crate) fn Picker(
    label: String,
    /// What the select says, for example `Add a tool…`.
    add: String,
    chosen: Vec<(String, String)>,
    options: Vec<(String, String)>,
    hint: Option<String>,
    error: Option<String>,
    onadd: EventHandler<String>,
    onremove: EventHandler<String>,
) -> Element {
    let rest = options
        .into_iter()
        .filter(|(value, _)| !chosen.iter().any(|(known, _)| known == value));
    let mut offered: Vec<_> = [(String::new(), add)].into_iter().chain(rest).collect();
    if offered.len() == 1 {
        // The select stays, so that the focus does too.
        offered[0].1 = "Nothing left to add".into();
    }
    rsx! {
        div { class: "picker",
            if !chosen.is_empty() {
                ul { class: "chips", "aria-label": "{label}",
                    for (value , text) in chosen {
                        li { key: "{value}", class: "chip",
                            span { "{text}" }
                            IconButton { glyph: Glyph::Close, label: "Remove {text}", onclick: move |_| onremove.call(value.clone()) }
                        }
                    }
                }
            }
            SelectField {
                label,
                value: "",
                options: offered,
                hint,
                error,
                onchange: move |value: String| {
                    if !value.is_empty() {
                        onadd.call(value);
                    }
                },
            }
        }
    }
}
