//! A row of tabs; the owner shows the panel of the chosen one.

use dioxus::prelude::*;

use super::use_id;
use crate::dom;

/// `tabs` are pairs of key and text. The panel has `role=tabpanel` and the chosen tab's text as its label.
#[component]
pub(crate) fn Tabs(
    label: String,
    tabs: Vec<(String, String)>,
    chosen: String,
    onchoose: EventHandler<String>,
) -> Element {
    let id = use_id("tabs");
    let count = tabs.len();
    let at = tabs.iter().position(|(key, _)| *key == chosen).unwrap_or(0);
    let keys: Vec<_> = tabs.iter().map(|(key, _)| key.clone()).collect();
    let prefix = id.clone();
    rsx! {
        div {
            class: "tabs",
            role: "tablist",
            "aria-label": "{label}",
            onkeydown: move |event| {
                let to = match event.key() {
                    Key::ArrowRight => (at + 1) % count,
                    Key::ArrowLeft => (at + count - 1) % count,
                    Key::Home => 0,
                    Key::End => count - 1,
                    _ => return,
                };
                event.prevent_default();
                onchoose.call(keys[to].clone());
                if let Some(tab) = dom::by_id(&format!("{prefix}-{to}")) {
                    dom::focus(&tab);
                }
            },
            for (index , (key , text)) in tabs.into_iter().enumerate() {
                button {
                    key: "{key}",
                    id: "{id}-{index}",
                    r#type: "button",
                    role: "tab",
                    "aria-selected": if index == at { "true" } else { "false" },
                    tabindex: if index == at { "0" } else { "-1" },
                    onclick: move |_| onchoose.call(key.clone()),
                    "{text}"
                }
            }
        }
    }
}
