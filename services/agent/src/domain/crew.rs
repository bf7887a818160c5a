//! What a crew must look like, and how it is shown.

use std::collections::{HashMap, HashSet};

use contracts::{
    crew::{Crew, CrewSpec, CrewSummary, Process, Task},
    id::CrewId,
    subject::Token,
};
use graph::expression;
use petgraph::{algo::tarjan_scc, graphmap::DiGraphMap};
use serde_json::Value;

use crate::{
    domain::{
        checks,
        item::{Line, Shown, Spec, Stored},
        problems::Problems,
    },
    error::Error,
};

const MAX_AGENTS: usize = 32;
const MAX_TASKS: usize = 64;

impl Spec for CrewSpec {
    fn shown(&self) -> Shown<'_> {
        Shown {
            name: &self.name,
            about: &self.description,
            goal: None,
            mode: self.process.as_str(),
        }
    }
}

/// # Errors
/// [`Error::InvalidInput`] with all that is wrong, but for agents that do not exist.
pub(crate) fn check(spec: &CrewSpec) -> Result<(), Error> {
    let mut problems = Problems::under("/spec");
    collect(&mut problems, spec);
    problems.outcome()
}

/// All that is wrong with a crew by itself.
pub(crate) fn collect(problems: &mut Problems, spec: &CrewSpec) {
    checks::text(problems, "/name", &spec.name, 1..=100);
    checks::text(problems, "/description", &spec.description, 0..=2000);
    problems.require(!spec.agents.is_empty(), "/agents", "a crew has an agent");
    checks::list(problems, "/agents", &spec.agents, MAX_AGENTS);
    checks::model(problems, "/manager_model", spec.manager_model.as_deref());
    checks::limits(problems, &spec.limits);
    checks::size(problems, spec);
    let count = spec.tasks.len();
    if !(1..=MAX_TASKS).contains(&count) {
        let text = format!("has {count} entries; 1 to {MAX_TASKS} are allowed");
        problems.refuse("/tasks", text);
        return;
    }
    for (place, task) in spec.tasks.iter().enumerate() {
        check_task(problems, &format!("/tasks/{place}"), spec, task);
    }
    check_order(problems, spec);
}

fn check_task(problems: &mut Problems, path: &str, spec: &CrewSpec, task: &Task) {
    let at = |field: &str| format!("{path}/{field}");
    let text = "a name has 1 to 64 letters, digits, `_` or `-`";
    problems.require(Token::new(&task.name).is_some(), &at("name"), text);
    let description = &task.description;
    checks::text(problems, &at("description"), description, 1..=8000);
    let template = Value::String(description.clone());
    if let Err(error) = expression::check(&template, &[expression::INPUT]) {
        problems.refuse(&at("description"), error.to_string());
    }
    let expected = &task.expected_output;
    checks::text(problems, &at("expected_output"), expected, 1..=2000);
    let is_member = spec.agents.contains(&task.agent_id);
    let text = format!("agent `{}` is not one of the crew's", task.agent_id);
    problems.require(is_member, &at("agent_id"), text);
    checks::list(problems, &at("context"), &task.context, MAX_TASKS);
    let schema = task.output_schema.as_ref();
    checks::schema(problems, &at("output_schema"), schema);
}

/// Names are unique, and contexts name tasks that can be done before.
fn check_order(problems: &mut Problems, spec: &CrewSpec) {
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (place, task) in spec.tasks.iter().enumerate() {
        let text = format!("there is another task `{}`", task.name);
        let is_new = places.insert(&task.name, place).is_none();
        problems.require(is_new, &format!("/tasks/{place}/name"), text);
    }
    let mut waits = DiGraphMap::<usize, ()>::new();
    for (place, task) in spec.tasks.iter().enumerate() {
        for (entry, name) in task.context.iter().enumerate().take(MAX_TASKS) {
            let path = format!("/tasks/{place}/context/{entry}");
            let Some(before) = places.get(name.as_str()) else {
                problems.refuse(&path, format!("there is no task `{}`", shown(name)));
                continue;
            };
            if *before == place {
                problems.refuse(&path, "a task cannot wait for itself");
            } else if spec.process == Process::Sequential && *before > place {
                let text = format!("task `{name}` comes later, and tasks are done in their order");
                problems.refuse(&path, text);
            } else {
                waits.add_edge(place, *before, ());
            }
        }
    }
    for circle in tarjan_scc(&waits)
        .into_iter()
        .filter(|tasks| tasks.len() > 1)
    {
        let circle: HashSet<usize> = circle.into_iter().collect();
        let named = spec.tasks.iter().enumerate();
        let names: Vec<_> = named
            .filter(|(place, _)| circle.contains(place))
            .map(|(_, task)| format!("`{}`", task.name))
            .collect();
        let text = format!("the tasks {} wait for each other", names.join(", "));
        problems.refuse("/tasks", text);
    }
}

