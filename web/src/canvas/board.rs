//! The state of one open canvas: handles with a signal for each thing that is drawn, so that moving a node draws that
//! node and its edges anew and nothing else.
//!
//! **Invariant:** after `reconcile` the handles show the graph. A node keeps its handle through delete and undo.

pub(crate) mod drawn;

use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

use contracts::flow::{Definition, Edge, Node, NodeType};
use dioxus::{
    core::{Runtime, current_scope_id},
    prelude::*,
};

use self::drawn::{Beside, GroupHandle, NoteHandle};
use crate::canvas::{
    geometry::{self, Point, Rect, View},
    layout,
    log::Log,
    model::{Graph, place, position, title},
    ports,
};

/// What an execution made of a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Mark {
    /// `running`, `succeeded`, …; empty before anything was heard of it.
    pub(crate) state: &'static str,
    /// One short line: time, tokens, attempt.
    pub(crate) note: String,
    pub(crate) duration_ms: u64,
    pub(crate) tokens: u64,
    /// The node was changed since.
    pub(crate) stale: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) struct NodeHandle {
    pub(crate) key: u32,
    pub(crate) data: Signal<Node>,
    pub(crate) at: Signal<Point>,
    pub(crate) ports: Signal<Vec<String>>,
    pub(crate) selected: Signal<bool>,
    pub(crate) mark: Signal<Mark>,
    /// What keeps the node from being published.
    pub(crate) problems: Signal<Vec<String>>,
    /// The edge that is being drawn may end here.
    pub(crate) lit: Signal<bool>,
    /// The collapsed group whose card stands in its place.
    pub(crate) folded: Signal<Option<GroupHandle>>,
}

impl NodeHandle {
    pub(crate) fn id(&self) -> String {
        self.data.peek().id.clone()
    }

    pub(crate) fn title(&self) -> String {
        title(&self.data.peek()).to_owned()
    }

    pub(crate) fn rect(&self) -> Rect {
        Rect::of_node(*self.at.peek(), self.ports.peek().len())
    }

    /// The rectangle that is seen: its own, or that of the card in its place.
    pub(crate) fn shown(&self) -> Rect {
        match *self.folded.peek() {
            Some(group) => *group.area.peek(),
            None => self.rect(),
        }
    }

    /// Where an edge leaves by this port; follows the node and the card in its place.
    pub(crate) fn leaves(&self, port: &str) -> Point {
        if let Some(group) = *self.folded.read() {
            return geometry::output_port(group.area.read().corner(), 0, 1);
        }
        let ports = self.ports.read();
        let index = ports.iter().position(|known| known == port).unwrap_or(0);
        geometry::output_port(*self.at.read(), index, ports.len())
    }

    /// Where an edge arrives; follows the node and the card in its place.
    pub(crate) fn enters(&self) -> Point {
        let corner = match *self.folded.read() {
            Some(group) => group.area.read().corner(),
            None => *self.at.read(),
        };
        geometry::input_port(corner)
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) struct EdgeHandle {
    pub(crate) key: u32,
    pub(crate) edge: CopyValue<Edge>,
    pub(crate) from: NodeHandle,
    pub(crate) to: NodeHandle,
    pub(crate) selected: Signal<bool>,
    /// What a comparison says of it; empty where there is none.
    pub(crate) change: Signal<&'static str>,
}

/// An edge that is being drawn, by pointer or by keyboard.
#[derive(Clone, PartialEq)]
pub(crate) struct Connecting {
    pub(crate) from: NodeHandle,
    pub(crate) port: String,
}

/// A node that is being chosen, and where it goes.
#[derive(Clone, PartialEq)]
pub(crate) struct Adding {
    pub(crate) at: Point,
    /// The node and port that it follows.
    pub(crate) from: Option<(String, String)>,
    /// The edge that it parts.
    pub(crate) edge: Option<Edge>,
    /// The node in whose body it stands, where it neither follows nor parts.
    pub(crate) parent: Option<String>,
}

impl Adding {
    pub(crate) const fn at(at: Point) -> Self {
        Self {
            at,
            from: None,
            edge: None,
            parent: None,
        }
    }

    pub(crate) fn within(parent: String, at: Point) -> Self {
        Self {
            parent: Some(parent),
            ..Self::at(at)
        }
    }

