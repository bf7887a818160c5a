//! What keeps a flow from being published, all of it, each with a place and a stable code.

mod bodies;
mod drawing;
mod expressions;
mod failure;
mod nodes;
mod shape;

use contracts::flow::{Definition, FlowProblem};

use crate::schema::Schema;

const MAX_NODES: usize = 1000;
const MAX_EDGES: usize = 5000;
const MAX_NOTES: usize = 200;
const MAX_GROUPS: usize = 200;
const MAX_BYTES: usize = 512 * 1024;
/// The longest time that an execution may be given: a year.
const MAX_SECONDS: u64 = 365 * 24 * 60 * 60;

/// Everything that is wrong with a definition; empty means valid.
pub fn validate(definition: &Definition) -> Vec<FlowProblem> {
    let mut problems = Problems::default();
    size(definition, &mut problems);
    // Beyond the size limits nothing else is worth the work.
    if problems.list.is_empty() {
        input_schema(definition, &mut problems);
        patience(definition, &mut problems);
        nodes::check(definition, &mut problems);
        shape::check(definition, &mut problems);
        bodies::check(definition, &mut problems);
        failure::check(definition, &mut problems);
        expressions::check(definition, &mut problems);
        drawing::check(definition, &mut problems);
    }
    problems.list
}

fn size(definition: &Definition, problems: &mut Problems) {
    let counts = [
        ("nodes", definition.nodes.len(), MAX_NODES),
        ("edges", definition.edges.len(), MAX_EDGES),
        ("notes", definition.notes.len(), MAX_NOTES),
        ("groups", definition.groups.len(), MAX_GROUPS),
    ];
    for (what, count, most) in counts.into_iter().filter(|(_, count, most)| count > most) {
        problems.flow(
            &format!("/{what}"),
            &format!("too_many_{what}"),
            format!("a flow has at most {most} {what}, this one has {count}"),
        );
    }
    let bytes = serde_json::to_vec(definition).map_or(usize::MAX, |json| json.len());
    if bytes > MAX_BYTES {
        problems.flow(
            "",
            "too_large",
            "a flow has at most 512 KiB as JSON".to_owned(),
        );
    }
}

fn input_schema(definition: &Definition, problems: &mut Problems) {
    let Some(schema) = &definition.input_schema else {
        return;
    };
    if let Err(reason) = Schema::new(schema) {
        let message = format!("`input_schema`: {reason}");
        problems.flow("/input_schema", "invalid_input_schema", message);
    }
}

fn patience(definition: &Definition, problems: &mut Problems) {
    let fits = |limit: u64| (1..=MAX_SECONDS).contains(&limit);
    if !definition.timeout_seconds.is_none_or(fits) {
        let message = format!("`timeout_seconds` must be 1 to {MAX_SECONDS}");
        problems.flow("/timeout_seconds", "invalid_timeout", message);
    }
}

/// What was found so far.
#[derive(Default)]
struct Problems {
    list: Vec<FlowProblem>,
}

impl Problems {
    /// A problem of the flow as a whole.
    fn flow(&mut self, path: &str, code: &str, message: String) {
        self.list.push(FlowProblem {
            node: None,
            path: path.to_owned(),
            code: code.to_owned(),
            message,
        });
    }

    /// A problem of one node.
    fn node(&mut self, node: &str, path: String, code: &str, message: String) {
        self.list.push(FlowProblem {
            node: Some(node.to_owned()),
            path,
            code: code.to_owned(),
            message,
        });
    }
}

/// As much of a user's name for something as a message needs.
fn short(name: &str) -> String {
    name.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
