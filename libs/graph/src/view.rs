//! The view of an execution: the same reducer for live frames and for the history.
//!
//! **Invariant:** the view after frame `n` is the same however often and in whatever stretches the frames came.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contracts::{
    execution::{ExecutionState, StepError, Usage},
    live::{ExecutionEvent, Frame},
};
use serde_json::Value;

/// What a node shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeView {
    pub state: NodeState,
    /// The attempt that counts, from 1; 0 before the first.
    pub attempt: u32,
    pub output: Option<Value>,
    /// Where the execution went on.
    pub port: Option<String>,
    /// Why the last attempt failed; none once one has succeeded.
    pub error: Option<StepError>,
    /// When the first attempt began; none for steps that the engine does itself.
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// When the next attempt begins, while [`NodeState::Retrying`].
    pub retry_at: Option<DateTime<Utc>>,
    /// When the wait is over.
    pub until: Option<DateTime<Utc>>,
    /// How long the attempt took that succeeded.
    pub duration_ms: Option<u64>,
    /// Of all attempts together; none where nothing was used.
    pub usage: Option<Usage>,
    /// How far its body is, where it is a `map` or a `loop`.
    pub iterations: Option<Iterations>,
    /// Whether its output is that of an earlier step that was the same.
    pub cached: bool,
    /// Whether its output was taken over, from another execution or from whoever gave it.
    pub reused: bool,
}

/// How often a body ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Iterations {
    /// How many there will be; none in a loop.
    pub of: Option<usize>,
    pub running: usize,
    pub succeeded: usize,
    pub failed: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeState {
    #[default]
    Pending,
    Running,
    /// Waits for a moment, without a worker.
    Sleeping,
    /// Failed, with another attempt to come.
    Retrying,
    /// Waits for a person's word.
    Asking,
    Succeeded,
    /// The last attempt failed; the execution may have gone on by `on_error`.
    Failed,
    Skipped,
    /// The execution ended before the node did.
    Stopped,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    New,
    /// Seen before; nothing changed.
    Repeated,
    /// Frames are missing: read the history after `after`, then apply this one again.
    Gap {
        after: u64,
    },
}

/// An execution, as far as its frames tell.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionView {
    pub state: ExecutionState,
    /// Nodes of which something was heard, and by their paths (`writer/llm:0`) the steps of agents; all others are [`NodeState::Pending`].
    pub nodes: BTreeMap<String, NodeView>,
    pub input: Option<Value>,
    pub output: Option<Value>,
    pub error: Option<StepError>,
    /// So far; at the end what the engine has counted.
    pub usage: Usage,
    pub cancel_asked: bool,
    /// Whether a person has paused it.
    pub paused: bool,
    /// Whether it is paused with the execution that began it.
    pub paused_with_parent: bool,
    /// Whether it failed, and its error handler came to its end.
    pub handled: bool,
    /// The steps that could not be undone.
    pub uncompensated: Vec<String>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// The `n` of the last frame.
    pub last: u64,
}

impl Default for ExecutionView {
    fn default() -> Self {
        Self {
            state: ExecutionState::Queued,
            nodes: BTreeMap::new(),
            input: None,
            output: None,
            error: None,
            usage: Usage::ZERO,
            cancel_asked: false,
            paused: false,
            paused_with_parent: false,
            handled: false,
            uncompensated: Vec::new(),
            started_at: None,
            finished_at: None,
            last: 0,
        }
    }
}

impl ExecutionView {
    /// Takes the next frame into account.
    pub fn apply(&mut self, frame: &Frame) -> Applied {
        if frame.n <= self.last {
            return Applied::Repeated;
        }
        if frame.n > self.last + 1 {
            return Applied::Gap { after: self.last };
        }
        self.last = frame.n;
        self.change(frame);
        Applied::New
    }

