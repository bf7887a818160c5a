//! Agents and a crew from the two files of a CrewAI project.
//!
//! **Invariant:** whatever a file says and is not taken over is listed as ignored.

mod file;

use contracts::{
    agent::{AgentSpec, Framework, Limits, MemoryScope},
    crew::{CrewSpec, ImportCrew, Task},
    id::AgentId,
};
use serde_json::Value;

use crate::{
    domain::{agent, checks, crew, problems::Problems},
    error::Error,
};
use file::{Entry, File};

/// What the files say.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) agents: Vec<(AgentId, AgentSpec)>,
    pub(crate) crew: CrewSpec,
    pub(crate) ignored: Vec<String>,
}

/// Reads both files; each agent gets an id of `ids`.
///
/// # Errors
/// [`Error::InvalidInput`] with all that is wrong, each with its file and key.
pub(crate) fn read(
    request: &ImportCrew,
    mut ids: impl FnMut() -> AgentId,
) -> Result<Import, Error> {
    let mut agents = File::parse("agents.yaml", "/agents_yaml", &request.agents_yaml)?;
    let mut tasks = File::parse("tasks.yaml", "/tasks_yaml", &request.tasks_yaml)?;
    let mut members = Vec::new();
    for mut entry in agents.take() {
        let spec = agent_of(&mut agents, &mut entry);
        members.push((ids(), spec));
        agents.ignore_rest(&entry);
    }
    let mut work = Vec::new();
    for mut entry in tasks.take() {
        work.push(task_of(&mut tasks, &mut entry, &members));
        tasks.ignore_rest(&entry);
    }
    let crew = CrewSpec {
        name: request.name.clone(),
        process: request.process,
        agents: members.iter().map(|(id, _)| *id).collect(),
        tasks: work,
        description: String::new(),
        manager_model: None,
        limits: CrewSpec::default_limits(),
    };
    agents.or_fail()?;
    tasks.or_fail()?;
    check(&mut agents, &mut tasks, &members, &crew)?;
    let mut ignored = agents.into_ignored();
    ignored.extend(tasks.into_ignored());
    Ok(Import {
        agents: members,
        crew,
        ignored,
    })
}

fn agent_of(file: &mut File, entry: &mut Entry) -> AgentSpec {
    let mut spec = AgentSpec {
        name: entry.key.clone(),
        role: file.text(entry, "role"),
        goal: file.text(entry, "goal"),
        backstory: String::new(),
        framework: Framework::Native,
        model: None,
        tools: Vec::new(),
        knowledge: Vec::new(),
        memory: MemoryScope::Off,
        guardrails: Vec::new(),
        output_schema: None,
        limits: Limits::default(),
    };
    if entry.has("backstory") {
        spec.backstory = file.text(entry, "backstory");
    }
    for (field, text) in [
        ("role", &spec.role),
        ("goal", &spec.goal),
        ("backstory", &spec.backstory),
    ] {
        file.ignore_placeholders(entry, field, text);
    }
    // A model without its provider stays where it is, and is listed as ignored.
    let is_model = |value: &Value| value.as_str().is_some_and(checks::is_model);
    if entry.get("llm").is_some_and(is_model) {
        spec.model = Some(file.text(entry, "llm"));
    }
    if let Some(steps) = entry.remove("max_iter") {
        match steps.as_u64().map(u32::try_from) {
            Some(Ok(steps)) => spec.limits.max_steps = steps,
            _ => file.refuse(entry, "max_iter", "must be a whole number"),
        }
    }
    spec
}

fn task_of(file: &mut File, entry: &mut Entry, members: &[(AgentId, AgentSpec)]) -> Task {
    let description = template(&file.text(entry, "description"));
    let expected_output = file.text(entry, "expected_output");
    file.ignore_placeholders(entry, "expected_output", &expected_output);
    let name = file.text(entry, "agent");
    let member = members.iter().find(|(_, spec)| spec.name == name);
    if member.is_none() && !name.is_empty() {
        let name: String = name.chars().take(64).collect();
        file.refuse(entry, "agent", &format!("there is no agent `{name}`"));
    }
    let is_async = match entry.remove("async_execution") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(is_async)) => is_async,
        Some(_) => {
            file.refuse(entry, "async_execution", "must be `true` or `false`");
            false
        }
    };
    Task {
        name: entry.key.clone(),
        description,
        expected_output,
        // Who is missing was refused above: this one is never used.
        agent_id: member.map_or(AgentId::EXAMPLE, |(id, _)| *id),
        context: file.texts(entry, "context"),
        output_schema: None,
        is_async,
    }
}

/// The rules for agents and crews, in the words of the files.
fn check(
    agents: &mut File,
    tasks: &mut File,
    members: &[(AgentId, AgentSpec)],
    crew: &CrewSpec,
) -> Result<(), Error> {
    for (_, spec) in members {
        let mut problems = Problems::under("");
        agent::collect(&mut problems, spec);
        for problem in problems.into_found() {
            let field = match problem.path.as_str() {
                "/limits/max_steps" => "max_iter",
                "/name" => "",
                path => path.trim_start_matches('/'),
            };
            agents.refuse_at(&spec.name, field, &problem.message);
        }
    }
    let mut problems = Problems::under("");
    crew::collect(&mut problems, crew);
    let mut own = Problems::under("");
    for problem in problems.into_found() {
        let place = problem.path.strip_prefix("/tasks/").and_then(|rest| {
            let (place, field) = rest.split_once('/')?;
            Some((crew.tasks.get(place.parse::<usize>().ok()?)?, field))
        });
        match (place, problem.path.as_str()) {
            (Some((task, "name")), _) => tasks.refuse_at(&task.name, "", &problem.message),
            (Some((task, field)), _) => {
                let field = field.split('/').next().unwrap_or(field);
                tasks.refuse_at(&task.name, field, &problem.message);
            }
            (None, "/tasks") => tasks.refuse_at("", "", &problem.message),
            (None, "/agents") => agents.refuse_at("", "", &problem.message),
            (None, path) => own.refuse(path, problem.message),
        }
    }
    own.outcome()?;
    agents.or_fail()?;
    tasks.or_fail()
}

/// `{topic}` is what the crew's input says about it.
fn template(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, name)) = next_placeholder(rest) {
        made.push_str(&rest[..start]);
        if name.contains('-') {
            made.push_str(&format!("{{{{ input[\"{name}\"] }}}}"));
        } else {
            made.push_str(&format!("{{{{ input.{name} }}}}"));
        }
        rest = &rest[start + name.len() + 2..];
    }
    made.push_str(rest);
    made
}

/// The first `{name}` and where it begins.
fn next_placeholder(text: &str) -> Option<(usize, &str)> {
    let is_start = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let is_part = |byte: char| byte.is_ascii_alphanumeric() || byte == '_' || byte == '-';
    text.match_indices('{').find_map(|(start, _)| {
        let (name, _) = text[start + 1..].split_once('}')?;
        let is_name = name.as_bytes().first().is_some_and(is_start) && name.chars().all(is_part);
        is_name.then_some((start, name))
    })
}

#[cfg(test)]
mod tests;
