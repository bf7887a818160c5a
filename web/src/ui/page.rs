//! The frame of a page: its title, its acts, and the mark that its first data is here.

use dioxus::prelude::*;

use crate::dom;

#[component]
pub(crate) fn Page(
    title: String,
    /// Whether the first reading came to an end.
    loaded: bool,
    /// Instead of the title's text, where it can be edited or has company.
    heading: Option<Element>,
    actions: Option<Element>,
    /// No measure and no padding: for canvases and panes.
    #[props(default)]
    full: bool,
    children: Element,
) -> Element {
    use_effect(use_reactive!(
        |title| dom::document().set_title(&format!("{title} · Troupe"))
    ));
    rsx! {
        div { class: "page", "data-loaded": loaded.then_some(""), "data-full": full.then_some(""),
            header { class: "page-head",
                match heading {
                    Some(heading) => heading,
                    None => rsx! { h1 { "{title}" } },
                }
                if let Some(actions) = actions {
                    div { class: "page-actions", {actions} }
                }
            }
            {children}
        }
    }
}
