//! The command log: what was done, what was undone, and how the graph follows.
//!
//! **Invariant:** undoing everything restores the graph as it was opened; redoing everything restores it as it was left.

use crate::canvas::model::{Edit, Graph};

const MAX_STEPS: usize = 500;

/// One act of the user: undone and redone as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Command {
    /// What was done, as said to the user: "Moved 3 nodes".
    pub(crate) label: String,
    pub(crate) edits: Vec<Edit>,
    /// Commands in a row with the same word here are one act, for example typing into one field.
    pub(crate) merge: Option<String>,
}

impl Command {
    pub(crate) fn new(label: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self {
            label: label.into(),
            edits,
            merge: None,
        }
    }

    #[must_use]
    pub(crate) fn merging(mut self, word: impl Into<String>) -> Self {
        self.merge = Some(word.into());
        self
    }
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    done: Vec<Command>,
    undone: Vec<Command>,
}

impl Log {
    /// Carries a command out; false when it changed nothing.
    pub(crate) fn run(&mut self, graph: &mut Graph, command: &Command) -> bool {
        let inverse = graph.apply(&command.edits);
        if inverse.is_empty() {
            return false;
        }
        self.undone.clear();
        let last = self.done.last_mut();
        match last.filter(|last| command.merge.is_some() && last.merge == command.merge) {
            Some(last) => last.edits.splice(0..0, inverse).for_each(drop),
            None => self.done.push(Command {
                edits: inverse,
                ..command.clone()
            }),
        }
        if self.done.len() > MAX_STEPS {
            self.done.remove(0);
        }
        true
    }

    /// The edits that were carried out, with the label of what they undid.
    pub(crate) fn undo(&mut self, graph: &mut Graph) -> Option<Command> {
        step(&mut self.done, &mut self.undone, graph)
    }

    pub(crate) fn redo(&mut self, graph: &mut Graph) -> Option<Command> {
        step(&mut self.undone, &mut self.done, graph)
    }

    /// What an undo would take back.
    pub(crate) fn undoable(&self) -> Option<&str> {
        self.done.last().map(|command| command.label.as_str())
    }

    pub(crate) fn redoable(&self) -> Option<&str> {
        self.undone.last().map(|command| command.label.as_str())
    }
}

fn step(from: &mut Vec<Command>, to: &mut Vec<Command>, graph: &mut Graph) -> Option<Command> {
    let command = from.pop()?;
    let edits = graph.apply(&command.edits);
    // What was undone is complete: later typing into the same field is an act of its own.
    to.push(Command {
        label: command.label.clone(),
        edits,
        merge: None,
    });
    Some(command)
}

#[cfg(test)]
mod tests {
    use contracts::flow::{Definition, Position};
    use serde_json::json;

    use super::*;
    use crate::canvas::{commands, geometry::Point};

    /// A small source of numbers, so that a failure can be repeated.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, limit: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.0 >> 33) as usize % limit.max(1)
        }
    }

    fn some_command(graph: &Graph, dice: &mut Dice) -> Command {
        let pick = |dice: &mut Dice| graph.nodes.get(dice.below(graph.nodes.len())).cloned();
        let at = Point::new(dice.below(900) as f64, dice.below(900) as f64);
        let (Some(a), Some(b)) = (pick(dice), pick(dice)) else {
            return commands::add(graph, "llm", at).1;
        };
        let ids = vec![a.id.clone(), b.id.clone()];
        match dice.below(14) {
            0 => commands::add(graph, "llm", at).1,
            1 => commands::delete(graph, &ids, &[]),
            2 => commands::place(vec![(a.id, at), (b.id, at)]),
            3 => commands::connect(graph, &a.id, "out", &b.id),
            4 => commands::rename(&a, "Another name"),
            5 => {
                let notes: Vec<_> = graph.notes.iter().map(|note| note.id.clone()).collect();
                let clip = commands::copy(graph, &ids, &notes);
                commands::paste(graph, &clip, at).1
            }
            6 => match graph.edges.first() {
                Some(edge) => commands::insert(graph, "code", edge, at).1,
                None => commands::add(graph, "code", at).1,
            },
            8 => commands::groups::group(graph, &ids).1,
            9 => {
                let groups: Vec<_> = graph.groups.iter().map(|group| group.id.clone()).collect();
                match dice.below(3) {
                    0 => commands::groups::fold(graph, &groups, dice.below(2) == 0),
                    1 => commands::groups::put(graph, &a.id, groups.first().map(String::as_str)),
                    _ => commands::groups::ungroup(graph, &groups),
                }
            }
            10 => commands::notes::add(graph, at).1,
            11 | 12 => match graph.notes.get(dice.below(graph.notes.len())) {
                Some(note) if dice.below(2) == 0 => commands::notes::write(note, "Why"),
                Some(note) => commands::notes::resize(note, at),
                None => commands::notes::add(graph, at).1,
            },
            7 => commands::configure(&a, "prompt", Some(json!(dice.below(9)))),
            _ => match graph.edges.get(dice.below(graph.edges.len())) {
                Some(edge) => commands::delete(graph, &[], std::slice::from_ref(edge)),
                None => commands::set_input_schema(Some(json!({"type": "object"}))),
            },
        }
    }

    #[test]
    fn undo_restores_the_beginning_and_redo_the_end() {
        for seed in 0..200 {
            let mut dice = Dice(seed);
            let mut graph = Graph::new(Definition::example());
            let (begin, mut log) = (graph.clone(), Log::default());
            for _ in 0..30 {
                let command = some_command(&graph, &mut dice);
                log.run(&mut graph, &command);
            }
            let end = graph.clone();
            while log.undo(&mut graph).is_some() {}
            assert_eq!(graph, begin, "seed {seed}");
            while log.redo(&mut graph).is_some() {}
            assert_eq!(graph, end, "seed {seed}");
        }
    }

    #[test]
    fn typing_into_a_field_is_one_act() {
        let mut graph = Graph::new(Definition::example());
        let (begin, mut log) = (graph.clone(), Log::default());
        for text in ["H", "He", "Hel"] {
            let node = graph.node("greet").unwrap().clone();
            log.run(
                &mut graph,
                &commands::configure(&node, "value", Some(json!(text))),
            );
        }
        log.undo(&mut graph);
        assert_eq!(graph, begin);
        assert_eq!(log.undoable(), None);
    }

    #[test]
    fn what_changes_nothing_is_not_remembered() {
        let mut graph = Graph::new(Definition::example());
        let mut log = Log::default();
        let gone = Edit::Place {
            id: "gone".into(),
            at: Some(Position { x: 0.0, y: 0.0 }),
        };
        assert!(!log.run(&mut graph, &Command::new("Moved", vec![gone])));
        assert_eq!(log.undoable(), None);
    }
}
