//! The steps that the core does itself, and the work items of those it hands to workers.
//!
//! **Invariant:** what a step sees follows from the state alone, and a work item made again is the same: expressions name
//! upstream nodes only, and those have settled for good.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contracts::{
    execution::{AnswerButton, Escalation, PendingAnswer, StepError},
    flow::{Edge, Node, NodeConfig},
    id::UserId,
    work::{WorkClass, WorkItem},
};
use graph::{
    ERROR_HANDLER, LOOP, MAP, NodeIndex,
    expression::{self, ExpressionError, Scope},
};
use serde_json::{Value, json};

use super::{
    calls, limits,
    outputs::{self, argument, incoming, scope},
    state::{At, Closing, State},
};

/// The longest that a node waits.
const MAX_WAIT: TimeDelta = TimeDelta::days(365);
/// Bytes of what an event is known by.
const MAX_KEY: usize = 512;
/// The type whose value is the execution's output.
pub(crate) const OUTPUT: &str = "output";

/// How a node is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Inline(Inline),
    Heavy(WorkClass),
    /// An agent or a crew: it works by calls that are steps of their own.
    Looping,
    /// A map or a loop: it runs the nodes of its body.
    Iterating,
    /// A timer.
    Wait,
    /// A person's answer.
    Ask,
    /// An event of an integrator.
    Listen,
}

/// The event that a node waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    /// Empty, with the key, where any event of the name will do.
    pub(crate) pointer: String,
    pub(crate) key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inline {
    Trigger,
    Condition,
    /// Transform and output: the node's value.
    Value,
    /// What has come by the edges.
    Join,
    /// Why the execution fails.
    Handler,
}

/// A step that is done.
pub(crate) struct Done {
    pub(crate) output: Value,
    pub(crate) port: String,
}

impl Done {
    /// It goes on at the port of nodes that have only one.
    pub(crate) fn with(output: Value) -> Self {
        let port = Edge::DEFAULT_PORT.to_owned();
        Self { output, port }
    }
}

impl Kind {
    /// # Errors
    /// When this engine does not know the type: the definition was made by a newer one.
    pub(crate) fn of(node: &Node) -> Result<Self, StepError> {
        Ok(match node.kind.as_str() {
            "trigger" | "chat_trigger" => Self::Inline(Inline::Trigger),
            "condition" => Self::Inline(Inline::Condition),
            "transform" | OUTPUT => Self::Inline(Inline::Value),
            "llm" => Self::Heavy(WorkClass::Llm),
            "http" => Self::Heavy(WorkClass::Http),
            "code" => Self::Heavy(WorkClass::Code),
            ERROR_HANDLER => Self::Inline(Inline::Handler),
            "join" => Self::Inline(Inline::Join),
            "agent" | "crew" => Self::Looping,
            MAP | LOOP => Self::Iterating,
            "wait" => Self::Wait,
            "approval" => Self::Ask,
            "event" => Self::Listen,
            "custom" => Self::Heavy(WorkClass::Custom),
            "tool" => Self::Heavy(WorkClass::Tool),
            "flow" => Self::Heavy(WorkClass::Flow),
            "knowledge" => Self::Heavy(WorkClass::Knowledge),
            other => {
                let text = format!("this engine cannot do nodes of type `{other}`");
                return Err(StepError::new("unknown_node_type", text));
            }
        })
    }

    pub(crate) fn is_inline(node: &Node) -> bool {
        matches!(Self::of(node), Ok(Self::Inline(_)))
    }
}

/// Does a step of the core.
///
/// # Errors
/// When an expression cannot be evaluated or the output is too large.
pub(crate) fn evaluate(state: &State, node: At, kind: Inline) -> Result<Done, StepError> {
    let done = match kind {
        Inline::Trigger => Done::with(state.data.input.clone()),
        Inline::Condition => choose(state, node)?,
        Inline::Value => {
            let mut config = render(state, node)?;
            Done::with(config.remove("value").unwrap_or(Value::Null))
        }
        Inline::Join => Done::with(outputs::arrived(state, node)),
        Inline::Handler => Done::with(failure(state)),
    };
    match limits::fits_into(state, &done.output) {
        true => Ok(done),
        false => Err(limits::too_large(&done.output)),
    }
}

