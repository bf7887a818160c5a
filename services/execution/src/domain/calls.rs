//! The work of agents and crews: what they want next, from what was recorded, and the work items of their calls.
//!
//! **Invariant:** what an agent wants follows from the state alone, so it need not be kept: it is found again after a
//! change of owner.

use agents::{AgentRun, Call, CrewRun, History, Next, Outcome, ToolUse, Wanted};
use contracts::{
    agent::Remember,
    crew::CrewSnapshot,
    execution::StepError,
    flow::{Backoff, Node, NodeConfig, Retry},
    knowledge::SearchBase,
    live::StepCall,
    llm::Message,
    tool::FlowPin,
    work::{WorkClass, WorkItem},
};
use graph::{
    expression::{self, Scope},
    path::node_path,
};
use serde_json::{Value, json};

use super::{
    inline::{configured, expression_error, render},
    retry::effect_key,
    state::{At, CallKind, State, Step},
};

/// Calls that the agents of one execution may make in all.
pub(crate) const MAX_CALLS: usize = 20_000;
/// Time that one question to a model may take.
const LLM_TIMEOUT_MS: u64 = 120_000;
const KNOWLEDGE_TIMEOUT_MS: u64 = 30_000;
/// Time that a flow may take that is called as a tool.
const FLOW_TIMEOUT_MS: u64 = 24 * 60 * 60 * 1000;
/// What a call of a tool gets beside the tool's own limit, so that the service of tools can say how it ended.
const TOOL_GRACE_MS: u64 = 5_000;
/// How questions to models and searches are tried again. A tool is called once: its failure is for the agent to read.
const RETRY: Retry = Retry {
    max_attempts: 3,
    backoff: Backoff::Exponential,
    backoff_ms: 1000,
    max_backoff_ms: 20_000,
    jitter: 0.5,
    max_elapsed_ms: None,
    on: None,
};

/// What the agent or crew of a node wants next. Paths are whole: `writer/llm:0`.
pub(crate) fn next(state: &State, node: At, attempt: u32) -> Next {
    let prefix = prefix(&state.path(node), attempt);
    let history = Recorded {
        state,
        prefix: &prefix,
    };
    let next = match configured(state, node).kind.as_str() {
        "crew" => crew(state, node, &history),
        _ => agent(state, node, &history),
    };
    match next {
        Ok(Next::Calls(mut wanted)) => {
            for wanted in &mut wanted {
                wanted.path.insert_str(0, &prefix);
            }
            Next::Calls(wanted)
        }
        Ok(next) => next,
        Err(error) => Next::Failed(error),
    }
}

/// A call, found again.
pub(crate) fn wanted(state: &State, at: At) -> Option<Wanted> {
    let call = state.call(at)?;
    let Step::Looping { attempt, .. } = state.step(call.node) else {
        return None;
    };
    match next(state, call.node, attempt) {
        Next::Calls(wanted) => wanted.into_iter().find(|wanted| wanted.path == call.path),
        Next::Done(_) | Next::Failed(_) => None,
    }
}

/// How the outcome of a call is read.
pub(crate) fn kind_of(call: &StepCall) -> CallKind {
    match call {
        StepCall::Llm { .. } => CallKind::Llm,
        StepCall::Tool { .. }
        | StepCall::Knowledge { .. }
        | StepCall::Recall { .. }
        | StepCall::Remember { .. } => CallKind::Other,
    }
}

/// How a failed call is tried again.
pub(crate) fn retry_of(wanted: &Call) -> Option<Retry> {
    match wanted {
        Call::Llm(_) | Call::Knowledge { .. } | Call::Recall(_) | Call::Remember { .. } => {
            Some(RETRY)
        }
        Call::Tool(_) | Call::Approval { .. } => None,
    }
}

