//! What a user can do to groups of nodes, as commands.
//!
//! **Invariant:** pure; a node is in one group at most, and a group has at least one node.

use std::collections::BTreeMap;

use contracts::flow::{Edge, Group};

use crate::{
    canvas::{
        log::Command,
        model::{Edit, Graph, free_id},
    },
    format::plural,
};

/// These nodes in one group; with its id. They leave the groups they were in; one that has no other nodes takes the rest
/// of them in instead of a new one.
pub(crate) fn group(graph: &Graph, ids: &[String]) -> (String, Command) {
    let nodes = graph.nodes.iter().map(|node| &node.id);
    let nodes: Vec<String> = nodes.filter(|id| ids.contains(id)).cloned().collect();
    let kept = whole(graph, ids).next();
    let label = match kept {
        Some(group) => format!(
            "Grouped {} as {}",
            plural(nodes.len(), "node", "nodes"),
            group.name
        ),
        None => format!("Grouped {}", plural(nodes.len(), "node", "nodes")),
    };
    let group = match kept {
        Some(kept) => Group {
            nodes,
            ..kept.clone()
        },
        None => new(graph, nodes),
    };
    let id = group.id.clone();
    let mut groups = left(graph, |node| ids.iter().any(|id| id == node));
    if !group.nodes.is_empty() {
        let index = graph.groups.iter().position(|known| known.id == id);
        let index = index.unwrap_or(groups.len()).min(groups.len());
        groups.insert(index, group);
    }
    (id, set(label, groups))
}

fn new(graph: &Graph, nodes: Vec<String>) -> Group {
    let id = free_id("group", |id| graph.group(id).is_some());
    let is_taken = |name: &str| graph.groups.iter().any(|group| group.name == name);
    let mut names = (1_u32..).map(|n| format!("Group {n}"));
    let name = names.find(|name| !is_taken(name));
    Group {
        name: name.unwrap_or_else(|| id.clone()),
        id,
        nodes,
        collapsed: false,
    }
}

/// Without these groups; their nodes stay.
pub(crate) fn ungroup(graph: &Graph, ids: &[String]) -> Command {
    let (gone, groups): (Vec<Group>, Vec<Group>) = graph
        .groups
        .iter()
        .cloned()
        .partition(|group| ids.contains(&group.id));
    let label = match gone.as_slice() {
        [group] => format!("Ungrouped {}", group.name),
        several => format!("Ungrouped {} groups", several.len()),
    };
    set(label, groups)
}

/// The node leaves its group for another, or for none.
pub(crate) fn put(graph: &Graph, node: &str, into: Option<&str>) -> Command {
    let mut groups = left(graph, |id| id == node);
    let home = groups
        .iter_mut()
        .find(|group| Some(group.id.as_str()) == into);
    let label = match home {
        Some(group) => {
            group.nodes.push(node.to_owned());
            format!("Put {node} into {}", group.name)
        }
        None => format!("Took {node} out of its group"),
    };
    set(label, groups)
}

pub(crate) fn rename(graph: &Graph, id: &str, name: &str) -> Command {
    let name: String = name.chars().take(Group::MAX_NAME).collect();
    let old = graph.group(id).map_or(id, |group| group.name.as_str());
    let label = format!("Renamed {old}");
    // A group has a name: what is being typed may be none for a moment.
    let change = |group: &mut Group| {
        if !name.trim().is_empty() {
            group.name.clone_from(&name);
        }
    };
    changed(graph, label, &[id.to_owned()], change).merging(format!("group {id}"))
}

/// One card in the place of the nodes, or the nodes again.
pub(crate) fn fold(graph: &Graph, ids: &[String], collapsed: bool) -> Command {
    let word = if collapsed { "Collapsed" } else { "Expanded" };
    let label = match ids {
        [id] => {
            let name = graph.group(id).map_or(id, |group| &group.name);
            format!("{word} {name}")
        }
        several => format!("{word} {} groups", several.len()),
    };
    changed(graph, label, ids, |group| group.collapsed = collapsed)
}

