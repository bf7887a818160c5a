//! A value as text: strings as they are, all else as indented JSON. What is long is cut until it is asked for.

use dioxus::prelude::*;
use serde_json::Value;

use super::{
    button::Button,
    code::{CodeBlock, pretty},
};

/// Letters shown at first.
const CUT: usize = 8_000;

#[component]
pub(crate) fn Data(label: String, value: Value) -> Element {
    let mut whole = use_signal(|| false);
    let text = match &value {
        Value::String(text) => text.clone(),
        value => pretty(value),
    };
    let size = text.len();
    let (shown, cut) = match whole() {
        true => (text, false),
        false => shorten(text),
    };
    rsx! {
        CodeBlock { text: shown, label }
        if cut {
            Button { small: true, onclick: move |_| whole.set(true), "Show all {size / 1024} KiB" }
        }
    }
}

fn shorten(text: String) -> (String, bool) {
    match text.char_indices().nth(CUT) {
        Some((end, _)) => (format!("{}…", &text[..end]), true),
        None => (text, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_letters() {
        assert_eq!(shorten("short".into()), ("short".into(), false));
        let (text, cut) = shorten("é".repeat(CUT + 1));
        assert!(cut && text.ends_with("é…"));
    }
}
