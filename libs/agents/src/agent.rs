//! The loop of one agent: ask the model, do what it calls for, tell it the results, until it answers.

use contracts::{
    agent::AgentSnapshot,
    execution::StepError,
    llm::{Complete, Completion, FinishReason, FunctionSpec, Message, ToolCall, ToolSpec},
    tool::{Approval, ToolSnapshot},
};
use serde_json::{Map, Value, json};

use crate::{
    call::{Call, History, Next, Outcome, ToolUse, Wanted},
    memory,
    meter::Meter,
    output, prompt,
};

/// What a model calls the search of an agent's knowledge; a tool of that name is hidden by it.
const SEARCH: &str = "search_knowledge";
/// Characters of a query that are searched for.
const MAX_QUERY: usize = 4000;

/// An agent with something to do.
#[derive(Clone, Debug)]
pub struct AgentRun<'a> {
    pub agent: &'a AgentSnapshot,
    /// What was said before, in a conversation.
    pub before: &'a [Message],
    pub prompt: String,
    /// Instead of the agent's own.
    pub output_schema: Option<&'a Value>,
}

/// What the agent does next.
pub fn agent(run: &AgentRun<'_>, history: &impl History) -> Next {
    let mut meter = Meter::new(run.agent.limits);
    loop_with(run, "", &mut NoDesk, &mut meter, history)
}

/// Tools that the loop answers itself, without a call to the outside: a manager's.
pub(crate) trait Desk {
    fn tools(&self) -> Vec<ToolSpec>;
    /// None where it is not one of these tools. `path` is that of the call.
    fn answer(
        &mut self,
        name: &str,
        arguments: &Value,
        path: &str,
        meter: &mut Meter,
        history: &impl History,
    ) -> Option<Answer>;
    /// Why the work may not end yet.
    fn objection(&self) -> Option<String>;
}

/// What a tool says to the model, or what has to happen before it can.
pub(crate) enum Answer {
    Says(String),
    Wants(Vec<Wanted>),
    /// The run ends: a limit was reached.
    Fails(StepError),
}

/// The loop under a prefix of paths, with a desk beside the agent's own tools.
pub(crate) fn loop_with<D: Desk>(
    run: &AgentRun<'_>,
    prefix: &str,
    desk: &mut D,
    meter: &mut Meter,
    history: &impl History,
) -> Next {
    let remembered = match memory::recalled(run.agent, &run.prompt, prefix, history) {
        Ok(remembered) => remembered,
        Err(wanted) => return Next::Calls(vec![wanted]),
    };
    let mut messages = vec![Message::system(prompt::system(run.agent, &remembered))];
    messages.extend_from_slice(run.before);
    messages.push(Message::user(run.prompt.clone()));
    let schema = run.output_schema.or(run.agent.output_schema.as_ref());
    let mut repaired = false;
    let mut turn = 0_u32;
    loop {
        if let Err(error) = meter.step() {
            return Next::Failed(error);
        }
        let path = format!("{prefix}llm:{turn}");
        let at = format!("{prefix}tool:{turn}.");
        turn += 1;
        let completion = match history.outcome(&path) {
            None => {
                let question = Box::new(question(run, &messages, desk, schema));
                return Next::Calls(vec![wanted(run.agent, path, Call::Llm(question))]);
            }
            Some(Outcome::Completion { completion }) => completion,
            Some(Outcome::Failed { error }) => return Next::Failed(error.clone()),
            Some(Outcome::Result { .. } | Outcome::Decided { .. }) => {
                return Next::Failed(mixed(&path));
            }
        };
        meter.spend(completion.usage);
        messages.push(completion.message.clone());
        if !completion.message.tool_calls.is_empty() {
            match results(run, completion, &at, desk, meter, history) {
                Ok(results) => messages.extend(results),
                Err(next) => return next,
            }
            continue;
        }
        if completion.finish_reason == FinishReason::ContentFilter {
            let text = "the provider withheld the answer";
            return Next::Failed(StepError::new("content_filter", text));
        }
        if let Some(objection) = desk.objection() {
            messages.push(Message::user(objection));
            continue;
        }
        match output::checked(completion, schema, &run.agent.guardrails) {
            Ok(value) => {
                let (agent, prompt) = (run.agent, &run.prompt);
                let keeping = memory::keeping(agent, prompt, &value, prefix, meter, history);
                return keeping.map_or(Next::Done(value), |wanted| Next::Calls(vec![wanted]));
            }
            Err(objection) if repaired => return Next::Failed(objection.error()),
            Err(objection) => {
                repaired = true;
                messages.push(Message::user(objection.told()));
            }
        }
    }
}

