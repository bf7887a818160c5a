//! The view of an execution: the same reducer for live frames and for the history.

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
    pub port: Option<String>,
    pub error: Option<StepError>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub usage: Option<Usage>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeState {
    #[default]
    Pending,
    Running,
    /// Failed, with another attempt to come.
    Retrying,
    Succeeded,
    Failed,
    Skipped,
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
    pub nodes: BTreeMap<String, NodeView>,
    pub input: Option<Value>,
    pub output: Option<Value>,
    pub error: Option<StepError>,
    /// Set at the end.
    pub usage: Option<Usage>,
    pub cancel_asked: bool,
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
            usage: None,
            cancel_asked: false,
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
        match &frame.event {
            ExecutionEvent::ExecutionStarted { input, .. } => {
                self.state = ExecutionState::Running;
                self.input = Some(input.clone());
            }
            ExecutionEvent::CancelAsked { .. } => self.cancel_asked = true,
            ExecutionEvent::ExecutionSucceeded { output, usage } => {
                self.output = Some(output.clone());
                self.end(ExecutionState::Succeeded, *usage);
            }
            ExecutionEvent::ExecutionFailed { error, usage } => {
                self.error = Some(error.clone());
                self.end(ExecutionState::Failed, *usage);
            }
            ExecutionEvent::ExecutionCancelled { usage } => {
                self.end(ExecutionState::Cancelled, *usage)
            }
            ExecutionEvent::StepStarted { node, .. }
            | ExecutionEvent::StepSucceeded { node, .. }
            | ExecutionEvent::StepRetrying { node, .. }
            | ExecutionEvent::StepFailed { node, .. }
            | ExecutionEvent::StepSkipped { node }
            | ExecutionEvent::StepLate { node, .. } => {
                let view = self.nodes.entry(node.clone()).or_default();
                change_node(view, &frame.event, frame.ts);
            }
        }
    }

    fn end(&mut self, state: ExecutionState, usage: Usage) {
        self.state = state;
        self.usage = Some(usage);
    }
}

fn change_node(view: &mut NodeView, event: &ExecutionEvent, ts: DateTime<Utc>) {
    match event {
        ExecutionEvent::StepStarted { attempt, .. } => {
            view.state = NodeState::Running;
            view.attempt = *attempt;
            view.started_at.get_or_insert(ts);
        }
        ExecutionEvent::StepSucceeded {
            attempt,
            output,
            port,
            usage,
            ..
        } => {
            view.state = NodeState::Succeeded;
            view.attempt = *attempt;
            view.output = Some(output.clone());
            view.port = Some(port.clone());
            view.error = None;
            view.usage = *usage;
            view.finished_at = Some(ts);
        }
        ExecutionEvent::StepRetrying { attempt, error, .. } => {
            view.state = NodeState::Retrying;
            view.attempt = *attempt;
            view.error = Some(error.clone());
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
            view.port = port.clone();
            view.output = output.clone();
            view.finished_at = Some(ts);
        }
        ExecutionEvent::StepSkipped { .. } => view.state = NodeState::Skipped,
        // A late result changes nothing that is shown; the events of the execution are not about a node.
        ExecutionEvent::StepLate { .. }
        | ExecutionEvent::ExecutionStarted { .. }
        | ExecutionEvent::CancelAsked { .. }
        | ExecutionEvent::ExecutionSucceeded { .. }
        | ExecutionEvent::ExecutionFailed { .. }
        | ExecutionEvent::ExecutionCancelled { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn frame(n: u64, event: Value) -> Frame {
        let mut frame = json!({"n": n, "ts": "2026-01-01T00:00:00Z"});
        frame
            .as_object_mut()
            .unwrap()
            .extend(event.as_object().unwrap().clone());
        serde_json::from_value(frame).unwrap()
    }

    #[test]
    fn frames_add_up_and_gaps_are_seen() {
        let usage = json!({"prompt_tokens": 1, "completion_tokens": 2, "cost": "0.5"});
        let frames = [
            frame(
                1,
                json!({"type": "step_started", "node": "a", "attempt": 1, "key": "k"}),
            ),
            frame(
                2,
                json!({"type": "step_retrying", "node": "a", "attempt": 1, "error": {"code": "x", "message": "m"}, "at": "2026-01-01T00:00:01Z"}),
            ),
            frame(
                3,
                json!({"type": "step_started", "node": "a", "attempt": 2, "key": "k"}),
            ),
            frame(
                4,
                json!({"type": "step_succeeded", "node": "a", "attempt": 2, "output": 7, "port": "out", "duration_ms": 3}),
            ),
            frame(5, json!({"type": "step_skipped", "node": "b"})),
            frame(
                6,
                json!({"type": "execution_succeeded", "output": 7, "usage": usage}),
            ),
        ];
        let mut view = ExecutionView::default();
        assert_eq!(view.apply(&frames[1]), Applied::Gap { after: 0 });
        for frame in &frames {
            assert_eq!(view.apply(frame), Applied::New);
            assert_eq!(view.apply(frame), Applied::Repeated);
        }
        assert_eq!(view.state, ExecutionState::Succeeded);
        assert_eq!(view.nodes["a"].state, NodeState::Succeeded);
        assert_eq!(
            (view.nodes["a"].attempt, &view.nodes["a"].error),
            (2, &None)
        );
        assert_eq!(view.nodes["b"].state, NodeState::Skipped);
        assert_eq!(view.output, Some(json!(7)));
        assert_eq!(view.usage.unwrap().completion_tokens, 2);
    }
}