    fn change(&mut self, frame: &Frame) {
        let event = &frame.event;
        match event {
            ExecutionEvent::ExecutionStarted { input, queued, .. } => {
                self.state = match queued {
                    true => ExecutionState::Queued,
                    false => ExecutionState::Running,
                };
                self.input = Some(input.clone());
                self.started_at = Some(frame.ts);
            }
            ExecutionEvent::CancelAsked { .. }
            | ExecutionEvent::ExecutionPaused { .. }
            | ExecutionEvent::ExecutionReleased {}
            | ExecutionEvent::ExecutionResumed { .. } => self.wish(event),
            ExecutionEvent::ApprovalAsked { .. }
            | ExecutionEvent::ApprovalGiven { .. }
            | ExecutionEvent::AnswerAsked { .. }
            | ExecutionEvent::AnswerGiven { .. } => self.ask(event, frame.ts),
            ExecutionEvent::AnswerReminded { .. } | ExecutionEvent::AnswerEscalated { .. } => {}
            ExecutionEvent::ExecutionSucceeded { output, usage } => {
                self.output = Some(output.clone());
                self.end(ExecutionState::Succeeded, *usage, frame.ts);
            }
            ExecutionEvent::ExecutionFailed {
                error,
                usage,
                handled,
                output,
                uncompensated,
            } => {
                self.error = Some(error.clone());
                self.handled = *handled;
                self.output = Some(output.clone()).filter(|output| !output.is_null());
                self.uncompensated.clone_from(uncompensated);
                self.end(ExecutionState::Failed, *usage, frame.ts);
            }
            ExecutionEvent::ExecutionFailing { error } => self.error = Some(error.clone()),
            // What ran was cut, and something else begins.
            ExecutionEvent::CompensationStarted { .. } => self.stop("", frame.ts),
            ExecutionEvent::HandlerStarted { error, .. } => {
                self.error = Some(error.clone());
                self.stop("", frame.ts);
            }
            ExecutionEvent::ExecutionCancelled {
                usage,
                uncompensated,
            } => {
                self.uncompensated.clone_from(uncompensated);
                self.end(ExecutionState::Cancelled, *usage, frame.ts);
            }
            ExecutionEvent::StepIterating { .. }
            | ExecutionEvent::IterationStarted { .. }
            | ExecutionEvent::IterationSucceeded { .. }
            | ExecutionEvent::IterationFailed { .. } => self.iterate(event, frame.ts),
            ExecutionEvent::StepStarted { node, .. }
            | ExecutionEvent::StepSleeping { node, .. }
            | ExecutionEvent::StepListening { node, .. }
            | ExecutionEvent::StepSucceeded { node, .. }
            | ExecutionEvent::StepReused { node, .. }
            | ExecutionEvent::StepRetrying { node, .. }
            | ExecutionEvent::StepFailed { node, .. }
            | ExecutionEvent::StepSkipped { node }
            | ExecutionEvent::StepLate { node, .. } => {
                self.step(node, event, frame.ts);
            }
        }
    }

    fn step(&mut self, node: &str, event: &ExecutionEvent, ts: DateTime<Utc>) {
        let view = self.nodes.entry(node.to_owned()).or_default();
        change_node(view, event, ts);
        if let Some(usage) = usage_of(event) {
            view.usage = Some(view.usage.unwrap_or(Usage::ZERO).plus(usage));
            self.usage = self.usage.plus(usage);
        }
        let iterations = view.iterations.as_mut();
        if let Some(iterations) = iterations.filter(|iterations| iterations.running > 0) {
            iterations.running = 0;
            self.stop(&format!("{node}:"), ts);
        }
    }

    /// What a person, or the policy of its flow, wishes of the execution.
    fn wish(&mut self, event: &ExecutionEvent) {
        match event {
            ExecutionEvent::ExecutionPaused { parent_event, .. } => match parent_event {
                None => self.paused = true,
                Some(_) => self.paused_with_parent = true,
            },
            ExecutionEvent::ExecutionResumed {
                parent_event: Some(_),
                ..
            } => self.paused_with_parent = false,
            _ => {
                self.cancel_asked |= matches!(event, ExecutionEvent::CancelAsked { .. });
                (self.paused, self.paused_with_parent) = (false, false);
            }
        }
        self.state = match self.paused || self.paused_with_parent {
            true => ExecutionState::Paused,
            false => ExecutionState::Running,
        };
    }

    fn end(&mut self, state: ExecutionState, usage: Usage, at: DateTime<Utc>) {
        self.state = state;
        self.usage = usage;
        self.finished_at = Some(at);
        self.stop("", at);
    }

