//! What a user can do to a flow, as commands made from the graph as it is.
//!
//! **Invariant:** pure; nothing here changes the graph.

pub(crate) mod bodies;
pub(crate) mod groups;
pub(crate) mod notes;

use std::collections::{BTreeMap, BTreeSet};

use contracts::flow::{Edge, Group, Idempotency, Node, NodeConfig, Note, OnError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    canvas::{
        geometry::{Point, WIDTH},
        log::Command,
        model::{Edit, Graph, free_id, place as place_of, position, title},
    },
    format::plural,
};

/// A new node of a kind; with its id.
pub(crate) fn add(graph: &Graph, kind: &str, at: Point) -> (String, Command) {
    let id = graph.free_id(kind);
    let node = Node {
        id: id.clone(),
        kind: kind.to_owned(),
        type_version: graph::current_version(kind),
        name: None,
        config: first_config(kind),
        retry: None,
        timeout_ms: None,
        idle_timeout_ms: None,
        idempotency: Idempotency::default(),
        on_error: OnError::Fail,
        cache: None,
        compensates: None,
        parent: None,
        position: Some(position(at.snapped())),
    };
    let edit = Edit::AddNode {
        index: graph.nodes.len(),
        node: Box::new(node),
    };
    let mut edits = vec![edit];
    edits.extend(bodies::first(graph, kind, &id, at));
    (id.clone(), Command::new(format!("Added {id}"), edits))
}

/// A new node in the body of another, or in none.
pub(crate) fn add_in(
    graph: &Graph,
    kind: &str,
    parent: Option<&str>,
    at: Point,
) -> (String, Command) {
    let (id, mut command) = add(graph, kind, at);
    if let Some(Edit::AddNode { node, .. }) = command.edits.first_mut() {
        node.parent = parent.map(str::to_owned);
    }
    (id, command)
}

/// A new node that takes what `from` gives at `port`.
pub(crate) fn append(
    graph: &Graph,
    kind: &str,
    from: (&str, &str),
    at: Point,
) -> (String, Command) {
    let parent = graph.node(from.0).and_then(|node| node.parent.as_deref());
    let (id, mut command) = add_in(graph, kind, parent, at);
    let edge = edge(from.0, from.1, &id);
    command.edits.push(Edit::AddEdge {
        index: graph.edges.len(),
        edge,
    });
    (id, command)
}

/// A new node in the middle of an edge; what lies too near behind makes room.
pub(crate) fn insert(graph: &Graph, kind: &str, between: &Edge, at: Point) -> (String, Command) {
    let parent = graph
        .node(&between.from)
        .and_then(|node| node.parent.as_deref());
    let (id, mut command) = add_in(graph, kind, parent, at);
    let port = first_port(kind);
    let index = graph.edges.len().saturating_sub(1);
    command.edits.extend([
        Edit::RemoveEdge {
            edge: between.clone(),
        },
        Edit::AddEdge {
            index,
            edge: edge(&between.from, between.port(), &id),
        },
    ]);
    if let Some(port) = port {
        command.edits.push(Edit::AddEdge {
            index: index + 1,
            edge: edge(&id, port, &between.to),
        });
    }
    command.edits.extend(make_room(graph, between, at));
    command.edits.extend(groups::joined(graph, between, &id));
    (id, command)
}

fn make_room(graph: &Graph, between: &Edge, at: Point) -> Vec<Edit> {
    const GAP: f64 = 64.0;
    let Some(target) = graph.node(&between.to) else {
        return Vec::new();
    };
    let missing = at.x + WIDTH + GAP - place_of(target).x;
    if missing <= 0.0 {
        return Vec::new();
    }
    let mut behind = graph.downstream(&between.to);
    behind.insert(&between.to);
    let moved = graph
        .nodes
        .iter()
        .filter(|node| behind.contains(node.id.as_str()));
    let places = moved.map(|node| {
        let at = place_of(node).plus(Point::new(missing, 0.0)).snapped();
        (node.id.clone(), at)
    });
    places_to_edits(places)
}

pub(crate) fn place(places: Vec<(String, Point)>) -> Command {
    let label = match places.as_slice() {
        [(id, _)] => format!("Moved {id}"),
        several => format!("Moved {} nodes", several.len()),
    };
    Command::new(label, places_to_edits(places))
}

fn places_to_edits(places: impl IntoIterator<Item = (String, Point)>) -> Vec<Edit> {
    let edit = |(id, at)| Edit::Place {
        id,
        at: Some(position(at)),
    };
    places.into_iter().map(edit).collect()
}

pub(crate) fn connect(graph: &Graph, from: &str, port: &str, to: &str) -> Command {
    let edit = Edit::AddEdge {
        index: graph.edges.len(),
        edge: edge(from, port, to),
    };
    Command::new(format!("Connected {from} to {to}"), vec![edit])
}

