//! What the events of an execution mean to someone in a conversation.
//!
//! A client that returns has seen the events up to some number. Those are read again in silence, for they tell who speaks
//! at present.
//!
//! **Invariant:** what a step says comes after the event that began it, whichever of them the bus was faster with.
//!
//! **Invariant:** at the end of a step the client has exactly what its model said: where pieces are missing, they come
//! then, or all of it anew.

use std::collections::HashMap;

use contracts::{
    chat::ChatEvent,
    live::{ExecutionEvent, Frame, StepCall, TokenDelta},
    payload::PayloadRef,
};
use serde_json::Value;

/// What a model said in one step, as far as the client has it.
#[derive(Default)]
struct Speech {
    attempt: u32,
    /// The pieces from the first one on, as long as none is missing.
    text: String,
    /// The number of the last piece.
    last_piece: u64,
    has_hole: bool,
    is_over: bool,
}

impl Speech {
    /// A new attempt begins the text anew.
    fn begin(&mut self, attempt: u32) {
        if attempt > self.attempt {
            *self = Self {
                attempt,
                ..Self::default()
            };
        }
    }
}

pub(super) struct Translator {
    /// The last event that the client has seen.
    after: u64,
    /// The number of the last event.
    n: u64,
    speeches: HashMap<String, Speech>,
    /// The attempts whose events were there: until then what they say is held back.
    begun: HashMap<String, u32>,
}

impl Translator {
    pub(super) fn new(after: u64) -> Self {
        Self {
            after,
            n: 0,
            speeches: HashMap::new(),
            begun: HashMap::new(),
        }
    }

    /// The number to resume after.
    pub(super) fn last(&self) -> u64 {
        self.n.max(self.after)
    }

    /// Whether the client has seen more than there is, as far as events have come.
    pub(super) fn is_ahead(&self) -> bool {
        self.after > self.n
    }

    pub(super) fn frame(&mut self, frame: &Frame) -> Option<ChatEvent> {
        self.n = frame.n;
        let event = self.meaning(frame);
        // What a step says at present, the client may not have heard, though it has seen it begin.
        let is_said = matches!(frame.event, ExecutionEvent::StepStarted { .. })
            && matches!(event, Some(ChatEvent::Token { .. }));
        event.filter(|_| is_said || frame.n > self.after)
    }

    /// What stands for the answer of a model that this event brings, where the client is to hear its text.
    pub(super) fn wants(&self, frame: &Frame) -> Option<PayloadRef> {
        let ExecutionEvent::StepSucceeded { node, output, .. } = &frame.event else {
            return None;
        };
        let is_said = frame.n > self.after && self.speeches.contains_key(node);
        PayloadRef::of(output).filter(|_| is_said)
    }

