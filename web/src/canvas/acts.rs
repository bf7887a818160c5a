//! What the user does on the board, whichever way it was asked for: pointer, key, menu or table.
//!
//! **Invariant:** each act that changes the flow is one command in the log and is said aloud.

use contracts::flow::Edge;
use dioxus::prelude::*;

use crate::canvas::{
    board::{Adding, Board, Connecting, NodeHandle, arranged, set_if_new},
    commands::{self, Alignment, Clip},
    geometry::{self, Direction, Point, Rect, View, WIDTH},
    log::Command,
    model::place,
    ports,
};

impl Board {
    /// Carries a command out; false when nothing changed or the board is locked.
    pub(crate) fn run(&mut self, command: &Command) -> bool {
        if *self.locked.peek() {
            self.say("This flow cannot be changed");
            return false;
        }
        let changed = {
            let (mut log, mut graph) = (self.log, self.graph);
            log.write().run(&mut graph.write(), command)
        };
        if changed {
            self.reconcile();
            *self.changes.write() += 1;
            // What is typed is heard from the field already.
            if command.merge.is_none() {
                self.say(command.label.clone());
            }
        }
        changed
    }

    pub(crate) fn undo(&mut self) {
        let command = {
            let (mut log, mut graph) = (self.log, self.graph);
            log.write().undo(&mut graph.write())
        };
        self.after_step(command, "Undone");
    }

    pub(crate) fn redo(&mut self) {
        let command = {
            let (mut log, mut graph) = (self.log, self.graph);
            log.write().redo(&mut graph.write())
        };
        self.after_step(command, "Redone");
    }

    fn after_step(&mut self, command: Option<Command>, word: &str) {
        let Some(command) = command else {
            return self.say(format!("Nothing to be {}", word.to_lowercase()));
        };
        self.reconcile();
        *self.changes.write() += 1;
        self.say(format!("{word}: {}", command.label));
    }

    /// A new node where there is room near `at`, or where `adding` says.
    pub(crate) fn add(&mut self, kind: &str) {
        let adding = self.adding.peek().clone();
        let at = adding
            .as_ref()
            .map_or_else(|| self.middle(), |adding| adding.at);
        let at = self.free_place(at);
        let graph = self.graph.peek().clone();
        let takes_input = self.kind(kind).is_some_and(|kind| kind.takes_input);
        let adding = adding.filter(|_| takes_input);
        let (id, command) = match adding {
            Some(adding) => match (adding.edge, adding.from) {
                (Some(edge), _) => commands::insert(&graph, kind, &edge, adding.at),
                (None, Some((from, port))) => commands::append(&graph, kind, (&from, &port), at),
                (None, None) => commands::add(&graph, kind, at),
            },
            None => commands::add(&graph, kind, at),
        };
        set_if_new(&mut self.adding, None);
        if self.run(&command) {
            let node = self.by_id(&id);
            self.activate(node);
            self.reveal(node);
        }
    }

    pub(crate) fn add_at(&mut self, kind: &str, at: Point) {
        self.adding.set(Some(Adding {
            at,
            from: None,
            edge: None,
        }));
        self.add(kind);
    }

    pub(super) fn middle(&self) -> Point {
        let size = *self.size.peek();
        let center = self
            .view
            .peek()
            .to_world(Point::new(size.x / 2.0, size.y / 2.0));
        center.minus(Point::new(WIDTH / 2.0, geometry::HEAD / 2.0))
    }

    /// `at`, or a place a few steps down where that is taken.
    fn free_place(&self, at: Point) -> Point {
        let rects = self.rects();
        let mut at = at;
        while rects
            .iter()
            .any(|(_, rect)| rect.meets(Rect::of_node(at, 1)))
        {
            at = at.plus(Point::new(0.0, 24.0));
        }
        at
    }

    pub(crate) fn connect(&mut self, from: NodeHandle, port: &str, to: NodeHandle) {
        match self.may_connect(from, port, to) {
            Ok(()) => {
                let command = commands::connect(&self.graph.peek(), &from.id(), port, &to.id());
                self.run(&command);
            }
            Err(refusal) => self.say(format!("Not connected: {}", refusal.text())),
        }
    }