/// As much of a name that names nothing as a message needs.
fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

pub(crate) fn of(stored: Stored<CrewSpec>) -> Crew {
    let spec = stored.spec;
    Crew {
        id: CrewId::from_uuid(stored.id),
        version: stored.version,
        name: spec.name,
        description: spec.description,
        process: spec.process,
        agents: spec.agents,
        tasks: spec.tasks,
        manager_model: spec.manager_model,
        limits: spec.limits,
        created_by: stored.created_by,
        created_at: stored.created_at,
        updated_at: stored.updated_at,
    }
}

pub(crate) fn summary(line: Line) -> CrewSummary {
    CrewSummary {
        id: CrewId::from_uuid(line.id),
        version: line.version,
        name: line.name,
        description: line.about,
        // A row holds what `Process::as_str` wrote.
        process: Process::parse(&line.mode).unwrap_or_default(),
        updated_at: line.updated_at,
    }
}

#[cfg(test)]
mod tests {
    use contracts::id::AgentId;
    use serde_json::json;

    use super::*;

    fn paths(change: impl FnOnce(&mut CrewSpec)) -> Vec<String> {
        let mut spec = CrewSpec::example();
        change(&mut spec);
        let mut problems = Problems::under("");
        collect(&mut problems, &spec);
        let found = problems.into_found().into_iter();
        found.map(|problem| problem.path).collect()
    }

    fn task(name: &str, context: &[&str]) -> Task {
        Task {
            name: name.into(),
            context: context.iter().map(|name| (*name).to_owned()).collect(),
            ..CrewSpec::example().tasks.remove(0)
        }
    }

    #[test]
    fn each_field_is_checked() {
        assert_eq!(paths(|_| {}), [""; 0]);
        assert_eq!(paths(|spec| spec.name = String::new()), ["/name"]);
        assert_eq!(
            paths(|spec| spec.description = "x".repeat(2001)),
            ["/description"]
        );
        assert_eq!(
            paths(|spec| spec.manager_model = Some("gpt".into())),
            ["/manager_model"]
        );
        assert_eq!(
            paths(|spec| spec.limits.max_steps = 0),
            ["/limits/max_steps"]
        );
        assert_eq!(
            paths(|spec| spec.agents.push(AgentId::EXAMPLE)),
            ["/agents/1"]
        );
        assert_eq!(
            paths(|spec| spec.agents.clear()),
            ["/agents", "/tasks/0/agent_id"]
        );
        assert_eq!(paths(|spec| spec.tasks.clear()), ["/tasks"]);
        assert_eq!(
            paths(|spec| spec.tasks = vec![task("x", &[]); 65]),
            ["/tasks"]
        );
        for (change, expect) in [
            (json!({"name": "a b"}), "/tasks/0/name"),
            (
                json!({"description": "{{ output }}"}),
                "/tasks/0/description",
            ),
            (json!({"description": "{{ 1 +"}), "/tasks/0/description"),
            (json!({"expected_output": " "}), "/tasks/0/expected_output"),
            (json!({"output_schema": 1}), "/tasks/0/output_schema"),
        ] {
            let found = paths(|spec| {
                let mut task = serde_json::to_value(&spec.tasks[0]).unwrap();
                for (key, value) in change.as_object().unwrap() {
                    task[key] = value.clone();
                }
                spec.tasks[0] = serde_json::from_value(task).unwrap();
            });
            assert_eq!(found, [expect], "{change}");
        }
    }

    #[test]
    fn tasks_wait_for_tasks_that_can_be_done_before() {
        let check = |process: Process, tasks: &[Task], expect: &[&str]| {
            let found = paths(|spec| {
                spec.process = process;
                spec.tasks = tasks.to_vec();
            });
            assert_eq!(found, expect, "{tasks:?}");
        };
        let later = [task("a", &["b"]), task("b", &[])];
        check(Process::Parallel, &later, &[]);
        check(Process::Hierarchical, &later, &[]);
        check(Process::Sequential, &later, &["/tasks/0/context/0"]);
        let circle = [task("a", &["c"]), task("b", &["a"]), task("c", &["b"])];
        check(Process::Parallel, &circle, &["/tasks"]);
        check(
            Process::Parallel,
            &[task("a", &["a"])],
            &["/tasks/0/context/0"],
        );
        check(
            Process::Sequential,
            &[task("a", &["x"])],
            &["/tasks/0/context/0"],
        );
        let same = [task("a", &[]), task("a", &[])];
        check(Process::Sequential, &same, &["/tasks/1/name"]);
        let twice = [task("a", &[]), task("b", &["a", "a"])];
        check(Process::Sequential, &twice, &["/tasks/1/context/1"]);
    }
}
