//! What the events of an execution mean to someone in a conversation.

use std::collections::HashMap;

use contracts::{
    chat::ChatEvent,
    live::{ExecutionEvent, Frame, StepCall, TokenDelta},
};
use serde_json::Value;

/// What a model said in one step, as far as the client has it.
#[derive(Default)]
struct Speech {
    attempt: u32,
    text: String,
    is_over: bool,
}

pub(super) struct Translator {
    /// The number of the last event.
    n: u64,
    speeches: HashMap<String, Speech>,
}

impl Translator {
    pub(super) fn new(after: u64) -> Self {
        Self {
            n: after,
            speeches: HashMap::new(),
        }
    }

    pub(super) fn last(&self) -> u64 {
        self.n
    }

    pub(super) fn frame(&mut self, frame: &Frame) -> Option<ChatEvent> {
        self.n = frame.n;
        let n = frame.n;
        match &frame.event {
            ExecutionEvent::StepStarted {
                node,
                attempt,
                call: Some(call),
                ..
            } => self.started(node, *attempt, call),
            ExecutionEvent::StepSucceeded { node, output, .. } => {
                if is_tool(node) {
                    return Some(ChatEvent::ToolResult {
                        n,
                        node: node.clone(),
                        result: Some(output.clone()),
                        error: None,
                    });
                }
                self.rest_of(node, output)
            }
            ExecutionEvent::StepFailed {
                node,
                error,
                output,
                ..
            } if is_tool(node) => Some(ChatEvent::ToolResult {
                n,
                node: node.clone(),
                result: output.clone(),
                error: Some(error.clone()),
            }),
            ExecutionEvent::ApprovalAsked {
                node,
                name,
                arguments,
                arguments_hash,
                ..
            } => Some(ChatEvent::ApprovalNeeded {
                n,
                node: node.clone(),
                name: name.clone(),
                arguments: arguments.clone(),
                arguments_hash: arguments_hash.clone(),
            }),
            _ => None,
        }
    }

    pub(super) fn token(&mut self, delta: TokenDelta) -> Option<ChatEvent> {
        if is_inner(&delta.node) {
            return None;
        }
        let speech = self.speeches.entry(delta.node.clone()).or_default();
        if speech.is_over || delta.attempt < speech.attempt {
            return None;
        }
        if delta.attempt > speech.attempt {
            speech.text.clear();
            speech.attempt = delta.attempt;
        }
        speech.text.push_str(&delta.text);
        Some(self.say(delta.node, delta.attempt, delta.text))
    }

    fn started(&mut self, node: &str, attempt: u32, call: &StepCall) -> Option<ChatEvent> {
        match call {
            StepCall::Llm { .. } if !is_inner(node) => {
                let speech = self.speeches.entry(node.to_owned()).or_default();
                // A token may be faster than the event of its step.
                if attempt > speech.attempt {
                    speech.text.clear();
                    speech.attempt = attempt;
                }
                None
            }
            // What is tried again was told before.
            StepCall::Tool {
                agent,
                name,
                arguments,
                tool_id: _,
            } if attempt == 1 => Some(ChatEvent::ToolCall {
                n: self.n,
                node: node.to_owned(),
                agent: agent.clone(),
                name: name.clone(),
                arguments: arguments.clone(),
            }),
            StepCall::Llm { .. }
            | StepCall::Tool { .. }
            | StepCall::Knowledge { .. }
            | StepCall::Recall { .. }
            | StepCall::Remember { .. } => None,
        }
    }

    /// What the model said and the client has not received.
    fn rest_of(&mut self, node: &str, output: &Value) -> Option<ChatEvent> {
        let speech = self.speeches.get_mut(node)?;
        speech.is_over = true;
        // Where something is missing in the middle, only `done` can heal it.
        let rest = text_of(output)?.strip_prefix(&*speech.text)?.to_owned();
        let attempt = speech.attempt;
        (!rest.is_empty()).then(|| self.say(node.to_owned(), attempt, rest))
    }

    fn say(&self, node: String, attempt: u32, text: String) -> ChatEvent {
        ChatEvent::Token {
            n: self.n,
            node,
            attempt,
            text,
        }
    }
}

/// The text of a model's answer, as a node or as an agent keeps it.
fn text_of(output: &Value) -> Option<&str> {
    let said = output.pointer("/message/content");
    let said = said.or_else(|| output.get("content")).unwrap_or(output);
    said.as_str()
}

