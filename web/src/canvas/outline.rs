//! The flow as a table: the same nodes and connections without a place, for keyboards, screen readers and phones.

mod groups;
mod notes;

use std::collections::HashMap;

use contracts::flow::Edge;
use dioxus::prelude::*;

use crate::{
    canvas::{
        board::{Adding, Board, EdgeHandle, NodeHandle, drawn::GroupHandle},
        geometry::Point,
        gesture::middle_of,
        glyph::KindGlyph,
        model::title,
    },
    dom,
    ui::{button::IconButton, icon::Glyph},
};
use groups::{GroupChoice, GroupHead};
use notes::Notes;

const ID: &str = "outline";

#[component]
pub(crate) fn Outline() -> Element {
    let mut board = use_context::<Board>();
    let (loose, groups) = parts(board);
    let locked = *board.locked.read();
    rsx! {
        div { id: ID, class: "outline", tabindex: "-1",
            table {
                caption { class: "visually-hidden", "Nodes of the flow and where they lead" }
                thead {
                    tr {
                        th { scope: "col", "Node" }
                        th { scope: "col", class: "wide-only", "Type" }
                        th { scope: "col", "Leads to" }
                        th { scope: "col", span { class: "visually-hidden", "Acts" } }
                    }
                }
                tbody {
                    for node in loose {
                        OutlineRow { key: "{node.key}", node, group: None }
                    }
                }
                for (group, nodes) in groups {
                    tbody { key: "{group.key}",
                        GroupHead { group, locked }
                        for node in nodes {
                            OutlineRow { key: "{node.key}", node, group }
                        }
                    }
                }
            }
            Notes { locked }
            if !locked {
                div { class: "outline-acts",
                    button { class: "button", r#type: "button", onclick: move |_| board.ask_what_to_add(), "Add a node" }
                    button { class: "button", r#type: "button", onclick: move |_| board.begin_note_at(None), "Add a note" }
                }
            }
        }
    }
}

/// What was pressed may be gone or elsewhere then: the focus goes to this element, else to the outline.
fn keep_focus(board: Board, id: String) {
    board.spawn(async move {
        dom::sleep_ms(30).await;
        let is_lost = dom::focused().is_none_or(|element| element.tag_name() == "BODY");
        let element = dom::by_id(&id).or_else(|| dom::by_id(ID));
        if let Some(element) = element.filter(|_| is_lost) {
            dom::focus(&element);
        }
    });
}

/// The nodes that are in no group, and those of each.
fn parts(board: Board) -> (Vec<NodeHandle>, Vec<(GroupHandle, Vec<NodeHandle>)>) {
    let groups = board.groups.read();
    let mut homes = HashMap::new();
    for (index, group) in groups.iter().enumerate() {
        homes.extend(group.members.read().iter().map(|node| (node.key, index)));
    }
    let mut parts: Vec<(GroupHandle, Vec<NodeHandle>)> =
        groups.iter().map(|group| (*group, Vec::new())).collect();
    let mut loose = Vec::new();
    for node in board.nodes.read().iter() {
        match homes.get(&node.key) {
            Some(index) => parts[*index].1.push(*node),
            None => loose.push(*node),
        }
    }
    (loose, parts)
}

#[component]
fn OutlineRow(node: NodeHandle, group: Option<GroupHandle>) -> Element {
    let mut board = use_context::<Board>();
    let data = node.data.read();
    let kind = board.kind(&data.kind).map(|kind| kind.title);
    let mark = node.mark.read();
    let leaving: Vec<EdgeHandle> = board
        .edges
        .read()
        .iter()
        .filter(|edge| edge.from == node)
        .copied()
        .collect();
    let problems = node.problems.read().len();
    let locked = *board.locked.read();
    let name = title(&data).to_owned();
    rsx! {
        tr { "data-selected": node.selected.read().then_some(""), "data-state": mark.state,
            th { scope: "row",
                button {
                    class: "outline-name",
                    r#type: "button",
                    onclick: move |_| board.activate(Some(node)),
                    KindGlyph { kind: data.kind.clone() }
                    "{name}"
                }
                if problems > 0 {
                    span { class: "node-flag", title: "{node.problems.read().join(\"\\n\")}", "{problems}" }
                }
                if !mark.state.is_empty() {
                    small { class: "outline-state", "{mark.state} {mark.note}" }
                }
            }
            td { class: "wide-only muted", {kind.unwrap_or_default()} }
            td {
                ul { class: "outline-edges",
                    for edge in leaving {
                        OutlineEdge { key: "{edge.key}", edge, locked }
                    }
                    if !locked && !node.ports.read().is_empty() {
                        li { ConnectTo { node } }
                    }
                }
            }
            td {
                if !locked {
                    div { class: "outline-row-acts",
                        GroupChoice { node, group }
                        IconButton { glyph: Glyph::Trash, label: "Delete {name}", onclick: move |_| {
                            board.delete(&[node.id()], &[]);
                            keep_focus(board, ID.to_owned());
                        } }
                    }
                }
            }
        }
    }
}

#[component]
fn OutlineEdge(edge: EdgeHandle, locked: bool) -> Element {
    let mut board = use_context::<Board>();
    let inner: Edge = edge.edge.read().clone();
    let to = title(&edge.to.data.read()).to_owned();
    let port = inner.port().to_owned();
    let (between, gone) = (inner.clone(), inner);
    rsx! {
        li {
            if port != Edge::DEFAULT_PORT {
                code { "{port}" }
            }
            span { "{to}" }
            if !locked {
                IconButton {
                    glyph: Glyph::Plus,
                    label: "Insert a node before {to}",
                    onclick: move |_| {
                        let at = middle_of(edge.from, edge.to, between.port());
                        board.adding.set(Some(Adding::into_edge(between.clone(), at)));
                    },
                }
                IconButton {
                    glyph: Glyph::Close,
                    label: "Disconnect {to}",
                    onclick: move |_| board.delete(&[], std::slice::from_ref(&gone)),
                }
            }
        }
    }
}

/// A list of the nodes to which an edge from here may lead.
#[component]
fn ConnectTo(node: NodeHandle) -> Element {
    let mut board = use_context::<Board>();
    board.edges.read();
    let ports = node.ports.read().clone();
    let nodes = board.nodes.read().clone();
    let targets: Vec<(String, NodeHandle)> = ports
        .iter()
        .flat_map(|port| nodes.iter().map(move |to| (port.clone(), *to)))
        .filter(|(port, to)| board.may_connect(node, port, *to).is_ok())
        .collect();
    if targets.is_empty() {
        return rsx! {};
    }
    let choices = targets.clone();
    rsx! {
        select {
            class: "outline-connect",
            "aria-label": "Connect {node.title()} to",
            value: "",
            onchange: move |event| {
                let chosen = event.value().parse::<usize>().ok().and_then(|index| choices.get(index).cloned());
                if let Some((port, to)) = chosen {
                    board.connect(node, &port, to);
                }
            },
            option { value: "", selected: true, "Connect to…" }
            for (index, (port, to)) in targets.into_iter().enumerate() {
                option { key: "{port} {to.key}", value: "{index}",
                    if port == Edge::DEFAULT_PORT { "{to.title()}" } else { "{port} → {to.title()}" }
                }
            }
        }
    }
}

impl Board {
    /// Asks for the kind of a node that goes behind the active one, else to the middle.
    pub(crate) fn ask_what_to_add(&mut self) {
        if *self.locked.peek() {
            return self.say("This flow cannot be changed");
        }
        let edge = self.selected_edges().into_iter().next();
        let adding = match (edge, *self.active.peek()) {
            (Some(edge), _) => self.on_edge(edge),
            (None, Some(node)) => self.behind(node),
            (None, None) => None,
        };
        let adding = adding.unwrap_or_else(|| Adding::at(self.middle()));
        self.adding.set(Some(adding));
    }

    fn on_edge(&self, edge: Edge) -> Option<Adding> {
        let (from, to) = (self.by_id(&edge.from)?, self.by_id(&edge.to)?);
        let at = middle_of(from, to, edge.port());
        Some(Adding::into_edge(edge, at))
    }

    fn behind(&self, node: NodeHandle) -> Option<Adding> {
        let ports = node.ports.peek();
        let edges = self.edges.peek();
        let is_free = |port: &&String| {
            !edges
                .iter()
                .any(|edge| edge.from == node && edge.edge.read().port() == port.as_str())
        };
        let port = ports.iter().find(is_free).or(ports.first())?.clone();
        let rect = node.rect();
        let at = Point::new(rect.x + rect.width + 88.0, rect.y);
        Some(Adding::after(node.id(), port, at))
    }
}
