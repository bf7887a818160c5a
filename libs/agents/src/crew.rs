//! A crew: tasks by order, by their context, or handed out by a manager.

use std::collections::BTreeMap;

use contracts::{
    agent::AgentSnapshot,
    crew::{CrewSnapshot, Process, Task},
    execution::StepError,
    llm::ToolSpec,
};
use serde_json::{Map, Value, json};

use crate::{
    agent::{AgentRun, Answer, Desk, NoDesk, error_text, function, loop_with},
    call::{History, Next, Wanted},
    meter::Meter,
    prompt,
};

/// A crew with an input. `descriptions` are the tasks' descriptions with the input filled in, in the tasks' order.
#[derive(Clone, Debug)]
pub struct CrewRun<'a> {
    pub crew: &'a CrewSnapshot,
    pub descriptions: &'a [String],
    pub input: &'a Value,
}

/// What the crew does next. The result is the last task's; a manager's own answer where there is one.
pub fn crew(run: &CrewRun<'_>, history: &impl History) -> Next {
    let mut meter = Meter::new(run.crew.limits);
    match run.crew.process {
        Process::Sequential => tasks(run, Together::No, &mut meter, history),
        Process::Parallel => tasks(run, Together::Yes, &mut meter, history),
        Process::Hierarchical => managed(run, &mut meter, history),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Together {
    No,
    Yes,
}

fn tasks(run: &CrewRun<'_>, together: Together, meter: &mut Meter, history: &impl History) -> Next {
    let mut results: BTreeMap<&str, Value> = BTreeMap::new();
    let mut wanted: Vec<Wanted> = Vec::new();
    let tasks = &run.crew.tasks;
    for (index, task) in tasks.iter().enumerate() {
        let waits = together == Together::No && !task.is_async;
        let context: Option<Vec<(&str, String)>> = named(tasks, index, together)
            .into_iter()
            .map(|name| results.get(name).map(|value| (name, text(value))))
            .collect();
        let Some(context) = context else {
            // Something before it is not done yet; what follows in a row waits as well.
            if waits {
                break;
            }
            continue;
        };
        let agent = match member(run.crew, task) {
            Ok(agent) => agent,
            Err(error) => return Next::Failed(error),
        };
        let doing = AgentRun {
            agent,
            before: &[],
            prompt: prompt::task(task, &run.descriptions[index], &context),
            output_schema: task.output_schema.as_ref(),
        };
        let prefix = format!("task:{}/", task.name);
        match loop_with(&doing, &prefix, &mut NoDesk, meter, history) {
            Next::Done(value) => {
                results.insert(&task.name, value);
            }
            Next::Failed(error) => return Next::Failed(error),
            Next::Calls(calls) => {
                wanted.extend(calls);
                if waits {
                    break;
                }
            }
        }
    }
    if !wanted.is_empty() {
        return Next::Calls(wanted);
    }
    let last = tasks
        .last()
        .and_then(|task| results.get(task.name.as_str()));
    match last {
        Some(last) if results.len() == tasks.len() => Next::Done(last.clone()),
        Some(_) | None => {
            let text = "the contexts of the tasks wait for each other";
            Next::Failed(StepError::new("invalid_crew", text))
        }
    }
}

/// What a task may see: what it names, else (one after the other) the last task before it that is not beside the row.
fn named(tasks: &[Task], index: usize, together: Together) -> Vec<&str> {
    let task = &tasks[index];
    if !task.context.is_empty() {
        return task.context.iter().map(String::as_str).collect();
    }
    match together {
        Together::Yes => Vec::new(),
        Together::No => tasks[..index]
            .iter()
            .rev()
            .find(|before| !before.is_async)
            .map(|before| before.name.as_str())
            .into_iter()
            .collect(),
    }
}

fn member<'a>(crew: &'a CrewSnapshot, task: &Task) -> Result<&'a AgentSnapshot, StepError> {
    let found = crew.agents.iter().find(|agent| agent.id == task.agent_id);
    found.ok_or_else(|| {
        let text = format!("the agent of the task `{}` is not in the crew", task.name);
        StepError::new("invalid_crew", text)
    })
}

/// The first agent leads.
fn managed(run: &CrewRun<'_>, meter: &mut Meter, history: &impl History) -> Next {
    let Some(leader) = run.crew.agents.first() else {
        return Next::Failed(StepError::new("invalid_crew", "the crew has no agent"));
    };
    let mut leader = leader.clone();
    if run.crew.manager_model.is_some() {
        leader.model.clone_from(&run.crew.manager_model);
    }
    let doing = AgentRun {
        agent: &leader,
        before: &[],
        prompt: prompt::manager(run.crew, &run.input.to_string()),
        output_schema: None,
    };
    let mut desk = Manager {
        run,
        results: BTreeMap::new(),
        accepted: Vec::new(),
    };
    loop_with(&doing, "manager/", &mut desk, meter, history)
}

