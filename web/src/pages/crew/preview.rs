//! The tasks of a crew as a graph: whose result goes where.

use std::rc::Rc;

use contracts::{
    crew::{Crew, CrewSpec, Process},
    flow::{Definition, NodeType},
    page::Page,
};
use dioxus::prelude::*;
use serde_json::{Value, json};

use super::members::use_agents;
use crate::{
    api::query::use_get,
    canvas::{
        Picture,
        board::{Mark, set_if_new},
        use_picture,
    },
    pages::editing::Edit,
    ui::{empty::EmptyState, icon::Glyph, skeleton::Skeleton},
};

#[component]
pub(super) fn Preview(edit: Edit<Crew>) -> Element {
    let types = use_get::<Page<NodeType>>("/node-types".into());
    let drawn = use_memo(move || drawn(&edit.draft.read()));
    if !types.is_settled() {
        return rsx! { Skeleton {} };
    }
    if drawn.read().nodes.is_empty() {
        return rsx! {
            EmptyState { glyph: Glyph::Crew, text: "The crew has no tasks yet." }
        };
    }
    // Without their types nodes are drawn all the same.
    let types = types
        .data()
        .map(|page| page.items.clone())
        .unwrap_or_default();
    rsx! {
        div { class: "preview",
            Tasks { edit, types: Rc::new(types), drawn }
        }
    }
}

#[component]
fn Tasks(edit: Edit<Crew>, types: Rc<Vec<NodeType>>, drawn: Memo<Definition>) -> Element {
    let mut board = use_picture(|| drawn.peek().clone(), types);
    let agents = use_agents();
    use_effect(move || {
        let now = drawn.read().clone();
        board.replace(now);
        board.fit();
    });
    // Who does a task stands in the place of the time that an execution would show.
    use_effect(use_reactive!(|agents| {
        let draft = edit.draft.read();
        for node in board.nodes.read().iter() {
            let task = draft.tasks.iter().find(|task| task.name == node.id());
            let agent = task.and_then(|task| agents.iter().find(|(id, _)| *id == task.agent_id));
            let mut mark = node.mark;
            set_if_new(
                &mut mark,
                Mark {
                    note: agent
                        .map(|(_, agent)| agent.name.clone())
                        .unwrap_or_default(),
                    ..Mark::default()
                },
            );
        }
    }));
    rsx! {
        Picture {}
    }
}

/// An edge for each result that a task is given, and for each task that waits for another.
fn drawn(spec: &CrewSpec) -> Definition {
    let nodes: Vec<Value> = spec
        .tasks
        .iter()
        .map(|task| json!({"id": task.name, "type": "agent"}))
        .collect();
    let mut edges: Vec<Value> = Vec::new();
    let mut last = None;
    for task in &spec.tasks {
        let follows =
            last.filter(|_| spec.process == Process::Sequential && task.context.is_empty());
        let before = task.context.iter().chain(follows);
        edges.extend(before.map(|from| json!({"from": from, "to": task.name})));
        if !task.is_async {
            last = Some(&task.name);
        }
    }
    serde_json::from_value(json!({"nodes": nodes, "edges": edges})).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use contracts::{crew::Task, id::AgentId};

    use super::*;

    fn task(name: &str, context: &[&str]) -> Task {
        Task {
            name: name.into(),
            description: String::new(),
            expected_output: String::new(),
            agent_id: AgentId::EXAMPLE,
            context: context.iter().map(|name| (*name).to_owned()).collect(),
            output_schema: None,
            is_async: false,
        }
    }

    fn edges(process: Process) -> Vec<(String, String)> {
        let spec = CrewSpec {
            process,
            tasks: vec![
                task("read", &[]),
                task("write", &[]),
                task("check", &["read"]),
            ],
            ..CrewSpec::example()
        };
        let drawn = drawn(&spec);
        assert_eq!(drawn.nodes.len(), 3);
        drawn
            .edges
            .into_iter()
            .map(|edge| (edge.from, edge.to))
            .collect()
    }

    #[test]
    fn results_lead_to_the_tasks_that_see_them() {
        let edge = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(
            edges(Process::Sequential),
            [edge("read", "write"), edge("read", "check")]
        );
        assert_eq!(edges(Process::Parallel), [edge("read", "check")]);
    }
}