    pub(crate) fn may_connect(
        &self,
        from: NodeHandle,
        port: &str,
        to: NodeHandle,
    ) -> Result<(), ports::Refusal> {
        let takes_input = self
            .kind(&to.data.peek().kind)
            .is_none_or(|kind| kind.takes_input);
        let edge = commands::edge(&from.id(), port, &to.id());
        ports::may_connect(&self.graph.peek(), &edge, takes_input)
    }

    pub(crate) fn delete_selection(&mut self) {
        let (ids, edges) = (self.selected_ids(), self.selected_edges());
        self.delete(&ids, &edges);
    }

    pub(crate) fn delete(&mut self, ids: &[String], edges: &[Edge]) {
        if ids.is_empty() && edges.is_empty() {
            return;
        }
        // Where the keyboard stands goes on to what lies nearest.
        let next = self.active.peek().and_then(|active| self.near(active, ids));
        let command = commands::delete(&self.graph.peek(), ids, edges);
        if self.run(&command) {
            self.activate(next);
        }
    }

    fn near(&self, node: NodeHandle, without: &[String]) -> Option<NodeHandle> {
        let mut rects = self.rects();
        rects.retain(|(other, _)| !without.contains(&other.id()));
        let ways = [
            Direction::Left,
            Direction::Up,
            Direction::Right,
            Direction::Down,
        ];
        ways.into_iter()
            .find_map(|way| geometry::neighbour(&rects, node.rect(), way))
    }

    pub(crate) fn copy(&mut self) -> Option<String> {
        let ids = self.selected_ids();
        if ids.is_empty() {
            return None;
        }
        let clip = commands::copy(&self.graph.peek(), &ids);
        self.say(format!("Copied {}", count(ids.len())));
        serde_json::to_string_pretty(&clip).ok()
    }

    /// Takes over copied nodes; false when the text is something else.
    pub(crate) fn paste(&mut self, text: &str, at: Option<Point>) -> bool {
        let Some(clip) = Clip::parse(text) else {
            return false;
        };
        let at = at.unwrap_or_else(|| self.middle());
        let at = self.free_place(at);
        self.paste_clip(&clip, at);
        true
    }

    pub(crate) fn duplicate(&mut self) {
        let ids = self.selected_ids();
        let clip = commands::copy(&self.graph.peek(), &ids);
        let corner = clip
            .nodes
            .iter()
            .map(place)
            .reduce(|a, b| Point::new(a.x.min(b.x), a.y.min(b.y)));
        if let Some(corner) = corner {
            let at = self.free_place(corner.plus(Point::new(32.0, 32.0)));
            self.paste_clip(&clip, at);
        }
    }

    fn paste_clip(&mut self, clip: &Clip, at: Point) {
        let (ids, command) = commands::paste(&self.graph.peek(), clip, at);
        if self.run(&command) {
            let new: Vec<NodeHandle> = ids.iter().filter_map(|id| self.by_id(id)).collect();
            self.select(new.iter().map(|node| node.key).collect());
            set_if_new(&mut self.active, new.first().copied());
        }
    }

    pub(crate) fn select_all(&mut self) {
        let keys = self.nodes.peek().iter().map(|node| node.key).collect();
        self.select(keys);
        let text = format!("Selected {}", count(self.nodes.peek().len()));
        self.say(text);
    }

    /// All nodes before or behind the active one.
    pub(crate) fn select_along(&mut self, way: Direction) {
        let Some(active) = *self.active.peek() else {
            return;
        };
        let keys = {
            let (graph, id) = (self.graph.peek(), active.id());
            let ids = if way == Direction::Left {
                graph.upstream(&id)
            } else {
                graph.downstream(&id)
            };
            let nodes = ids.into_iter().filter_map(|id| self.by_id(id));
            nodes.map(|node| node.key).chain([active.key]).collect()
        };
        self.select(keys);
        let text = format!("Selected {}", count(self.selection.peek().len()));
        self.say(text);
    }

