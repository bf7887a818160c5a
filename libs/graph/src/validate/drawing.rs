//! What is drawn beside the nodes: notes with a text, a place and a size, and groups of nodes.

use std::collections::{HashMap, HashSet};

use contracts::{
    flow::{Definition, Group, Note},
    subject::Token,
};

use super::{Problems, short};

/// How far from the origin something may lie.
const MAX_DISTANCE: f64 = 1_000_000.0;

pub(super) fn check(definition: &Definition, problems: &mut Problems) {
    let mut seen = HashSet::new();
    for (index, note) in definition.notes.iter().enumerate() {
        let at = format!("/notes/{index}");
        id("note", &note.id, &at, seen.insert(&note.id), problems);
        self::note(note, &at, problems);
    }
    let known = definition.nodes.iter().map(|node| node.id.as_str());
    let known: HashSet<&str> = known.collect();
    let (mut seen, mut home) = (HashSet::new(), HashMap::new());
    for (index, group) in definition.groups.iter().enumerate() {
        let at = format!("/groups/{index}");
        id("group", &group.id, &at, seen.insert(&group.id), problems);
        name(group, &at, problems);
        members(group, &at, &known, &mut home, problems);
    }
}

fn id(what: &str, id: &str, at: &str, is_first: bool, problems: &mut Problems) {
    let shown = short(id);
    if Token::new(id).is_none() {
        let message = format!("{what} id `{shown}` must be 1 to 64 letters, digits, `_` or `-`");
        problems.flow(&format!("{at}/id"), &format!("invalid_{what}_id"), message);
    } else if !is_first {
        let message = format!("two {what}s have the id `{shown}`");
        problems.flow(
            &format!("{at}/id"),
            &format!("duplicate_{what}_id"),
            message,
        );
    }
}

fn note(note: &Note, at: &str, problems: &mut Problems) {
    let id = short(&note.id);
    if !(1..=Note::MAX_TEXT).contains(&note.text.chars().count()) {
        let most = Note::MAX_TEXT;
        let message = format!("the text of note `{id}` must have 1 to {most} characters");
        problems.flow(&format!("{at}/text"), "invalid_note_text", message);
    }
    for (field, value) in [("x", note.position.x), ("y", note.position.y)] {
        if !(-MAX_DISTANCE..=MAX_DISTANCE).contains(&value) {
            let message =
                format!("`{field}` of note `{id}` must be -{MAX_DISTANCE} to {MAX_DISTANCE}");
            let path = format!("{at}/position/{field}");
            problems.flow(&path, "invalid_note_position", message);
        }
    }
    let (least, most) = (Note::MIN_SIZE, Note::MAX_SIZE);
    for (field, value) in [("width", note.width), ("height", note.height)] {
        if !(least..=most).contains(&value) {
            let message = format!("`{field}` of note `{id}` must be {least} to {most}");
            problems.flow(&format!("{at}/{field}"), "invalid_note_size", message);
        }
    }
}

fn name(group: &Group, at: &str, problems: &mut Problems) {
    if !(1..=Group::MAX_NAME).contains(&group.name.chars().count()) {
        let (id, most) = (short(&group.id), Group::MAX_NAME);
        let message = format!("the name of group `{id}` must have 1 to {most} characters");
        problems.flow(&format!("{at}/name"), "invalid_group_name", message);
    }
}

