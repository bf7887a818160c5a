//! From an execution that is over to the answer that stays.
//!
//! **Invariant:** the same execution always gives the same answer, so it may be written twice.

use std::collections::HashSet;

use contracts::{
    chat::{ChatToolCall, MessageState},
    execution::{Execution, ExecutionState},
    live::{ExecutionEvent, StepCall},
    payload::PayloadRef,
};
use documents::ChatText;
use serde_json::Value;

/// Bytes of an answer's text at most.
const CONTENT: usize = 1024 * 1024;
/// Calls of tools that are kept; those beyond are not.
const CALLS: usize = 100;
/// Bytes of a call's arguments, and of its result, at most, of the text or of the JSON; a longer one is kept as a text that is cut.
const CALL: usize = 16 * 1024;

/// What is picked up from the events of an execution, one by one and in order.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    calls: Vec<ChatToolCall>,
    models: HashSet<String>,
    /// What a model said last.
    said: String,
}

/// What an event has only a reference of.
#[derive(Debug, PartialEq)]
pub(crate) enum Wanted {
    Whole(PayloadRef),
    /// No more of it is kept than its start.
    Start(PayloadRef),
}

impl Transcript {
    /// The output that is to be put into an event before it is picked up.
    pub(crate) fn wants(&self, event: &ExecutionEvent) -> Option<Wanted> {
        let ExecutionEvent::StepSucceeded { node, output, .. } = event else {
            return None;
        };
        let reference = PayloadRef::of(output)?;
        if self.models.contains(node) {
            return Some(Wanted::Whole(reference));
        }
        let is_call = self.calls.iter().any(|call| call.node == *node);
        is_call.then_some(Wanted::Start(reference))
    }

    pub(crate) fn add(&mut self, event: ExecutionEvent) {
        match event {
            ExecutionEvent::StepStarted {
                node,
                call: Some(call),
                ..
            } => self.call(node, call),
            ExecutionEvent::StepSucceeded { node, output, .. } => {
                if self.models.contains(&node) {
                    let said = spoken(&output).unwrap_or_default();
                    // A model that only calls tools says nothing.
                    if !said.is_empty() {
                        self.said = said;
                    }
                } else if let Some(call) = self.open(&node) {
                    call.result = Some(shortened(output));
                }
            }
            ExecutionEvent::StepFailed { node, error, .. } => {
                if let Some(call) = self.open(&node) {
                    call.error = Some(error);
                }
            }
            ExecutionEvent::ExecutionStarted { .. }
            | ExecutionEvent::StepStarted { call: None, .. }
            | ExecutionEvent::StepSleeping { .. }
            | ExecutionEvent::StepListening { .. }
            | ExecutionEvent::StepIterating { .. }
            | ExecutionEvent::IterationStarted { .. }
            | ExecutionEvent::IterationSucceeded { .. }
            | ExecutionEvent::IterationFailed { .. }
            | ExecutionEvent::StepRetrying { .. }
            | ExecutionEvent::StepReused { .. }
            | ExecutionEvent::StepSkipped { .. }
            | ExecutionEvent::StepLate { .. }
            | ExecutionEvent::ApprovalAsked { .. }
            | ExecutionEvent::ApprovalGiven { .. }
            | ExecutionEvent::AnswerAsked { .. }
            | ExecutionEvent::AnswerGiven { .. }
            | ExecutionEvent::AnswerReminded { .. }
            | ExecutionEvent::AnswerEscalated { .. }
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

    /// The answer; none while the execution is not over.
    pub(crate) fn close(self, execution: Execution) -> Option<(MessageState, ChatText)> {
        let state = match execution.state {
            ExecutionState::Succeeded => MessageState::Done,
            ExecutionState::Failed => MessageState::Failed,
            ExecutionState::Cancelled => MessageState::Stopped,
            ExecutionState::Queued
            | ExecutionState::Running
            | ExecutionState::Waiting
            | ExecutionState::Paused => {
                return None;
            }
        };
        let content = match (state, execution.output) {
            (MessageState::Done, Some(output)) => written(&output),
            _ => self.said,
        };
        let text = ChatText {
            content: cut(content, CONTENT),
            tool_calls: self.calls,
            usage: Some(execution.usage),
            error: execution.error,
        };
        Some((state, text))
    }

    fn call(&mut self, node: String, call: StepCall) {
        match call {
            StepCall::Llm { .. } => {
                self.models.insert(node);
            }
            StepCall::Tool {
                agent,
                name,
                arguments,
                tool_id: _,
            } => {
                // A further attempt of the same step is the same call.
                if self.calls.len() < CALLS && !self.calls.iter().any(|call| call.node == node) {
                    self.calls.push(ChatToolCall {
                        node,
                        agent,
                        name,
                        arguments: shortened(arguments),
                        result: None,
                        error: None,
                    });
                }
            }
            StepCall::Knowledge { .. } | StepCall::Recall { .. } | StepCall::Remember { .. } => {}
        }
    }

    fn open(&mut self, node: &str) -> Option<&mut ChatToolCall> {
        self.calls.iter_mut().find(|call| call.node == node)
    }
}

/// An output as text.
fn written(output: &Value) -> String {
    match output {
        Value::Null => String::new(),
        other if PayloadRef::of(other).is_some() => start_of(other),
        other => spoken(other).unwrap_or_else(|| format!("{other:#}")),
    }
}

/// The text of an output that is one, of `text`, of `content`, or of the message in it.
fn spoken(output: &Value) -> Option<String> {
    match output {
        Value::String(text) => Some(text.clone()),
        Value::Object(fields) => {
            let inner = ["text", "content", "message", "completion"]
                .iter()
                .find_map(|name| fields.get(*name))?;
            match inner {
                Value::Array(parts) => Some(parts.iter().filter_map(spoken).collect()),
                Value::Null => Some(String::new()),
                inner => spoken(inner),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// The start of a value that is gone.
fn start_of(value: &Value) -> String {
    let reference = PayloadRef::of(value);
    reference.map_or_else(String::new, |it| format!("{}…", it.preview))
}

fn shortened(value: Value) -> Value {
    if PayloadRef::of(&value).is_some() {
        return Value::String(start_of(&value));
    }
    let text = match value {
        Value::String(text) => text,
        other => {
            let text = other.to_string();
            if text.len() <= CALL {
                return other;
            }
            text
        }
    };
    Value::String(cut(text, CALL))
}

fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
