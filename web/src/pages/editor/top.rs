//! The bar above the canvas: the flow's name, how its saving stands, publish and run.

use contracts::Permission;
use dioxus::prelude::*;

use crate::{
    api::session,
    canvas::keys::SHEET,
    pages::{
        editor::{
            desk::{Desk, Dialogue, Panel, Saving},
            saving,
            upgrade::UpgradeAll,
        },
        flows::file,
    },
    routes::Route,
    ui::{
        button::{Button, IconButton, Variant},
        dialog::Dialog,
        icon::{Glyph, Icon},
    },
};

#[component]
pub(super) fn TopBar() -> Element {
    let mut desk = use_context::<Desk>();
    let locked = *desk.board.locked.read();
    let may_run = session::may(Permission::FlowExecute);
    let toggle = move |panel: Panel| {
        let mut shown = desk.panel;
        let next = (*shown.peek() != Some(panel)).then_some(panel);
        shown.set(next);
    };
    rsx! {
        div { class: "editor-top",
            Link { to: Route::flows(), class: "icon-button", "aria-label": "All flows", title: "All flows",
                Icon { glyph: Glyph::Left }
            }
            h1 { class: "visually-hidden", "{desk.name}" }
            input {
                class: "editor-name",
                "aria-label": "Name of the flow",
                maxlength: "200",
                value: "{desk.name}",
                readonly: locked,
                oninput: move |event| {
                    if !event.value().trim().is_empty() {
                        desk.name.set(event.value());
                    }
                },
            }
            SaveState {}
            span { class: "editor-space" }
            IconButton { class: "icon-button keys-button", glyph: Glyph::Keyboard, label: "Keyboard shortcuts", onclick: move |_| desk.dialogue.set(Dialogue::Shortcuts) }
            IconButton {
                glyph: Glyph::List,
                label: "Outline",
                pressed: *desk.outline.read(),
                onclick: move |_| {
                    let outline = *desk.outline.peek();
                    desk.outline.set(!outline);
                },
            }
            IconButton {
                class: "icon-button export-button",
                glyph: Glyph::Download,
                label: "Export as JSON",
                onclick: move |_| async move {
                    // What is not saved would be missing in the file.
                    saving::save(desk).await;
                    file::export(&desk.path()).await;
                },
            }
            UpgradeAll {}
            IconButton {
                glyph: Glyph::History,
                label: "Revisions",
                pressed: *desk.panel.read() == Some(Panel::Revisions),
                onclick: move |_| toggle(Panel::Revisions),
            }
            IconButton {
                glyph: Glyph::Clock,
                label: "Triggers",
                pressed: *desk.panel.read() == Some(Panel::Triggers),
                onclick: move |_| toggle(Panel::Triggers),
            }
            if !locked {
                Button { onclick: move |_| desk.dialogue.set(Dialogue::Publish), "Publish" }
            }
            if may_run {
                Button { variant: Variant::Primary, icon: Glyph::Play, onclick: move |_| toggle(Panel::Run), "Run" }
            }
        }
    }
}

#[component]
fn SaveState() -> Element {
    let desk = use_context::<Desk>();
    let revision = match *desk.revision.read() {
        None => "Never published".to_owned(),
        Some(revision) if *desk.published.read() => format!("Published as {revision}"),
        Some(revision) => format!("Draft after {revision}"),
    };
    if *desk.board.locked.read() {
        return rsx! {
            span { class: "save-state", "Read only · {revision}" }
        };
    }
    let saving = desk.saving.read().clone();
    let text = match &saving {
        Saving::Saved => "Saved",
        Saving::Waiting => "Unsaved changes",
        Saving::Busy => "Saving…",
        Saving::Failed(_) => "Not saved",
        Saving::Conflict(_) => "In conflict",
    };
    rsx! {
        span { class: "save-state", "data-saving": text,
            "{text}"
            span { class: "save-revision", " · {revision}" }
        }
        if let Saving::Failed(problem) = saving {
            span { class: "save-problem", role: "alert", "{problem.detail}" }
            Button { small: true, onclick: move |_| desk.board.spawn(async move { saving::save(desk).await; }), "Try again" }
        }
    }
}

#[component]
pub(super) fn ShortcutsDialog() -> Element {
    let mut desk = use_context::<Desk>();
    rsx! {
        Dialog { title: "Keys on the canvas", onclose: move |()| desk.dialogue.set(Dialogue::None),
            dl { class: "key-sheet",
                for (keys, text) in SHEET {
                    div { key: "{text}",
                        dt { kbd { "{keys}" } }
                        dd { "{text}" }
                    }
                }
            }
        }
    }
}
