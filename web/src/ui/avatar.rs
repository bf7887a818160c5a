//! The initials of a person or an organization: decoration, which the styles write, and no part of a button's text.

use dioxus::prelude::*;

#[component]
pub(crate) fn Avatar(name: String, #[props(default)] square: bool) -> Element {
    rsx! {
        span { class: "avatar", "data-square": square.then_some(""), "aria-hidden": "true", "data-initials": initials(&name) }
    }
}

fn initials(name: &str) -> String {
    let mut words = name
        .split_whitespace()
        .filter_map(|word| word.chars().next());
    let first = words.next();
    let last = words.next_back();
    first
        .into_iter()
        .chain(last)
        .flat_map(char::to_uppercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_word_count() {
        let texts = ["Ada Lovelace", "grace", "Ada King of Lovelace", ""].map(initials);
        assert_eq!(texts, ["AL", "G", "AL", ""]);
    }
}
