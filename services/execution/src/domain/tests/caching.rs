//! Steps that take the output of an earlier one.

use super::*;

fn flow(cache: Value) -> Arc<Program> {
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        {"id": "h", "type": "http", "cache": cache, "retry": {"max_attempts": 2, "backoff_ms": 1},
         "config": {"method": "GET", "url": "https://example.com/{{ input.n }}"}},
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.h.output }}"}}
    ]);
    plan(nodes, &[("t", "out", "h"), ("h", "out", "o")])
}

fn start(n: u32) -> Run {
    Run::start(&flow(json!({"ttl_seconds": 60})), json!({"n": n}))
}

fn key(run: &Run) -> String {
    let key = run.effects.iter().find_map(|effect| match effect {
        Effect::Look { key, .. } | Effect::Keep { key, .. } => Some(key.clone()),
        _ => None,
    });
    key.unwrap()
}

fn looked(run: &mut Run, found: Option<Value>) {
    let node = run.index("h");
    run.input(Input::Looked {
        node,
        attempt: 1,
        found,
    });
}

/// An earlier output was there.
pub(super) fn an_output_taken() -> Run {
    let mut run = start(1);
    assert!(run.dispatched().is_empty());
    looked(&mut run, Some(json!("before")));
    run
}

#[test]
fn an_earlier_output_is_taken_and_costs_nothing() {
    let mut run = an_output_taken();
    assert_eq!(
        run.outcome(),
        (ExecutionState::Succeeded, Some(json!("before")))
    );
    assert_eq!(run.state.data.usage, Usage::ZERO);
    assert_eq!(run.events()[2..4], ["h begins 1", "h cached"]);
    looked(&mut run, Some(json!("again")));
    looked(&mut run, None);
    assert!(run.effects.is_empty());
}

#[test]
fn a_step_without_an_earlier_one_is_done_and_kept() {
    let mut run = start(1);
    let looked_for = key(&run);
    looked(&mut run, None);
    assert_eq!(run.dispatched()[0].node, "h");
    run.succeed("h", 1, json!("new"));
    let kept = Effect::Keep {
        key: looked_for,
        output: json!("new"),
        ttl_seconds: 60,
    };
    assert_eq!(run.effects, [kept]);
    assert_eq!(run.outcome().1, Some(json!("new")));
}

#[test]
fn only_what_is_the_same_has_the_same_key() {
    assert_eq!(key(&start(1)), key(&start(1)));
    assert_ne!(key(&start(1)), key(&start(2)));
    let foreign = |change: &dyn Fn(&mut Start)| {
        let mut request = start_of(json!({"n": 1}));
        change(&mut request);
        let now = DateTime::from_timestamp_millis(1_760_000_000_000).unwrap();
        let (_, applied) = apply::start(
            request,
            flow(json!({"ttl_seconds": 60})),
            TakenOver::default(),
            now,
        );
        let key = applied.effects.into_iter().find_map(|effect| match effect {
            Effect::Look { key, .. } => Some(key),
            _ => None,
        });
        key.unwrap()
    };
    assert_eq!(key(&start(1)), foreign(&|_| {}));
    assert_eq!(
        key(&start(1)),
        foreign(&|start| start.execution_id = ExecutionId::generate())
    );
    assert_ne!(
        key(&start(1)),
        foreign(&|start| start.tenant = TenantId::generate())
    );
    let other = |start: &mut Start| start.origin = Origin::flow(FlowId::generate(), Some(3));
    assert_ne!(key(&start(1)), foreign(&other));
}

#[test]
fn further_attempts_and_new_owners_look_nothing_up() {
    let mut run = start(1);
    run.input(Input::Resume);
    assert_eq!(run.dispatched()[0].attempt, 1);
    run.fail("h", 1, StepError::new("x", "y").retryable());
    let (timer, at) = run.timers()[0];
    run.now = at;
    run.fire(timer);
    assert_eq!(run.dispatched()[0].attempt, 2);
    looked(&mut run, Some(json!("too late")));
    run.succeed("h", 2, json!("done"));
    assert_eq!(run.outcome().1, Some(json!("done")));
}

#[test]
fn a_cancel_does_not_wait_for_what_is_looked_up() {
    let mut run = start(1);
    run.cancel();
    assert!(!run.state.is_over());
    looked(&mut run, Some(json!("before")));
    assert_eq!(run.outcome(), (ExecutionState::Cancelled, None));
}
