use contracts::id::{FlowId, UserId};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn frames(events: &[Value]) -> Vec<Frame> {
    let frame = |(position, event): (usize, &Value)| {
        let mut frame =
            json!({"n": position + 1, "ts": format!("2026-01-01T00:00:{:02}Z", position + 1)});
        let fields = event.as_object().unwrap().clone();
        frame.as_object_mut().unwrap().extend(fields);
        serde_json::from_value(frame).unwrap()
    };
    events.iter().enumerate().map(frame).collect()
}

fn usage(tokens: u64) -> Value {
    json!({"prompt_tokens": tokens, "completion_tokens": 2, "cost": "0.5"})
}

fn started() -> Value {
    json!({"type": "execution_started", "flow_id": FlowId::EXAMPLE, "revision": 1, "definition_hash": "h", "started_by": UserId::EXAMPLE, "input": 5})
}

/// A run with a retry, an error branch, a skipped node and a result that came too late.
fn history() -> Vec<Frame> {
    let error = json!({"code": "x", "message": "m"});
    frames(&[
        started(),
        json!({"type": "step_started", "node": "a", "attempt": 1, "key": "k"}),
        json!({"type": "step_retrying", "node": "a", "attempt": 1, "error": error, "at": "2026-01-01T00:01:00Z", "usage": usage(1)}),
        json!({"type": "step_started", "node": "a", "attempt": 2, "key": "k"}),
        json!({"type": "step_late", "node": "a", "attempt": 1, "usage": usage(10)}),
        json!({"type": "step_succeeded", "node": "a", "attempt": 2, "output": 7, "port": "out", "duration_ms": 3, "usage": usage(100)}),
        json!({"type": "step_failed", "node": "b", "attempt": 1, "error": error, "port": "error", "output": {"code": "x"}}),
        json!({"type": "step_skipped", "node": "c"}),
        json!({"type": "execution_succeeded", "output": 7, "usage": usage(111)}),
    ])
}

fn view_of(frames: &[Frame]) -> ExecutionView {
    let mut view = ExecutionView::default();
    for frame in frames {
        assert_eq!(view.apply(frame), Applied::New);
    }
    view
}

#[test]
fn frames_add_up() {
    let view = view_of(&history());
    assert_eq!(view.state, ExecutionState::Succeeded);
    assert_eq!((view.input, view.output), (Some(json!(5)), Some(json!(7))));
    assert_eq!(view.usage.prompt_tokens, 111);
    assert!(view.started_at < view.finished_at);
    let a = &view.nodes["a"];
    assert_eq!(
        (a.state, a.attempt, &a.error),
        (NodeState::Succeeded, 2, &None)
    );
    assert_eq!((a.duration_ms, a.retry_at), (Some(3), None));
    assert_eq!(a.usage.unwrap().prompt_tokens, 111);
    let b = &view.nodes["b"];
    assert_eq!(
        (b.state, b.port.as_deref()),
        (NodeState::Failed, Some("error"))
    );
    assert_eq!(view.nodes["c"].state, NodeState::Skipped);
}

#[test]
fn what_happens_meanwhile_is_seen() {
    let view = view_of(&history()[..3]);
    assert_eq!(view.state, ExecutionState::Running);
    let a = &view.nodes["a"];
    assert_eq!((a.state, a.retry_at.is_some()), (NodeState::Retrying, true));
    assert_eq!(view.usage.prompt_tokens, 1);
}

#[test]
fn nothing_runs_on_after_the_end() {
    let view = view_of(&frames(&[
        started(),
        json!({"type": "step_started", "node": "a", "attempt": 1, "key": "k"}),
        json!({"type": "cancel_asked", "by": UserId::EXAMPLE}),
        json!({"type": "execution_cancelled", "usage": usage(0)}),
    ]));
    assert!(view.cancel_asked);
    assert_eq!(view.state, ExecutionState::Cancelled);
    assert_eq!(view.nodes["a"].state, NodeState::Stopped);
}

proptest! {
    /// Frames come twice, out of order and with gaps; a gap is filled from the history.
    #[test]
    fn however_frames_come_the_view_is_the_same(picks in prop::collection::vec(0usize..9, 0..60)) {
        let history = history();
        let mut view = ExecutionView::default();
        for pick in picks.into_iter().chain([8]) {
            let before = view.clone();
            match view.apply(&history[pick]) {
                Applied::New => prop_assert_eq!(view.last, before.last + 1),
                Applied::Repeated => prop_assert_eq!(&view, &before),
                Applied::Gap { after } => {
                    prop_assert_eq!(&view, &before);
                    for frame in &history[usize::try_from(after).unwrap()..=pick] {
                        prop_assert_eq!(view.apply(frame), Applied::New);
                    }
                }
            }
        }
        prop_assert_eq!(view, view_of(&history));
    }
}