/// Whether it is an agent's call of a tool: `writer/tool:0.1`, but not its approval, nor what runs within it.
fn is_tool(node: &str) -> bool {
    node.rsplit('/')
        .next()
        .is_some_and(|last| last.starts_with("tool:"))
}

/// Whether the model speaks to the platform: it sorts out what to remember.
fn is_inner(node: &str) -> bool {
    node.split('/').any(|part| part == "memory")
}

#[cfg(test)]
mod tests {
    use contracts::id::ToolId;
    use serde_json::json;

    use super::*;

    fn frame(n: u64, event: ExecutionEvent) -> Frame {
        let ts = chrono::DateTime::UNIX_EPOCH;
        Frame { n, ts, event }
    }

    fn started(n: u64, node: &str, attempt: u32, call: StepCall) -> Frame {
        let event = ExecutionEvent::StepStarted {
            node: node.into(),
            attempt,
            key: "k".into(),
            call: Some(call),
        };
        frame(n, event)
    }

    fn asks() -> StepCall {
        let agent = "writer".into();
        StepCall::Llm { agent }
    }

    fn succeeded(n: u64, node: &str, output: Value) -> Frame {
        let event = ExecutionEvent::StepSucceeded {
            node: node.into(),
            attempt: 1,
            output,
            port: "out".into(),
            usage: None,
            duration_ms: 1,
        };
        frame(n, event)
    }

    fn delta(node: &str, attempt: u32, n: u64, text: &str) -> TokenDelta {
        TokenDelta {
            node: node.into(),
            attempt,
            n,
            text: text.into(),
        }
    }

    fn text(event: Option<ChatEvent>) -> Option<(u64, u32, String)> {
        match event? {
            ChatEvent::Token {
                n, attempt, text, ..
            } => Some((n, attempt, text)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_missing_of_a_speech_comes_at_its_end() {
        let mut it = Translator::new(0);
        assert_eq!(it.frame(&started(2, "a/llm:0", 1, asks())), None);
        let said = text(it.token(delta("a/llm:0", 1, 1, "Hel")));
        assert_eq!(said, Some((2, 1, "Hel".into())));
        let output = json!({"role": "assistant", "content": "Hello"});
        let rest = text(it.frame(&succeeded(3, "a/llm:0", output)));
        assert_eq!(rest, Some((3, 1, "lo".into())));
        // The same piece, late.
        assert_eq!(it.token(delta("a/llm:0", 1, 2, "lo")), None);
    }

    #[test]
    fn an_attempt_begins_the_text_anew() {
        let mut it = Translator::new(0);
        it.frame(&started(1, "a", 1, asks()));
        it.token(delta("a", 1, 1, "no"));
        it.frame(&started(2, "a", 2, asks()));
        assert_eq!(it.token(delta("a", 1, 2, "late")), None);
        assert_eq!(
            text(it.token(delta("a", 2, 1, "yes"))),
            Some((2, 2, "yes".into()))
        );
        assert_eq!(it.frame(&succeeded(3, "a", json!("yes"))), None);
    }

    #[test]
    fn what_is_remembered_is_not_said() {
        let mut it = Translator::new(0);
        assert_eq!(it.token(delta("a/memory/llm:0", 1, 1, "[]")), None);
    }

    #[test]
    fn a_tool_is_told_once_when_it_is_called_and_once_when_it_ended() {
        let call = || StepCall::Tool {
            agent: "a".into(),
            tool_id: ToolId::EXAMPLE,
            name: "add".into(),
            arguments: json!({"a": 1}),
        };
        let mut it = Translator::new(4);
        let told = it.frame(&started(5, "a/tool:0.0", 1, call()));
        assert!(
            matches!(told, Some(ChatEvent::ToolCall { n: 5, agent, name, .. }) if agent == "a" && name == "add")
        );
        assert_eq!(it.frame(&started(6, "a/tool:0.0", 2, call())), None);
        let told = it.frame(&succeeded(7, "a/tool:0.0", json!(2)));
        assert!(
            matches!(told, Some(ChatEvent::ToolResult { n: 7, result: Some(it), .. }) if it == 2)
        );
        assert_eq!(
            it.frame(&succeeded(8, "a/tool:0.0/approval", json!({}))),
            None
        );
    }
}
