//! Groups in the outline: a head above the nodes of each, and the choice of a node's group.

use dioxus::prelude::*;

use super::keep_focus;
use crate::{
    canvas::board::{Board, NodeHandle, drawn::GroupHandle},
    ui::{
        button::IconButton,
        icon::{Glyph, Icon},
    },
};

/// The choice that makes a group of its own for the node. No group has it as its id: it is no word.
const NEW: &str = "+";

#[component]
pub(super) fn GroupHead(group: GroupHandle, locked: bool) -> Element {
    let mut board = use_context::<Board>();
    let data = group.data.read();
    let (word, glyph) = match data.collapsed {
        true => ("Expand", Glyph::Down),
        false => ("Collapse", Glyph::Up),
    };
    rsx! {
        tr { class: "outline-group", "data-group": "{data.id}",
            th { colspan: "4", scope: "rowgroup",
                div {
                    Icon { glyph: Glyph::Group }
                    if locked {
                        span { "{data.name}" }
                    } else {
                        input {
                            class: "editor-name",
                            "aria-label": "Name of group {data.id}",
                            maxlength: "200",
                            value: "{data.name}",
                            oninput: move |event| board.rename_group(group, &event.value()),
                        }
                    }
                    IconButton {
                        glyph,
                        label: "{word} {data.name} on the canvas",
                        onclick: move |_| board.toggle(group),
                    }
                    if !locked {
                        IconButton { glyph: Glyph::Close, label: "Ungroup {data.name}", onclick: move |_| {
                            board.ungroup(&[group.id()]);
                            keep_focus(board, super::ID.to_owned());
                        } }
                    }
                }
            }
        }
    }
}

/// In which group the node is.
#[component]
pub(super) fn GroupChoice(node: NodeHandle, group: Option<GroupHandle>) -> Element {
    let mut board = use_context::<Board>();
    let groups = board.groups.read().clone();
    let present = group.map_or_else(String::new, |group| group.data.read().id.clone());
    rsx! {
        select {
            id: "group-of-{node.key}",
            class: "outline-connect",
            "aria-label": "Group of {node.title()}",
            value: "{present}",
            onchange: move |event| {
                match event.value().as_str() {
                    NEW => board.group_nodes(&[node.id()]),
                    "" => board.put_into(&node.id(), None),
                    id => board.put_into(&node.id(), Some(id)),
                }
                // The row goes to its group.
                keep_focus(board, format!("group-of-{}", node.key));
            },
            option { value: "", selected: present.is_empty(), "No group" }
            for other in groups {
                option {
                    key: "{other.key}",
                    value: "{other.data.read().id}",
                    selected: group == Some(other),
                    "{other.data.read().name}"
                }
            }
            option { value: NEW, "New group" }
        }
    }
}
