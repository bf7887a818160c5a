//! The tasks of a crew as an ordered list; what one does to another is decided here, apart from the page.
//!
//! **Invariant:** a task names only tasks that are there: renaming and removing keep the contexts in step.

use contracts::{
    crew::{Crew, CrewSpec, Task},
    id::AgentId,
};
use dioxus::prelude::*;

use super::{members::use_agents, task::TaskCard};
use crate::{
    pages::editing::Edit,
    ui::{button::Button, icon::Glyph, problem::field_error},
};

#[component]
pub(crate) fn Tasks(edit: Edit<Crew>) -> Element {
    let known = use_agents();
    let spec = edit.draft.read().clone();
    let refused = edit.problem.read().clone();
    let agents: Vec<_> = spec
        .agents
        .iter()
        .map(|id| {
            let agent = known.iter().find(|(known, _)| known == id);
            let name = agent.map_or_else(|| id.to_string(), |(_, agent)| agent.name.clone());
            (id.to_string(), name)
        })
        .collect();
    let count = spec.tasks.len();
    let first = spec.agents.first().copied();
    rsx! {
        section { class: "stack part", "aria-label": "Tasks",
            h2 { "Tasks" }
            if let Some(error) = field_error(refused.as_ref(), "/tasks") {
                p { class: "error", "{error}" }
            }
            if count > 0 {
                ol { class: "tasks",
                    for (index , task) in spec.tasks.iter().enumerate() {
                        TaskCard {
                            key: "{index}",
                            edit,
                            index,
                            count,
                            task: task.clone(),
                            agents: agents.clone(),
                            offered: offered(&spec, index),
                            process: spec.process,
                        }
                    }
                }
            }
            div { class: "row",
                Button {
                    icon: Glyph::Plus,
                    disabled: first.is_none(),
                    onclick: move |_| {
                        if let Some(agent) = first {
                            edit.change(|draft| add(draft, agent));
                        }
                    },
                    "Add a task"
                }
                if first.is_none() {
                    span { class: "hint", "Add an agent first." }
                }
            }
        }
    }
}

fn add(spec: &mut CrewSpec, agent_id: AgentId) {
    let name = (spec.tasks.len() + 1..)
        .map(|n| format!("task_{n}"))
        .find(|name| spec.tasks.iter().all(|task| task.name != *name));
    spec.tasks.push(Task {
        name: name.expect("numbers do not end"),
        description: String::new(),
        expected_output: String::new(),
        agent_id,
        context: Vec::new(),
        output_schema: None,
        is_async: false,
    });
}

/// The tasks whose results this one may use: not itself, none that waits for it, none it uses already.
fn offered(spec: &CrewSpec, index: usize) -> Vec<String> {
    let task = &spec.tasks[index];
    let mut waiting = vec![task.name.as_str()];
    let mut seen = 0;
    while seen < waiting.len() {
        let name = waiting[seen];
        seen += 1;
        for other in &spec.tasks {
            if other.context.iter().any(|used| used == name)
                && !waiting.contains(&other.name.as_str())
            {
                waiting.push(&other.name);
            }
        }
    }
    spec.tasks
        .iter()
        .map(|other| &other.name)
        .filter(|name| !waiting.contains(&name.as_str()) && !task.context.contains(name))
        .cloned()
        .collect()
}

pub(crate) fn rename(spec: &mut CrewSpec, index: usize, name: String) {
    let before = std::mem::replace(&mut spec.tasks[index].name, name.clone());
    // While two tasks bear the same name nobody can say which one is meant.
    if spec.tasks.iter().any(|task| task.name == before) {
        return;
    }
    for used in spec.tasks.iter_mut().flat_map(|task| &mut task.context) {
        if *used == before {
            used.clone_from(&name);
        }
    }
}

pub(crate) fn remove(spec: &mut CrewSpec, index: usize) {
    let gone = spec.tasks.remove(index);
    for task in &mut spec.tasks {
        task.context.retain(|used| *used != gone.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crew() -> CrewSpec {
        let mut spec = CrewSpec {
            tasks: Vec::new(),
            ..CrewSpec::example()
        };
        for _ in 0..3 {
            add(&mut spec, AgentId::EXAMPLE);
        }
        spec.tasks[1].context = vec!["task_1".into()];
        spec.tasks[2].context = vec!["task_2".into()];
        spec
    }

    #[test]
    fn nothing_is_offered_that_would_close_a_circle() {
        let spec = crew();
        assert!(offered(&spec, 0).is_empty());
        assert!(offered(&spec, 1).is_empty());
        assert_eq!(offered(&spec, 2), ["task_1"]);
    }

    #[test]
    fn contexts_follow_a_new_name_and_lose_what_is_gone() {
        let mut spec = crew();
        rename(&mut spec, 0, "read".into());
        assert_eq!(spec.tasks[1].context, ["read"]);
        remove(&mut spec, 1);
        assert!(spec.tasks[1].context.is_empty());
        add(&mut spec, AgentId::EXAMPLE);
        assert_eq!(spec.tasks[2].name, "task_4");
    }
}
