//! A block of code or JSON with a copy button.

use dioxus::prelude::*;

use super::{button::IconButton, icon::Glyph, toast};
use crate::dom;

#[component]
pub(crate) fn CodeBlock(
    text: String,
    #[props(default = "Code".to_owned())] label: String,
) -> Element {
    let copied = text.clone();
    rsx! {
        figure { class: "code-block",
            pre { tabindex: "0", role: "region", "aria-label": "{label}", code { "{text}" } }
            IconButton {
                glyph: Glyph::Copy,
                label: "Copy",
                onclick: move |_| {
                    let copied = copied.clone();
                    async move {
                        match dom::copy(&copied).await {
                            true => toast::done("Copied."),
                            false => toast::failed("The browser does not allow copying here."),
                        }
                    }
                },
            }
        }
    }
}

/// A JSON value, indented.
pub(crate) fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).expect("a value has a JSON form")
}
