//! Nodes that wait for an event.

use super::*;
use crate::domain::inline::Wanted;

fn flow(config: Value) -> Arc<Program> {
    let mut nodes = vec![
        json!({"id": "t", "type": "trigger"}),
        json!({"id": "e", "type": "event", "config": config}),
        json!({"id": "o", "type": "output", "config": {"value": "{{ nodes.e.output.data }}"}}),
    ];
    let mut edges = vec![("t", "out", "e"), ("e", "out", "o")];
    if config.get("deadline_seconds").is_some() {
        nodes.push(json!({"id": "late", "type": "output", "config": {"value": "late"}}));
        edges.push(("e", "deadline", "late"));
    }
    plan(json!(nodes), &edges)
}

fn wanted(run: &Run) -> Wanted {
    let [Effect::Listen { node, wanted }, ..] = &run.effects[..] else {
        panic!("{:?}", run.effects)
    };
    assert_eq!(node, "e");
    wanted.clone()
}

fn hear(run: &mut Run, data: Value) {
    let node = run.index("e");
    let output = json!({"event": "paid", "id": "m", "data": data, "at": null});
    run.input(Input::Heard { node, output });
}

#[test]
fn the_first_event_ends_the_wait() {
    let config = json!({"name": "paid", "pointer": "/order", "key": "{{ input.n }}"});
    let mut run = Run::start(&flow(config), json!({"n": 7}));
    let begun = wanted(&run);
    let texts = [&begun.name, &begun.pointer, &begun.key].map(String::as_str);
    assert_eq!(texts, ["paid", "/order", "7"]);
    assert_eq!(run.outcome().0, ExecutionState::Waiting);
    run.input(Input::Resume);
    assert_eq!(wanted(&run), begun, "a new owner waits for the same");
    hear(&mut run, json!(1));
    hear(&mut run, json!(2));
    assert_eq!(run.outcome(), (ExecutionState::Succeeded, Some(json!(1))));
    assert_eq!(run.events()[2..4], ["e listens", "e -> out"]);
}

#[test]
fn a_deadline_goes_on_by_its_port() {
    let config = json!({"name": "paid", "deadline_seconds": 60});
    let mut run = Run::start(&flow(config), json!({}));
    let (timer, at) = run.timers()[0];
    assert_eq!(at, run.now + TimeDelta::seconds(60));
    run.fire(timer);
    assert_eq!(run.timers(), [(timer, at)], "an early timer is set again");
    run.now = at;
    run.fire(timer);
    hear(&mut run, json!(1));
    assert_eq!(
        run.outcome(),
        (ExecutionState::Succeeded, Some(json!("late")))
    );
}

#[test]
fn a_cancel_ends_the_wait_at_once() {
    let mut run = Run::start(&flow(json!({"name": "paid"})), json!({}));
    run.cancel();
    hear(&mut run, json!(1));
    assert_eq!(run.outcome().0, ExecutionState::Cancelled);
}

#[test]
fn a_key_that_says_nothing_is_refused() {
    let config = json!({"name": "paid", "pointer": "/order", "key": "{{ input.none }}"});
    let run = Run::start(&flow(config), json!({}));
    assert_eq!(run.outcome().0, ExecutionState::Failed);
}
