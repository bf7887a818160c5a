//! Nodes that wait.

use super::*;

fn flow(config: Value) -> Arc<Program> {
    plan(
        json!([
            {"id": "t", "type": "trigger"},
            {"id": "w", "type": "wait", "config": config},
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.w.output.until }}"}}
        ]),
        &[("t", "out", "w"), ("w", "out", "o")],
    )
}

#[test]
fn a_wait_ends_at_its_time_and_not_before() {
    let mut run = Run::start(&flow(json!({"seconds": 90})), json!({}));
    assert_eq!(run.outcome().0, ExecutionState::Waiting);
    assert!(run.dispatched().is_empty());
    let (timer, at) = run.timers()[0];
    assert_eq!(at, run.now + TimeDelta::seconds(90));
    run.fire(timer);
    assert_eq!(run.timers(), [(timer, at)], "an early timer is set again");
    run.now = at;
    run.fire(timer);
    assert_eq!(run.outcome(), (ExecutionState::Succeeded, Some(json!(at))));
    run.fire(timer);
}

#[test]
fn a_new_owner_waits_on() {
    let input = json!({"at": "2025-10-10T00:00:00+02:00"});
    let mut run = Run::start(&flow(json!({"until": "{{ input.at }}"})), input);
    let set = run.timers();
    run.input(Input::Resume);
    assert_eq!(run.timers(), set);
    assert_eq!(
        set[0].1,
        "2025-10-09T22:00:00Z".parse::<DateTime<Utc>>().unwrap()
    );
}

#[test]
fn a_moment_that_is_over_is_no_wait() {
    let mut run = Run::start(&flow(json!({"until": "2001-01-01T00:00:00Z"})), json!({}));
    let (timer, at) = run.timers()[0];
    assert_eq!(at, run.now);
    run.fire(timer);
    assert_eq!(run.outcome().0, ExecutionState::Succeeded);
}

#[test]
fn a_cancel_ends_a_wait_at_once() {
    let mut run = Run::start(&flow(json!({"seconds": 90})), json!({}));
    let (timer, at) = run.timers()[0];
    run.input(Input::Cancel {
        by: UserId::EXAMPLE,
    });
    assert_eq!(run.outcome().0, ExecutionState::Cancelled);
    run.now = at;
    run.fire(timer);
    assert_eq!(run.outcome().0, ExecutionState::Cancelled);
}

#[test]
fn a_wait_that_names_no_moment_fails() {
    for (config, input) in [
        (json!({"until": "{{ input.at }}"}), json!({"at": "soon"})),
        (
            json!({"until": "{{ input.at }}"}),
            json!({"at": "2999-01-01T00:00:00Z"}),
        ),
        (json!({"seconds": "{{ input.at }}"}), json!({"at": "x"})),
        (json!({"seconds": "{{ input.at }}"}), json!({"at": -1})),
    ] {
        let run = Run::start(&flow(config), input);
        assert_eq!(run.outcome().0, ExecutionState::Failed);
    }
}
