use chrono::DateTime;
use contracts::{
    execution::{Origin, StepError, Usage},
    id::{AgentId, ExecutionId, ToolId, UserId},
    payload::{INLINE, Payload},
};
use serde_json::json;

use super::*;

fn execution(state: ExecutionState, output: Option<Value>) -> Execution {
    Execution {
        id: ExecutionId::EXAMPLE,
        origin: Origin::agent(AgentId::EXAMPLE, 1),
        parent_id: None,
        source: None,
        state,
        input: Value::Null,
        output,
        error: (state == ExecutionState::Failed).then(|| StepError::new("timeout", "too slow")),
        usage: Usage::ZERO,
        last_event: 9,
        approvals: Vec::new(),
        answers: Vec::new(),
        handled: false,
        uncompensated: Vec::new(),
        started_by: UserId::EXAMPLE,
        created_at: DateTime::UNIX_EPOCH,
        finished_at: None,
    }
}

fn started(node: &str, call: StepCall) -> ExecutionEvent {
    ExecutionEvent::StepStarted {
        node: node.into(),
        attempt: 1,
        key: "k".into(),
        call: Some(call),
    }
}

fn tool(node: &str, arguments: Value) -> ExecutionEvent {
    let call = StepCall::Tool {
        agent: "agent".into(),
        tool_id: ToolId::EXAMPLE,
        name: "look".into(),
        arguments,
    };
    started(node, call)
}

fn llm(node: &str) -> ExecutionEvent {
    let agent = "agent".into();
    started(node, StepCall::Llm { agent })
}

fn succeeded(node: &str, output: Value) -> ExecutionEvent {
    ExecutionEvent::StepSucceeded {
        node: node.into(),
        attempt: 1,
        output,
        port: "out".into(),
        usage: None,
        duration_ms: 1,
        cached: false,
    }
}

fn closed(
    events: Vec<ExecutionEvent>,
    state: ExecutionState,
    output: Option<Value>,
) -> (MessageState, ChatText) {
    let mut transcript = Transcript::default();
    events.into_iter().for_each(|event| transcript.add(event));
    transcript.close(execution(state, output)).unwrap()
}

#[test]
fn an_output_becomes_a_text() {
    for (output, text) in [
        (json!("hello"), "hello"),
        (json!({"text": "hello", "n": 1}), "hello"),
        (json!({"content": "hello"}), "hello"),
        (
            json!({"message": {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}}),
            "ab",
        ),
        (json!({"n": 1}), "{\n  \"n\": 1\n}"),
        (json!(7), "7"),
        (Value::Null, ""),
    ] {
        let (state, answer) = closed(vec![], ExecutionState::Succeeded, Some(output.clone()));
        assert_eq!(state, MessageState::Done);
        assert_eq!(answer.content, text, "{output}");
    }
}

#[test]
fn calls_of_tools_meet_their_results() {
    let failed = ExecutionEvent::StepFailed {
        node: "agent/tool:0.1".into(),
        attempt: 2,
        error: StepError::new("http_status", "404"),
        port: None,
        output: None,
        usage: None,
    };
    let events = vec![
        llm("agent/llm:0"),
        succeeded("agent/llm:0", json!({"message": {"content": null}})),
        tool("agent/tool:0.0", json!({"q": 1})),
        tool("agent/tool:0.1", json!({})),
        succeeded("agent/tool:0.0", json!({"found": true})),
        tool("agent/tool:0.1", json!({})),
        failed,
        tool("agent/tool:1.0", json!("x".repeat(20_000))),
    ];
    let (_, answer) = closed(events, ExecutionState::Succeeded, Some(json!("done")));
    let [first, second, open] = &answer.tool_calls[..] else {
        panic!("{:?}", answer.tool_calls)
    };
    assert_eq!(first.arguments, json!({"q": 1}));
    assert_eq!(first.result, Some(json!({"found": true})));
    assert_eq!(second.error.as_ref().unwrap().code, "http_status");
    assert_eq!((&open.result, &open.error), (&None, &None));
    assert!(open.arguments.as_str().unwrap().len() <= CALL + 3);
}

#[test]
fn a_stopped_answer_keeps_what_was_said() {
    let events = || {
        vec![
            llm("agent/llm:0"),
            succeeded(
                "agent/llm:0",
                json!({"completion": {"message": {"content": "first"}}}),
            ),
            llm("agent/llm:1"),
            succeeded("agent/llm:1", json!("second")),
            llm("agent/llm:2"),
        ]
    };
    let (state, answer) = closed(events(), ExecutionState::Cancelled, None);
    assert_eq!(
        (state, answer.content.as_str()),
        (MessageState::Stopped, "second")
    );
    let (state, answer) = closed(events(), ExecutionState::Failed, None);
    assert_eq!(
        (state, answer.content.as_str()),
        (MessageState::Failed, "second")
    );
    assert_eq!(answer.error.unwrap().code, "timeout");
    let (_, answer) = closed(vec![], ExecutionState::Cancelled, None);
    assert_eq!(answer.content, "");
}

#[test]
fn nothing_is_said_of_an_execution_that_runs() {
    for state in ExecutionState::ALL {
        let closed = Transcript::default().close(execution(state, None));
        assert_eq!(closed.is_some(), state.is_final(), "{state:?}");
    }
}

#[test]
fn an_answer_has_a_size() {
    let long = "ä".repeat(CONTENT);
    let (_, answer) = closed(vec![], ExecutionState::Succeeded, Some(json!(long)));
    assert!(answer.content.len() <= CONTENT + 3 && answer.content.ends_with('…'));
}

#[test]
fn large_values_are_asked_for_where_they_are_kept() {
    let large = Payload::of(&json!({"text": "x".repeat(INLINE)})).unwrap();
    let (reference, stands) = (large.reference.clone(), large.reference.to_value());
    let mut transcript = Transcript::default();
    for event in [llm("agent/llm:0"), tool("agent/tool:0.0", stands.clone())] {
        assert_eq!(transcript.wants(&event), None);
        transcript.add(event);
    }
    let said = succeeded("agent/llm:0", stands.clone());
    assert_eq!(
        transcript.wants(&said),
        Some(Wanted::Whole(reference.clone()))
    );
    let result = succeeded("agent/tool:0.0", stands.clone());
    assert_eq!(transcript.wants(&result), Some(Wanted::Start(reference)));
    assert_eq!(transcript.wants(&succeeded("b", stands.clone())), None);
    assert_eq!(transcript.wants(&succeeded("agent/llm:0", json!(1))), None);
    // What is gone is shown by its start, and never as its reference.
    transcript.add(result);
    let over = execution(ExecutionState::Succeeded, Some(stands));
    let (_, answer) = transcript.close(over).unwrap();
    let start = format!("{}…", large.reference.preview);
    assert_eq!(answer.content, start);
    let call = &answer.tool_calls[0];
    assert_eq!(call.arguments, json!(start));
    assert_eq!(call.result, Some(json!(start)));
}
