//! Versions of node types: a node keeps to the one it was made with until it is upgraded.
//!
//! **Invariant:** a stored node means the same for good: a version is never changed, only followed by another.

use std::collections::HashMap;

use contracts::flow::{Definition, Node, NodeConfig, NodeType, NodeTypeVersion};

use crate::node_types::{self, Kind, Step};

/// Node types, each in all its versions, the oldest first.
pub(crate) struct Kinds(pub(crate) Vec<Kind>);

/// A type, or a version of one, that is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownType {
    pub kind: String,
    pub version: u32,
    /// The versions there are; none where there is no such type.
    pub known: Vec<u32>,
}

impl Kinds {
    pub(crate) fn get(&self, kind: &str, version: u32) -> Option<&Kind> {
        self.of(kind).find(|known| known.about.version == version)
    }

    pub(crate) fn current(&self, kind: &str) -> Option<&Kind> {
        self.of(kind).find(|known| known.next.is_none())
    }

    /// The current version of each type, with what is to be told of the others.
    pub(crate) fn about(&self) -> Vec<NodeType> {
        let current = self.0.iter().filter(|kind| kind.next.is_none());
        let with_older = |kind: &Kind| NodeType {
            older: self.of(&kind.about.kind).filter_map(older).collect(),
            ..kind.about.clone()
        };
        current.map(with_older).collect()
    }

    /// A version of a type, and those after it to the current one.
    ///
    /// # Errors
    /// That there is no such type or version.
    pub(crate) fn chain(&self, kind: &str, version: u32) -> Result<Vec<&Kind>, UnknownType> {
        match self.get(kind, version).is_some() {
            true => {
                let newer = |known: &&Kind| known.about.version >= version;
                Ok(self.of(kind).filter(newer).collect())
            }
            false => Err(self.unknown(kind, version)),
        }
    }

    /// That there is no such type or version.
    pub(crate) fn unknown(&self, kind: &str, version: u32) -> UnknownType {
        UnknownType {
            kind: kind.chars().take(64).collect(),
            version,
            known: self.of(kind).map(|known| known.about.version).collect(),
        }
    }

    fn of<'a, 'b>(&'a self, kind: &'b str) -> impl Iterator<Item = &'a Kind> + use<'a, 'b> {
        self.0.iter().filter(move |known| known.about.kind == kind)
    }
}

fn older(kind: &Kind) -> Option<NodeTypeVersion> {
    let step = kind.next.as_ref()?;
    let changes = step.changes.iter().copied().chain(step.output);
    Some(NodeTypeVersion {
        version: kind.about.version,
        description: kind.about.description.clone(),
        config_schema: kind.about.config_schema.clone(),
        ports: kind.about.ports.clone(),
        changes: changes.map(str::to_owned).collect(),
    })
}

impl UnknownType {
    /// `unknown_node_type` or `unknown_node_type_version`.
    pub fn code(&self) -> &'static str {
        match self.known.is_empty() {
            true => "unknown_node_type",
            false => "unknown_node_type_version",
        }
    }
}

impl std::error::Error for UnknownType {}

impl std::fmt::Display for UnknownType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known: Vec<_> = self.known.iter().map(u32::to_string).collect();
        match known.as_slice() {
            [] => write!(f, "`{}` is not a node type", self.kind),
            [only] => write!(
                f,
                "there is no version {} of `{}`, only {only}",
                self.version, self.kind
            ),
            several => write!(
                f,
                "there is no version {} of `{}`, only {}",
                self.version,
                self.kind,
                several.join(", ")
            ),
        }
    }
}

/// The version of new nodes of a type; none where there is no such type.
pub fn current_version(kind: &str) -> Option<u32> {
    let current = node_types::kinds().current(kind);
    current.map(|kind| kind.about.version)
}

/// A configuration, rendered or not, of a version of a type in the form that the current version has.
///
/// # Errors
/// That there is no such type or version.
pub fn lowered(kind: &str, version: u32, config: NodeConfig) -> Result<NodeConfig, UnknownType> {
    let chain = node_types::kinds().chain(kind, version)?;
    let steps = chain.iter().filter_map(|kind| kind.next.as_ref());
    Ok(steps.fold(config, |config, step| (step.config)(config)))
}

/// The last version up to which outputs and ports are those of this one: nodes of which it is the same give the same.
pub fn outcome_version(kind: &str, version: u32) -> u32 {
    let chain = node_types::kinds().chain(kind, version).unwrap_or_default();
    let is_same = |step: &Step| step.output.is_none() && step.ports.is_empty();
    let same = chain
        .iter()
        .take_while(|kind| kind.next.as_ref().is_some_and(is_same));
    version + u32::try_from(same.count()).unwrap_or(0)
}

/// Writes a version into each node that names none: that of the node of the same id and type in `stored`, else the current
/// one.
pub fn pin_versions(definition: &mut Definition, stored: Option<&Definition>) {
    let stored = stored.into_iter().flat_map(|stored| &stored.nodes);
    let stored: HashMap<_, _> = stored
        .map(|node| ((&node.id, &node.kind), node.version()))
        .collect();
    for node in &mut definition.nodes {
        if node.type_version.is_none() {
            let known = stored.get(&(&node.id, &node.kind)).copied();
            let version = known.or_else(|| current_version(&node.kind));
            node.type_version = version.or(Some(Node::FIRST_VERSION));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_without_a_version_gets_that_of_before_or_the_current_one() {
        let definition = |nodes| serde_json::from_value(json!({ "nodes": nodes })).unwrap();
        let stored: Definition = definition(json!([
            {"id": "old", "type": "http"},
            {"id": "new", "type": "http", "type_version": 2},
            {"id": "other", "type": "llm"}
        ]));
        let mut saved: Definition = definition(json!([
            {"id": "old", "type": "http"},
            {"id": "new", "type": "http"},
            {"id": "other", "type": "http"},
            {"id": "named", "type": "http", "type_version": 1},
            {"id": "unknown", "type": "transfrom"}
        ]));
        let versions =
            |it: &Definition| -> Vec<_> { it.nodes.iter().map(|node| node.type_version).collect() };
        let mut fresh = saved.clone();
        pin_versions(&mut saved, Some(&stored));
        assert_eq!(
            versions(&saved),
            [Some(1), Some(2), Some(2), Some(1), Some(1)]
        );
        pin_versions(&mut fresh, None);
        assert_eq!(
            versions(&fresh),
            [Some(2), Some(2), Some(2), Some(1), Some(1)]
        );
    }

    #[test]
    fn an_upgraded_call_gives_what_it_gave() {
        assert_eq!(
            (outcome_version("http", 1), outcome_version("http", 2)),
            (2, 2)
        );
        assert_eq!(
            (outcome_version("llm", 1), outcome_version("nope", 3)),
            (1, 3)
        );
    }

    #[test]
    fn an_unknown_version_is_told_with_those_there_are() {
        let told = |kind: &str, version: u32| {
            let unknown = lowered(kind, version, NodeConfig::new()).unwrap_err();
            (unknown.code(), unknown.to_string())
        };
        let code = "unknown_node_type_version";
        let expect = "there is no version 9 of `http`, only 1, 2".to_owned();
        assert_eq!(told("http", 9), (code, expect));
        let expect = "there is no version 0 of `llm`, only 1".to_owned();
        assert_eq!(told("llm", 0), (code, expect));
        assert_eq!(told("nope", 1).0, "unknown_node_type");
    }
}