fn changed(graph: &Graph, label: String, ids: &[String], change: impl Fn(&mut Group)) -> Command {
    let mut groups = graph.groups.clone();
    groups
        .iter_mut()
        .filter(|group| ids.contains(&group.id))
        .for_each(change);
    set(label, groups)
}

fn set(label: String, groups: Vec<Group>) -> Command {
    Command::new(label, vec![Edit::SetGroups { groups }])
}

/// The groups whose nodes are all among these.
pub(super) fn whole<'a>(graph: &'a Graph, ids: &'a [String]) -> impl Iterator<Item = &'a Group> {
    let is_whole = |group: &&Group| group.nodes.iter().all(|id| ids.contains(id));
    graph.groups.iter().filter(is_whole)
}

/// The groups without some nodes; those that have none left are gone.
fn left(graph: &Graph, goes: impl Fn(&str) -> bool) -> Vec<Group> {
    let mut groups = graph.groups.clone();
    for group in &mut groups {
        group.nodes.retain(|id| !goes(id));
    }
    groups.retain(|group| !group.nodes.is_empty());
    groups
}

/// What becomes of the groups when these nodes are deleted.
pub(super) fn without(graph: &Graph, ids: &[String]) -> Option<Edit> {
    let goes = |id: &str| ids.iter().any(|gone| gone == id);
    let touched = graph.groups.iter().flat_map(|group| &group.nodes);
    let is_touched = touched.into_iter().any(|id| goes(id));
    is_touched.then(|| Edit::SetGroups {
        groups: left(graph, goes),
    })
}

/// A node between two of one group belongs to it.
pub(super) fn joined(graph: &Graph, between: &Edge, id: &str) -> Option<Edit> {
    let home = graph.group_of(&between.from)?;
    if !home.nodes.contains(&between.to) {
        return None;
    }
    let mut groups = graph.groups.clone();
    let home = groups.iter_mut().find(|group| group.id == home.id)?;
    home.nodes.push(id.to_owned());
    Some(Edit::SetGroups { groups })
}

/// The groups with free ids and the new ids of their nodes, beside those of the graph.
pub(super) fn copies(
    graph: &Graph,
    copied: &[Group],
    ids: &BTreeMap<String, String>,
) -> Option<Edit> {
    let mut groups = graph.groups.clone();
    for group in copied {
        let nodes = group.nodes.iter().filter_map(|id| ids.get(id).cloned());
        let nodes: Vec<String> = nodes.collect();
        if !nodes.is_empty() {
            let id = free_id(&group.id, |id| groups.iter().any(|known| known.id == id));
            groups.push(Group {
                id,
                nodes,
                ..group.clone()
            });
        }
    }
    (groups.len() > graph.groups.len()).then_some(Edit::SetGroups { groups })
}

#[cfg(test)]
mod tests {
    use contracts::flow::Definition;

