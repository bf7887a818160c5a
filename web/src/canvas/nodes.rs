//! The nodes on the canvas.
//!
//! **Invariant:** moving a node draws its frame anew, not its body; panning and zooming draw neither.

use dioxus::prelude::*;

use crate::canvas::{
    board::{Board, NodeHandle},
    geometry::{Point, Rect, node_height},
    glyph::KindGlyph,
    model::title,
    upgrading,
};
use crate::ui::icon::{Glyph, Icon};

/// From this many nodes on, only those near the window are in the document.
const CULL_FROM: usize = 150;
/// The grid on which the window is looked at, so that most steps of panning change nothing.
const CELL: f64 = 256.0;

/// Below this zoom only titles can be read, so nothing else of nodes and edges is in the document.
const FAR: f64 = 0.4;

/// Whether the flow is seen from far away.
#[derive(Clone, Copy)]
pub(super) struct Far(Memo<bool>);

impl Far {
    /// For all that is drawn below the component that calls this.
    pub(super) fn provide(board: Board) {
        use_context_provider(|| Self(Memo::new(move || board.view.read().zoom < FAR)));
    }

    pub(super) fn read(self) -> bool {
        *self.0.read()
    }
}

/// The part of the world that is drawn, on a coarse grid; none where everything is.
pub(super) fn use_drawn_area() -> Memo<Option<Rect>> {
    let board = use_context::<Board>();
    use_memo(move || {
        if board.nodes.read().len() < CULL_FROM {
            return None;
        }
        let window = board.view.read().window(*board.size.read());
        let near = |value: f64| (value / CELL).floor() * CELL;
        let far = |value: f64| (value / CELL).ceil() * CELL;
        let a = Point::new(near(window.x), near(window.y));
        let b = Point::new(far(window.x + window.width), far(window.y + window.height));
        Some(Rect::between(a, b).grown(CELL / 2.0))
    })
}

#[component]
pub(super) fn NodeLayer() -> Element {
    let board = use_context::<Board>();
    let area = use_drawn_area();
    let area = *area.read();
    let is_drawn = |node: &&NodeHandle| {
        area.is_none_or(|area| *node.selected.peek() || node.rect().meets(area))
    };
    let nodes: Vec<NodeHandle> = board
        .nodes
        .read()
        .iter()
        .filter(is_drawn)
        .copied()
        .collect();
    rsx! {
        for node in nodes {
            NodeFrame { key: "{node.key}", node }
        }
    }
}

#[component]
fn NodeFrame(node: NodeHandle) -> Element {
    let board = use_context::<Board>();
    if node.folded.read().is_some() {
        return rsx! {};
    }
    let at = *node.at.read();
    let mark = node.mark.read();
    let data = node.data.read();
    let kind = board.kind(&data.kind).map(|kind| kind.title);
    let problems = node.problems.read().len();
    let ringed = board.ringed.read().contains(&data.id);
    let pinned = board.pinned.read().contains(&data.id);
    let label = format!(
        "{}, {}{}{}{}{}{}",
        title(&data),
        kind.unwrap_or_default(),
        if mark.state.is_empty() {
            String::new()
        } else {
            format!(", {}", mark.state)
        },
        if problems == 0 {
            String::new()
        } else {
            format!(", {problems} problems")
        },
        if pinned { ", pinned" } else { "" },
        if upgrading::behind(&data).is_some() {
            ", of an older version"
        } else {
            ""
        },
        if ringed { ", not the same" } else { "" },
    );
    rsx! {
        div {
            id: "node-{node.key}",
            class: "node",
            role: "group",
            "aria-label": label,
            "data-node": "{node.key}",
            "data-kind": "{data.kind}",
            "data-id": "{data.id}",
            "data-state": mark.state,
            "data-stale": mark.stale.then_some(""),
            "data-selected": node.selected.read().then_some(""),
            "data-lit": node.lit.read().then_some(""),
            "data-problem": (problems > 0).then_some(""),
            "data-ringed": ringed.then_some(""),
            "data-pinned": pinned.then_some(""),
            transform: "translate({at.x}px,{at.y}px)",
            min_height: "{node_height(node.ports.read().len())}px",
            NodeBody { node }
        }
    }
}

#[component]
fn NodeBody(node: NodeHandle) -> Element {
    let (board, far) = (use_context::<Board>(), use_context::<Far>());
    let data = node.data.read();
    if far.read() {
        return rsx! {
            div { class: "node-head",
                span { class: "node-title", {title(&data)} }
                if !node.mark.read().state.is_empty() {
                    span { class: "node-mark" }
                }
            }
        };
    }
    let kind = board.kind(&data.kind);
    let takes_input = kind.as_ref().is_none_or(|kind| kind.takes_input);
    let kind_title = kind.map_or_else(|| data.kind.clone(), |kind| kind.title);
    let mark = node.mark.read();
    let ports = node.ports.read();
    rsx! {
        div { class: "node-head",
            KindGlyph { kind: data.kind.clone() }
            span { class: "node-title", {title(&data)} }
            if !node.problems.read().is_empty() {
                span { class: "node-flag", title: "{node.problems.read().join(\"\\n\")}", "!" }
            }
            if board.pinned.read().contains(&data.id) {
                span { class: "node-pin", title: "Its output is pinned",
                    Icon { glyph: Glyph::Clip, size: 14 }
                }
            }
            if let Some((version, current)) = upgrading::behind(&data) {
                span { class: "node-version", title: "Version {version} of {current}",
                    Icon { glyph: Glyph::Upgrade, size: 14 }
                }
            }
            if !mark.state.is_empty() {
                span { class: "node-mark", title: mark.state }
            }
        }
        div { class: "node-line",
            if mark.note.is_empty() {
                span { "{kind_title}" }
            } else {
                span { class: "node-note", "{mark.note}" }
            }
        }
        if takes_input {
            span { class: "port port-in" }
        }
        if let [port] = ports.as_slice() {
            span { class: "port port-out", "data-port": "{port}" }
        } else if !ports.is_empty() {
            div { class: "port-rows",
                for port in ports.iter() {
                    div { key: "{port}", class: "port-row", "data-error": (port == "error").then_some(""),
                        span { class: "port-name", "{port}" }
                        span { class: "port port-out", "data-port": "{port}" }
                    }
                }
            }
        }
    }
}
