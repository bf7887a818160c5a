//! The kinds of nodes at the side: drag one onto the canvas, click it, or press Enter on it.

use contracts::flow::NodeType;
use dioxus::{prelude::*, web::WebEventExt};
use wasm_bindgen::JsCast;
use web_sys::Element as DomElement;

use crate::canvas::{
    board::Board,
    geometry::{HEAD, Point, WIDTH},
    glyph::KindGlyph,
    stage::stage_element,
};

/// A pointer that moved less than this has clicked.
const CLICK: f64 = 5.0;

/// A kind under the pointer: where it was taken up and where it is, in the window.
#[derive(Clone, PartialEq)]
struct Held {
    kind: String,
    title: String,
    from: Point,
    at: Point,
}

impl Held {
    fn is_drag(&self) -> bool {
        let delta = self.at.minus(self.from);
        delta.x.abs() + delta.y.abs() >= CLICK
    }
}

#[component]
pub(crate) fn Palette() -> Element {
    let mut board = use_context::<Board>();
    let mut search = use_signal(String::new);
    let held = use_signal(|| None::<Held>);
    let types = board.types.read().clone();
    let found: Vec<NodeType> = types
        .iter()
        .filter(|kind| fits(kind, &search.read()))
        .cloned()
        .collect();

    let first = found.first().map(|kind| kind.kind.clone());
    rsx! {
        aside { class: "palette", "aria-label": "Nodes",
            input {
                class: "input",
                r#type: "search",
                "aria-label": "Search nodes",
                placeholder: "Search nodes",
                value: "{search}",
                oninput: move |event| search.set(event.value()),
                onkeydown: move |event| {
                    if event.key() == Key::Enter && let Some(kind) = &first {
                        board.add(kind);
                    }
                },
            }
            ul {
                for kind in found {
                    PaletteItem { key: "{kind.kind}", kind, held }
                }
            }
            if let Some(ghost) = held.read().clone().filter(Held::is_drag) {
                div { class: "palette-ghost", transform: "translate({ghost.at.x}px,{ghost.at.y}px)",
                    KindGlyph { kind: ghost.kind }
                    "{ghost.title}"
                }
            }
        }
    }
}

#[component]
fn PaletteItem(kind: NodeType, held: Signal<Option<Held>>) -> Element {
    let mut board = use_context::<Board>();
    let (word, title) = (kind.kind.clone(), kind.title.clone());
    rsx! {
        li {
            button {
                class: "palette-item",
                r#type: "button",
                title: "{kind.description}",
                "data-kind": "{kind.kind}",
                disabled: *board.locked.read(),
                onpointerdown: move |event| {
                    let event = event.as_web_event();
                    let at = Point::new(f64::from(event.client_x()), f64::from(event.client_y()));
                    if let Some(target) = event.target().and_then(|target| target.dyn_into::<DomElement>().ok()) {
                        drop(target.set_pointer_capture(event.pointer_id()));
                    }
                    held.set(Some(Held { kind: word.clone(), title: title.clone(), from: at, at }));
                },
                onpointermove: move |event| {
                    if held.peek().is_some() {
                        let event = event.as_web_event();
                        let at = Point::new(f64::from(event.client_x()), f64::from(event.client_y()));
                        held.write().iter_mut().for_each(|held| held.at = at);
                    }
                },
                onpointerup: move |_| {
                    if let Some(held) = held.peek().clone().filter(Held::is_drag) {
                        drop_on_stage(&mut board, &held);
                    }
                },
                onpointercancel: move |_| held.set(None),
                // A click follows a drag, too; only one that did not move counts. The keyboard holds nothing.
                onclick: move |_| {
                    let was_drag = held.peek().as_ref().is_some_and(Held::is_drag);
                    held.set(None);
                    if !was_drag {
                        board.add(&kind.kind);
                    }
                },
                KindGlyph { kind: kind.kind.clone() }
                "{kind.title}"
            }
        }
    }
}

fn drop_on_stage(board: &mut Board, held: &Held) {
    let Some(stage) = stage_element() else {
        return;
    };
    let rect = stage.get_bounding_client_rect();
    let inside = (rect.left()..rect.right()).contains(&held.at.x)
        && (rect.top()..rect.bottom()).contains(&held.at.y);
    if inside {
        let at = held.at.minus(Point::new(rect.left(), rect.top()));
        let world = board.view.peek().to_world(at);
        board.add_at(&held.kind, world.minus(Point::new(WIDTH / 2.0, HEAD / 2.0)));
    }
}

pub(super) fn fits(kind: &NodeType, search: &str) -> bool {
    let search = search.trim().to_lowercase();
    kind.title.to_lowercase().contains(&search)
        || kind.kind.contains(&search)
        || (search.len() > 2 && kind.description.to_lowercase().contains(&search))
}
