//! The canvas itself: one element hears pointer, wheel, keys and clipboard; the world in it has one transform.
//!
//! **Invariant:** panning and zooming change the transform of the world and nothing below it.

use dioxus::{prelude::*, web::WebEventExt};
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, Element as DomElement, HtmlElement};

use crate::{
    canvas::{
        board::{Board, set_if_new},
        edges::{EdgeLayer, Marquee},
        geometry::{GRID, Point, View},
        gesture::{self, Hand},
        keys::{self, Act, Press},
        minimap::Minimap,
        nodes::{Far, NodeLayer},
    },
    dom,
};

const STAGE: &str = "canvas";

/// Puts the focus on the canvas, from wherever it was.
pub(crate) fn focus_stage() {
    if let Some(stage) = dom::by_id(STAGE) {
        dom::focus(&stage);
    }
}

/// `onact` gets what concerns the page around the canvas.
#[component]
pub(crate) fn Stage(onact: EventHandler<Act>) -> Element {
    let mut board = use_context::<Board>();
    let mut hand = use_hook(|| CopyValue::new(Hand::default()));
    let active = (*board.active.read()).map(|node| format!("node-{}", node.key));

    rsx! {
        div {
            id: STAGE,
            class: "stage",
            role: "application",
            tabindex: "0",
            "aria-label": "Flow canvas",
            "aria-describedby": "canvas-help",
            "aria-activedescendant": active,
            "data-locked": board.locked.read().then_some(""),
            "data-connecting": board.connecting.read().is_some().then_some(""),
            onmounted: move |event| {
                measure(&mut board, &event.as_web_event());
                board.fit();
            },
            onresize: move |_| {
                if let Some(stage) = dom::by_id(STAGE) {
                    measure(&mut board, &stage);
                    // A panel that opens must not hide the node it is about.
                    let active = *board.active.peek();
                    board.reveal(active);
                }
            },
            onpointerdown: move |event| {
                let event = event.as_web_event();
                let target = event.target().and_then(|target| target.dyn_into::<DomElement>().ok());
                if target.is_some_and(|target| gesture::attribute(&target, "data-outside").is_some()) {
                    return;
                }
                if let Some(stage) = dom::by_id(STAGE) {
                    measure(&mut board, &stage);
                    dom::focus(&stage);
                    // A pointer that is gone already cannot be captured.
                    drop(stage.set_pointer_capture(event.pointer_id()));
                }
                gesture::down(&mut board, &mut hand.write(), &event);
            },
            onpointermove: move |event| {
                let event = event.as_web_event();
                gesture::moved(&mut board, &mut hand.write(), &event);
                if board.connecting.peek().is_some() {
                    let end = board.view.peek().to_world(gesture::screen(&board, &event));
                    board.loose_end.set(Some(end));
                }
            },
            onpointerup: move |event| gesture::up(&mut board, &mut hand.write(), &event.as_web_event()),
            onpointercancel: move |_| gesture::cancelled(&mut board, &mut hand.write()),
            ondoubleclick: move |_| {
                if board.active.peek().is_some() {
                    onact.call(Act::Enter);
                }
            },
            onwheel: move |event| {
                event.prevent_default();
                let wheel = event.as_web_event();
                let corner = *board.corner.peek();
                let at = Point::new(f64::from(wheel.client_x()), f64::from(wheel.client_y())).minus(corner);
                let (dx, dy) = (wheel.delta_x(), wheel.delta_y());
                let view = *board.view.peek();
                let next = if wheel.shift_key() || dx.abs() > dy.abs() {
                    view.panned(-(dx + if dx == 0.0 { dy } else { 0.0 }), 0.0)
                } else {
                    view.zoomed(at, (-dy * 0.0016).clamp(-0.4, 0.4).exp())
                };
                set_if_new(&mut board.view, next);
            },
            onkeydown: move |event| {
                let key = event.as_web_event();
                let press = Press {
                    key: &key.key(),
                    command: key.ctrl_key() || key.meta_key(),
                    shift: key.shift_key(),
                    alt: key.alt_key(),
                };
                if let Some(act) = keys::act(press) {
                    event.prevent_default();
                    event.stop_propagation();
                    perform(&mut board, act, onact);
                }
            },
            oncopy: move |event| {
                if let Some(text) = board.copy() {
                    put_on_clipboard(&event.as_web_event(), &text);
                }
            },
            oncut: move |event| {
                if let Some(text) = board.copy() {
                    put_on_clipboard(&event.as_web_event(), &text);
                    board.delete_selection();
                }
            },
            onpaste: move |event| {
                let text = clipboard_text(&event.as_web_event());
                if !text.is_some_and(|text| board.paste(&text, None)) {
                    board.say("There are no nodes on the clipboard");
                }
            },
            p { id: "canvas-help", class: "visually-hidden",
                if *board.locked.read() {
                    "Arrow keys go from node to node, plus and minus zoom, 1 shows the whole flow. The drawing is only to be looked at."
                } else {
                    "Arrow keys go from node to node, Alt and arrows move the selection, N adds a node, C begins a connection, Enter ends it or opens the properties, Delete removes, Control Z undoes. The outline shows the same flow as a table."
                }
            }
            Ground {}
            World {}
            Minimap {}
        }
    }
}