/// What a worker needs for an attempt of a call; none for an approval, which no worker gives.
pub(crate) fn work_item(
    state: &State,
    wanted: &Wanted,
    attempt: u32,
) -> Option<(WorkClass, WorkItem)> {
    let data = &state.data;
    let agent = state.at(node_path(&wanted.path));
    let key = effect_key(data.tenant, data.id, &wanted.path, 0);
    let (class, config, timeout_ms) = match &wanted.call {
        Call::Approval { .. } => return None,
        Call::Llm(question) => (
            WorkClass::Llm,
            json!({ "question": question }),
            LLM_TIMEOUT_MS,
        ),
        Call::Tool(asked) => tool(state, asked),
        Call::Knowledge { base_id, query } => {
            let search = SearchBase {
                base_id: *base_id,
                query: query.clone(),
                limit: None,
            };
            (WorkClass::Knowledge, json!(search), KNOWLEDGE_TIMEOUT_MS)
        }
        Call::Recall(recall) => (
            WorkClass::Knowledge,
            json!({ "recall": recall }),
            KNOWLEDGE_TIMEOUT_MS,
        ),
        Call::Remember { agent_id, facts } => {
            let remember = Remember {
                agent_id: *agent_id,
                facts: facts.clone(),
                idempotency_key: key.clone(),
            };
            (
                WorkClass::Knowledge,
                json!({ "remember": remember }),
                KNOWLEDGE_TIMEOUT_MS,
            )
        }
    };
    let item = WorkItem {
        tenant: data.tenant,
        execution_id: data.id,
        flow_id: data.origin.flow_id,
        node: wanted.path.clone(),
        attempt,
        key,
        principal: data.principal.clone(),
        config: fields(config),
        type_version: None,
        argument: Value::Null,
        timeout_ms,
        // The words of a model show that it goes on; the other calls show nothing.
        idle_timeout_ms: match class {
            WorkClass::Llm => agent.and_then(|at| configured(state, at).idle_timeout_ms),
            _ => None,
        },
        at_most_once: false,
    };
    Some((class, item))
}

fn tool(state: &State, asked: &ToolUse) -> (WorkClass, Value, u64) {
    match &asked.flow {
        Some(flow) => {
            let config = flow_config(state, flow, &asked.arguments, asked.max_depth);
            (WorkClass::Flow, config, FLOW_TIMEOUT_MS)
        }
        None => {
            let config = json!({
                "tool_id": asked.tool_id, "version": asked.version, "arguments": asked.arguments });
            (
                WorkClass::Tool,
                config,
                asked.timeout_ms.saturating_add(TOOL_GRACE_MS),
            )
        }
    }
}

/// What a worker needs to run a flow within this one.
pub(crate) fn flow_config(state: &State, flow: &FlowPin, input: &Value, max_depth: u32) -> Value {
    let depth = state.data.parent.as_ref().map_or(0, |parent| parent.depth) + 1;
    json!({
        "flow": flow, "input": input, "vars": state.data.vars, "depth": depth, "max_depth": max_depth })
}

pub(crate) fn fields(config: Value) -> NodeConfig {
    match config {
        Value::Object(fields) => fields.into_iter().collect(),
        _ => NodeConfig::new(),
    }
}

/// A node that is tried again begins anew: its calls have paths of their own.
fn prefix(node: &str, attempt: u32) -> String {
    match attempt {
        1 => format!("{node}/"),
        _ => format!("{node}#{attempt}/"),
    }
}

fn agent(state: &State, node: At, history: &Recorded<'_>) -> Result<Next, StepError> {
    let agent = state.plan.agent(configured(state, node))?;
    let mut config = render(state, node)?;
    let prompt = match config.remove("prompt") {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let before: Vec<Message> = match config.remove("messages") {
        None | Some(Value::Null) => Vec::new(),
        Some(messages) => serde_json::from_value(messages)
            .map_err(|error| StepError::new("config", format!("`messages`: {error}")))?,
    };
    let run = AgentRun {
        agent,
        before: &before,
        prompt,
        output_schema: None,
    };
    Ok(agents::agent(&run, history))
}

fn crew(state: &State, node: At, history: &Recorded<'_>) -> Result<Next, StepError> {
    let crew = state.plan.crew(configured(state, node))?;
    let mut config = render(state, node)?;
    let input = config
        .remove("input")
        .unwrap_or_else(|| state.data.input.clone());
    let descriptions = descriptions(configured(state, node), crew, &input)?;
    let run = CrewRun {
        crew,
        descriptions: &descriptions,
        input: &input,
    };
    Ok(agents::crew(&run, history))
}

fn descriptions(node: &Node, crew: &CrewSnapshot, input: &Value) -> Result<Vec<String>, StepError> {
    let scope = Scope::of_input(input);
    let rendered = crew.tasks.iter().map(|task| {
        let text = Value::String(task.description.clone());
        match expression::render(&text, &scope).map_err(|error| expression_error(&error))? {
            Value::String(text) => Ok(text),
            other => Ok(other.to_string()),
        }
    });
    let texts: Result<_, StepError> = rendered.collect();
    texts.map_err(|mut error| {
        error.node = Some(node.id.clone());
        error
    })
}

/// The outcomes of one node's calls.
struct Recorded<'a> {
    state: &'a State,
    prefix: &'a str,
}

impl History for Recorded<'_> {
    fn outcome(&self, path: &str) -> Option<&Outcome> {
        let at = self.state.calls.get(&format!("{}{path}", self.prefix))?;
        self.state.call(*at)?.outcome.as_ref()
    }
}
