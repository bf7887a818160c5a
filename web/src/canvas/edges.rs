//! The edges on the canvas, the one that is being drawn, and the marquee.

use dioxus::prelude::*;

use crate::canvas::{
    board::{Board, EdgeHandle, NodeHandle},
    geometry::{self, Point, Rect},
    nodes::{Far, use_drawn_area},
};

#[component]
pub(super) fn EdgeLayer() -> Element {
    let board = use_context::<Board>();
    let area = use_drawn_area();
    let area = *area.read();
    let is_drawn = |edge: &&EdgeHandle| {
        area.is_none_or(|area| edge.from.rect().union(edge.to.rect()).meets(area))
    };
    let edges: Vec<EdgeHandle> = board
        .edges
        .read()
        .iter()
        .filter(is_drawn)
        .copied()
        .collect();
    rsx! {
        svg { class: "edges", "aria-hidden": "true",
            for edge in edges {
                EdgeView { key: "{edge.key}", edge }
            }
            LooseEdge {}
        }
    }
}

/// The place of an output port; follows the node.
fn port_of(node: NodeHandle, port: &str) -> Point {
    let ports = node.ports.read();
    let index = ports.iter().position(|known| known == port).unwrap_or(0);
    geometry::output_port(*node.at.read(), index, ports.len())
}

#[component]
fn EdgeView(edge: EdgeHandle) -> Element {
    let far = use_context::<Far>();
    let port = edge.edge.read().port().to_owned();
    let start = port_of(edge.from, &port);
    let end = geometry::input_port(*edge.to.at.read());
    let bottom =
        |node: NodeHandle| node.at.read().y + geometry::node_height(node.ports.read().len());
    let route = geometry::route(start, end, bottom(edge.from).max(bottom(edge.to)));
    let change = *edge.change.read();
    let state = if change.is_empty() {
        edge_state(edge, &port)
    } else {
        change
    };
    rsx! {
        g {
            class: "edge",
            "data-edge": "{edge.key}",
            "data-selected": edge.selected.read().then_some(""),
            "data-error": (port == "error").then_some(""),
            "data-state": state,
            path { class: "edge-hit", d: "{route.path}" }
            path { class: "edge-line", d: "{route.path}" }
            if !far.read() {
                g { class: "edge-insert", "data-insert": "", transform: "translate({route.middle.x} {route.middle.y})",
                    circle { r: "10" }
                    path { d: "M-4 0H4M0 -4V4" }
                }
            }
        }
    }
}

/// Whether the execution has gone, goes or has not gone along the edge.
fn edge_state(edge: EdgeHandle, port: &str) -> &'static str {
    let (from, to) = (edge.from.mark.read(), edge.to.mark.read());
    match (from.state, to.state) {
        ("" | "running" | "skipped", _) | (_, "" | "skipped") => "",
        (_, "running" | "retrying" | "sleeping" | "waiting") => "running",
        ("failed", _) if port != "error" => "",
        _ => "taken",
    }
}

#[component]
fn LooseEdge() -> Element {
    let board = use_context::<Board>();
    let connecting = board.connecting.read();
    let (Some(connecting), Some(end)) = (connecting.as_ref(), *board.loose_end.read()) else {
        return rsx! {};
    };
    let start = port_of(connecting.from, &connecting.port);
    let route = geometry::route(start, end, start.y.max(end.y));
    rsx! { path { class: "edge-line edge-loose", d: "{route.path}" } }
}

#[component]
pub(super) fn Marquee() -> Element {
    let board = use_context::<Board>();
    let Some(Rect {
        x,
        y,
        width,
        height,
    }) = *board.marquee.read()
    else {
        return rsx! {};
    };
    rsx! {
        div { class: "marquee", transform: "translate({x}px,{y}px)", width: "{width}px", height: "{height}px" }
    }
}
