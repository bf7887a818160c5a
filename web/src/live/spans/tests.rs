use serde_json::json;

use super::*;
use crate::live::testing::{frame, started, with};

fn usage(tokens: u64, cost: &str) -> Value {
    json!({"prompt_tokens": tokens, "completion_tokens": 1, "cost": cost})
}

fn spans(frames: &[Frame]) -> (Spans, ExecutionView) {
    let (mut spans, mut view) = (Spans::default(), ExecutionView::default());
    for frame in frames {
        spans.apply(frame);
        view.apply(frame);
    }
    (spans, view)
}

fn paths(spans: &Spans, rows: &[usize]) -> Vec<String> {
    rows.iter()
        .map(|&at| spans.list()[at].path.clone())
        .collect()
}

#[test]
fn what_an_agent_does_stands_under_it() {
    let asked = json!({"node": "w/tool:0.0/approval", "tool_id": contracts::id::ToolId::EXAMPLE, "name": "refund", "arguments": {}, "arguments_hash": "h", "approval": "required"});
    let (tree, view) = spans(&[
        started(),
        frame(2, "step_started", "w"),
        frame(3, "step_started", "w/llm:0"),
        frame(4, "step_succeeded", "w/llm:0"),
        with(5, "approval_asked", asked),
    ]);
    let all = tree.rows(|_| false);
    assert_eq!(
        paths(&tree, &all),
        ["w", "w/llm:0", "w/tool:0.0", "w/tool:0.0/approval"]
    );
    assert_eq!(tree.list()[3].depth, 2);
    // The whole branch waits, from the question up to the node.
    for path in ["w", "w/tool:0.0", "w/tool:0.0/approval"] {
        let at = tree.by_path[path];
        assert_eq!(tree.state(at, &view), NodeState::Asking, "{path}");
    }
    assert_eq!(
        tree.get("w/tool:0.0/approval")
            .unwrap()
            .asked
            .as_ref()
            .unwrap()
            .hash,
        "h"
    );
    assert_eq!(paths(&tree, &tree.rows(|path| path == "w")), ["w"]);
}

#[test]
fn a_task_lasts_as_long_as_its_steps() {
    let mut frames = vec![
        started(),
        frame(2, "step_started", "crew"),
        frame(3, "step_started", "crew/task:read/llm:0"),
    ];
    let (open, view) = spans(&frames);
    assert_eq!(open.get("crew/task:read").unwrap().ended, None);
    assert_eq!(open.state(1, &view), NodeState::Running);
    frames.push(frame(4, "step_succeeded", "crew/task:read/llm:0"));
    let (done, view) = spans(&frames);
    assert_eq!(
        done.get("crew/task:read").unwrap().ended,
        Some(frames[3].ts)
    );
    assert_eq!(done.state(1, &view), NodeState::Succeeded);
    assert_eq!(done.get("crew").unwrap().ended, None);
}

#[test]
fn attempts_and_their_prices_are_kept_apart_and_added_exactly() {
    let error = json!({"code": "x", "message": "m"});
    let (tree, _) = spans(&[
        started(),
        frame(2, "step_started", "a"),
        with(
            3,
            "step_retrying",
            json!({"node": "a", "attempt": 1, "error": error, "at": "2026-01-01T00:00:04Z", "usage": usage(1, "0.1")}),
        ),
        with(
            4,
            "step_started",
            json!({"node": "a", "attempt": 2, "key": "k"}),
        ),
        with(
            5,
            "step_succeeded",
            json!({"node": "a", "attempt": 2, "output": 1, "port": "out", "duration_ms": 1, "usage": usage(2, "0.2")}),
        ),
        with(
            6,
            "step_succeeded",
            json!({"node": "a/llm:0", "attempt": 1, "output": 1, "port": "out", "duration_ms": 1, "usage": usage(4, "0.0000000001")}),
        ),
    ]);
    let a = tree.get("a").unwrap();
    assert_eq!(a.attempts.len(), 2);
    assert_eq!(a.attempts[0].error.as_ref().unwrap().code, "x");
    assert_eq!(a.attempts[1].error, None);
    let sum = tree.usage(0).unwrap();
    assert_eq!((sum.prompt_tokens, sum.completion_tokens), (7, 3));
    assert_eq!(sum.cost.unwrap().to_string(), "0.3000000001");
}

#[test]
fn nothing_is_open_after_the_end() {
    let (tree, _) = spans(&[
        started(),
        frame(2, "step_started", "a"),
        with(3, "execution_cancelled", json!({"usage": usage(0, "0")})),
    ]);
    assert!(tree.list().iter().all(|span| span.ended.is_some()));
    assert!(tree.list()[0].attempts[0].ended.is_some());
}

#[test]
fn others_may_answer_once_a_question_escalated() {
    let escalation =
        json!({"at": "2026-01-01T00:00:03Z", "least_role": null, "users": [], "reached": false});
    let asked = json!({"node": "w", "title": "Pay?", "text": "", "form": null, "buttons": [], "least_role": null, "users": [], "asked_at": "2026-01-01T00:00:02Z", "until": null, "escalation": escalation});
    let mut frames = vec![started(), with(2, "answer_asked", asked)];
    let reached = |frames: &[Frame]| {
        let (tree, _) = spans(frames);
        let question = tree.get("w").unwrap().question.clone().unwrap();
        question.escalation.as_ref().unwrap().reached
    };
    assert!(!reached(&frames));
    frames.push(with(3, "answer_escalated", json!({"node": "w"})));
    assert!(reached(&frames));
}