/// What the tools say to the calls of one answer, in their order.
fn results<D: Desk>(
    run: &AgentRun<'_>,
    completion: &Completion,
    at: &str,
    desk: &mut D,
    meter: &mut Meter,
    history: &impl History,
) -> Result<Vec<Message>, Next> {
    let mut messages = Vec::new();
    let mut wanted = Vec::new();
    for (index, call) in completion.message.tool_calls.iter().enumerate() {
        let path = format!("{at}{index}");
        if let Err(error) = meter.tool_call() {
            return Err(Next::Failed(error));
        }
        match answer(run, call, &path, desk, meter, history) {
            Answer::Says(text) => messages.push(said(call, text)),
            Answer::Wants(calls) => wanted.extend(calls),
            Answer::Fails(error) => return Err(Next::Failed(error)),
        }
    }
    if wanted.is_empty() {
        Ok(messages)
    } else {
        Err(Next::Calls(wanted))
    }
}

fn answer<D: Desk>(
    run: &AgentRun<'_>,
    call: &ToolCall,
    path: &str,
    desk: &mut D,
    meter: &mut Meter,
    history: &impl History,
) -> Answer {
    let name = call.function.name.as_str();
    let arguments: Value = match serde_json::from_str(&call.function.arguments) {
        Ok(arguments @ Value::Object(_)) => arguments,
        Ok(_) => return Answer::Says(error_text("the arguments are no JSON object")),
        Err(error) => {
            return Answer::Says(error_text(&format!("the arguments are not JSON: {error}")));
        }
    };
    if let Some(answer) = desk.answer(name, &arguments, path, meter, history) {
        return answer;
    }
    if name == SEARCH && !run.agent.knowledge.is_empty() {
        return search(run.agent, &arguments, path, history);
    }
    // The agent's own list is the policy: what a model names beyond it is never called.
    let Some(tool) = run.agent.tools.iter().find(|tool| tool.name == name) else {
        return Answer::Says(error_text(&format!("there is no tool `{name}`")));
    };
    call_tool(run.agent, tool, arguments, path, history)
}

/// Searches one of the agent's knowledge bases, and no other.
fn search(agent: &AgentSnapshot, arguments: &Value, path: &str, history: &impl History) -> Answer {
    let bases = &agent.knowledge;
    let named = arguments["base"].as_str();
    let base = match named {
        Some(name) => bases.iter().find(|base| base.name == name),
        None => bases.first().filter(|_| bases.len() == 1),
    };
    let Some(base) = base else {
        let name = named.unwrap_or_default();
        return Answer::Says(error_text(&format!("there is no knowledge base `{name}`")));
    };
    let query = arguments["query"].as_str().unwrap_or_default().trim();
    if query.is_empty() {
        return Answer::Says(error_text("the query is empty"));
    }
    let call = Call::Knowledge {
        base_id: base.id,
        query: query.chars().take(MAX_QUERY).collect(),
    };
    result(agent, call, path, history)
}

/// What the call says, or that it is to be made.
fn result(agent: &AgentSnapshot, call: Call, path: &str, history: &impl History) -> Answer {
    match history.outcome(path) {
        None => Answer::Wants(vec![wanted(agent, path.to_owned(), call)]),
        Some(Outcome::Result {
            value: Value::String(text),
        }) => Answer::Says(text.clone()),
        Some(Outcome::Result { value }) => Answer::Says(value.to_string()),
        Some(Outcome::Failed { error }) => {
            Answer::Says(error_text(&format!("{}: {}", error.code, error.message)))
        }
        Some(Outcome::Completion { .. } | Outcome::Decided { .. }) => Answer::Fails(mixed(path)),
    }
}

