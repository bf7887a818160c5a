//! A search field that waits until the user stops typing. `/` leads to it.

use dioxus::prelude::*;

use super::{
    icon::{Glyph, Icon},
    use_id,
};
use crate::dom;

const PAUSE_MS: i32 = 200;

#[component]
pub(crate) fn SearchField(label: String, value: String, onsearch: EventHandler<String>) -> Element {
    let id = use_id("search");
    let mut text = use_signal(|| value.clone());
    let mut told = use_signal(|| value.clone());
    // Someone else changed the search: the address, for example.
    if value != *told.peek() {
        told.set(value.clone());
        text.set(value);
    }
    let tell = move |now: String| async move {
        dom::sleep_ms(PAUSE_MS).await;
        if *text.peek() == now && *told.peek() != now {
            told.set(now.clone());
            onsearch.call(now);
        }
    };
    rsx! {
        div { class: "search-box", role: "search",
            Icon { glyph: Glyph::Search }
            label { class: "visually-hidden", r#for: "{id}", "{label}" }
            input {
                id: "{id}",
                class: "input",
                r#type: "search",
                placeholder: "{label}",
                "data-search": "",
                "aria-keyshortcuts": "/",
                value: "{text}",
                oninput: move |event| {
                    text.set(event.value());
                    tell(event.value())
                },
            }
        }
    }
}