/// Without these nodes, what stands in their bodies, their edges, and these edges; a group without nodes goes, too.
pub(crate) fn delete(graph: &Graph, ids: &[String], edges: &[Edge]) -> Command {
    let ids = &bodies::with_bodies(graph, ids)[..];
    let goes =
        |edge: &&Edge| edges.contains(edge) || ids.contains(&edge.from) || ids.contains(&edge.to);
    let without_edges = graph.edges.iter().filter(goes).cloned();
    let without_nodes = ids.iter().cloned().map(|id| Edit::RemoveNode { id });
    let edits = without_edges
        .map(|edge| Edit::RemoveEdge { edge })
        .chain(groups::without(graph, ids))
        .chain(without_nodes)
        .collect();
    let label = match (ids, edges.len()) {
        ([id], _) => format!("Deleted {id}"),
        ([], 1) => "Deleted a connection".to_owned(),
        ([], count) => format!("Deleted {count} connections"),
        (ids, _) => format!("Deleted {} nodes", ids.len()),
    };
    Command::new(label, edits)
}

pub(crate) fn rename(node: &Node, name: &str) -> Command {
    let name = Some(name.to_owned()).filter(|name| !name.is_empty());
    let label = format!("Renamed {}", title(node));
    set(Node {
        name,
        ..node.clone()
    })
    .labelled(label)
    .merging(format!("name {}", node.id))
}

/// Sets one key of the configuration, or takes it away.
pub(crate) fn configure(node: &Node, key: &str, value: Option<Value>) -> Command {
    let mut config = node.config.clone();
    match value {
        Some(value) => config.insert(key.to_owned(), value),
        None => config.remove(key),
    };
    let label = format!("Changed {key} of {}", title(node));
    set(Node {
        config,
        ..node.clone()
    })
    .labelled(label)
    .merging(format!("config {} {key}", node.id))
}

/// Another state of a node, all but its id.
pub(crate) fn set(node: Node) -> Command {
    let label = format!("Changed {}", title(&node));
    let node = Box::new(node);
    Command::new(label, vec![Edit::SetNode { node }])
}

pub(crate) fn set_input_schema(schema: Option<Value>) -> Command {
    Command::new(
        "Changed the input schema",
        vec![Edit::SetInputSchema { schema }],
    )
    .merging("input schema")
}

pub(crate) fn set_timeout(seconds: Option<u64>) -> Command {
    Command::new(
        "Changed the time of an execution",
        vec![Edit::SetTimeout { seconds }],
    )
    .merging("timeout")
}

impl Command {
    #[must_use]
    pub(crate) fn labelled(mut self, label: String) -> Self {
        self.label = label;
        self
    }
}

/// Nodes, the edges between them, notes, and whole groups, as they lie on the clipboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Clip {
    /// Tells this JSON from any other: `1`.
    pub(crate) troupe_nodes: u32,
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Vec<Edge>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<Note>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<Group>,
}

impl Clip {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let clip: Self = serde_json::from_str(text).ok()?;
        (clip.troupe_nodes == 1 && clip.corner().is_some()).then_some(clip)
    }

    /// The upper left corner; none where nothing was copied.
    pub(crate) fn corner(&self) -> Option<Point> {
        let notes = self.notes.iter().map(notes::place_of);
        let places = self.nodes.iter().map(place_of).chain(notes);
        places.reduce(|a, b| Point::new(a.x.min(b.x), a.y.min(b.y)))
    }
}

pub(crate) fn copy(graph: &Graph, ids: &[String], notes: &[String]) -> Clip {
    let ids = &bodies::with_bodies(graph, ids)[..];
    let inside = |edge: &&Edge| ids.contains(&edge.from) && ids.contains(&edge.to);
    let nodes = graph.nodes.iter().filter(|node| ids.contains(&node.id));
    Clip {
        troupe_nodes: 1,
        nodes: nodes.cloned().collect(),
        edges: graph.edges.iter().filter(inside).cloned().collect(),
        notes: graph
            .notes
            .iter()
            .filter(|note| notes.contains(&note.id))
            .cloned()
            .collect(),
        groups: groups::whole(graph, ids).cloned().collect(),
    }
}

/// What a paste puts on the canvas.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Pasted {
    pub(crate) nodes: Vec<String>,
    pub(crate) notes: Vec<String>,
}