    fn ask(&mut self, event: &ExecutionEvent, ts: DateTime<Utc>) {
        match event {
            ExecutionEvent::ApprovalAsked { node, .. } => {
                let view = self.nodes.entry(node.clone()).or_default();
                view.state = NodeState::Asking;
                view.started_at = Some(ts);
            }
            ExecutionEvent::ApprovalGiven { node, approved, .. } => {
                let view = self.nodes.entry(node.clone()).or_default();
                view.state = NodeState::Succeeded;
                view.output = Some(Value::Bool(*approved));
                view.finished_at = Some(ts);
            }
            ExecutionEvent::AnswerAsked { asked } => {
                let view = self.nodes.entry(asked.node.clone()).or_default();
                view.state = NodeState::Asking;
                view.attempt = 1;
                view.until = asked.until;
                view.started_at = Some(ts);
            }
            ExecutionEvent::AnswerGiven {
                node,
                port,
                output,
                duration_ms,
                ..
            } => {
                let view = self.nodes.entry(node.clone()).or_default();
                view.state = NodeState::Succeeded;
                view.output = Some(output.clone());
                view.port = Some(port.clone());
                view.until = None;
                view.duration_ms = Some(*duration_ms);
                view.finished_at = Some(ts);
            }
            _ => {}
        }
    }

    fn iterate(&mut self, event: &ExecutionEvent, ts: DateTime<Utc>) {
        match event {
            ExecutionEvent::StepIterating { node, items } => {
                let view = self.nodes.entry(node.clone()).or_default();
                view.state = NodeState::Running;
                view.attempt = 1;
                view.started_at = Some(ts);
                view.iterations = Some(Iterations {
                    of: items.as_deref().map(contracts::payload::count),
                    ..Iterations::default()
                });
            }
            ExecutionEvent::IterationStarted { node, index } => {
                self.iterations(node).running += 1;
                let view = self.nodes.entry(format!("{node}:{index}")).or_default();
                view.state = NodeState::Running;
                view.attempt = 1;
                view.started_at = Some(ts);
            }
            ExecutionEvent::IterationSucceeded {
                node,
                index,
                output,
                ..
            } => {
                let iterations = self.iterations(node);
                iterations.running = iterations.running.saturating_sub(1);
                iterations.succeeded += 1;
                let view = self.nodes.entry(format!("{node}:{index}")).or_default();
                view.state = NodeState::Succeeded;
                view.output = Some(output.clone());
                view.finished_at = Some(ts);
            }
            ExecutionEvent::IterationFailed { node, index, error } => {
                let iterations = self.iterations(node);
                iterations.running = iterations.running.saturating_sub(1);
                iterations.failed += 1;
                let path = format!("{node}:{index}");
                let view = self.nodes.entry(path.clone()).or_default();
                view.state = NodeState::Failed;
                view.error = Some(error.clone());
                view.finished_at = Some(ts);
                self.stop(&(path + "/"), ts);
            }
            _ => {}
        }
    }

    fn iterations(&mut self, node: &str) -> &mut Iterations {
        let view = self.nodes.entry(node.to_owned()).or_default();
        view.iterations.get_or_insert_default()
    }

    /// Notes that nothing comes any more of the open steps whose paths begin like this.
    fn stop(&mut self, prefix: &str, at: DateTime<Utc>) {
        let from = self.nodes.range_mut(prefix.to_owned()..);
        for (_, node) in from.take_while(|(path, _)| path.starts_with(prefix)) {
            if matches!(
                node.state,
                NodeState::Running | NodeState::Sleeping | NodeState::Retrying | NodeState::Asking
            ) {
                node.state = NodeState::Stopped;
                node.retry_at = None;
                node.until = None;
                node.finished_at = Some(at);
            }
        }
    }
}

/// What an attempt used, whatever became of it.
const fn usage_of(event: &ExecutionEvent) -> Option<Usage> {
    match event {
        ExecutionEvent::StepSucceeded { usage, .. }
        | ExecutionEvent::StepRetrying { usage, .. }
        | ExecutionEvent::StepFailed { usage, .. }
        | ExecutionEvent::StepLate { usage, .. } => *usage,
        ExecutionEvent::StepStarted { .. }
        | ExecutionEvent::StepSleeping { .. }
        | ExecutionEvent::StepListening { .. }
        | ExecutionEvent::StepIterating { .. }
        | ExecutionEvent::IterationStarted { .. }
        | ExecutionEvent::IterationSucceeded { .. }
        | ExecutionEvent::IterationFailed { .. }
        | ExecutionEvent::StepSkipped { .. }
        | ExecutionEvent::StepReused { .. }
        | ExecutionEvent::ApprovalAsked { .. }
        | ExecutionEvent::ApprovalGiven { .. }
        | ExecutionEvent::AnswerAsked { .. }
        | ExecutionEvent::AnswerGiven { .. }
        | ExecutionEvent::AnswerReminded { .. }
        | ExecutionEvent::AnswerEscalated { .. }
        | ExecutionEvent::ExecutionStarted { .. }
        | ExecutionEvent::CancelAsked { .. }
        | ExecutionEvent::ExecutionPaused { .. }
        | ExecutionEvent::ExecutionReleased {}
        | ExecutionEvent::ExecutionResumed { .. }
        | ExecutionEvent::ExecutionFailing { .. }
        | ExecutionEvent::CompensationStarted { .. }
        | ExecutionEvent::HandlerStarted { .. }
        | ExecutionEvent::ExecutionSucceeded { .. }
        | ExecutionEvent::ExecutionFailed { .. }
        | ExecutionEvent::ExecutionCancelled { .. } => None,
    }
}