/// What the error handler gives: why the execution fails, and what could not be undone.
fn failure(state: &State) -> Value {
    let Some(unwinding) = &state.data.unwinding else {
        return Value::Null;
    };
    let uncompensated = unwinding.uncompensated.iter().map(|at| state.path(*at));
    let uncompensated: Vec<_> = uncompensated.collect();
    let mut error = match &unwinding.why {
        Closing::Failed { error } => json!(error),
        Closing::Cancelled => Value::Null,
    };
    if let Some(fields) = error.as_object_mut() {
        // Expressions may ask for it where no step is to blame.
        fields.entry("node").or_insert(Value::Null);
    }
    json!({"error": error, "uncompensated": uncompensated})
}

/// Until when a node waits that begins to at `now`.
///
/// # Errors
/// When the configuration names no moment, or one too far ahead.
pub(crate) fn wait_until(
    state: &State,
    node: At,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, StepError> {
    let config = render(state, node)?;
    let misfit = |text: &str| StepError::new("config", text);
    let until = match (config.get("seconds"), config.get("until")) {
        (Some(seconds), None) => {
            let seconds = seconds.as_f64().and_then(|seconds| {
                let pause = Duration::try_from_secs_f64(seconds).ok()?;
                TimeDelta::from_std(pause).ok()
            });
            let seconds = seconds.ok_or_else(|| misfit("`seconds` is no length of time"))?;
            now.checked_add_signed(seconds)
        }
        (None, Some(until)) => {
            let parsed = DateTime::parse_from_rfc3339(until.as_str().unwrap_or_default());
            let until = parsed.map_err(|_| misfit("`until` is no moment (RFC 3339)"))?;
            Some(until.to_utc().max(now))
        }
        _ => return Err(misfit("exactly one of `seconds` and `until` must be set")),
    };
    until
        .filter(|until| *until - now <= MAX_WAIT)
        .ok_or_else(|| misfit("the wait is longer than a year"))
}

/// Which event a node waits for that begins to at `now`, and until when.
///
/// # Errors
/// When an expression cannot be evaluated.
pub(crate) fn listened(
    state: &State,
    node: At,
    now: DateTime<Utc>,
) -> Result<(Wanted, Option<DateTime<Utc>>), StepError> {
    let mut config = render(state, node)?;
    let mut text = |key: &str| match config.remove(key) {
        Some(Value::String(text)) => text,
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    };
    let wanted = Wanted {
        name: text("name"),
        pointer: text("pointer"),
        key: text("key"),
    };
    if !wanted.pointer.is_empty() && wanted.key.is_empty() {
        return Err(StepError::new("config", "`key` is empty"));
    }
    if wanted.key.len() > MAX_KEY {
        let text = format!("`key` is longer than {MAX_KEY} bytes");
        return Err(StepError::new("config", text));
    }
    // No event has such a key: where events are matched there is no NUL character.
    if [&wanted.pointer, &wanted.key]
        .iter()
        .any(|text| text.contains('\0'))
    {
        let text = "`key` and `pointer` hold no NUL character";
        return Err(StepError::new("config", text));
    }
    let seconds = config.get("deadline_seconds").and_then(Value::as_f64);
    let pause = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let pause = pause.and_then(|pause| TimeDelta::from_std(pause).ok());
    Ok((
        wanted,
        pause.and_then(|pause| now.checked_add_signed(pause)),
    ))
}

/// What a node asks that begins to at `now`.
///
/// # Errors
/// When an expression cannot be evaluated.
pub(crate) fn asked(
    state: &State,
    node: At,
    now: DateTime<Utc>,
) -> Result<PendingAnswer, StepError> {
    let mut config = render(state, node)?;
    let misfit = |error: serde_json::Error| StepError::new("config", error.to_string());
    let mut read = |key: &str| config.remove(key).unwrap_or(Value::Null);
    let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
    let later = |seconds: &Value| {
        let pause = Duration::try_from_secs_f64(seconds.as_f64()?).ok()?;
        now.checked_add_signed(TimeDelta::from_std(pause).ok()?)
    };
    let until = later(&read("deadline_seconds"));
    let others = (read("escalate_role"), read("escalate_users"));
    let escalation = match later(&read("escalate_after_seconds")) {
        Some(at) => Some(Escalation {
            at,
            least_role: serde_json::from_value(others.0).map_err(misfit)?,
            users: serde_json::from_value::<Option<_>>(others.1)
                .map_err(misfit)?
                .unwrap_or_default(),
            reached: false,
        }),
        None => None,
    };
    let every = read("remind_every_seconds").as_u64();
    let buttons: Option<Vec<AnswerButton>> =
        serde_json::from_value(read("buttons")).map_err(misfit)?;
    let users: Option<Vec<UserId>> = serde_json::from_value(read("users")).map_err(misfit)?;
    Ok(PendingAnswer {
        node: state.path(node).into_owned(),
        title: text(read("title")),
        text: text(read("text")),
        form: Some(read("form")).filter(|form| !form.is_null()),
        buttons: buttons.unwrap_or_else(yes_or_no),
        least_role: serde_json::from_value(read("least_role")).map_err(misfit)?,
        users: users.unwrap_or_default(),
        escalation,
        remind_every_seconds: every.and_then(|every| u32::try_from(every).ok()),
        reminders: 0,
        asked_at: now,
        until,
    })
}

fn yes_or_no() -> Vec<AnswerButton> {
    let button = |(port, label): (&str, &str)| AnswerButton {
        port: port.to_owned(),
        label: label.to_owned(),
    };
    [("approve", "Approve"), ("reject", "Reject")]
        .map(button)
        .into()
}

/// Where a step goes on that failed and has a default output.
pub(crate) fn default_port(node: &Node) -> String {
    let port = node.config.get("default_port").and_then(Value::as_str);
    port.unwrap_or(Edge::DEFAULT_PORT).to_owned()
}

/// What a worker needs for an attempt.
///
/// # Errors
/// When an expression cannot be evaluated.
pub(crate) fn work_item(
    state: &State,
    node: At,
    attempt: u32,
    key: String,
) -> Result<(WorkClass, WorkItem), StepError> {
    let configured = configured(state, node);
    let data = &state.data;
    let class = match Kind::of(configured)? {
        Kind::Heavy(class) => class,
        Kind::Inline(_)
        | Kind::Looping
        | Kind::Iterating
        | Kind::Wait
        | Kind::Ask
        | Kind::Listen => {
            let text = format!("nodes of type `{}` need no worker", configured.kind);
            return Err(StepError::new("unknown_node_type", text));
        }
    };
    // A worker of another release may take it: it goes out as it is meant, and is lowered there.
    let is_own = class == WorkClass::Http;
    let mut config = match is_own {
        true => rendered(state, node)?,
        false => render(state, node)?,
    };
    let class = match class {
        WorkClass::Tool => pinned(state, configured, &mut config)?,
        WorkClass::Flow => {
            let flow = state.plan.flow(configured)?;
            let input = config.remove("input").unwrap_or(Value::Null);
            config = calls::fields(calls::flow_config(state, flow, &input, u32::MAX));
            WorkClass::Flow
        }
        class => class,
    };
    let argument = match class {
        WorkClass::Code => argument(state, node),
        WorkClass::Custom => incoming(state, node),
        WorkClass::Llm
        | WorkClass::Http
        | WorkClass::Tool
        | WorkClass::Knowledge
        | WorkClass::Flow => Value::Null,
    };
    let item = WorkItem {
        tenant: data.tenant,
        execution_id: data.id,
        flow_id: data.origin.flow_id,
        node: state.path(node).into_owned(),
        attempt,
        key,
        principal: data.principal.clone(),
        config,
        type_version: configured
            .type_version
            .filter(|version| is_own && *version != Node::FIRST_VERSION),
        argument,
        timeout_ms: configured
            .timeout_ms
            .unwrap_or_else(|| default_timeout_ms(class)),
        idle_timeout_ms: configured.idle_timeout_ms,
        // Asked again, a flow goes on instead of beginning anew.
        at_most_once: class != WorkClass::Flow && !configured.idempotency.is_keyed(),
    };
    Ok((class, item))
}

/// A tool is called at the version that was pinned; one that is a flow is run as an execution of its own.
fn pinned(state: &State, node: &Node, config: &mut NodeConfig) -> Result<WorkClass, StepError> {
    let tool = state.plan.tool(node)?;
    let Some(flow) = &tool.flow else {
        config.insert("version".to_owned(), tool.version.into());
        config
            .entry("arguments".to_owned())
            .or_insert_with(|| json!({}));
        return Ok(WorkClass::Tool);
    };
    let input = config.remove("arguments").unwrap_or_else(|| json!({}));
    *config = calls::fields(calls::flow_config(state, flow, &input, u32::MAX));
    Ok(WorkClass::Flow)
}

const fn default_timeout_ms(class: WorkClass) -> u64 {
    match class {
        WorkClass::Llm => 120_000,
        WorkClass::Http => 30_000,
        WorkClass::Code => 10_000,
        WorkClass::Custom => 30_000,
        // Each tool has a limit of its own, which is shorter.
        WorkClass::Tool => 610_000,
        WorkClass::Knowledge => 30_000,
        WorkClass::Flow => 24 * 60 * 60 * 1000,
    }
}

/// The first case that holds, else the default; the output names the port.
fn choose(state: &State, node: At) -> Result<Done, StepError> {
    let configured = configured(state, node);
    let cases = configured.config.get("cases").and_then(Value::as_array);
    let holds = |scope: &Scope<'_>| -> Result<Option<String>, ExpressionError> {
        for case in cases.into_iter().flatten() {
            let when = case["when"].as_str().unwrap_or_default();
            if expression::condition(when, scope)? {
                return Ok(case["port"].as_str().map(str::to_owned));
            }
        }
        Ok(None)
    };
    let chosen =
        holds(&scope(state, node, state.round(node))).map_err(|error| expression_error(&error))?;
    let port = chosen.unwrap_or_else(|| default_port(configured));
    Ok(Done {
        output: json!({ "port": port }),
        port,
    })
}

/// A node's configuration with its expressions evaluated, in the form that the current version of its type has.
///
/// # Errors
/// When an expression cannot be evaluated, or this engine does not know the version.
pub(crate) fn render(state: &State, node: At) -> Result<NodeConfig, StepError> {
    let (configured, config) = (configured(state, node), rendered(state, node)?);
    graph::lowered(&configured.kind, configured.version(), config)
        .map_err(|unknown| StepError::new(unknown.code(), unknown.to_string()))
}

/// As [`render`], in the form of the node's own version.
fn rendered(state: &State, node: At) -> Result<NodeConfig, StepError> {
    let scope = scope(state, node, state.round(node));
    expression::render_config(configured(state, node), &scope)
        .map_err(|error| expression_error(&error))
}

/// The node of a step; of a call that of the agent that makes it.
pub(crate) fn configured(state: &State, at: At) -> &Node {
    let at = state.call(at).map_or(at, |call| call.node);
    let node = state.node_index(at).unwrap_or(NodeIndex(0));
    state.plan.node(node)
}

pub(crate) fn expression_error(error: &ExpressionError) -> StepError {
    StepError::new("expression", error.to_string())
}
