//! Flows that go wrong: retries, timeouts, error branches, cancels.

use super::*;

fn flow(policy: Value) -> Arc<Program> {
    let mut step = json!({"id": "h", "type": "http", "config": {"method": "GET", "url": "https://example.com"}});
    step.as_object_mut()
        .unwrap()
        .extend(policy.as_object().unwrap().clone());
    let branch = step["on_error"] == json!("branch");
    let mut edges = vec![("t", "out", "h"), ("h", "out", "o"), ("t", "out", "p")];
    if branch {
        edges.push(("h", "error", "e"));
    }
    let mut nodes = vec![
        json!({"id": "t", "type": "trigger"}),
        step,
        json!({"id": "p", "type": "http", "config": {"method": "GET", "url": "https://example.com"}}),
        json!({"id": "o", "type": "output", "config": {"value": "{{ nodes.h.output }}"}}),
    ];
    if branch {
        nodes.push(
            json!({"id": "e", "type": "output", "config": {"value": "{{ nodes.h.output.code }}"}}),
        );
    }
    plan(json!(nodes), &edges)
}

fn flaky() -> StepError {
    StepError::new("http_status", "503").retryable()
}

#[test]
fn a_retryable_error_is_tried_again_after_its_pause() {
    let plan = flow(json!({"retry": {"max_attempts": 3, "backoff_ms": 100}}));
    let mut run = Run::start(&plan, json!({}));
    let key = run.dispatched()[0].key.clone();
    run.succeed("p", 1, json!(0));
    run.fail("h", 1, flaky());
    assert_eq!(run.outcome().0, ExecutionState::Waiting);
    let (timer, at) = run.timers()[0];
    assert_eq!(at, run.now + TimeDelta::milliseconds(100));
    run.fire(timer);
    assert!(run.dispatched().is_empty(), "a timer that fires too early");
    run.now = at;
    run.fire(timer);
    assert_eq!(
        (run.dispatched()[0].attempt, &run.dispatched()[0].key),
        (2, &key)
    );
    run.fire(timer);
    assert!(run.dispatched().is_empty(), "a timer that fires twice");
    run.succeed("h", 2, json!("ok"));
    assert_eq!(
        run.outcome(),
        (ExecutionState::Succeeded, Some(json!("ok")))
    );
}

#[test]
fn retries_end_after_their_time_and_with_other_errors() {
    let retry = json!({"retry": {"max_attempts": 100, "backoff": "fixed", "backoff_ms": 100, "max_elapsed_ms": 250, "on": ["http_status"]}});
    let mut run = Run::start(&flow(retry.clone()), json!({}));
    run.succeed("p", 1, json!(0));
    let mut attempt = 1;
    loop {
        run.fail("h", attempt, StepError::new("http_status", "404"));
        let Some((timer, at)) = run.timers().first().copied() else {
            break;
        };
        run.now = at;
        run.fire(timer);
        attempt += 1;
    }
    assert_eq!((attempt, run.outcome().0), (3, ExecutionState::Failed));
    let mut run = Run::start(&flow(retry), json!({}));
    run.succeed("p", 1, json!(0));
    run.fail("h", 1, StepError::new("timeout", "slow").retryable());
    assert_eq!(run.outcome().0, ExecutionState::Failed);
}

#[test]
fn a_pause_that_the_other_side_asks_for_is_kept() {
    let plan = flow(json!({"retry": {"max_attempts": 2, "backoff_ms": 100}}));
    let mut run = Run::start(&plan, json!({}));
    run.succeed("p", 1, json!(0));
    run.fail("h", 1, flaky().after(Some(7000)));
    assert_eq!(run.timers()[0].1, run.now + TimeDelta::seconds(7));
}

#[test]
fn the_last_failed_attempt_fails_the_execution() {
    let plan = flow(json!({"retry": {"max_attempts": 2, "backoff_ms": 0}}));
    let mut run = Run::start(&plan, json!({}));
    run.succeed("p", 1, json!(0));
    run.fail("h", 1, flaky());
    let (timer, _) = run.timers()[0];
    run.fire(timer);
    run.fail("h", 2, flaky());
    assert_eq!(run.outcome().0, ExecutionState::Failed);
    let error = run.state.data.error().unwrap();
    assert_eq!(
        (error.code.as_str(), error.node.as_deref()),
        ("http_status", Some("h"))
    );
}

#[test]
fn an_error_that_no_attempt_can_heal_is_not_tried_again() {
    let plan = flow(json!({"retry": {"max_attempts": 5}}));
    let mut run = Run::start(&plan, json!({}));
    run.succeed("p", 1, json!(0));
    run.fail("h", 1, StepError::new("blocked_address", "no"));
    assert_eq!(run.outcome().0, ExecutionState::Failed);
}