fn begin(view: &mut NodeView, attempt: u32, ts: DateTime<Utc>) {
    view.state = NodeState::Running;
    view.attempt = attempt;
    view.retry_at = None;
    view.started_at.get_or_insert(ts);
}

fn sleep(view: &mut NodeView, until: Option<DateTime<Utc>>, ts: DateTime<Utc>) {
    view.state = NodeState::Sleeping;
    view.attempt = 1;
    view.until = until;
    view.started_at = Some(ts);
}

fn skip(view: &mut NodeView, ts: DateTime<Utc>) {
    view.state = NodeState::Skipped;
    view.finished_at = Some(ts);
}

fn reuse(view: &mut NodeView, output: &Value, port: &str, ts: DateTime<Utc>) {
    view.state = NodeState::Succeeded;
    view.reused = true;
    view.output = Some(output.clone());
    view.port = Some(port.to_owned());
    view.finished_at = Some(ts);
}

fn change_node(view: &mut NodeView, event: &ExecutionEvent, ts: DateTime<Utc>) {
    match event {
        ExecutionEvent::StepStarted { attempt, .. } => begin(view, *attempt, ts),
        ExecutionEvent::StepSleeping { until, .. } => sleep(view, Some(*until), ts),
        ExecutionEvent::StepListening { until, .. } => sleep(view, *until, ts),
        ExecutionEvent::StepSucceeded {
            attempt,
            output,
            port,
            duration_ms,
            cached,
            ..
        } => {
            view.state = NodeState::Succeeded;
            view.cached = *cached;
            view.attempt = *attempt;
            view.output = Some(output.clone());
            view.port = Some(port.clone());
            view.error = None;
            view.until = None;
            view.duration_ms = Some(*duration_ms);
            view.finished_at = Some(ts);
        }
        ExecutionEvent::StepReused { output, port, .. } => reuse(view, output, port, ts),
        ExecutionEvent::StepRetrying {
            attempt, error, at, ..
        } => {
            view.state = NodeState::Retrying;
            view.attempt = *attempt;
            view.error = Some(error.clone());
            view.retry_at = Some(*at);
        }
        ExecutionEvent::StepFailed {
            attempt,
            error,
            port,
            output,
            ..
        } => {
            view.state = NodeState::Failed;
            view.attempt = *attempt;
            view.error = Some(error.clone());
            view.port.clone_from(port);
            view.output.clone_from(output);
            view.finished_at = Some(ts);
        }
        ExecutionEvent::StepSkipped { .. } => skip(view, ts),
        // A late result changes nothing but the usage; the events of the execution are not about a node.
        ExecutionEvent::StepLate { .. }
        | ExecutionEvent::StepIterating { .. }
        | ExecutionEvent::IterationStarted { .. }
        | ExecutionEvent::IterationSucceeded { .. }
        | ExecutionEvent::IterationFailed { .. }
        | ExecutionEvent::ApprovalAsked { .. }
        | ExecutionEvent::ApprovalGiven { .. }
        | ExecutionEvent::AnswerAsked { .. }
        | ExecutionEvent::AnswerGiven { .. }
        | ExecutionEvent::AnswerReminded { .. }
        | ExecutionEvent::AnswerEscalated { .. }
        | ExecutionEvent::ExecutionStarted { .. }
        | ExecutionEvent::CancelAsked { .. }
        | ExecutionEvent::ExecutionPaused { .. }
        | ExecutionEvent::ExecutionReleased {}
        | ExecutionEvent::ExecutionResumed { .. }
        | ExecutionEvent::ExecutionFailing { .. }
        | ExecutionEvent::CompensationStarted { .. }
        | ExecutionEvent::HandlerStarted { .. }
        | ExecutionEvent::ExecutionSucceeded { .. }
        | ExecutionEvent::ExecutionFailed { .. }
        | ExecutionEvent::ExecutionCancelled { .. } => {}
    }
}

#[cfg(test)]
mod tests;