    use super::*;
    use crate::canvas::{
        commands::{Clip, copy, delete, insert, paste},
        geometry::Point,
    };

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|&id| id.to_owned()).collect()
    }

    /// `start → greet → end`, the last two in a group.
    fn grouped() -> (Graph, String) {
        let mut graph = Graph::new(Definition::example());
        let (id, command) = group(&graph, &ids(&["end", "greet"]));
        graph.apply(&command.edits);
        (graph, id)
    }

    fn homes(graph: &Graph) -> Vec<(&str, Vec<&str>)> {
        let nodes = |group: &Group| -> Vec<_> { graph_ids(graph, group) };
        graph
            .groups
            .iter()
            .map(|group| (group.name.as_str(), nodes(group)))
            .collect()
    }

    fn graph_ids<'a>(graph: &'a Graph, group: &Group) -> Vec<&'a str> {
        let all = graph.nodes.iter().map(|node| node.id.as_str());
        all.filter(|id| group.nodes.iter().any(|known| known == id))
            .collect()
    }

    #[test]
    fn a_node_is_in_one_group() {
        let (mut graph, _) = grouped();
        assert_eq!(homes(&graph), [("Group 1", vec!["greet", "end"])]);
        let (_, command) = group(&graph, &ids(&["start", "greet"]));
        graph.apply(&command.edits);
        assert_eq!(
            homes(&graph),
            [
                ("Group 1", vec!["end"]),
                ("Group 2", vec!["start", "greet"])
            ]
        );
        graph.apply(&put(&graph, "end", Some("group_2")).edits);
        assert_eq!(homes(&graph), [("Group 2", vec!["start", "greet", "end"])]);
        graph.apply(&put(&graph, "start", None).edits);
        assert_eq!(homes(&graph), [("Group 2", vec!["greet", "end"])]);
    }

    #[test]
    fn a_group_grows_by_what_is_chosen_with_it() {
        let (mut graph, id) = grouped();
        let (same, command) = group(&graph, &ids(&["start", "greet", "end"]));
        assert_eq!(same, id);
        graph.apply(&command.edits);
        assert_eq!(homes(&graph), [("Group 1", vec!["start", "greet", "end"])]);
        let (_, command) = group(&graph, &ids(&["start", "greet", "end"]));
        assert_eq!(graph.apply(&command.edits), [], "it is one already");
    }

    #[test]
    fn an_empty_group_goes_and_an_undo_brings_it_back_exactly() {
        let (mut graph, id) = grouped();
        graph.apply(&fold(&graph, std::slice::from_ref(&id), true).edits);
        let before = graph.clone();
        let command = delete(&graph, &ids(&["greet"]), &[]);
        graph.apply(&command.edits);
        assert_eq!(homes(&graph), [("Group 1", vec!["end"])]);
        let mut graph = before.clone();
        let undo = graph.apply(&delete(&graph, &ids(&["end", "greet"]), &[]).edits);
        assert_eq!(graph.groups, []);
        graph.apply(&undo);
        assert_eq!(graph, before);
    }

    #[test]
    fn what_is_inserted_within_a_group_belongs_to_it() {
        let (mut graph, id) = grouped();
        let inner = graph.edges[1].clone();
        let (new, command) = insert(&graph, "llm", &inner, Point::default());
        graph.apply(&command.edits);
        assert_eq!(
            graph.group_of(&new).map(|group| group.id.as_str()),
            Some(id.as_str())
        );
        let border = graph.edges[0].clone();
        let (new, command) = insert(&graph, "llm", &border, Point::default());
        graph.apply(&command.edits);
        assert_eq!(graph.group_of(&new), None);
    }

    #[test]
    fn a_whole_group_is_copied_and_a_part_of_one_is_not() {
        let (mut graph, _) = grouped();
        assert_eq!(copy(&graph, &ids(&["greet"]), &[]).groups, []);
        let clip = copy(&graph, &ids(&["greet", "end"]), &[]);
        let clip = Clip::parse(&serde_json::to_string(&clip).unwrap()).unwrap();
        let (_, command) = paste(&graph, &clip, Point::default());
        graph.apply(&command.edits);
        assert_eq!(graph.groups[1].id, "group_2");
        assert_eq!(graph.groups[1].nodes, ["greet_2", "end_2"]);
    }

    #[test]
    fn a_name_is_never_empty() {
        let (mut graph, id) = grouped();
        assert_eq!(graph.apply(&rename(&graph, &id, "  ").edits), []);
        graph.apply(&rename(&graph, &id, "Reply").edits);
        assert_eq!(homes(&graph)[0].0, "Reply");
        graph.apply(&ungroup(&graph, &[id]).edits);
        assert_eq!((graph.groups.len(), graph.nodes.len()), (0, 3));
    }
}
