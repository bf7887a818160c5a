//! Executions that are paused, and those that wait for their place.

use super::*;

const BY: UserId = UserId::EXAMPLE;

fn call(id: &str) -> Value {
    json!({"id": id, "type": "http", "config": {"method": "GET", "url": "https://example.com"}, "retry": {"max_attempts": 2, "backoff_ms": 1000, "jitter": 0.0}})
}

fn chain() -> Arc<Program> {
    plan(
        json!([{"id": "t", "type": "trigger"}, call("a"), call("b")]),
        &[("t", "out", "a"), ("a", "out", "b")],
    )
}

#[test]
fn what_runs_is_recorded_and_nothing_begins() {
    let mut run = Run::start(&chain(), json!({}));
    run.input(Input::Pause {
        by: BY,
        parent_event: None,
    });
    assert_eq!(run.state.data.state(), ExecutionState::Paused);
    run.input(Input::Pause {
        by: BY,
        parent_event: None,
    });
    run.succeed("a", 1, json!(1));
    assert_eq!(run.state.data.state(), ExecutionState::Paused);
    // A change of owner lets nothing begin either.
    run.input(Input::Resume);
    assert!(run.dispatched().is_empty());
    assert_eq!(
        run.events()[1..],
        ["t -> out", "a begins 1", "execution_paused", "a -> out"]
    );
    run.input(Input::Unpause {
        by: BY,
        parent_event: None,
    });
    assert_eq!(run.dispatched().len(), 1);
    run.succeed("b", 1, json!(2));
    assert_eq!(run.outcome().0, ExecutionState::Succeeded);
}

#[test]
fn timers_wait_and_fire_when_it_goes_on() {
    let mut run = Run::start(&chain(), json!({}));
    run.input(Input::Pause {
        by: BY,
        parent_event: None,
    });
    run.fail("a", 1, StepError::new("x", "y").retryable());
    let (timer, at) = run.timers()[0];
    run.now = run.now.max(at);
    run.fire(timer);
    assert_eq!(run.events().last().unwrap(), "a fails 1");
    run.input(Input::Unpause {
        by: BY,
        parent_event: None,
    });
    let again = run.timers();
    assert!(again.contains(&(timer, at)), "{again:?}");
    run.fire(timer);
    assert_eq!(run.events().last().unwrap(), "a begins 2");
}

#[test]
fn a_failure_waits_and_a_cancel_does_not() {
    let mut run = Run::start(&chain(), json!({}));
    run.input(Input::Pause {
        by: BY,
        parent_event: None,
    });
    run.fail("a", 1, StepError::new("x", "y"));
    assert_eq!(run.state.data.state(), ExecutionState::Paused);
    run.input(Input::Unpause {
        by: BY,
        parent_event: None,
    });
    assert_eq!(run.outcome().0, ExecutionState::Failed);

    let mut run = Run::start(&chain(), json!({}));
    run.input(Input::Pause {
        by: BY,
        parent_event: None,
    });
    run.fail("a", 1, StepError::new("x", "y"));
    run.cancel();
    assert_eq!(run.outcome().0, ExecutionState::Failed);

    let mut run = Run::start(&chain(), json!({}));
    run.input(Input::Pause {
        by: BY,
        parent_event: None,
    });
    run.cancel();
    assert!(
        run.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Cut))
    );
    run.fire(Timer::Grace);
    assert_eq!(run.outcome().0, ExecutionState::Cancelled);
}

#[test]
fn what_ends_cannot_be_paused() {
    let mut run = Run::start(&chain(), json!({}));
    run.cancel();
    assert!(!run.state.may_pause());
    run.input(Input::Pause {
        by: BY,
        parent_event: None,
    });
    assert!(!run.state.data.paused);
}

fn queued(timeout_seconds: Option<u64>) -> Run {
    let mut executable = Executable {
        definition: chain().definition().clone(),
        ..Executable::default()
    };
    executable.definition.timeout_seconds = timeout_seconds;
    let start = Start {
        queued: true,
        notify: true,
        ..start_of(json!({}))
    };
    Run::begin(&program(executable), start, TakenOver::default())
}

#[test]
fn nothing_begins_before_the_release() {
    let mut run = queued(Some(60));
    assert_eq!(run.state.data.state(), ExecutionState::Queued);
    // Neither a person nor a change of owner lets it begin.
    run.input(Input::Unpause {
        by: BY,
        parent_event: None,
    });
    run.input(Input::Pause {
        by: BY,
        parent_event: None,
    });
    run.input(Input::Resume);
    run.fire(Timer::GoOn);
    assert_eq!(run.events(), ["execution_started"]);
    assert!(run.effects.is_empty(), "{:?}", run.effects);
    // Its time begins with it.
    run.now += chrono::TimeDelta::seconds(3600);
    run.fire(Timer::Overdue);
    run.input(Input::Release);
    let due = run.now + chrono::TimeDelta::seconds(60);
    assert!(run.timers().contains(&(Timer::Overdue, due)));
    run.input(Input::Release);
    assert_eq!(
        run.events()[1..],
        ["execution_released", "t -> out", "a begins 1"]
    );
    run.succeed("a", 1, json!(1));
    run.succeed("b", 1, json!(2));
    assert_eq!(run.outcome().0, ExecutionState::Succeeded);
}

#[test]
fn what_waits_can_be_cancelled() {
    let mut run = queued(None);
    run.cancel();
    assert_eq!(run.outcome().0, ExecutionState::Cancelled);
    run.input(Input::Release);
    let origin = run.state.data.origin;
    let told = run.records.last().and_then(|last| last.private.clone());
    assert_eq!(told, Some(crate::record::Private::Notify { origin }));
}
