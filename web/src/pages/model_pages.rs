//! The frame of the pages on models: providers, routes, budgets, usage and calls are tabs with an address each.

use dioxus::prelude::*;

use crate::{routes::Route, ui::page::Page};

/// The text of a tab, and its page.
type Tab = (&'static str, fn() -> Route);

const TABS: [Tab; 5] = [
    ("Providers", || Route::Providers {}),
    ("Routes", || Route::LlmRoutes {}),
    ("Budgets", || Route::Budgets {}),
    ("Usage", Route::usage),
    ("Calls", Route::calls),
];

#[component]
pub(crate) fn ModelPage(
    title: &'static str,
    loaded: bool,
    actions: Option<Element>,
    children: Element,
) -> Element {
    rsx! {
        Page { title, loaded, actions,
            nav { class: "tabs", "aria-label": "Models",
                for (text , to) in TABS {
                    // With other filters in its address a page is still this page.
                    Link { key: "{text}", to: to(), "data-here": (text == title).then_some(""), "{text}" }
                }
            }
            {children}
        }
    }
}

/// `<provider>/<model>`, which may be broken behind the provider.
#[component]
pub(crate) fn ModelName(provider: String, model: String) -> Element {
    rsx! {
        code { class: "model-name", "{provider}/" wbr {} "{model}" }
    }
}
