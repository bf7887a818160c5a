//! The work of agents and crews: what they want next, from what was recorded, and the work items of their calls.
//!
//! **Invariant:** what an agent wants follows from the state alone, so it need not be kept: it is found again after a
//! change of owner.

use std::{borrow::Cow, ops::Range};

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
    state::{At, CallKind, CallState, State, Step},
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
/// The code of an error of the platform: nobody could be reached who would have made the call.
const UNAVAILABLE: &str = "unavailable";
/// How questions to models and searches are tried again. The failure of a tool is for the agent to read, unless it was
/// never reached.
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
    let history = Recorded::of(state, node, attempt);
    match decide(state, node, &history) {
        Next::Calls(mut wanted) => {
            let prefix = prefix(&history.node, attempt);
            for wanted in &mut wanted {
                wanted.path.insert_str(0, &prefix);
            }
            Next::Calls(wanted)
        }
        next => next,
    }
}

fn decide(state: &State, node: At, history: &Recorded<'_>) -> Next {
    let next = match configured(state, node).kind.as_str() {
        "crew" => crew(state, node, history),
        _ => agent(state, node, history),
    };
    next.unwrap_or_else(Next::Failed)
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
        Call::Tool(_) => Some(Retry {
            on: Some(vec![UNAVAILABLE.into()]),
            ..RETRY
        }),
        Call::Approval { .. } => None,
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
    let key = key(state, wanted);
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

/// The calls of a node that is tried again have paths of their own.
fn prefix(node: &str, attempt: u32) -> String {
    match attempt {
        1 => format!("{node}/"),
        _ => format!("{node}#{attempt}/"),
    }
}

/// The `Idempotency-Key` of a call. It is that of the attempt in which the agent began: what an attempt that ran out of time
/// had called is called under the same key. A flow is begun anew, since the one before was cancelled.
fn key(state: &State, wanted: &Wanted) -> String {
    let is_flow = matches!(&wanted.call, Call::Tool(ToolUse { flow: Some(_), .. }));
    let begun = (!is_flow)
        .then(|| begun_path(state, &wanted.path))
        .flatten();
    let path = begun.as_deref().unwrap_or(&wanted.path);
    effect_key(state.data.tenant, state.data.id, path, 0)
}

/// The path that a call would have had in the attempt in which the agent began; none where it is this one.
fn begun_path(state: &State, path: &str) -> Option<String> {
    let node = state.at(node_path(path))?;
    let Step::Looping { attempt, .. } = state.step(node) else {
        return None;
    };
    let history = Recorded::of(state, node, attempt);
    let own = path.strip_prefix(&prefix(&history.node, attempt))?;
    let begun = history.earlier.start;
    (begun != attempt).then(|| prefix(&history.node, begun) + own)
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

/// The outcomes of one node's calls, as an attempt sees them: its own, and those of the attempts whose work it goes on with.
struct Recorded<'a> {
    state: &'a State,
    node: Cow<'a, str>,
    own: Option<u32>,
    earlier: Range<u32>,
}

impl<'a> Recorded<'a> {
    /// An attempt goes on where the one before was broken off, by time or by a question that failed. One that came to its end
    /// would come to it again: what follows it begins anew.
    fn of(state: &'a State, node: At, attempt: u32) -> Self {
        let mut recorded = Self {
            state,
            node: state.path(node),
            own: None,
            earlier: 1..1,
        };
        for following in 2..=attempt {
            recorded.earlier.end = following;
            if !matches!(decide(state, node, &recorded), Next::Calls(_)) {
                recorded.earlier.start = following;
            }
        }
        recorded.own = Some(attempt);
        recorded
    }

    fn call(&self, attempt: u32, path: &str) -> Option<&'a CallState> {
        let path = prefix(&self.node, attempt) + path;
        self.state.call(*self.state.calls.get(&path)?)
    }
}

impl History for Recorded<'_> {
    fn outcome(&self, path: &str) -> Option<&Outcome> {
        if let Some(own) = self.own.and_then(|own| self.call(own, path)) {
            return own.outcome.as_ref();
        }
        let broken = |call: &CallState| {
            call.kind == CallKind::Llm && matches!(call.outcome, Some(Outcome::Failed { .. }))
        };
        let mut earlier = self.earlier.clone().rev();
        earlier.find_map(|attempt| {
            let call = self.call(attempt, path).filter(|call| !broken(call))?;
            call.outcome.as_ref()
        })
    }
}