/// What was copied, with free ids, its upper left corner at `at`; what the copies say about each other follows along.
pub(crate) fn paste(graph: &Graph, clip: &Clip, at: Point) -> (Pasted, Command) {
    let mut taken: BTreeSet<String> = graph.nodes.iter().map(|node| node.id.clone()).collect();
    let mut ids = BTreeMap::new();
    for node in &clip.nodes {
        let id = free_id(&node.id, |id| taken.contains(id));
        taken.insert(id.clone());
        ids.insert(node.id.clone(), id);
    }
    let shift = at.minus(clip.corner().unwrap_or_default());
    // A node that was copied without the one in whose body it stands stays in that body, where there is one.
    let parent = |id: &String| {
        let known = graph.node(id).map(|node| node.id.clone());
        ids.get(id).cloned().or(known)
    };
    let nodes = clip.nodes.iter().enumerate().map(|(offset, node)| {
        let moved = place_of(node).plus(shift).snapped();
        Edit::AddNode {
            index: graph.nodes.len() + offset,
            node: Box::new(Node {
                id: ids[&node.id].clone(),
                type_version: node
                    .type_version
                    .or_else(|| graph::current_version(&node.kind)),
                config: with_ids(&node.config, &ids),
                parent: node.parent.as_ref().and_then(parent),
                position: Some(position(moved)),
                ..node.clone()
            }),
        }
    });
    let ends = |edge: &Edge| Some((ids.get(&edge.from)?, ids.get(&edge.to)?));
    let edges = clip.edges.iter().filter_map(|known| {
        let (from, to) = ends(known)?;
        Some(edge(from, known.port(), to))
    });
    let edges = edges.enumerate().map(|(offset, edge)| Edit::AddEdge {
        index: graph.edges.len() + offset,
        edge,
    });
    let (notes, note_edits) = notes::copies(graph, &clip.notes, shift);
    let edits = nodes.chain(edges).chain(note_edits);
    let edits = edits.chain(groups::copies(graph, &clip.groups, &ids));
    let label = format!("Pasted {}", counted(clip.nodes.len(), clip.notes.len()));
    let command = Command::new(label, edits.collect());
    let nodes = ids.into_values().collect();
    (Pasted { nodes, notes }, command)
}

/// `3 nodes`, `1 note`, `2 nodes and 1 note`.
pub(crate) fn counted(nodes: usize, notes: usize) -> String {
    match (nodes, notes) {
        (nodes, 0) => plural(nodes, "node", "nodes"),
        (0, notes) => plural(notes, "note", "notes"),
        (nodes, notes) => format!("{} and {}", counted(nodes, 0), counted(0, notes)),
    }
}

/// The configuration with `nodes.<old>` spelled anew in all its texts.
fn with_ids(config: &NodeConfig, ids: &BTreeMap<String, String>) -> NodeConfig {
    let value = |value: &Value| respell(value, ids);
    config
        .iter()
        .map(|(key, found)| (key.clone(), value(found)))
        .collect()
}

fn respell(value: &Value, ids: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => Value::String(respell_text(text, ids)),
        Value::Array(items) => items.iter().map(|item| respell(item, ids)).collect(),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, field)| (key.clone(), respell(field, ids)));
            Value::Object(fields.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn respell_text(text: &str, ids: &BTreeMap<String, String>) -> String {
    let mut parts = text.split("nodes.");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("nodes.");
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (id, rest) = part.split_at(end.unwrap_or(part.len()));
        out.push_str(ids.get(id).map_or(id, String::as_str));
        out.push_str(rest);
    }
    out
}

pub(crate) fn edge(from: &str, port: &str, to: &str) -> Edge {
    Edge {
        from: from.to_owned(),
        from_port: Some(port.to_owned()).filter(|port| port != Edge::DEFAULT_PORT),
        to: to.to_owned(),
    }
}

/// By which port a fresh node of this kind goes on; an output does not.
pub(crate) fn first_port(kind: &str) -> Option<&'static str> {
    match kind {
        "condition" => Some("yes"),
        "approval" => Some("approve"),
        "output" => None,
        _ => Some(Edge::DEFAULT_PORT),
    }
}

/// What a new node begins with, so that it can be run after as few steps as may be.
fn first_config(kind: &str) -> NodeConfig {
    let config = match kind {
        "agent" => json!({"prompt": "{{ input }}"}),
        "llm" => json!({"prompt": ""}),
        "http" => json!({"method": "GET", "url": "https://"}),
        "code" => json!({
            "language": "javascript",
            "source": "export default ({ input, nodes }) => {\n  return input;\n};\n"
        }),
        "condition" => json!({"cases": [{"when": "", "port": "yes"}], "default_port": "no"}),
        "transform" | "output" => json!({"value": "{{ input }}"}),
        "wait" => json!({"seconds": 60}),
        "approval" => json!({"title": ""}),
        "knowledge" => json!({"query": "{{ input }}"}),
        "map" => json!({"items": "{{ input }}"}),
        "loop" => json!({"while": "index < 3"}),
        _ => json!({}),
    };
    serde_json::from_value(config).unwrap_or_default()
}