fn wanted(agent: &AgentSnapshot, path: String, call: Call) -> Wanted {
    let agent = agent.name.clone();
    Wanted { path, agent, call }
}

fn call_tool(
    agent: &AgentSnapshot,
    tool: &ToolSnapshot,
    arguments: Value,
    path: &str,
    history: &impl History,
) -> Answer {
    let asked = ToolUse {
        tool_id: tool.id,
        version: tool.version,
        name: tool.name.clone(),
        arguments,
        timeout_ms: tool.timeout_ms,
        flow: tool.flow.clone(),
        max_depth: agent.limits.max_depth,
    };
    if tool.approval != Approval::None {
        let path = format!("{path}/approval");
        match history.outcome(&path) {
            None => {
                let by = tool.approval;
                let call = Call::Approval { asked, by };
                return Answer::Wants(vec![wanted(agent, path, call)]);
            }
            Some(Outcome::Decided { approved: true, .. }) => {}
            Some(Outcome::Decided { comment, .. }) => {
                return Answer::Says(error_text(&format!("a person refused the call: {comment}")));
            }
            Some(Outcome::Failed { error }) => return Answer::Fails(error.clone()),
            Some(Outcome::Completion { .. } | Outcome::Result { .. }) => {
                return Answer::Fails(mixed(&path));
            }
        }
    }
    result(agent, Call::Tool(asked), path, history)
}

fn question<D: Desk>(
    run: &AgentRun<'_>,
    messages: &[Message],
    desk: &D,
    schema: Option<&Value>,
) -> Complete {
    let own = run
        .agent
        .tools
        .iter()
        .map(|tool| function(&tool.name, &tool.description, tool.input_schema.clone()));
    let search = (!run.agent.knowledge.is_empty()).then(|| search_function(run.agent));
    let response_format = schema.map(|schema| {
        json!({"type": "json_schema", "json_schema": {"name": "output", "schema": schema, "strict": true}})
    });
    Complete {
        model: run.agent.model.clone(),
        messages: messages.to_vec(),
        tools: own.chain(search).chain(desk.tools()).collect(),
        response_format,
        ..Complete::default()
    }
}

fn search_function(agent: &AgentSnapshot) -> ToolSpec {
    let bases = &agent.knowledge;
    let names: Vec<&str> = bases.iter().map(|base| base.name.as_str()).collect();
    let mut description = "Searches what is known; the best passages come first.".to_owned();
    for base in bases {
        description.push_str(&format!(" `{}`: {}", base.name, base.description));
    }
    let parameters = json!({
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "What is looked for."},
            "base": {"type": "string", "enum": names}
        },
        "required": if bases.len() == 1 { vec!["query"] } else { vec!["query", "base"] },
        "additionalProperties": false
    });
    function(SEARCH, &description, parameters)
}

pub(crate) fn function(name: &str, description: &str, parameters: Value) -> ToolSpec {
    ToolSpec {
        kind: "function".to_owned(),
        function: FunctionSpec {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            parameters,
            extra: Map::new(),
        },
    }
}

fn said(call: &ToolCall, text: String) -> Message {
    Message {
        role: "tool".to_owned(),
        content: Value::String(text),
        tool_calls: Vec::new(),
        tool_call_id: Some(call.id.clone()),
        extra: Map::new(),
    }
}

pub(crate) fn error_text(text: &str) -> String {
    json!({ "error": text }).to_string()
}

/// Outcomes are recorded under the path of the call they belong to; anything else is a defect of the engine.
pub(crate) fn mixed(path: &str) -> StepError {
    StepError::new(
        "corrupt_run",
        format!("the outcome of `{path}` is of another kind"),
    )
}

/// An agent on its own.
#[derive(Clone, Copy)]
pub(crate) struct NoDesk;

impl Desk for NoDesk {
    fn tools(&self) -> Vec<ToolSpec> {
        Vec::new()
    }
    fn answer(
        &mut self,
        _: &str,
        _: &Value,
        _: &str,
        _: &mut Meter,
        _: &impl History,
    ) -> Option<Answer> {
        None
    }
    fn objection(&self) -> Option<String> {
        None
    }
}
