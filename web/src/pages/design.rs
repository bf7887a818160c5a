//! Every piece of the design system, in use.

mod controls;
mod signs;

use dioxus::prelude::*;

use self::{
    controls::{Buttons, Fields, Layers},
    signs::{Badges, Icons, States, Swatches},
};
use crate::ui::{code::CodeBlock, kbd::Kbd, lines::Lines, page::Page, tabs::Tabs};

#[component]
pub(crate) fn Design() -> Element {
    rsx! {
        Page { title: "Design", loaded: true,
            p { class: "muted", "The pieces that the pages are made of." }
            Part { title: "Colour", Swatches {} }
            Part { title: "Buttons", Buttons {} }
            Part { title: "Fields", Fields {} }
            Part { title: "Menus, dialogs, toasts", Layers {} }
            Part { title: "Badges and avatars", Badges {} }
            Part { title: "Tabs", TabsSample {} }
            Part { title: "States of a page", States {} }
            Part { title: "Code and keys",
                CodeBlock { text: "{{\n  \"name\": \"Ada\"\n}}", label: "Sample" }
                Kbd { keys: "Ctrl K" }
                Lines { old: "{{\n  \"name\": \"Ada\"\n}}", new: "{{\n  \"name\": \"Ada\",\n  \"age\": 36\n}}", label: "Sample, before and after" }
            }
            Part { title: "Icons", Icons {} }
        }
    }
}

#[component]
fn Part(title: String, children: Element) -> Element {
    rsx! {
        section { class: "stack-s",
            h2 { "{title}" }
            div { class: "panel stack", {children} }
        }
    }
}

#[component]
fn TabsSample() -> Element {
    let mut chosen = use_signal(|| "in".to_owned());
    let tabs = [("in", "Input"), ("out", "Output"), ("log", "Logs")];
    let tabs: Vec<_> = tabs
        .map(|(key, text)| (key.to_owned(), text.to_owned()))
        .into();
    rsx! {
        Tabs { label: "Sample", tabs, chosen: chosen(), onchoose: move |key| chosen.set(key) }
        div { role: "tabpanel", "aria-label": "{chosen}", "The panel of “{chosen}”." }
    }
}
