//! The edges on the canvas, the one that is being drawn, and the marquee.
//!
//! The edges of what is selected, and so of what is dragged, have a layer of their own: a browser paints a whole layer anew
//! when one edge in it changes.

use dioxus::prelude::*;

use crate::canvas::{
    board::{Board, EdgeHandle, NodeHandle},
    geometry::{self, HEAD, Rect},
    nodes::{Far, use_drawn_area},
};

#[component]
pub(super) fn EdgeLayer() -> Element {
    let board = use_context::<Board>();
    let area = use_drawn_area();
    let area = *area.read();
    if area.is_some() {
        // A group that is collapsed takes ends of edges elsewhere.
        for group in board.groups.read().iter() {
            group.data.read();
        }
    }
    let is_drawn = |edge: &&EdgeHandle| {
        area.is_none_or(|area| edge.from.shown().union(edge.to.shown()).meets(area))
    };
    let selection = board.selection.read();
    let may_move =
        |edge: &EdgeHandle| selection.contains(&edge.from.key) || selection.contains(&edge.to.key);
    let edges = board.edges.read();
    let drawn = edges.iter().filter(is_drawn).copied();
    let (moving, still): (Vec<EdgeHandle>, Vec<EdgeHandle>) = drawn.partition(may_move);
    rsx! {
        Layer { edges: still }
        Layer { edges: moving, LooseEdge {} }
    }
}

#[component]
fn Layer(edges: Vec<EdgeHandle>, children: Element) -> Element {
    rsx! {
        svg { class: "edges", "aria-hidden": "true",
            for edge in edges {
                EdgeView { key: "{edge.key}", edge }
            }
            {children}
        }
    }
}

/// How far down the node, or the card in its place, goes.
fn bottom(node: NodeHandle) -> f64 {
    match *node.folded.read() {
        Some(group) => group.area.read().y + HEAD,
        None => node.at.read().y + geometry::node_height(node.ports.read().len()),
    }
}

#[component]
fn EdgeView(edge: EdgeHandle) -> Element {
    let far = use_context::<Far>();
    let (from, to) = (*edge.from.folded.read(), *edge.to.folded.read());
    if from.is_some() && from == to {
        // Both ends are in one card.
        return rsx! {};
    }
    let port = edge.edge.read().port().to_owned();
    let (start, end) = (edge.from.leaves(&port), edge.to.enters());
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
    let start = connecting.from.leaves(&connecting.port);
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
