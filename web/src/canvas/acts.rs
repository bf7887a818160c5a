//! What the user does on the board, whichever way it was asked for: pointer, key, menu or table.
//!
//! **Invariant:** each act that changes the flow is one command in the log and is said aloud.

mod groups;
mod notes;

use contracts::flow::Edge;
use dioxus::prelude::*;

use crate::canvas::{
    board::{
        Adding, Board, Connecting, NodeHandle, arranged,
        drawn::{Beside, Item, NoteHandle},
        set_if_new,
    },
    commands::{self, Alignment, Clip, counted},
    geometry::{self, Direction, Point, Rect, View, WIDTH},
    log::Command,
    moving::Moving,
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
                (None, None) => commands::add_in(&graph, kind, adding.parent.as_deref(), at),
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
        self.adding.set(Some(Adding::at(at)));
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
        let mut items = self.items();
        // Notes lie behind what is put on them.
        items.retain(|(item, _)| !matches!(item, Item::Beside(Beside::Note(_))));
        let mut at = at;
        while items
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
        let notes: Vec<String> = self.selected_notes().iter().map(NoteHandle::id).collect();
        self.delete_all(&ids, &edges, &notes);
    }

    pub(crate) fn delete(&mut self, ids: &[String], edges: &[Edge]) {
        self.delete_all(ids, edges, &[]);
    }

    fn delete_all(&mut self, ids: &[String], edges: &[Edge], notes: &[String]) {
        if ids.is_empty() && edges.is_empty() && notes.is_empty() {
            return;
        }
        // Where the keyboard stands goes on to what lies nearest.
        let next = self.standing().and_then(|from| self.near(from, ids));
        let mut command = commands::delete(&self.graph.peek(), ids, edges);
        command.edits.extend(commands::notes::removal(notes));
        if !notes.is_empty() {
            command.label = format!("Deleted {}", counted(ids.len(), notes.len()));
        }
        if self.run(&command) {
            self.activate(next);
        }
    }

    fn near(&self, from: Item, without: &[String]) -> Option<NodeHandle> {
        let mut rects = self.rects();
        rects.retain(|(other, _)| !without.contains(&other.id()));
        let ways = [
            Direction::Left,
            Direction::Up,
            Direction::Right,
            Direction::Down,
        ];
        ways.into_iter()
            .find_map(|way| geometry::neighbour(&rects, rect_of(from), way))
    }

    pub(crate) fn copy(&mut self) -> Option<String> {
        let clip = self.clip();
        clip.corner()?;
        self.say(format!(
            "Copied {}",
            counted(clip.nodes.len(), clip.notes.len())
        ));
        serde_json::to_string_pretty(&clip).ok()
    }

    fn clip(&self) -> Clip {
        let notes: Vec<String> = self.selected_notes().iter().map(NoteHandle::id).collect();
        commands::copy(&self.graph.peek(), &self.selected_ids(), &notes)
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
        let clip = self.clip();
        let Some(corner) = clip.corner() else { return };
        let at = match self.groups_here() {
            // The frame of a copied group hides behind no nodes.
            groups if !clip.groups.is_empty() => {
                let areas = groups.iter().map(|group| *group.area.peek());
                let height = Rect::around(areas).map_or(0.0, |area| area.height);
                corner.plus(Point::new(0.0, height + 32.0))
            }
            _ => corner.plus(Point::new(32.0, 32.0)),
        };
        let at = self.free_place(at);
        self.paste_clip(&clip, at);
    }

    fn paste_clip(&mut self, clip: &Clip, at: Point) {
        let (pasted, command) = commands::paste(&self.graph.peek(), clip, at);
        if self.run(&command) {
            let nodes = pasted.nodes.iter().filter_map(|id| self.by_id(id));
            let notes = pasted.notes.iter().filter_map(|id| self.note_by_id(id));
            let keys = nodes.map(|node| node.key);
            let keys = keys.chain(notes.map(|note| note.key)).collect();
            self.select(keys);
            self.stand_on_selection();
        }
    }

    pub(crate) fn select_all(&mut self) {
        let keys = {
            let (nodes, notes) = (self.nodes.peek(), self.notes.peek());
            let keys = nodes.iter().map(|node| node.key);
            keys.chain(notes.iter().map(|note| note.key)).collect()
        };
        self.select(keys);
        self.say_selection();
    }

    pub(crate) fn say_selection(&mut self) {
        let (nodes, notes) = (self.selected().len(), self.selected_notes().len());
        self.say(format!("Selected {}", counted(nodes, notes)));
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
        self.say_selection();
    }

    pub(crate) fn align(&mut self, alignment: Alignment) {
        let command = commands::align(&self.graph.peek(), &self.selected_ids(), alignment);
        self.run(&command);
    }

    pub(crate) fn nudge(&mut self, way: Direction) {
        let step = way.step();
        let shift = Point::new(step.x * geometry::GRID, step.y * geometry::GRID);
        if *self.locked.peek() {
            return self.say("This flow cannot be changed");
        }
        let moving = Moving::selection(self);
        if !moving.is_empty() {
            moving.by(shift);
            self.run(&moving.command().merging("nudge"));
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

    /// To the next thing that way; to the first when nothing is active.
    pub(crate) fn walk(&mut self, way: Direction) {
        let items = self.items();
        let next = match self.standing() {
            Some(from) => geometry::neighbour(&items, rect_of(from), way),
            None => items.first().map(|(item, _)| *item),
        };
        let Some(next) = next else { return };
        let text = match next {
            Item::Node(node) => {
                self.activate(Some(node));
                let kind = self.kind(&node.data.peek().kind).map(|kind| kind.title);
                format!("{}, {}", node.title(), kind.unwrap_or_default())
            }
            Item::Beside(beside) => {
                self.activate_beside(beside);
                match beside {
                    Beside::Note(note) => format!("Note: {}", note.title()),
                    Beside::Group(group) => group.title(),
                }
            }
        };
        self.reveal_rect(rect_of(next));
        self.say(text);
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
            self.reveal_rect(node.shown());
        }
    }

    pub(crate) fn reveal_rect(&mut self, rect: Rect) {
        let view = self.view.peek().revealing(rect, *self.size.peek());
        set_if_new(&mut self.view, view);
    }

    pub(crate) fn fit(&mut self) {
        let items = self.items().into_iter().map(|(_, rect)| rect);
        let groups = self.groups.peek().clone().into_iter();
        let frames = groups.filter(|group| !group.members.peek().is_empty());
        let bounds = Rect::around(items.chain(frames.map(|group| *group.area.peek())));
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

fn rect_of(item: Item) -> Rect {
    match item {
        Item::Node(node) => node.shown(),
        Item::Beside(beside) => beside.rect(),
    }
}
