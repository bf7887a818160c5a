//! An answer as it is made: what was said and called so far, put together from its events.
//!
//! **Invariant:** events may come twice or be missing: no piece of the answer appears twice for it, and after
//! `done` nothing changes.

use contracts::{
    chat::{ChatEvent, ChatMessage, ChatToolCall},
    execution::StepError,
};
use serde_json::Value;

/// In the order in which it began.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Said(Said),
    Called(Call),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub(super) node: String,
    attempt: u32,
    pub(super) text: String,
    /// The beginning was missed.
    pub(super) partial: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) node: String,
    pub(super) agent: String,
    pub(super) name: String,
    pub(super) arguments: Value,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Running,
    /// A person must agree first.
    Waiting,
    Returned(Value),
    Failed(StepError),
    /// The answer ended before the call did.
    Dropped,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) parts: Vec<Part>,
    /// The last number, to resume after.
    pub(super) last: Option<u64>,
    pub(super) done: Option<ChatMessage>,
}

impl Answer {
    /// Takes an event in.
    pub(super) fn apply(&mut self, event: ChatEvent) {
        if self.done.is_some() {
            return;
        }
        self.last = self.last.max(Some(event.n()));
        match event {
            ChatEvent::Token {
                node,
                attempt,
                anew,
                text,
                ..
            } => self.say(node, attempt, anew, &text),
            ChatEvent::ToolCall {
                node,
                agent,
                name,
                arguments,
                ..
            } => {
                let call = self.call(&node);
                (call.agent, call.name, call.arguments) = (agent, name, arguments);
                if call.outcome == Outcome::Waiting {
                    call.outcome = Outcome::Running;
                }
            }
            ChatEvent::ToolResult {
                node,
                result,
                error,
                ..
            } => self.call(&node).outcome = outcome(result, error),
            ChatEvent::ApprovalNeeded {
                node,
                name,
                arguments,
                ..
            } => {
                let call = self.call(called(&node));
                if matches!(call.outcome, Outcome::Running) {
                    (call.name, call.arguments) = (name, arguments);
                    call.outcome = Outcome::Waiting;
                }
            }
            ChatEvent::Done { message, .. } => self.done = Some(*message),
        }
    }

    fn say(&mut self, node: String, attempt: u32, anew: bool, text: &str) {
        let said = self.parts.iter_mut().find_map(|part| match part {
            Part::Said(said) if said.node == node => Some(said),
            Part::Said(_) | Part::Called(_) => None,
        });
        match said {
            // A late piece of an attempt that was given up.
            Some(said) if attempt < said.attempt => {}
            Some(said) if anew || attempt > said.attempt => {
                *said = Said {
                    node,
                    attempt,
                    text: text.to_owned(),
                    partial: !anew,
                };
            }
            Some(said) => said.text.push_str(text),
            None => self.parts.push(Part::Said(Said {
                node,
                attempt,
                text: text.to_owned(),
                partial: !anew,
            })),
        }
    }

    /// The call of that step, also where its beginning was missed.
    fn call(&mut self, node: &str) -> &mut Call {
        let is_it = |part: &Part| matches!(part, Part::Called(call) if call.node == node);
        let at = self.parts.iter().position(is_it).unwrap_or_else(|| {
            self.parts.push(Part::Called(Call {
                node: node.to_owned(),
                agent: String::new(),
                name: String::new(),
                arguments: Value::Null,
                outcome: Outcome::Running,
            }));
            self.parts.len() - 1
        });
        match &mut self.parts[at] {
            Part::Called(call) => call,
            Part::Said(_) => unreachable!("`is_it` finds calls alone"),
        }
    }
}

/// The step that waits for its `…/approval`.
fn called(node: &str) -> &str {
    node.strip_suffix("/approval").unwrap_or(node)
}

fn outcome(result: Option<Value>, error: Option<StepError>) -> Outcome {
    match error {
        Some(error) => Outcome::Failed(error),
        None => Outcome::Returned(result.unwrap_or(Value::Null)),
    }
}

/// A call of a stored message.
pub(super) fn stored(call: &ChatToolCall) -> Call {
    let outcome = match (&call.result, &call.error) {
        (_, Some(error)) => Outcome::Failed(error.clone()),
        (Some(result), None) => Outcome::Returned(result.clone()),
        (None, None) => Outcome::Dropped,
    };
    Call {
        node: call.node.clone(),
        agent: call.agent.clone(),
        name: call.name.clone(),
        arguments: call.arguments.clone(),
        outcome,
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
