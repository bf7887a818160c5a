//! Executions that take too long.

use super::*;

fn flow() -> Arc<Program> {
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        {"id": "h", "type": "http", "idle_timeout_ms": null,
         "config": {"method": "GET", "url": "https://example.com"}},
        {"id": "w", "type": "wait", "config": {"seconds": 90}},
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.h.output }}"}}
    ]);
    let edges = [
        ("t", "out", "h"),
        ("t", "out", "w"),
        ("h", "out", "o"),
        ("w", "out", "o"),
    ];
    plan_with(nodes, &edges, json!({"timeout_seconds": 60}))
}

fn overdue(run: &Run) -> Option<DateTime<Utc>> {
    let timers = run.timers().into_iter();
    timers
        .filter(|(timer, _)| *timer == Timer::Overdue)
        .map(|(_, at)| at)
        .next()
}

#[test]
fn an_execution_that_takes_too_long_fails_and_cuts_its_steps() {
    let mut run = Run::start(&flow(), json!({}));
    let at = overdue(&run).unwrap();
    assert_eq!(at, run.now + TimeDelta::seconds(60));
    run.fire(Timer::Overdue);
    assert_eq!(overdue(&run), Some(at), "an early timer is set again");
    run.input(Input::Resume);
    assert_eq!(overdue(&run), Some(at), "a new owner keeps the time");
    run.now = at;
    run.fire(Timer::Overdue);
    assert!(run.effects.contains(&Effect::Cut) && !run.state.wants("h", 1));
    run.fail("h", 1, StepError::new("cancelled", "cut"));
    let error = run.state.data.error().unwrap();
    assert_eq!(
        (error.code.as_str(), &error.node),
        ("execution_timeout", &None)
    );
    assert_eq!(
        run.events()[3..],
        [
            "w waits",
            "execution_failing",
            "h late 1",
            "execution_failed"
        ]
        .map(str::to_owned)[..]
    );
    run.fire(Timer::Overdue);
}

#[test]
fn an_execution_that_ends_in_time_has_none_left() {
    let mut run = Run::start(&flow(), json!({}));
    let at = overdue(&run).unwrap();
    run.cancel();
    run.input(Input::Resume);
    assert_eq!(overdue(&run), None, "it ends already");
    run.fail("h", 1, StepError::new("cancelled", "cut"));
    run.now = at;
    run.fire(Timer::Overdue);
    assert_eq!(run.outcome().0, ExecutionState::Cancelled);
}
