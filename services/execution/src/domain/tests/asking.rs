//! Nodes that ask a person.

use super::*;
use crate::domain::Answer;

fn flow(config: &Value) -> Arc<Program> {
    let mut asks = json!({"title": "Pay {{ input.sum }}?"});
    for (key, value) in config.as_object().unwrap() {
        asks[key] = value.clone();
    }
    plan(
        json!([
            {"id": "t", "type": "trigger"},
            {"id": "q", "type": "approval", "config": asks},
            {"id": "yes", "type": "output", "config": {"value": "{{ nodes.q.output.values }}"}},
            {"id": "no", "type": "output", "config": {"value": "no"}}
        ]),
        &[
            ("t", "out", "q"),
            ("q", "approve", "yes"),
            ("q", "reject", "no"),
        ],
    )
}

fn answer(port: &str, values: Value) -> Answer {
    Answer {
        port: port.into(),
        values,
        comment: "Fine.".into(),
        by: UserId::EXAMPLE,
    }
}

/// As the owner does it: checked first.
fn give(run: &mut Run, answer: Answer) -> Result<bool, contracts::Problem> {
    let node = run.state.may_answer("q", &answer, Role::Operator)?;
    let is_new = node.is_some();
    if let Some(node) = node {
        run.input(Input::Answer { node, answer });
    }
    Ok(is_new)
}

#[test]
fn the_first_answer_counts() {
    let mut run = Run::start(&flow(&json!({})), json!({"sum": 7}));
    assert_eq!(run.outcome().0, ExecutionState::Waiting);
    let asked = run.state.data.view().answers;
    assert_eq!(asked[0].title, "Pay 7?");
    assert_eq!((asked[0].buttons.len(), asked[0].until), (2, None));
    assert!(give(&mut run, answer("reject", Value::Null)).unwrap());
    assert_eq!(run.events()[2..5], ["q asks", "q -> reject", "yes skipped"]);
    assert_eq!(
        run.outcome(),
        (ExecutionState::Succeeded, Some(json!("no")))
    );
    assert!(run.state.data.view().answers.is_empty());
    assert!(!give(&mut run, answer("reject", Value::Null)).unwrap());
    let late = give(&mut run, answer("approve", Value::Null)).unwrap_err();
    assert_eq!(late.reason.as_deref(), Some("not_waiting"));
}

#[test]
fn an_answer_fits_what_is_asked() {
    let form = json!({"type": "object", "required": ["account"], "properties": {"account": {"type": "string"}}});
    let mut run = Run::start(&flow(&json!({"form": form})), json!({"sum": 7}));
    let mut refused = |port: &str, values: Value| {
        let problem = give(&mut run, answer(port, values)).unwrap_err();
        let paths = problem.errors.into_iter().map(|error| error.path);
        paths.collect::<Vec<_>>()
    };
    assert_eq!(refused("deadline", json!({"account": "a"})), ["/port"]);
    assert_eq!(
        refused("approve", json!({"account": 1})),
        ["/values/account"]
    );
    assert_eq!(refused("approve", Value::Null), ["/values"]);
    assert_eq!(
        refused("approve", json!({"account": "x".repeat(16 << 20)})),
        ["/values"]
    );
    assert!(give(&mut run, answer("approve", json!({"account": "a"}))).unwrap());
    assert_eq!(run.outcome().1, Some(json!({"account": "a"})));
    let mut plain = Run::start(&flow(&json!({})), json!({"sum": 7}));
    assert!(give(&mut plain, answer("approve", json!(1))).is_err());
}

#[test]
fn others_may_not_answer() {
    let config = json!({"least_role": "admin"});
    let mut run = Run::start(&flow(&config), json!({"sum": 7}));
    let refused = give(&mut run, answer("approve", Value::Null)).unwrap_err();
    assert_eq!(refused.reason.as_deref(), Some("not_assigned"));
    let by_admin = answer("approve", Value::Null);
    assert!(run.state.may_answer("q", &by_admin, Role::Admin).is_ok());
    let elsewhere = run.state.may_answer("t", &by_admin, Role::Admin);
    assert_eq!(elsewhere.unwrap_err().status, 409);
    let nowhere = run.state.may_answer("x", &by_admin, Role::Admin);
    assert_eq!(nowhere.unwrap_err().status, 404);
}

#[test]
fn a_deadline_goes_on_by_its_port() {
    let config = json!({"deadline_seconds": 60});
    let mut run = Run::start(&flow(&config), json!({"sum": 7}));
    let (timer, at) = run.timers()[0];
    assert_eq!(at, run.now + TimeDelta::seconds(60));
    run.fire(timer);
    assert_eq!(run.timers(), [(timer, at)], "an early timer is set again");
    run.input(Input::Resume);
    assert_eq!(run.timers(), [(timer, at)], "a new owner waits on");
    run.now = at;
    run.fire(timer);
    assert!(run.events().contains(&"q -> deadline".to_owned()));
    assert_eq!(
        run.outcome(),
        (ExecutionState::Succeeded, Some(Value::Null))
    );
    let late = give(&mut run, answer("approve", Value::Null)).unwrap_err();
    assert_eq!(late.reason.as_deref(), Some("not_waiting"));
}

#[test]
fn an_answer_after_its_cancel_changes_nothing() {
    let mut run = Run::start(&flow(&json!({})), json!({"sum": 7}));
    run.cancel();
    assert_eq!(run.outcome().0, ExecutionState::Cancelled);
    assert!(give(&mut run, answer("approve", Value::Null)).is_err());
}

#[test]
fn nobody_answers_so_they_are_reminded_and_others_are_asked() {
    let other = UserId::generate();
    let config = json!({"users": [UserId::EXAMPLE], "remind_every_seconds": 20, "deadline_seconds": 100,
        "escalate_after_seconds": 30, "escalate_users": [other]});
    let mut run = Run::start(&flow(&config), json!({"sum": 7}));
    let begun = run.now;
    let mut by_other = answer("approve", Value::Null);
    by_other.by = other;
    let refused = give(&mut run, by_other.clone()).unwrap_err();
    assert_eq!(refused.reason.as_deref(), Some("not_assigned"));
    let mut passed = Vec::new();
    for _ in 0..3 {
        let [(timer, at)] = run.timers()[..] else {
            panic!("one timer: {:?}", run.timers())
        };
        passed.push((at - begun).num_seconds());
        run.now = run.now.max(at);
        run.fire(timer);
    }
    assert_eq!(passed, [20, 30, 40]);
    assert_eq!(
        run.events()[3..],
        ["q reminds 1", "q escalates", "q reminds 2"]
    );
    // Nobody was there for a while: one reminder stands for all that were due.
    run.now = begun + TimeDelta::seconds(85);
    run.input(Input::Resume);
    let (timer, _) = run.timers()[0];
    run.fire(timer);
    assert_eq!(run.events().last().unwrap(), "q reminds 4");
    assert!(give(&mut run, by_other).unwrap());
    assert_eq!(run.outcome().0, ExecutionState::Succeeded);
}