#[test]
fn an_error_can_branch_or_have_a_default() {
    let plan = flow(json!({"on_error": "branch"}));
    let mut run = Run::start(&plan, json!({}));
    run.succeed("p", 1, json!(0));
    run.fail("h", 1, flaky());
    assert_eq!(
        run.outcome(),
        (ExecutionState::Succeeded, Some(json!("http_status")))
    );
    assert!(run.events().contains(&"o skipped".to_owned()));
    let plan = flow(json!({"on_error": {"default": [1]}}));
    let mut run = Run::start(&plan, json!({}));
    run.succeed("p", 1, json!(0));
    run.fail("h", 1, flaky());
    assert_eq!(run.outcome(), (ExecutionState::Succeeded, Some(json!([1]))));
}

#[test]
fn a_failure_cuts_the_other_branches_and_ends_when_they_are_cut() {
    let plan = flow(json!({}));
    let mut run = Run::start(&plan, json!({}));
    run.fail("h", 1, flaky());
    assert!(run.effects.contains(&Effect::Cut));
    assert!(!run.state.is_over() && !run.state.wants("p", 1));
    run.fail("p", 1, StepError::new("cancelled", "cut"));
    assert_eq!(run.outcome().0, ExecutionState::Failed);
    assert_eq!(
        run.events()[4..],
        ["h fails -> end", "p late 1", "execution_failed"]
    );
    // What both attempts used counts, though neither result does.
    assert_eq!(run.state.data.usage.prompt_tokens, 20);
}

#[test]
fn an_attempt_that_cannot_be_cut_does_not_hold_the_end_back() {
    let plan = flow(json!({}));
    let mut run = Run::start(&plan, json!({}));
    run.cancel();
    let (timer, at) = run.timers()[0];
    assert_eq!((timer, at), (Timer::Grace, run.now + TimeDelta::seconds(3)));
    run.fire(timer);
    assert_eq!(run.outcome().0, ExecutionState::Cancelled);
    assert_eq!(run.events()[4..], ["cancel_asked", "execution_cancelled"]);
    let over = run.records.len();
    run.succeed("h", 1, json!(1));
    assert_eq!(run.records.len(), over, "nothing follows the end");
}

#[test]
fn nothing_begins_after_a_cancel() {
    let plan = flow(json!({"retry": {"max_attempts": 3, "backoff_ms": 100}}));
    let mut run = Run::start(&plan, json!({}));
    run.fail("h", 1, flaky());
    let (timer, at) = run.timers()[0];
    run.cancel();
    run.now = at;
    run.fire(timer);
    assert!(run.dispatched().is_empty());
    run.input(Input::Resume);
    assert!(run.dispatched().is_empty());
    assert!(run.effects.contains(&Effect::Cut));
    run.succeed("p", 1, json!(1));
    assert_eq!(run.outcome().0, ExecutionState::Cancelled);
}

#[test]
fn silence_is_a_timeout_and_the_answer_that_still_comes_is_late() {
    let plan = flow(json!({"retry": {"max_attempts": 2, "backoff_ms": 0}, "timeout_ms": 500}));
    let mut run = Run::start(&plan, json!({}));
    let silence = run.timers()[0];
    assert_eq!(silence.1, run.now + TimeDelta::milliseconds(60_500));
    run.fire(silence.0);
    let (retry, _) = run.timers()[0];
    run.fire(retry);
    run.succeed("h", 1, json!("late"));
    run.succeed("h", 1, json!("late"));
    let late = run.events().iter().filter(|e| *e == "h late 1").count();
    assert_eq!(late, 1, "a late result is recorded once");
    run.succeed("h", 2, json!("right"));
    run.succeed("p", 1, json!(1));
    assert_eq!(run.outcome().1, Some(json!("right")));
}

#[test]
fn an_expression_without_a_value_fails_before_anything_is_dispatched() {
    let plan = plan(
        json!([{"id": "t", "type": "trigger"},
            {"id": "p", "type": "http", "config": {"method": "GET", "url": "https://example.com"}},
            {"id": "a", "type": "transform", "config": {"value": "{{ input.nope }}"}}]),
        &[("t", "out", "p"), ("t", "out", "a")],
    );
    let run = Run::start(&plan, json!({}));
    assert_eq!(run.outcome().0, ExecutionState::Failed);
    assert_eq!(run.state.data.error().unwrap().code, "expression");
    assert!(run.effects.is_empty());
}

#[test]
fn an_output_past_the_limit_is_an_error() {
    let plan = flow(json!({}));
    let mut run = Run::start(&plan, json!({}));
    run.succeed("h", 1, json!("x".repeat(16 * 1024 * 1024)));
    run.succeed("p", 1, json!(1));
    assert_eq!(run.state.data.error().unwrap().code, "output_too_large");
}

#[test]
fn records_that_cannot_follow_are_refused() {
    let plan = flow(json!({}));
    let mut run = Run::start(&plan, json!({}));
    let gap = [&run.records[0], &run.records[2]];
    assert!(State::replay(&plan, gap).is_err());
    assert!(State::replay(&plan, &run.records[1..]).is_err());
    run.cancel();
    run.fire(Timer::Grace);
    let mut beyond = run.records.clone();
    let mut extra = beyond[1].clone();
    extra.frame.n = beyond.len() as u64 + 1;
    beyond.push(extra);
    assert!(State::replay(&plan, &beyond).is_err());
}
