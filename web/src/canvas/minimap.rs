//! The whole flow in a corner; pressing it moves the view there.
//!
//! **Invariant:** it reads places without subscribing to them: a drag shows once it is over.

use dioxus::{prelude::*, web::WebEventExt};
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, Element as DomElement, HtmlCanvasElement};

use crate::{
    canvas::{
        board::{Board, drawn::NoteHandle, set_if_new},
        geometry::{Point, Rect, View},
    },
    dom,
};

const ID: &str = "minimap";
const SIZE: Point = Point::new(176.0, 112.0);

#[component]
pub(super) fn Minimap() -> Element {
    let mut board = use_context::<Board>();
    let mut held = use_hook(|| CopyValue::new(false));
    use_effect(move || {
        // What is read here is what it follows.
        board.changes.read();
        board.nodes.read();
        board.notes.read();
        board.selection.read();
        let (view, size) = (*board.view.read(), *board.size.read());
        draw(&board, view, size);
    });
    if board.nodes.read().len() < 2 {
        return rsx! {};
    }
    rsx! {
        canvas {
            id: ID,
            class: "minimap",
            "data-outside": "",
            "aria-hidden": "true",
            // Twice the size it is shown at, for fine screens.
            width: "{SIZE.x * 2.0}",
            height: "{SIZE.y * 2.0}",
            onmounted: move |_| draw(&board, *board.view.peek(), *board.size.peek()),
            onpointerdown: move |event| {
                held.set(true);
                let event = event.as_web_event();
                if let Some(map) = dom::by_id(ID) {
                    drop(map.set_pointer_capture(event.pointer_id()));
                }
                go(&mut board, &event);
            },
            onpointermove: move |event| {
                if *held.peek() {
                    go(&mut board, &event.as_web_event());
                }
            },
            onpointerup: move |_| held.set(false),
            onpointercancel: move |_| held.set(false),
        }
    }
}

/// The part of the world on the map, and how it is shown.
fn frame(board: &Board, view: View, size: Point) -> View {
    let nodes = board.rects().into_iter().map(|(_, rect)| rect);
    let (notes, groups) = (board.notes.peek(), board.groups.peek());
    let notes = notes.iter().map(NoteHandle::rect);
    let cards = groups.iter().filter(|group| group.is_collapsed());
    let cards = cards.map(|group| *group.area.peek());
    let drawn = nodes.chain(notes).chain(cards);
    let bounds = Rect::around(drawn.chain([view.window(size)]));
    let bounds = bounds.unwrap_or_default().grown(60.0);
    let zoom = (SIZE.x / bounds.width).min(SIZE.y / bounds.height);
    let center = bounds.center();
    View {
        x: SIZE.x / 2.0 - center.x * zoom,
        y: SIZE.y / 2.0 - center.y * zoom,
        zoom,
    }
}

fn go(board: &mut Board, event: &web_sys::PointerEvent) {
    let Some(target) = event
        .target()
        .and_then(|target| target.dyn_into::<DomElement>().ok())
    else {
        return;
    };
    let corner = target.get_bounding_client_rect();
    let at = Point::new(
        f64::from(event.client_x()) - corner.left(),
        f64::from(event.client_y()) - corner.top(),
    );
    let (view, size) = (*board.view.peek(), *board.size.peek());
    let world = frame(board, view, size).to_world(at);
    let next = View {
        x: size.x / 2.0 - world.x * view.zoom,
        y: size.y / 2.0 - world.y * view.zoom,
        ..view
    };
    set_if_new(&mut board.view, next);
}

fn draw(board: &Board, view: View, size: Point) {
    let canvas = dom::by_id(ID).and_then(|map| map.dyn_into::<HtmlCanvasElement>().ok());
    let context = canvas
        .as_ref()
        .and_then(|canvas| canvas.get_context("2d").ok().flatten());
    let Some(context) =
        context.and_then(|context| context.dyn_into::<CanvasRenderingContext2d>().ok())
    else {
        return;
    };
    // The element's own colours: those of the theme, as the browser has resolved them.
    let colors = context
        .canvas()
        .and_then(|canvas| dom::window().get_computed_style(&canvas).ok().flatten());
    let color = |name: &str| {
        colors
            .as_ref()
            .and_then(|style| style.get_property_value(name).ok())
            .unwrap_or_default()
    };
    let (plain, chosen) = (color("outline-color"), color("color"));
    let map = frame(board, view, size);
    // The canvas has twice the pixels.
    drop(context.set_transform(2.0, 0.0, 0.0, 2.0, 0.0, 0.0));
    context.clear_rect(0.0, 0.0, SIZE.x, SIZE.y);
    let fill = |rect: Rect, least: f64| {
        let at = map.to_screen(Point::new(rect.x, rect.y));
        context.fill_rect(
            at.x,
            at.y,
            (rect.width * map.zoom).max(least),
            (rect.height * map.zoom).max(least),
        );
    };
    let paint = |is_selected: bool, rect: Rect| {
        context.set_fill_style_str(if is_selected { &chosen } else { &plain });
        fill(rect, 2.0);
    };
    // Notes lie behind everything else, and are paler.
    context.set_global_alpha(0.4);
    for note in board.notes.peek().iter() {
        paint(*note.selected.peek(), note.rect());
    }
    context.set_global_alpha(1.0);
    for (node, rect) in board.rects() {
        paint(*node.selected.peek(), rect);
    }
    let groups = board.groups.peek();
    for group in groups.iter().filter(|group| group.is_collapsed()) {
        paint(*group.selected.peek(), *group.area.peek());
    }
    let window = view.window(size);
    let at = map.to_screen(Point::new(window.x, window.y));
    context.set_stroke_style_str(&chosen);
    context.set_line_width(1.0);
    context.stroke_rect(
        at.x,
        at.y,
        window.width * map.zoom,
        window.height * map.zoom,
    );
}
