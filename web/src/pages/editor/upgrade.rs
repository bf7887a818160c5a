//! Nodes go to the current versions of their types: what that changes, shown before it is done.

use contracts::flow::{NodeConfig, NodeUpgrade};
use dioxus::prelude::*;

use crate::{
    canvas::{board::NodeHandle, model::title, upgrading},
    format::plural,
    pages::editor::desk::{Desk, Dialogue},
    ui::{
        button::{Button, IconButton, Variant},
        dialog::{Dialog, DialogActions},
        icon::Glyph,
        lines::Lines,
    },
};

/// Says of which version the node is, where there is a newer one.
#[component]
pub(super) fn VersionLine(node: NodeHandle) -> Element {
    let mut desk = use_context::<Desk>();
    let Some((version, current)) = upgrading::behind(&node.data.read()) else {
        return rsx! {};
    };
    rsx! {
        p { class: "version-line",
            "Version {version} of {current}"
            if !*desk.board.locked.read() {
                Button { small: true, icon: Glyph::Upgrade, onclick: move |_| desk.dialogue.set(Dialogue::Upgrade(Some(node.key))), "Upgrade" }
            }
        }
    }
}

/// Where more than one node of the flow can be upgraded.
#[component]
pub(super) fn UpgradeAll() -> Element {
    let mut desk = use_context::<Desk>();
    let count = use_memo(move || upgrading::count_behind(&desk.board.graph.read()));
    let count = *count.read();
    if count < 2 || *desk.board.locked.read() {
        return rsx! {};
    }
    rsx! {
        IconButton {
            glyph: Glyph::Upgrade,
            label: "Upgrade all {count} nodes of older versions",
            onclick: move |_| desk.dialogue.set(Dialogue::Upgrade(None)),
        }
    }
}

/// What the upgrade of one node, or of all, changes.
#[component]
pub(super) fn UpgradeDialog(node: Option<NodeHandle>) -> Element {
    let mut desk = use_context::<Desk>();
    let only = node.map(|node| vec![node.id()]);
    let upgrade = use_memo(move || upgrading::upgraded(&desk.board.graph.read(), only.as_deref()));
    let mut close = move || desk.dialogue.set(Dialogue::None);
    let apply = move |_| {
        let upgrade = upgrade.peek().clone();
        let command = upgrading::command(&desk.board.graph.peek(), &upgrade);
        desk.board.run(&command);
        for change in &upgrade.nodes {
            follow(desk, change);
        }
        close();
    };
    let shown = upgrade.read().clone();
    let edges = desk.board.graph.read().edges.len();
    let called = |id: &str| {
        let node = desk.board.by_id(id);
        node.map_or_else(|| id.to_owned(), |node| title(&node.data.read()).to_owned())
    };
    rsx! {
        Dialog { title: "Upgrade", wide: true, onclose: move |()| close(),
            div { class: "stack",
                for change in shown.nodes.iter() {
                    NodeChange { key: "{change.node}", name: called(&change.node), change: change.clone() }
                }
                if !shown.left.is_empty() {
                    h3 { class: "field-title", "These stay as they are" }
                    ul { class: "node-problems",
                        for left in shown.left.iter() {
                            li { key: "{left.node}", strong { {called(&left.node)} } ": {left.message}" }
                        }
                    }
                }
                p { class: "hint", "{kept(edges)} You can undo this as one step." }
            }
            DialogActions {
                Button { onclick: move |_| close(), "Cancel" }
                Button { variant: Variant::Primary, disabled: shown.nodes.is_empty(), onclick: apply, "Apply" }
            }
        }
    }
}

#[component]
fn NodeChange(name: String, change: NodeUpgrade) -> Element {
    rsx! {
        section { class: "node-upgrade",
            h3 { "{name}" span { class: "muted", "Version {change.from} → {change.to}" } }
            ul {
                for sentence in change.changes.iter() {
                    li { key: "{sentence}", {plain(sentence)} }
                }
                for (old , new) in change.ports.iter() {
                    li { key: "port-{old}", "The port " code { "{old}" } " is called " code { "{new}" } "." }
                }
            }
            Lines { old: written(&change.before), new: written(&change.after), label: "Configuration of {name}, before and after" }
        }
    }
}

/// A sentence with its code as code.
fn plain(sentence: &str) -> Element {
    rsx! {
        for (at , part) in sentence.split('`').enumerate() {
            if at % 2 == 1 {
                code { key: "{at}", "{part}" }
            } else {
                span { key: "{at}", "{part}" }
            }
        }
    }
}

fn kept(edges: usize) -> String {
    match edges {
        0 => String::new(),
        1 => "The connection of the flow is kept.".to_owned(),
        many => format!(
            "All {} of the flow are kept.",
            plural(many, "connection", "connections")
        ),
    }
}

fn written(config: &NodeConfig) -> String {
    serde_json::to_string_pretty(config).unwrap_or_default()
}

/// Lets the node's pin go on at the port that its old one is now.
fn follow(mut desk: Desk, change: &NodeUpgrade) {
    let port = |pins: &std::collections::BTreeMap<String, contracts::execution::Pin>| {
        let pinned = pins.get(&change.node)?.port.clone()?;
        change.ports.get(&pinned).cloned()
    };
    let Some(port) = port(&desk.pins.peek()) else {
        return;
    };
    if let Some(pin) = desk.pins.write().get_mut(&change.node) {
        pin.port = Some(port);
    }
}