    pub(crate) fn into_edge(edge: Edge, at: Point) -> Self {
        Self {
            edge: Some(edge),
            ..Self::at(at)
        }
    }

    pub(crate) fn after(node: String, port: String, at: Point) -> Self {
        Self {
            from: Some((node, port)),
            ..Self::at(at)
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Board {
    pub(crate) graph: Signal<Graph>,
    pub(crate) log: Signal<Log>,
    /// Counts the changes of the graph by the user.
    pub(crate) changes: Signal<u64>,
    pub(crate) types: CopyValue<Rc<Vec<NodeType>>>,
    pub(crate) nodes: Signal<Vec<NodeHandle>>,
    pub(crate) edges: Signal<Vec<EdgeHandle>>,
    pub(crate) notes: Signal<Vec<NoteHandle>>,
    pub(crate) groups: Signal<Vec<GroupHandle>>,
    pub(crate) view: Signal<View>,
    /// The size of the canvas on the screen, and its corner in the window.
    pub(crate) size: Signal<Point>,
    pub(crate) corner: CopyValue<Point>,
    /// Where the pointer is over the canvas, on the screen.
    pub(crate) pointer: CopyValue<Option<Point>>,
    pub(crate) active: Signal<Option<NodeHandle>>,
    /// The note or group that is active where no node is.
    pub(crate) beside: Signal<Option<Beside>>,
    /// The key of the note or group whose text is being typed in its place.
    pub(crate) editing: Signal<Option<u32>>,
    pub(crate) selection: Signal<BTreeSet<u32>>,
    pub(crate) connecting: Signal<Option<Connecting>>,
    /// Where the loose end of that edge is, in the world.
    pub(crate) loose_end: Signal<Option<Point>>,
    pub(crate) adding: Signal<Option<Adding>>,
    pub(crate) marquee: Signal<Option<Rect>>,
    pub(crate) said: Signal<String>,
    pub(crate) locked: Signal<bool>,
    /// The ids of the nodes that a comparison puts a ring around.
    pub(crate) ringed: Signal<BTreeSet<String>>,
    /// The ids of the nodes whose output is pinned.
    pub(crate) pinned: Signal<BTreeSet<String>>,
    known: CopyValue<HashMap<String, NodeHandle>>,
    known_edges: CopyValue<HashMap<Edge, EdgeHandle>>,
    known_notes: CopyValue<HashMap<String, NoteHandle>>,
    known_groups: CopyValue<HashMap<String, GroupHandle>>,
    next_key: CopyValue<u32>,
    scope: ScopeId,
}

impl Board {
    /// The board of the component that calls this; it lives as long as that does.
    pub(crate) fn new(definition: Definition, types: Rc<Vec<NodeType>>) -> Self {
        let mut board = Self {
            graph: Signal::new(laid_out(definition, &types)),
            log: Signal::new(Log::default()),
            changes: Signal::new(0),
            types: CopyValue::new(types),
            nodes: Signal::new(Vec::new()),
            edges: Signal::new(Vec::new()),
            notes: Signal::new(Vec::new()),
            groups: Signal::new(Vec::new()),
            view: Signal::new(View::default()),
            size: Signal::new(Point::default()),
            corner: CopyValue::new(Point::default()),
            pointer: CopyValue::new(None),
            active: Signal::new(None),
            beside: Signal::new(None),
            editing: Signal::new(None),
            selection: Signal::new(BTreeSet::new()),
            connecting: Signal::new(None),
            loose_end: Signal::new(None),
            adding: Signal::new(None),
            marquee: Signal::new(None),
            said: Signal::new(String::new()),
            locked: Signal::new(false),
            ringed: Signal::new(BTreeSet::new()),
            pinned: Signal::new(BTreeSet::new()),
            known: CopyValue::new(HashMap::new()),
            known_edges: CopyValue::new(HashMap::new()),
            known_notes: CopyValue::new(HashMap::new()),
            known_groups: CopyValue::new(HashMap::new()),
            next_key: CopyValue::new(0),
            scope: current_scope_id(),
        };
        board.reconcile();
        board
    }

    /// Takes another definition in the place of the present one; what was done before cannot be undone.
    pub(crate) fn replace(&mut self, definition: Definition) {
        let graph = laid_out(definition, &self.types.read());
        self.graph.set(graph);
        self.log.set(Log::default());
        self.reconcile();
    }

    /// Lets handles and lists follow the graph.
    pub(crate) fn reconcile(&mut self) {
        let graph = self.graph.peek().clone();
        let nodes: Vec<NodeHandle> = graph
            .nodes
            .iter()
            .map(|node| self.node_handle(node))
            .collect();
        let edges: Vec<EdgeHandle> = graph
            .edges
            .iter()
            .filter_map(|edge| self.edge_handle(edge))
            .collect();
        set_if_new(&mut self.nodes, nodes);
        set_if_new(&mut self.edges, edges);
        self.reconcile_drawn(&graph);
        let mut present: BTreeSet<u32> = self.nodes.peek().iter().map(|node| node.key).collect();
        present.extend(self.notes.peek().iter().map(|note| note.key));
        let kept = self
            .selection
            .peek()
            .intersection(&present)
            .copied()
            .collect();
        self.select(kept);
        let is_gone = |active: NodeHandle| !present.contains(&active.key);
        if self.active.peek().is_some_and(is_gone) {
            self.active.set(None);
        }
        self.forget_drawn();
    }

    fn node_handle(&mut self, node: &Node) -> NodeHandle {
        let known = self.known.read().get(&node.id).copied();
        let ports = ports::of(node, self.kind_of(node).as_ref());
        if let Some(mut handle) = known {
            set_if_new(&mut handle.at, place(node));
            set_if_new(&mut handle.ports, ports);
            let same_config = same_but_place(&handle.data.peek(), node);
            if !same_config {
                handle.data.set(node.clone());
                if !handle.mark.peek().state.is_empty() {
                    handle.mark.write().stale = true;
                }
            }
            return handle;
        }
        let scope = self.scope;
        let handle = NodeHandle {
            key: self.key(),
            data: Signal::new_in_scope(node.clone(), scope),
            at: Signal::new_in_scope(place(node), scope),
            ports: Signal::new_in_scope(ports, scope),
            selected: Signal::new_in_scope(false, scope),
            mark: Signal::new_in_scope(Mark::default(), scope),
            problems: Signal::new_in_scope(Vec::new(), scope),
            lit: Signal::new_in_scope(false, scope),
            folded: Signal::new_in_scope(None, scope),
        };
        self.known.write().insert(node.id.clone(), handle);
        handle
    }

    fn edge_handle(&mut self, edge: &Edge) -> Option<EdgeHandle> {
        if let Some(handle) = self.known_edges.read().get(edge) {
            return Some(*handle);
        }
        let ends = |id: &String| self.known.read().get(id).copied();
        let (from, to) = (ends(&edge.from)?, ends(&edge.to)?);
        let handle = EdgeHandle {
            key: self.key(),
            edge: CopyValue::new_in_scope(edge.clone(), self.scope),
            from,
            to,
            selected: Signal::new_in_scope(false, self.scope),
            change: Signal::new_in_scope("", self.scope),
        };
        self.known_edges.write().insert(edge.clone(), handle);
        Some(handle)
    }

    fn key(&mut self) -> u32 {
        let mut next = self.next_key.write();
        *next += 1;
        *next
    }

    pub(crate) fn kind(&self, kind: &str) -> Option<NodeType> {
        let types = self.types.read();
        types.iter().find(|known| known.kind == kind).cloned()
    }

    /// The type of a node, as it is in the node's own version.
    pub(crate) fn kind_of(&self, node: &Node) -> Option<NodeType> {
        let kind = self.kind(&node.kind)?;
        let mut older = kind.older.iter();
        let Some(older) = older.find(|older| older.version == node.version()) else {
            return Some(kind);
        };
        Some(NodeType {
            description: older.description.clone(),
            config_schema: older.config_schema.clone(),
            ports: older.ports.clone(),
            ..kind
        })
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<NodeHandle> {
        let handle = self.known.read().get(id).copied()?;
        let nodes = self.nodes.peek();
        nodes.contains(&handle).then_some(handle)
    }

    /// The node as it stands in the graph: the handle's data may have an old place.
    pub(crate) fn current(&self, node: NodeHandle) -> Node {
        let found = self.graph.peek().node(&node.data.peek().id).cloned();
        found.unwrap_or_else(|| node.data.peek().clone())
    }

    pub(crate) fn by_key(&self, key: u32) -> Option<NodeHandle> {
        self.nodes
            .peek()
            .iter()
            .find(|node| node.key == key)
            .copied()
    }

    /// The nodes that are seen with their rectangles, in the order in which they are drawn.
    pub(crate) fn rects(&self) -> Vec<(NodeHandle, Rect)> {
        self.nodes
            .peek()
            .iter()
            .filter(|node| node.folded.peek().is_none())
            .map(|node| (*node, node.rect()))
            .collect()
    }

    pub(crate) fn selected(&self) -> Vec<NodeHandle> {
        let selection = self.selection.peek();
        let nodes = self.nodes.peek();
        nodes
            .iter()
            .filter(|node| selection.contains(&node.key))
            .copied()
            .collect()
    }

    pub(crate) fn selected_ids(&self) -> Vec<String> {
        self.selected().iter().map(NodeHandle::id).collect()
    }

    pub(crate) fn selected_edges(&self) -> Vec<Edge> {
        let edges = self.edges.peek();
        let chosen = edges.iter().filter(|edge| *edge.selected.peek());
        chosen.map(|edge| edge.edge.read().clone()).collect()
    }

    /// These nodes and notes, and no edge.
    pub(crate) fn select(&mut self, keys: BTreeSet<u32>) {
        for node in self.nodes.peek().iter() {
            let mut selected = node.selected;
            set_if_new(&mut selected, keys.contains(&node.key));
        }
        for edge in self.edges.peek().iter() {
            let mut selected = edge.selected;
            set_if_new(&mut selected, false);
        }
        self.select_drawn(&keys);
        set_if_new(&mut self.selection, keys);
    }

    /// This node alone; its properties are shown.
    pub(crate) fn activate(&mut self, node: Option<NodeHandle>) {
        self.select(node.iter().map(|node| node.key).collect());
        self.stand(node, None);
    }

    /// Where the keyboard stands; the selection stays.
    pub(crate) fn stand(&mut self, active: Option<NodeHandle>, beside: Option<Beside>) {
        set_if_new(&mut self.active, active);
        set_if_new(&mut self.beside, beside.filter(|_| active.is_none()));
    }

    /// Runs a task to its end, also when the button that began it is gone by then.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        Runtime::current().in_scope(self.scope, || spawn(task));
    }

    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.said.set(text.into());
    }
}

/// Writing a signal notifies whoever reads it, also where nothing changes.
pub(crate) fn set_if_new<T: PartialEq + 'static>(signal: &mut Signal<T>, value: T) {
    if *signal.peek() != value {
        signal.set(value);
    }
}

fn same_but_place(a: &Node, b: &Node) -> bool {
    a.name == b.name
        && a.config == b.config
        && a.kind == b.kind
        && a.on_error == b.on_error
        && a.retry == b.retry
        && a.timeout_ms == b.timeout_ms
        && a.idle_timeout_ms == b.idle_timeout_ms
        && a.idempotency == b.idempotency
        && a.cache == b.cache
        && a.compensates == b.compensates
}

/// Gives a place to nodes that have none: to all of them where some lack one.
fn laid_out(definition: Definition, types: &[NodeType]) -> Graph {
    let mut graph = Graph::new(definition);
    if graph.nodes.iter().any(|node| node.position.is_none()) {
        let places = arranged(&graph, types);
        for (node, at) in graph.nodes.iter_mut().zip(places) {
            node.position = Some(position(at));
        }
    }
    graph
}

/// Where the automatic layout puts the nodes of a graph.
pub(crate) fn arranged(graph: &Graph, types: &[NodeType]) -> Vec<Point> {
    let kind = |node: &Node| types.iter().find(|known| known.kind == node.kind);
    let ports: Vec<usize> = graph
        .nodes
        .iter()
        .map(|node| ports::of(node, kind(node)).len())
        .collect();
    let index: HashMap<&str, usize> = graph
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| (node.id.as_str(), index))
        .collect();
    let ends = |edge: &Edge| {
        Some((
            *index.get(edge.from.as_str())?,
            *index.get(edge.to.as_str())?,
        ))
    };
    let edges: Vec<(usize, usize)> = graph.edges.iter().filter_map(ends).collect();
    layout::layered(&ports, &edges)
}
