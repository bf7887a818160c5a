//! From nodes of older versions to nodes of the current ones, and what that changes.
//!
//! **Invariant:** no edge is dropped: one at a port with another name follows it, and a node whose port would vanish under an
//! edge stays as it is.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use contracts::flow::{Definition, Edge, Node, NodeConfig, NodeUpgrade, NotUpgraded};

use crate::{
    node_types::{self, Kind, Step},
    reads,
    versions::Kinds,
};

/// A definition whose nodes went to the current versions of their types.
#[derive(Clone, Debug, PartialEq)]
pub struct Upgrade {
    pub definition: Definition,
    pub nodes: Vec<NodeUpgrade>,
    /// Nodes that were asked for and stay as they are. Those of the current version are not among them.
    pub left: Vec<NotUpgraded>,
}

/// Brings nodes to the current versions of their types: those with the ids in `only`, or all.
pub fn upgrade(definition: &Definition, only: Option<&[String]>) -> Upgrade {
    upgrade_to(node_types::kinds(), definition, only)
}

fn upgrade_to(kinds: &Kinds, definition: &Definition, only: Option<&[String]>) -> Upgrade {
    let mut upgrade = Upgrade {
        definition: definition.clone(),
        nodes: Vec::new(),
        left: Vec::new(),
    };
    let only: Option<HashSet<&String>> = only.map(|only| only.iter().collect());
    let is_wanted = |node: &Node| only.as_ref().is_none_or(|only| only.contains(&node.id));
    let mut seen = HashSet::new();
    for (position, node) in definition.nodes.iter().enumerate() {
        // Edges lead to the first node of an id: a second one is a mistake, and told as one.
        let is_first = seen.insert(&node.id);
        if !is_first || !is_wanted(node) {
            continue;
        }
        match Change::of(kinds, node) {
            Ok(None) => {}
            Ok(Some(change)) => match change.obstacle(&upgrade.definition) {
                None => change.apply(&mut upgrade, position),
                Some((code, message)) => upgrade.left.push(left(node, code, message)),
            },
            Err(unknown) => {
                let message = unknown.to_string();
                upgrade.left.push(left(node, unknown.code(), message));
            }
        }
    }
    upgrade
}

fn left(node: &Node, code: &str, message: String) -> NotUpgraded {
    NotUpgraded {
        node: node.id.clone(),
        code: code.to_owned(),
        message,
    }
}

/// A node on its way to the current version.
struct Change<'a> {
    node: &'a Node,
    /// What it becomes.
    after: Node,
    old: &'a Kind,
    new: &'a Kind,
    steps: Vec<&'a Step>,
}

impl<'a> Change<'a> {
    /// None for a node of the current version.
    fn of(kinds: &'a Kinds, node: &'a Node) -> Result<Option<Self>, crate::UnknownType> {
        let chain = kinds.chain(&node.kind, node.version())?;
        let (Some(old), Some(new)) = (chain.first().copied(), chain.last().copied()) else {
            return Ok(None);
        };
        let steps: Vec<_> = chain.iter().filter_map(|kind| kind.next.as_ref()).collect();
        if steps.is_empty() {
            return Ok(None);
        }
        let convert = |config: NodeConfig, step: &&Step| (step.config)(config);
        let after = Node {
            config: steps.iter().fold(node.config.clone(), convert),
            type_version: Some(new.about.version),
            ..node.clone()
        };
        Ok(Some(Self {
            node,
            after,
            old,
            new,
            steps,
        }))
    }

    /// What a port is called from then on. What was no port before stays as it is.
    fn port<'b>(&self, port: &'b str) -> &'b str {
        if !self.is_port(port) {
            return port;
        }
        self.steps.iter().fold(port, |port, step| {
            let renamed = step.ports.iter().find(|(old, _)| *old == port);
            renamed.map_or(port, |(_, new)| *new)
        })
    }

    fn is_port(&self, port: &str) -> bool {
        port != Edge::ERROR_PORT && self.old.ports(self.node).contains(&port)
    }

    /// Why the node has to stay as it is: a code and a sentence.
    fn obstacle(&self, definition: &Definition) -> Option<(&'static str, String)> {
        let id = &self.node.id;
        let version = self.new.about.version;
        let ports = self.new.ports(&self.after);
        let edges: BTreeSet<_> = leaving(definition, id)
            .map(|edge| (edge.port(), edge.to.as_str()))
            .collect();
        let vanishes = |port: &str| self.is_port(port) && !ports.contains(&self.port(port));
        if let Some((port, to)) = edges.iter().find(|(port, _)| vanishes(port)) {
            let message = format!(
                "version {version} has no port `{port}`, at which an edge leads from `{id}` to `{to}`"
            );
            return Some(("port_vanishes", message));
        }
        let followed: BTreeSet<_> = edges
            .iter()
            .map(|(port, to)| (self.port(port), to))
            .collect();
        if followed.len() < edges.len() {
            let message = format!(
                "in version {version} two ports of `{id}` are one, and edges lead from both to the same node"
            );
            return Some(("edges_become_one", message));
        }
        let told = self.steps.iter().find_map(|step| step.output)?;
        let reader = definition
            .nodes
            .iter()
            .find(|other| is_read(definition, id, other))?;
        let message = format!(
            "`{}` reads the output of `{id}`, which changes: {told}",
            reader.id
        );
        Some(("output_is_read", message))
    }

    fn apply(self, upgrade: &mut Upgrade, position: usize) {
        let mut ports = BTreeMap::new();
        for port in (self.old.ports)(&self.node.config) {
            if self.port(port) != port {
                ports.insert(port.to_owned(), self.port(port).to_owned());
            }
        }
        let edges = upgrade.definition.edges.iter_mut();
        for edge in edges.filter(|edge| edge.from == self.node.id) {
            if let Some(port) = ports.get(edge.port()) {
                edge.from_port = Some(port.clone()).filter(|port| port != Edge::DEFAULT_PORT);
            }
        }
        let changes = self.steps.iter().flat_map(|step| {
            let sentences = step.changes.iter().copied();
            sentences.chain(step.output).map(str::to_owned)
        });
        upgrade.nodes.push(NodeUpgrade {
            node: self.node.id.clone(),
            kind: self.node.kind.clone(),
            from: self.old.about.version,
            to: self.new.about.version,
            changes: changes.collect(),
            before: self.node.config.clone(),
            after: self.after.config.clone(),
            ports,
        });
        upgrade.definition.nodes[position] = self.after;
    }
}

fn leaving<'a>(definition: &'a Definition, from: &'a str) -> impl Iterator<Item = &'a Edge> {
    definition
        .edges
        .iter()
        .filter(move |edge| edge.from == from)
}

/// Whether a node may look at the output of another.
fn is_read(definition: &Definition, id: &str, by: &Node) -> bool {
    let follows = || leaving(definition, id).any(|edge| edge.to == by.id);
    match by.kind.as_str() {
        // What it reads cannot be known; what it does not even mention it does not read.
        "code" => serde_json::to_string(&by.config).is_ok_and(|text| text.contains(id)),
        // These are given what comes in by their edges.
        "custom" | "join" => follows() || reads(by).nodes.contains(id),
        _ => reads(by).nodes.contains(id),
    }
}

#[cfg(test)]
mod tests;
