//! What the pointer is doing on the canvas, from the moment it goes down until it is up.
//!
//! **Invariant:** what is dragged changes its signals only; the command comes when the pointer is released.

use std::collections::BTreeSet;

use contracts::flow::Edge;
use dioxus::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, PointerEvent};

use crate::canvas::{
    board::{
        Adding, Board, NodeHandle,
        drawn::{Beside, Item, NoteHandle},
        set_if_new,
    },
    commands,
    geometry::{self, HEAD, Point, Rect, View, WIDTH},
    moving::Moving,
};

/// A pointer that moved less than this has clicked.
const CLICK: f64 = 4.0;

#[derive(Clone, Default)]
pub(super) enum Gesture {
    #[default]
    None,
    Pan {
        from: Point,
        view: View,
        click: bool,
    },
    Move {
        from: Point,
        moving: Moving,
        moved: bool,
    },
    /// A note is given another size.
    Resize {
        from: Point,
        note: NoteHandle,
        size: Point,
    },
    Marquee {
        from: Point,
        before: BTreeSet<u32>,
    },
    Connect,
    /// Asks what goes into an edge, once the pointer is up: the focus must not move again after that.
    Insert(Adding),
    /// Two fingers: their middle and distance when last seen.
    Pinch {
        middle: Point,
        distance: f64,
    },
}

/// The gesture under way, with the place of each finger.
#[derive(Clone, Default)]
pub(super) struct Hand {
    pub(super) gesture: Gesture,
    fingers: Vec<(i32, Point)>,
}

pub(super) fn screen(board: &Board, event: &PointerEvent) -> Point {
    let corner = *board.corner.read();
    Point::new(f64::from(event.client_x()), f64::from(event.client_y())).minus(corner)
}

pub(super) fn down(board: &mut Board, hand: &mut Hand, event: &PointerEvent) {
    let at = screen(board, event);
    hand.fingers.retain(|(id, _)| *id != event.pointer_id());
    hand.fingers.push((event.pointer_id(), at));
    if let [(_, a), (_, b)] = hand.fingers.as_slice() {
        put_back(&hand.gesture);
        board.end_edge();
        let (middle, distance) = pair(*a, *b);
        hand.gesture = Gesture::Pinch { middle, distance };
        return;
    }
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok());
    hand.gesture = target.map_or(Gesture::None, |target| begin(board, &target, event, at));
}

fn begin(board: &mut Board, target: &Element, event: &PointerEvent, at: Point) -> Gesture {
    let pan = Gesture::Pan {
        from: at,
        view: *board.view.peek(),
        click: true,
    };
    if event.button() != 0 {
        return if event.button() == 1 {
            pan
        } else {
            Gesture::None
        };
    }
    let adds = event.shift_key() || event.ctrl_key() || event.meta_key();
    let node = key_of(target, "data-node").and_then(|key| board.by_key(key));
    if let Some(node) = node {
        let locked = *board.locked.peek();
        if let Some(port) = attribute(target, "data-port").filter(|_| !locked) {
            board.begin_edge(node, &port);
            return Gesture::Connect;
        }
        return press_node(board, node, adds, at);
    }
    let beside = key_of(target, "data-beside").and_then(|key| board.drawn_by_key(key));
    if let Some(beside) = beside {
        let resizes = attribute(target, "data-resize").is_some() && !*board.locked.peek();
        return match beside {
            Beside::Note(note) if resizes => resize(board, note, at),
            _ => press_beside(board, beside, adds, at),
        };
    }
    let edge = key_of(target, "data-edge");
    if let Some(key) = edge {
        return press_edge(board, target, key);
    }
    if adds {
        let before = board.selection.peek().clone();
        return Gesture::Marquee { from: at, before };
    }
    pan
}

fn press_node(board: &mut Board, node: NodeHandle, adds: bool, at: Point) -> Gesture {
    if board.connecting.peek().is_some() {
        if let Some(connecting) = board.end_edge() {
            board.connect(connecting.from, &connecting.port, node);
        }
        return Gesture::None;
    }
    if adds {
        let mut keys = board.selection.peek().clone();
        if !keys.remove(&node.key) {
            keys.insert(node.key);
        }
        board.select(keys);
    } else if !*node.selected.peek() {
        board.activate(Some(node));
    }
    if *node.selected.peek() {
        board.stand(Some(node), None);
    }
    take_up(board, at)
}

