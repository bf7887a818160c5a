//! A key, or several at once.

use dioxus::prelude::*;

/// `keys` as in `Ctrl K`; they are separated by spaces.
#[component]
pub(crate) fn Kbd(keys: String) -> Element {
    rsx! {
        span { class: "keys",
            for (index , key) in keys.split(' ').enumerate() {
                kbd { key: "{index}", "{key}" }
            }
        }
    }
}