    fn meaning(&mut self, frame: &Frame) -> Option<ChatEvent> {
        let n = frame.n;
        match &frame.event {
            ExecutionEvent::StepStarted {
                node,
                attempt,
                call: Some(call),
                ..
            } => self.started(node, *attempt, call),
            ExecutionEvent::StepStarted {
                node,
                attempt,
                call: None,
                ..
            } => self.speaks(node, *attempt),
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
        speech.begin(delta.attempt);
        let is_late = delta.attempt < speech.attempt || delta.n <= speech.last_piece;
        if speech.is_over || is_late {
            return None;
        }
        speech.has_hole |= delta.n > speech.last_piece + 1;
        speech.last_piece = delta.n;
        speech.text.push_str(&delta.text);
        if self.begun.get(&delta.node) < Some(&delta.attempt) {
            return None;
        }
        let anew = delta.n == 1;
        Some(self.say(delta.node, delta.attempt, anew, delta.text))
    }

    fn started(&mut self, node: &str, attempt: u32, call: &StepCall) -> Option<ChatEvent> {
        match call {
            StepCall::Llm { .. } if !is_inner(node) => {
                let speech = self.speeches.entry(node.to_owned()).or_default();
                speech.begin(attempt);
                self.speaks(node, attempt)
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

    /// A step began that may speak: what was faster than this event is said now.
    fn speaks(&mut self, node: &str, attempt: u32) -> Option<ChatEvent> {
        let known = self.begun.insert(node.to_owned(), attempt);
        let speech = self.speeches.get(node)?;
        let is_held = speech.attempt == attempt && known < Some(attempt) && !speech.text.is_empty();
        let text = is_held.then(|| speech.text.clone())?;
        Some(self.say(node.to_owned(), attempt, true, text))
    }

    /// What the model said and the client has not received; all of it where that is not the end of it.
    fn rest_of(&mut self, node: &str, output: &Value) -> Option<ChatEvent> {
        let speech = self.speeches.get_mut(node)?;
        speech.is_over = true;
        let (attempt, whole) = (speech.attempt, text_of(output)?);
        let is_heard = speech.last_piece > 0 && !speech.has_hole;
        let rest = whole.strip_prefix(&*speech.text).filter(|_| is_heard);
        let (anew, text) = (rest.is_none(), rest.unwrap_or(whole).to_owned());
        (!text.is_empty()).then(|| self.say(node.to_owned(), attempt, anew, text))
    }

    fn say(&self, node: String, attempt: u32, anew: bool, text: String) -> ChatEvent {
        ChatEvent::Token {
            n: self.last(),
            node,
            attempt,
            anew,
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
    use contracts::{
        id::ToolId,
        payload::{INLINE, Payload},
    };
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
            cached: false,
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

    fn text(event: Option<ChatEvent>) -> Option<(u64, bool, String)> {
        match event? {
            ChatEvent::Token { n, anew, text, .. } => Some((n, anew, text)),
            other => panic!("{other:?}"),
        }
    }

    fn said(n: u64, anew: bool, text: &str) -> Option<(u64, bool, String)> {
        Some((n, anew, text.to_owned()))
    }

    #[test]
    fn what_is_missing_of_a_speech_comes_at_its_end() {
        let mut it = Translator::new(0);
        assert_eq!(it.frame(&started(2, "a/llm:0", 1, asks())), None);
        let first = text(it.token(delta("a/llm:0", 1, 1, "Hel")));
        assert_eq!(first, said(2, true, "Hel"));
        let output = json!({"role": "assistant", "content": "Hello"});
        let rest = text(it.frame(&succeeded(3, "a/llm:0", output)));
        assert_eq!(rest, said(3, false, "lo"));
        // The same piece, late.
        assert_eq!(it.token(delta("a/llm:0", 1, 2, "lo")), None);
    }

    #[test]
    fn a_speech_waits_for_the_event_that_begins_it() {
        let mut it = Translator::new(0);
        assert_eq!(it.token(delta("a/llm:1", 1, 1, "It ")), None);
        assert_eq!(it.token(delta("a/llm:1", 1, 2, "is ")), None);
        let begun = text(it.frame(&started(4, "a/llm:1", 1, asks())));
        assert_eq!(begun, said(4, true, "It is "));
        let next = text(it.token(delta("a/llm:1", 1, 3, "three.")));
        assert_eq!(next, said(4, false, "three."));
        let output = json!({"content": "It is three."});
        assert_eq!(it.frame(&succeeded(5, "a/llm:1", output)), None);
        // Who returns may not have heard it.
        let mut it = Translator::new(9);
        it.token(delta("a", 1, 1, "Hel"));
        let begun = text(it.frame(&started(8, "a", 1, asks())));
        assert_eq!(begun, said(9, true, "Hel"));
    }

    #[test]
    fn only_of_a_large_answer_the_value_is_wanted() {
        let mut it = Translator::new(3);
        let large = Payload::of(&json!("x".repeat(INLINE + 1))).unwrap();
        let output = || large.reference.to_value();
        let (early, late) = (succeeded(3, "a", output()), succeeded(4, "a", output()));
        assert_eq!(it.wants(&late), None);
        it.frame(&started(2, "a", 1, asks()));
        assert_eq!(it.wants(&early), None);
        assert_eq!(it.wants(&late), Some(large.reference.clone()));
        assert_eq!(it.wants(&succeeded(4, "a", json!("small"))), None);
        // Without its value there is nothing to be said.
        assert_eq!(it.frame(&late), None);
    }

    #[test]
    fn who_says_nothing_is_not_heard_at_the_end() {
        let mut it = Translator::new(0);
        let event = ExecutionEvent::StepStarted {
            node: "crew".into(),
            attempt: 1,
            key: "k".into(),
            call: None,
        };
        assert_eq!(it.frame(&frame(1, event)), None);
        assert_eq!(it.frame(&succeeded(2, "crew", json!("Done."))), None);
    }

    #[test]
    fn after_a_lost_piece_all_is_said_anew_at_the_end() {
        let mut it = Translator::new(0);
        it.frame(&started(1, "a", 1, asks()));
        it.token(delta("a", 1, 1, "on"));
        assert_eq!(it.token(delta("a", 1, 1, "on")), None);
        let after_hole = text(it.token(delta("a", 1, 3, "wo")));
        assert_eq!(after_hole, said(1, false, "wo"));
        let whole = text(it.frame(&succeeded(2, "a", json!("one two"))));
        assert_eq!(whole, said(2, true, "one two"));
    }

    #[test]
    fn who_returns_hears_anew_what_was_being_said() {
        let mut it = Translator::new(3);
        let events = [
            started(1, "first", 1, asks()),
            succeeded(2, "first", json!("Heard.")),
            started(3, "second", 1, asks()),
        ];
        for event in &events {
            assert_eq!(it.frame(event), None);
        }
        let live = text(it.token(delta("second", 1, 7, "ld")));
        assert_eq!(live, said(3, false, "ld"));
        let whole = text(it.frame(&succeeded(4, "second", json!("Hello world"))));
        assert_eq!(whole, said(4, true, "Hello world"));
        // A number that is still to come.
        assert!(Translator::new(1).is_ahead() && !it.is_ahead());
    }

    #[test]
    fn an_attempt_begins_the_text_anew() {
        let mut it = Translator::new(0);
        it.frame(&started(1, "a", 1, asks()));
        it.token(delta("a", 1, 1, "no"));
        it.frame(&started(2, "a", 2, asks()));
        assert_eq!(it.token(delta("a", 1, 2, "late")), None);
        let first = text(it.token(delta("a", 2, 1, "yes")));
        assert_eq!(first, said(2, true, "yes"));
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