/// The manager's tools: `delegate` runs an agent, `accept` closes a task.
struct Manager<'a> {
    run: &'a CrewRun<'a>,
    /// The last result of each task.
    results: BTreeMap<String, Value>,
    accepted: Vec<String>,
}

impl Manager<'_> {
    fn delegate(
        &mut self,
        arguments: &Value,
        path: &str,
        meter: &mut Meter,
        history: &impl History,
    ) -> Answer {
        let text = |key: &str| arguments[key].as_str().unwrap_or_default();
        let tasks = &self.run.crew.tasks;
        let Some(index) = tasks.iter().position(|task| task.name == text("task")) else {
            return Answer::Says(error_text(&format!("there is no task `{}`", text("task"))));
        };
        let agents = &self.run.crew.agents;
        let Some(agent) = agents.iter().find(|agent| agent.name == text("agent")) else {
            return Answer::Says(error_text(&format!(
                "there is no agent `{}`",
                text("agent")
            )));
        };
        let task = &tasks[index];
        let context: Vec<(&str, String)> = task
            .context
            .iter()
            .filter_map(|name| Some((name.as_str(), self::text(self.results.get(name)?))))
            .collect();
        let mut words = prompt::task(task, &self.run.descriptions[index], &context);
        words.push_str("\n\nFrom your manager: ");
        words.push_str(text("instructions"));
        let doing = AgentRun {
            agent,
            before: &[],
            prompt: words,
            output_schema: task.output_schema.as_ref(),
        };
        match loop_with(&doing, &format!("{path}/"), &mut NoDesk, meter, history) {
            Next::Done(value) => {
                let said = self::text(&value);
                self.results.insert(task.name.clone(), value);
                Answer::Says(said)
            }
            Next::Calls(calls) => Answer::Wants(calls),
            // A limit ends the crew; what else went wrong is for the manager to deal with.
            Next::Failed(error) if error.code == "limit_reached" => Answer::Fails(error),
            Next::Failed(error) => {
                Answer::Says(error_text(&format!("{}: {}", error.code, error.message)))
            }
        }
    }

    fn accept(&mut self, arguments: &Value) -> String {
        let name = arguments["task"].as_str().unwrap_or_default();
        if !self.results.contains_key(name) {
            return error_text(&format!("the task `{name}` has no result to accept"));
        }
        if !self.accepted.iter().any(|accepted| accepted == name) {
            self.accepted.push(name.to_owned());
        }
        json!({ "accepted": name }).to_string()
    }
}

impl Desk for Manager<'_> {
    fn tools(&self) -> Vec<ToolSpec> {
        let names = |list: Vec<&str>| json!({"type": "string", "enum": list});
        let tasks = names(
            self.run
                .crew
                .tasks
                .iter()
                .map(|task| task.name.as_str())
                .collect(),
        );
        let agents = names(
            self.run
                .crew
                .agents
                .iter()
                .map(|agent| agent.name.as_str())
                .collect(),
        );
        vec![
            function(
                "delegate",
                "Gives a task to an agent and returns its result.",
                object(&[
                    ("task", tasks.clone()),
                    ("agent", agents),
                    ("instructions", json!({"type": "string"})),
                ]),
            ),
            function(
                "accept",
                "Accepts the last result of a task.",
                object(&[("task", tasks)]),
            ),
        ]
    }

    fn answer(
        &mut self,
        name: &str,
        arguments: &Value,
        path: &str,
        meter: &mut Meter,
        history: &impl History,
    ) -> Option<Answer> {
        match name {
            "delegate" => Some(self.delegate(arguments, path, meter, history)),
            "accept" => Some(Answer::Says(self.accept(arguments))),
            _ => None,
        }
    }

    fn objection(&self) -> Option<String> {
        let open: Vec<&str> = self
            .run
            .crew
            .tasks
            .iter()
            .map(|task| task.name.as_str())
            .filter(|name| !self.accepted.iter().any(|accepted| accepted == name))
            .collect();
        (!open.is_empty()).then(|| {
            format!(
                "These tasks are not accepted yet: {}. Go on.",
                open.join(", ")
            )
        })
    }
}

fn object(properties: &[(&str, Value)]) -> Value {
    let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> = properties
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
