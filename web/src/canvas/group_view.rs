//! The groups on the canvas: a frame behind the nodes of each, or one card in their place.
//!
//! **Invariant:** a flow without groups has nothing of this in the document.

use dioxus::prelude::*;

use crate::{
    canvas::{
        board::{Board, drawn::GroupHandle},
        editing,
        geometry::HEAD,
        tally,
    },
    ui::icon::{Glyph, Icon},
};

#[component]
pub(super) fn GroupFrames() -> Element {
    let board = use_context::<Board>();
    let groups = board.groups.read().clone();
    rsx! {
        for group in groups {
            GroupFrame { key: "{group.key}", group }
        }
    }
}

#[component]
fn GroupFrame(group: GroupHandle) -> Element {
    let data = group.data.read();
    let count = group.members.read().len();
    if data.collapsed || count == 0 {
        return rsx! {};
    }
    let area = *group.area.read();
    rsx! {
        div {
            id: "group-{group.key}",
            class: "group-frame",
            role: "group",
            "aria-label": "Group {data.name}, {count} nodes",
            "data-group": "{data.id}",
            "data-selected": group.selected.read().then_some(""),
            transform: "translate({area.x}px,{area.y}px)",
            width: "{area.width}px",
            height: "{area.height}px",
            div { class: "group-title", "data-beside": "{group.key}",
                GroupName { group }
                FoldButton { group, collapsed: false }
            }
        }
    }
}

#[component]
pub(super) fn GroupCards() -> Element {
    let board = use_context::<Board>();
    let groups = board.groups.read().clone();
    rsx! {
        for group in groups {
            GroupCard { key: "{group.key}", group }
        }
    }
}

#[component]
fn GroupCard(group: GroupHandle) -> Element {
    let data = group.data.read();
    let members = group.members.read();
    if !data.collapsed || members.is_empty() {
        return rsx! {};
    }
    let at = group.area.read().corner();
    let marks: Vec<_> = members.iter().map(|node| node.mark.read()).collect();
    let mark = tally::of(marks.iter().map(|mark| &**mark));
    let problems: usize = members.iter().map(|node| node.problems.read().len()).sum();
    let state = match mark.state {
        "" => String::new(),
        state => format!(", {state}"),
    };
    rsx! {
        div {
            id: "group-{group.key}",
            class: "node group-card",
            role: "group",
            "aria-label": "Group {data.name}, collapsed, {mark.note}{state}",
            "data-group": "{data.id}",
            "data-beside": "{group.key}",
            "data-state": mark.state,
            "data-stale": mark.stale.then_some(""),
            "data-selected": group.selected.read().then_some(""),
            "data-problem": (problems > 0).then_some(""),
            transform: "translate({at.x}px,{at.y}px)",
            min_height: "{HEAD}px",
            div { class: "node-head",
                Icon { glyph: Glyph::Group }
                GroupName { group }
                if problems > 0 {
                    span { class: "node-flag", title: "{problems} problems", "!" }
                }
                if !mark.state.is_empty() {
                    span { class: "node-mark", title: mark.state }
                }
                FoldButton { group, collapsed: true }
            }
            div { class: "node-line",
                span { class: "node-note", "{mark.note}" }
            }
        }
    }
}

#[component]
fn GroupName(group: GroupHandle) -> Element {
    let mut board = use_context::<Board>();
    let is_typed = editing::use_editing(board, group.key);
    let data = group.data.read();
    if !is_typed {
        return rsx! { span { class: "group-name", title: "{data.name}", "{data.name}" } };
    }
    rsx! {
        input {
            class: "group-name",
            "aria-label": "Name of the group",
            "data-outside": "",
            maxlength: "200",
            value: "{data.name}",
            onmounted: move |event| editing::take_focus(&event),
            oninput: move |event| board.rename_group(group, &event.value()),
            onkeydown: move |event| editing::keys(board, group.key, &event, true),
            onblur: move |_| board.end_editing(group.key),
            oncopy: move |event| event.stop_propagation(),
            oncut: move |event| event.stop_propagation(),
            onpaste: move |event| event.stop_propagation(),
        }
    }
}

#[component]
fn FoldButton(group: GroupHandle, collapsed: bool) -> Element {
    let mut board = use_context::<Board>();
    let (word, glyph) = match collapsed {
        true => ("Expand", Glyph::Down),
        false => ("Collapse", Glyph::Up),
    };
    let label = format!("{word} {}", group.data.read().name);
    rsx! {
        button {
            class: "group-fold",
            r#type: "button",
            // The canvas is one stop of the keyboard, which has keys of its own for this.
            tabindex: "-1",
            "aria-label": "{label}",
            title: "{label}",
            onclick: move |_| {
                board.toggle(group);
                // The button is gone with what it stood on.
                super::focus_stage();
            },
            Icon { glyph, size: 14 }
        }
    }
}
