//! What takes input.

use dioxus::prelude::*;

use crate::ui::{
    Tone,
    button::{Button, IconButton, Variant},
    confirm::Confirm,
    field::{TextArea, TextField},
    icon::{Glyph, Icon},
    menu::{Menu, MenuItem, MenuLine},
    search::SearchField,
    select::SelectField,
    switch::Switch,
    toast,
};

#[component]
pub(super) fn Buttons() -> Element {
    let mut pressed = use_signal(|| true);
    rsx! {
        div { class: "row",
            Button { variant: Variant::Primary, icon: Glyph::Play, "Primary" }
            Button { "Plain" }
            Button { variant: Variant::Quiet, "Quiet" }
            Button { variant: Variant::Danger, icon: Glyph::Trash, "Danger" }
            Button { small: true, "Small" }
            Button { disabled: true, "Disabled" }
            Button { busy: true, "Busy" }
            IconButton { glyph: Glyph::Refresh, label: "Refresh" }
            IconButton { glyph: Glyph::Filter, label: "Filter", pressed: pressed(), onclick: move |_| pressed.toggle() }
        }
    }
}

#[component]
pub(super) fn Fields() -> Element {
    let mut text = use_signal(|| "Ada".to_owned());
    let mut note = use_signal(String::new);
    let mut choice = use_signal(|| "b".to_owned());
    let mut on = use_signal(|| true);
    let mut search = use_signal(String::new);
    let options: Vec<_> = [("a", "First"), ("b", "Second")]
        .map(|(key, text)| (key.to_owned(), text.to_owned()))
        .into();
    rsx! {
        div { class: "columns",
            TextField { label: "With a hint", hint: "What it is for.", value: text(), oninput: move |new| text.set(new) }
            TextField { label: "With an error", error: "This is not an address.", value: text(), oninput: move |new| text.set(new) }
            SelectField { label: "Select", value: choice(), options, onchange: move |new| choice.set(new) }
            TextArea { label: "Text area", value: note(), oninput: move |new| note.set(new) }
        }
        Switch { label: "Switch", hint: "On or off.", checked: on(), onchange: move |new| on.set(new) }
        SearchField { label: "Search", value: search(), onsearch: move |new| search.set(new) }
    }
}

#[component]
pub(super) fn Layers() -> Element {
    let mut open = use_signal(|| false);
    rsx! {
        div { class: "row",
            Menu { label: "Sample menu", class: "button", trigger: rsx! { "Menu" Icon { glyph: Glyph::Down } },
                MenuItem { glyph: Glyph::Copy, onclick: |()| toast::done("Copied."), "Copy" }
                MenuItem { checked: true, onclick: |()| {}, "Checked" }
                MenuLine {}
                MenuItem { glyph: Glyph::Trash, tone: Tone::Err, onclick: move |()| open.set(true), "Delete" }
            }
            Button { onclick: move |_| open.set(true), "Dialog" }
            Button { onclick: |_| toast::done("It worked."), "Toast" }
            Button { onclick: |_| toast::failed("It did not work."), "Failure" }
        }
        if open() {
            Confirm { title: "Delete the sample?", act: "Delete", onconfirm: move |()| open.set(false), onclose: move |()| open.set(false),
                p { "Nothing happens: it is a sample." }
            }
        }
    }
}