fn press_beside(board: &mut Board, beside: Beside, adds: bool, at: Point) -> Gesture {
    if board.end_edge().is_some() {
        board.say("Not connected: an edge leads to a node");
        return Gesture::None;
    }
    let own = beside.keys();
    let is_selected = own.is_subset(&board.selection.peek());
    if adds {
        let mut keys = board.selection.peek().clone();
        if is_selected {
            keys.retain(|key| !own.contains(key));
        } else {
            keys.extend(own);
        }
        board.select(keys);
        board.stand_on_selection();
    } else if is_selected {
        board.stand(None, Some(beside));
    } else {
        board.activate_beside(beside);
    }
    take_up(board, at)
}

fn take_up(board: &Board, from: Point) -> Gesture {
    Gesture::Move {
        from,
        moving: Moving::selection(board),
        moved: false,
    }
}

fn resize(board: &mut Board, note: NoteHandle, from: Point) -> Gesture {
    board.activate_beside(Beside::Note(note));
    let size = *note.size.peek();
    Gesture::Resize { from, note, size }
}

fn press_edge(board: &mut Board, target: &Element, key: u32) -> Gesture {
    let found = board
        .edges
        .peek()
        .iter()
        .find(|edge| edge.key == key)
        .copied();
    let Some(mut edge) = found else {
        return Gesture::None;
    };
    if attribute(target, "data-insert").is_some() && !*board.locked.peek() {
        let between: Edge = edge.edge.read().clone();
        let middle = middle_of(edge.from, edge.to, between.port());
        return Gesture::Insert(Adding::into_edge(between, middle));
    }
    board.activate(None);
    edge.selected.set(true);
    board.say(format!(
        "Connection from {} to {}",
        edge.from.title(),
        edge.to.title()
    ));
    Gesture::None
}

/// Where a node goes that is inserted between two.
pub(super) fn middle_of(from: NodeHandle, to: NodeHandle, port: &str) -> Point {
    let (start, end) = (from.leaves(port), to.enters());
    let x = if end.x - start.x < WIDTH + 128.0 {
        start.x + 64.0
    } else {
        (start.x + end.x - WIDTH) / 2.0
    };
    Point::new(x, (start.y + end.y - HEAD) / 2.0)
}

pub(super) fn moved(board: &mut Board, hand: &mut Hand, event: &PointerEvent) {
    let at = screen(board, event);
    for finger in hand
        .fingers
        .iter_mut()
        .filter(|(id, _)| *id == event.pointer_id())
    {
        finger.1 = at;
    }
    match &mut hand.gesture {
        Gesture::None | Gesture::Insert(_) => {}
        Gesture::Pan { from, view, click } => {
            let delta = at.minus(*from);
            if *click && delta.x.abs() + delta.y.abs() < CLICK {
                return;
            }
            *click = false;
            board.view.set(view.panned(delta.x, delta.y));
        }
        Gesture::Move {
            from,
            moving,
            moved,
        } => {
            let delta = at.minus(*from);
            if *board.locked.peek() || (!*moved && delta.x.abs() + delta.y.abs() < CLICK) {
                return;
            }
            *moved = true;
            let zoom = board.view.peek().zoom;
            moving.by(Point::new(delta.x / zoom, delta.y / zoom));
        }
        Gesture::Resize { from, note, size } => {
            let (delta, zoom) = (at.minus(*from), board.view.peek().zoom);
            let larger = size.plus(Point::new(delta.x / zoom, delta.y / zoom));
            set_if_new(&mut note.size, commands::notes::fitting(larger));
        }
        Gesture::Marquee { from, before } => {
            let view = *board.view.peek();
            let area = Rect::between(view.to_world(*from), view.to_world(at));
            board.marquee.set(Some(area));
            let mut keys = before.clone();
            let items = board.items().into_iter();
            for (item, _) in items.filter(|(_, rect)| rect.meets(area)) {
                match item {
                    Item::Node(node) => drop(keys.insert(node.key)),
                    Item::Beside(beside) => keys.extend(beside.keys()),
                }
            }
            board.select(keys);
        }
        Gesture::Connect => {
            let end = board.view.peek().to_world(at);
            board.loose_end.set(Some(end));
        }
        Gesture::Pinch { middle, distance } => {
            let [(_, a), (_, b)] = hand.fingers.as_slice() else {
                return;
            };
            let (now, apart) = pair(*a, *b);
            let panned = board.view.peek().panned(now.x - middle.x, now.y - middle.y);
            board.view.set(panned.zoomed(now, apart / *distance));
            (*middle, *distance) = (now, apart);
        }
    }
}