    pub(crate) fn align(&mut self, alignment: Alignment) {
        let command = commands::align(&self.graph.peek(), &self.selected_ids(), alignment);
        self.run(&command);
    }

    pub(crate) fn nudge(&mut self, way: Direction) {
        let step = way.step();
        let shift = Point::new(step.x * geometry::GRID, step.y * geometry::GRID);
        let nodes = self.selected();
        let places: Vec<_> = nodes
            .iter()
            .map(|node| (node.id(), node.at.peek().plus(shift)))
            .collect();
        if !places.is_empty() {
            let command = commands::place(places).merging("nudge");
            self.run(&command);
        }
    }

    pub(crate) fn arrange(&mut self) {
        let places = {
            let graph = self.graph.peek();
            let places = arranged(&graph, &self.types.read());
            graph
                .nodes
                .iter()
                .map(|node| node.id.clone())
                .zip(places)
                .collect()
        };
        let command = commands::place(places).labelled("Arranged the flow".to_owned());
        self.run(&command);
        self.fit();
    }

    /// To the next node that way; to the first when none is active.
    pub(crate) fn walk(&mut self, way: Direction) {
        let rects = self.rects();
        let next = match *self.active.peek() {
            Some(active) => geometry::neighbour(&rects, active.rect(), way),
            None => rects.first().map(|(node, _)| *node),
        };
        if let Some(node) = next {
            self.activate(Some(node));
            self.reveal(Some(node));
            let kind = self.kind(&node.data.peek().kind).map(|kind| kind.title);
            self.say(format!("{}, {}", node.title(), kind.unwrap_or_default()));
        }
    }

    /// Begins a connection from the active node, by keyboard.
    pub(crate) fn start_connecting(&mut self) {
        let Some(from) = *self.active.peek() else {
            return self.say("Choose a node first");
        };
        let ports = from.ports.peek().clone();
        let taken = |port: &&String| {
            let id = from.id();
            self.graph
                .peek()
                .edges
                .iter()
                .any(|edge| edge.from == id && edge.port() == port.as_str())
        };
        let Some(port) = ports.iter().find(|port| !taken(port)).or(ports.first()) else {
            return self.say("This node has no output");
        };
        self.begin_edge(from, port);
        self.say(format!(
            "Connecting from {}, port {port}: go to a node, then press Enter",
            from.title()
        ));
    }

    /// Lights the nodes at which the edge may end.
    pub(crate) fn begin_edge(&mut self, from: NodeHandle, port: &str) {
        let port = port.to_owned();
        for node in self.nodes.peek().iter() {
            let mut lit = node.lit;
            set_if_new(&mut lit, self.may_connect(from, &port, *node).is_ok());
        }
        self.connecting.set(Some(Connecting { from, port }));
    }

    pub(crate) fn end_edge(&mut self) -> Option<Connecting> {
        let connecting = self.connecting.peek().clone()?;
        for node in self.nodes.peek().iter() {
            let mut lit = node.lit;
            set_if_new(&mut lit, false);
        }
        self.connecting.set(None);
        set_if_new(&mut self.loose_end, None);
        Some(connecting)
    }

    pub(crate) fn reveal(&mut self, node: Option<NodeHandle>) {
        if let Some(node) = node {
            let view = self.view.peek().revealing(node.rect(), *self.size.peek());
            set_if_new(&mut self.view, view);
        }
    }

    pub(crate) fn fit(&mut self) {
        let bounds = Rect::around(self.rects().into_iter().map(|(_, rect)| rect));
        let view = bounds.map_or_else(View::default, |bounds| {
            View::fitted(bounds, *self.size.peek())
        });
        set_if_new(&mut self.view, view);
    }

    /// Zooms about the middle of the canvas.
    pub(crate) fn zoom(&mut self, factor: f64) {
        let size = *self.size.peek();
        let view = self
            .view
            .peek()
            .zoomed(Point::new(size.x / 2.0, size.y / 2.0), factor);
        set_if_new(&mut self.view, view);
    }
}

fn count(nodes: usize) -> String {
    match nodes {
        1 => "1 node".to_owned(),
        several => format!("{several} nodes"),
    }
}