/// How several nodes are brought into line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alignment {
    Left,
    Top,
    /// The same distance from one to the next, from left to right.
    Columns,
    /// The same distance from one to the next, from top to bottom.
    Rows,
}

impl Alignment {
    pub(crate) const ALL: [(Self, &'static str); 4] = [
        (Self::Left, "Align left"),
        (Self::Top, "Align top"),
        (Self::Columns, "Distribute across"),
        (Self::Rows, "Distribute down"),
    ];
}

pub(crate) fn align(graph: &Graph, ids: &[String], alignment: Alignment) -> Command {
    let nodes = graph.nodes.iter().filter(|node| ids.contains(&node.id));
    let mut places: Vec<(String, Point)> = nodes
        .map(|node| (node.id.clone(), place_of(node)))
        .collect();
    match alignment {
        Alignment::Left => {
            let left = places.iter().map(|(_, at)| at.x).fold(f64::MAX, f64::min);
            places.iter_mut().for_each(|(_, at)| at.x = left);
        }
        Alignment::Top => {
            let top = places.iter().map(|(_, at)| at.y).fold(f64::MAX, f64::min);
            places.iter_mut().for_each(|(_, at)| at.y = top);
        }
        Alignment::Columns => spread(&mut places, |at| &mut at.x),
        Alignment::Rows => spread(&mut places, |at| &mut at.y),
    }
    let count = places.len();
    place(places).labelled(format!("Aligned {count} nodes"))
}

fn spread(places: &mut [(String, Point)], axis: fn(&mut Point) -> &mut f64) {
    places.sort_by(|a, b| axis(&mut a.1.clone()).total_cmp(axis(&mut b.1.clone())));
    let [first, .., last] = places else { return };
    let (begin, end) = (*axis(&mut first.1), *axis(&mut last.1));
    let step = (end - begin) / (places.len() - 1) as f64;
    for (index, (_, at)) in places.iter_mut().enumerate() {
        *axis(at) = begin + step * index as f64;
    }
}

#[cfg(test)]
mod tests {
    use contracts::flow::Definition;

    use super::*;

    #[test]
    fn copies_speak_of_copies() {
        let mut graph = Graph::new(Definition::example());
        let clip = copy(&graph, &["greet".into(), "end".into()], &[]);
        let clip = Clip::parse(&serde_json::to_string(&clip).unwrap()).unwrap();
        let (pasted, command) = paste(&graph, &clip, Point::default());
        graph.apply(&command.edits);
        assert_eq!(pasted.nodes, ["end_2", "greet_2"]);
        let end = graph.node("end_2").unwrap();
        assert_eq!(end.config["value"], "{{ nodes.greet_2.output }}");
        assert!(graph.edges.contains(&edge("greet_2", "out", "end_2")));
    }

    #[test]
    fn other_json_is_no_clip() {
        assert_eq!(Clip::parse("{\"nodes\": []}"), None);
        assert_eq!(Clip::parse("hello"), None);
    }

    #[test]
    fn inserting_cuts_the_edge_and_makes_room() {
        let mut graph = Graph::new(Definition::example());
        let between = graph.edges[1].clone();
        let (id, command) = insert(&graph, "llm", &between, Point::new(100.0, 0.0));
        graph.apply(&command.edits);
        assert!(!graph.edges.contains(&between));
        assert!(graph.edges.contains(&edge("greet", "out", &id)));
        assert!(graph.edges.contains(&edge(&id, "out", "end")));
        assert!(place_of(graph.node("end").unwrap()).x >= 100.0 + WIDTH);
    }

    #[test]
    fn aligned_nodes_share_a_side_and_distributed_ones_a_distance() {
        let mut graph = Graph::new(Definition::example());
        let ids: Vec<String> = graph.nodes.iter().map(|node| node.id.clone()).collect();
        let spots = [(0.0, 40.0), (700.0, 8.0), (100.0, 0.0)];
        let places = ids
            .iter()
            .zip(spots)
            .map(|(id, (x, y))| (id.clone(), Point::new(x, y)));
        graph.apply(&place(places.collect()).edits);
        graph.apply(&align(&graph, &ids, Alignment::Top).edits);
        graph.apply(&align(&graph, &ids, Alignment::Columns).edits);
        let places: Vec<Point> = graph.nodes.iter().map(place_of).collect();
        assert_eq!(places.map_xy(), [(0.0, 0.0), (700.0, 0.0), (350.0, 0.0)]);
    }

    trait Pairs {
        fn map_xy(&self) -> Vec<(f64, f64)>;
    }

    impl Pairs for Vec<Point> {
        fn map_xy(&self) -> Vec<(f64, f64)> {
            self.iter().map(|at| (at.x, at.y)).collect()
        }
    }
}