/// `home` has the group of each node so far.
fn members<'a>(
    group: &'a Group,
    at: &str,
    known: &HashSet<&str>,
    home: &mut HashMap<&'a str, &'a str>,
    problems: &mut Problems,
) {
    let id = short(&group.id);
    if group.nodes.is_empty() {
        let message = format!("group `{id}` must have at least one node");
        problems.flow(&format!("{at}/nodes"), "empty_group", message);
    }
    for (index, node) in group.nodes.iter().enumerate() {
        let path = format!("{at}/nodes/{index}");
        if !known.contains(node.as_str()) {
            let message = format!(
                "group `{id}` names node `{}`, which does not exist",
                short(node)
            );
            problems.flow(&path, "dangling_group", message);
        } else if let Some(other) = home.insert(node, &group.id) {
            let message = format!(
                "`{}` is in group `{}` and again in `{id}`",
                short(node),
                short(other)
            );
            problems.node(node, path, "node_in_two_groups", message);
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::flow::Position;

    use super::*;

    fn a_note(change: impl FnOnce(&mut Note)) -> Note {
        let mut note = Note {
            id: "n".into(),
            text: "Why this is so".into(),
            position: Position { x: -40.0, y: 12.5 },
            width: 240.0,
            height: 96.0,
        };
        change(&mut note);
        note
    }

    fn a_group(id: &str, nodes: &[&str]) -> Group {
        Group {
            id: id.into(),
            name: "Work".into(),
            nodes: nodes.iter().map(|&node| node.into()).collect(),
            collapsed: false,
        }
    }

    fn check(notes: Vec<Note>, groups: Vec<Group>, expect: &[(&str, &str)]) {
        let definition = Definition {
            notes,
            groups,
            ..Definition::example()
        };
        let problems = crate::validate::validate(&definition);
        let found: Vec<_> = problems
            .iter()
            .map(|problem| (problem.path.as_str(), problem.code.as_str()))
            .collect();
        assert_eq!(found, expect, "{problems:#?}");
    }

    #[test]
    fn good_notes_and_groups_are_no_problem() {
        let groups = vec![a_group("g", &["start", "greet"]), a_group("h", &["end"])];
        let longest = a_note(|note| note.text = "ü".repeat(4000));
        check(vec![longest], groups, &[]);
    }

    #[test]
    fn notes_are_checked_one_by_one() {
        let notes = vec![
            a_note(|note| note.id = "a b".into()),
            a_note(|note| note.text.clear()),
            a_note(|note| note.text = "x".repeat(4001)),
            a_note(|note| {
                note.id = "far".into();
                note.position.x = f64::NAN;
                note.position.y = 1e9;
            }),
            a_note(|note| {
                note.id = "small".into();
                note.width = 63.0;
                note.height = f64::INFINITY;
            }),
        ];
        check(
            notes,
            vec![],
            &[
                ("/notes/0/id", "invalid_note_id"),
                ("/notes/1/text", "invalid_note_text"),
                ("/notes/2/id", "duplicate_note_id"),
                ("/notes/2/text", "invalid_note_text"),
                ("/notes/3/position/x", "invalid_note_position"),
                ("/notes/3/position/y", "invalid_note_position"),
                ("/notes/4/width", "invalid_note_size"),
                ("/notes/4/height", "invalid_note_size"),
            ],
        );
    }

    #[test]
    fn groups_hold_nodes_that_are_there_and_each_once() {
        let mut nameless = a_group("g", &["start"]);
        nameless.name.clear();
        let mut long = a_group("", &["greet", "gone"]);
        long.name = "n".repeat(201);
        check(
            vec![],
            vec![nameless, long, a_group("g", &[]), a_group("h", &["greet"])],
            &[
                ("/groups/0/name", "invalid_group_name"),
                ("/groups/1/id", "invalid_group_id"),
                ("/groups/1/name", "invalid_group_name"),
                ("/groups/1/nodes/1", "dangling_group"),
                ("/groups/2/id", "duplicate_group_id"),
                ("/groups/2/nodes", "empty_group"),
                ("/groups/3/nodes/0", "node_in_two_groups"),
            ],
        );
        check(
            vec![],
            vec![a_group("g", &["end", "end"])],
            &[("/groups/0/nodes/1", "node_in_two_groups")],
        );
    }

    #[test]
    fn there_are_not_too_many() {
        let notes = (0..201).map(|n| a_note(|note| note.id = format!("n{n}")));
        let groups = (0..201).map(|n| a_group(&format!("g{n}"), &["end"]));
        check(
            notes.collect(),
            groups.collect(),
            &[("/notes", "too_many_notes"), ("/groups", "too_many_groups")],
        );
    }
}
