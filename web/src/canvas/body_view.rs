//! The bodies of maps and loops on the canvas: a frame behind the nodes of each.
//!
//! **Invariant:** a flow without bodies has nothing of this in the document.

use dioxus::prelude::*;

use crate::{
    canvas::{
        board::{Adding, Board, NodeHandle},
        commands::bodies::{bodies, with_bodies},
        geometry::{self, Point, Rect},
        glyph::KindGlyph,
        model::title,
    },
    ui::icon::{Glyph, Icon},
};

#[component]
pub(super) fn BodyFrames() -> Element {
    let board = use_context::<Board>();
    // With what stands in bodies within: their frames lie in this one.
    let frames = use_memo(move || {
        let graph = board.graph.read();
        let bodies = bodies(&graph).into_keys();
        let whole = bodies.map(|id| {
            let mut nodes = with_bodies(&graph, std::slice::from_ref(&id));
            nodes.retain(|node| *node != id);
            (id, nodes)
        });
        whole.collect::<Vec<_>>()
    });
    rsx! {
        for (id , nodes) in frames() {
            BodyFrame { key: "{id}", id, nodes }
        }
    }
}

#[component]
fn BodyFrame(id: String, nodes: Vec<String>) -> Element {
    let mut board = use_context::<Board>();
    let Some(of) = board.by_id(&id) else {
        return rsx! {};
    };
    let members = nodes.iter().filter_map(|node| board.by_id(node));
    let shown: Vec<NodeHandle> = members
        .filter(|node| node.folded.read().is_none())
        .collect();
    let rects = shown
        .iter()
        .map(|node| Rect::of_node(*node.at.read(), node.ports.read().len()));
    let Some(around) = Rect::around(rects) else {
        return rsx! {};
    };
    let area = geometry::frame(around);
    let data = of.data.read();
    let name = title(&data).to_owned();
    let count = shown.len();
    let home = id.clone();
    rsx! {
        div {
            class: "group-frame body-frame",
            role: "group",
            "aria-label": "Body of {name}, {count} nodes",
            "data-body": "{id}",
            "data-selected": of.selected.read().then_some(""),
            transform: "translate({area.x}px,{area.y}px)",
            width: "{area.width}px",
            height: "{area.height}px",
            div { class: "group-title", "data-node": "{of.key}",
                KindGlyph { kind: data.kind.clone() }
                span { class: "group-name", title: "{name}", "{name}" }
                if !*board.locked.read() {
                    button {
                        class: "group-fold",
                        r#type: "button",
                        // The canvas is one stop of the keyboard; the same is in the panel of the node.
                        tabindex: "-1",
                        "aria-label": "Add a node to the body of {name}",
                        title: "Add a node to the body of {name}",
                        onpointerdown: |event| event.stop_propagation(),
                        onclick: move |_| {
                            let at = Point::new(around.x, around.y + around.height + geometry::HEAD);
                            board.adding.set(Some(Adding::within(home.clone(), at)));
                        },
                        Icon { glyph: Glyph::Plus, size: 14 }
                    }
                }
            }
        }
    }
}