pub(super) fn up(board: &mut Board, hand: &mut Hand, event: &PointerEvent) {
    let at = screen(board, event);
    hand.fingers.retain(|(id, _)| *id != event.pointer_id());
    match std::mem::take(&mut hand.gesture) {
        Gesture::Pan { click: true, .. } => {
            board.end_edge();
            board.activate(None);
        }
        Gesture::Move {
            moving,
            moved: true,
            ..
        } => drop(board.run(&moving.command())),
        Gesture::Resize { note, .. } => {
            let command = commands::notes::resize(&note.data.peek(), *note.size.peek());
            board.run(&command);
        }
        Gesture::Marquee { .. } => {
            board.marquee.set(None);
            board.stand_on_selection();
            board.say_selection();
        }
        Gesture::Connect => finish_edge(board, at),
        Gesture::Insert(adding) => board.adding.set(Some(adding)),
        Gesture::None | Gesture::Pan { .. } | Gesture::Move { .. } | Gesture::Pinch { .. } => {}
    }
}

fn finish_edge(board: &mut Board, at: Point) {
    let world = board.view.peek().to_world(at);
    let rects: Vec<_> = board
        .rects()
        .into_iter()
        .map(|(node, rect)| (node, rect.grown(12.0)))
        .collect();
    let hit = geometry::node_at(&rects, world);
    let from = board
        .connecting
        .peek()
        .as_ref()
        .map(|connecting| connecting.from);
    if hit.is_some() && hit == from {
        // A click on a port: the edge is drawn to whatever is clicked next.
        return;
    }
    let Some(connecting) = board.end_edge() else {
        return;
    };
    match hit {
        Some(node) => board.connect(connecting.from, &connecting.port, node),
        None => board.adding.set(Some(Adding::after(
            connecting.from.id(),
            connecting.port,
            world.minus(Point::new(0.0, HEAD / 2.0)),
        ))),
    }
}

/// The browser took the pointer away: nothing happened.
pub(super) fn cancelled(board: &mut Board, hand: &mut Hand) {
    put_back(&hand.gesture);
    *hand = Hand::default();
    board.end_edge();
    set_if_new(&mut board.marquee, None);
}

fn put_back(gesture: &Gesture) {
    match gesture {
        Gesture::Move { moving, .. } => moving.by(Point::default()),
        Gesture::Resize { note, size, .. } => {
            let mut now = note.size;
            set_if_new(&mut now, *size);
        }
        Gesture::None
        | Gesture::Pan { .. }
        | Gesture::Marquee { .. }
        | Gesture::Connect
        | Gesture::Insert(_)
        | Gesture::Pinch { .. } => {}
    }
}

fn pair(a: Point, b: Point) -> (Point, f64) {
    let delta = b.minus(a);
    let middle = Point::new((a.x + b.x) / 2.0, (a.y + b.y) / 2.0);
    (middle, delta.x.hypot(delta.y).max(1.0))
}

/// The attribute of the nearest element around `target` that has it.
pub(super) fn attribute(target: &Element, name: &str) -> Option<String> {
    let holder = target.closest(&format!("[{name}]")).ok()??;
    holder.get_attribute(name)
}

fn key_of(target: &Element, name: &str) -> Option<u32> {
    attribute(target, name)?.parse().ok()
}