fn measure(board: &mut Board, stage: &DomElement) {
    let rect = stage.get_bounding_client_rect();
    board.corner.set(Point::new(rect.left(), rect.top()));
    set_if_new(&mut board.size, Point::new(rect.width(), rect.height()));
}

fn perform(board: &mut Board, act: Act, onact: EventHandler<Act>) {
    match act {
        Act::Walk(way) => board.walk(way),
        Act::SelectAlong(way) => board.select_along(way),
        Act::Nudge(way) => board.nudge(way),
        Act::Connect => board.start_connecting(),
        Act::Enter => {
            let active = *board.active.peek();
            match (board.end_edge(), active) {
                (Some(edge), Some(to)) => board.connect(edge.from, &edge.port, to),
                (None, Some(_)) => onact.call(Act::Enter),
                (_, None) => {}
            }
        }
        Act::Escape => {
            if board.end_edge().is_none() {
                board.activate(None);
            }
            board.say("Nothing is selected");
        }
        Act::Delete => board.delete_selection(),
        Act::Undo => board.undo(),
        Act::Redo => board.redo(),
        Act::SelectAll => board.select_all(),
        Act::Duplicate => board.duplicate(),
        Act::AddNode => board.ask_what_to_add(),
        Act::Fit => board.fit(),
        Act::ZoomReset => {
            let zoom = board.view.peek().zoom;
            board.zoom(1.0 / zoom);
        }
        Act::ZoomIn => board.zoom(1.2),
        Act::ZoomOut => board.zoom(1.0 / 1.2),
        Act::Arrange => board.arrange(),
        Act::Rename | Act::Run | Act::Save | Act::Outline => onact.call(act),
    }
}

fn put_on_clipboard(event: &web_sys::Event, text: &str) {
    let data = event
        .dyn_ref::<ClipboardEvent>()
        .and_then(ClipboardEvent::clipboard_data);
    if let Some(data) = data
        && data.set_data("text/plain", text).is_ok()
    {
        event.prevent_default();
    }
}

fn clipboard_text(event: &web_sys::Event) -> Option<String> {
    let data = event.dyn_ref::<ClipboardEvent>()?.clipboard_data()?;
    event.prevent_default();
    data.get_data("text/plain").ok()
}

/// The dots behind everything.
#[component]
fn Ground() -> Element {
    let board = use_context::<Board>();
    let View { x, y, zoom } = *board.view.read();
    let mut step = GRID * 3.0 * zoom;
    while step < 14.0 {
        step *= 2.0;
    }
    rsx! {
        div {
            class: "ground",
            background_position: "{x}px {y}px",
            background_size: "{step}px {step}px",
        }
    }
}

#[component]
fn World() -> Element {
    let board = use_context::<Board>();
    Far::provide(board);
    let View { x, y, zoom } = *board.view.read();
    rsx! {
        div {
            class: "world",
            transform: "translate({x}px,{y}px) scale({zoom})",
            EdgeLayer {}
            NodeLayer {}
            Marquee {}
        }
    }
}

/// For whoever needs the element: its corner and size follow the window.
pub(crate) fn stage_element() -> Option<HtmlElement> {
    dom::by_id(STAGE)
}
