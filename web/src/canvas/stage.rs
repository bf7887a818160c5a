//! The canvas itself: one element hears pointer, wheel, keys and clipboard; the world in it has one transform.
//!
//! **Invariant:** panning and zooming change the transform of the world and nothing below it.

use dioxus::{prelude::*, web::WebEventExt};
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, Element as DomElement, HtmlElement};

use crate::{
    canvas::{
        board::{
            Board,
            drawn::{Beside, Item},
            set_if_new,
        },
        body_view::BodyFrames,
        edges::{EdgeLayer, Marquee},
        geometry::{GRID, Point, View},
        gesture::{self, Hand},
        group_view::{GroupCards, GroupFrames},
        keys::{self, Act, Press},
        minimap::Minimap,
        nodes::{Far, NodeLayer},
        note_view::NoteLayer,
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
    let active = active_element(board);

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
                if own(&event) {
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
                board.pointer.set(Some(gesture::screen(&board, &event)));
                if board.connecting.peek().is_some() {
                    let end = board.view.peek().to_world(gesture::screen(&board, &event));
                    board.loose_end.set(Some(end));
                }
            },
            onpointerup: move |event| gesture::up(&mut board, &mut hand.write(), &event.as_web_event()),
            onpointercancel: move |_| gesture::cancelled(&mut board, &mut hand.write()),
            onpointerleave: move |_| board.pointer.set(None),
            ondoubleclick: move |event| {
                if !own(&event.as_web_event()) {
                    enter(&mut board, onact);
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
                // A link or a button within the canvas is pressed by its own keys.
                if matches!(key.key().as_str(), "Enter" | " ") && own(&key) {
                    return;
                }
                let press = Press {
                    key: &letter(&key),
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
                    "Arrow keys go from node to node, Alt and arrows move the selection, N adds a node, Shift S a note, C begins a connection, Enter ends it or opens what is chosen, Control G groups the selection, Delete removes, Control Z undoes. The outline shows the same flow as a table."
                }
            }
            Ground {}
            World {}
            Minimap {}
        }
    }
}

/// The element of what the keyboard stands on.
fn active_element(board: Board) -> Option<String> {
    let beside = (*board.beside.read()).map(Beside::element);
    let Some(node) = *board.active.read() else {
        return beside;
    };
    let card = (*node.folded.read()).map(Beside::Group);
    Some(card.map_or_else(|| format!("node-{}", node.key), Beside::element))
}

/// Whether it happened to something on the canvas that hears it itself: a map, a field, a link, a button.
fn own(event: &web_sys::Event) -> bool {
    let target = event.target();
    let target = target.and_then(|target| target.dyn_into::<DomElement>().ok());
    target.is_some_and(|target| {
        let own = target.closest("[data-outside], #canvas a, #canvas button");
        own.ok().flatten().is_some()
    })
}

/// The key that was pressed; with Alt the letter on it, whatever sign the keyboard makes of both.
fn letter(key: &web_sys::KeyboardEvent) -> String {
    let code = key.code();
    match code.strip_prefix("Key") {
        Some(letter) if key.alt_key() => letter.to_owned(),
        _ => key.key(),
    }
}

/// Ends a connection, else opens what the keyboard stands on.
fn enter(board: &mut Board, onact: EventHandler<Act>) {
    match (board.end_edge(), board.standing()) {
        (Some(edge), Some(Item::Node(to))) => board.connect(edge.from, &edge.port, to),
        (Some(_), _) => board.say("Not connected: an edge leads to a node"),
        (None, Some(Item::Node(_))) => onact.call(Act::Enter),
        (None, Some(Item::Beside(Beside::Note(note)))) => board.begin_writing(note),
        (None, Some(Item::Beside(Beside::Group(group)))) => match group.is_collapsed() {
            true => board.toggle(group),
            false => board.begin_renaming(group),
        },
        (None, None) => {}
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
        Act::Enter => enter(board, onact),
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
        Act::AddNote => board.begin_note(),
        Act::Resize(way) => board.resize_notes(way),
        Act::Group => board.group_selection(),
        Act::Ungroup => board.ungroup_selection(),
        Act::Collapse => board.fold_selection(true),
        Act::Expand => board.fold_selection(false),
        Act::SelectGroup => board.select_group(),
        Act::Rename => match board.standing() {
            Some(Item::Beside(Beside::Group(group))) => board.begin_renaming(group),
            Some(Item::Beside(Beside::Note(note))) => board.begin_writing(note),
            Some(Item::Node(_)) | None => onact.call(act),
        },
        Act::Run | Act::Save | Act::Outline => onact.call(act),
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
            BodyFrames {}
            GroupFrames {}
            NoteLayer {}
            EdgeLayer {}
            NodeLayer {}
            GroupCards {}
            Marquee {}
        }
    }
}

/// For whoever needs the element: its corner and size follow the window.
pub(crate) fn stage_element() -> Option<HtmlElement> {
    dom::by_id(STAGE)
}
