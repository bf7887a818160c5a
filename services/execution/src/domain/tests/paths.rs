//! Flows that go well: order, branches, joins, outputs.

use contracts::execution::Usage;
use rust_decimal::Decimal;

use super::*;

fn http(id: &str) -> Value {
    json!({"id": id, "type": "http", "config": {"method": "GET", "url": "https://example.com/{{ input.path }}"}})
}

#[test]
fn inline_steps_need_one_input_and_no_effect() {
    let plan = plan(
        json!([
            {"id": "t", "type": "trigger"},
            {"id": "a", "type": "transform", "config": {"value": {"text": "{{ vars.greeting }} {{ input.name }}", "n": "{{ input.n + 1 }}"}}},
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output }}"}}
        ]),
        &[("t", "out", "a"), ("a", "out", "o")],
    );
    let run = Run::start(&plan, json!({"name": "Ada", "n": 1}));
    assert_eq!(
        run.outcome(),
        (
            ExecutionState::Succeeded,
            Some(json!({"text": "Hello Ada", "n": 2}))
        )
    );
    assert!(run.effects.is_empty());
    assert_eq!(
        run.events(),
        [
            "execution_started",
            "t -> out",
            "a -> out",
            "o -> out",
            "execution_succeeded"
        ]
    );
}

#[test]
fn a_heavy_step_is_dispatched_once_with_its_expressions_rendered() {
    let plan = plan(
        json!([{"id": "t", "type": "trigger"}, http("h"),
            {"id": "c", "type": "code", "config": {"language": "javascript", "source": "export default x => `{{ input.path }}`"}},
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.c.output }}"}}]),
        &[("t", "out", "h"), ("h", "out", "c"), ("c", "out", "o")],
    );
    let mut run = Run::start(&plan, json!({"path": "x"}));
    let item = run.dispatched()[0].clone();
    assert_eq!(item.config["url"], json!("https://example.com/x"));
    assert_eq!((item.attempt, item.key.len()), (1, 64));
    assert_eq!(run.outcome().0, ExecutionState::Running);
    run.succeed("h", 1, json!({"status": 200}));
    let code = run.dispatched()[0];
    assert_eq!(
        code.config["source"],
        json!("export default x => `{{ input.path }}`")
    );
    assert_eq!(
        code.argument,
        json!({"input": {"path": "x"}, "nodes": {"t": {"output": {"path": "x"}}, "h": {"output": {"status": 200}}}})
    );
    run.succeed("c", 1, json!("done"));
    assert_eq!(
        run.outcome(),
        (ExecutionState::Succeeded, Some(json!("done")))
    );
    let cost = Decimal::new(30, 4);
    let expected = Usage {
        prompt_tokens: 20,
        completion_tokens: 2,
        cost: Some(cost),
    };
    assert_eq!(run.state.data.usage, expected);
}

#[test]
fn parallel_branches_join_and_the_branch_not_taken_is_skipped() {
    let plan = plan(
        json!([{"id": "t", "type": "trigger"},
            {"id": "c", "type": "condition", "config": {"cases": [{"when": "input.n > 10", "port": "big"}], "default_port": "small"}},
            {"id": "x", "type": "transform", "config": {"value": "big"}},
            {"id": "y", "type": "transform", "config": {"value": "small"}},
            http("h"),
            {"id": "o", "type": "output", "config": {"value": ["{{ nodes.x.output }}", "{{ nodes.y.output }}", "{{ nodes.h.output }}"]}}]),
        &[
            ("t", "out", "c"),
            ("c", "big", "x"),
            ("c", "small", "y"),
            ("t", "out", "h"),
            ("x", "out", "o"),
            ("y", "out", "o"),
            ("h", "out", "o"),
        ],
    );
    let mut run = Run::start(&plan, json!({"n": 3, "path": ""}));
    assert!(run.events().contains(&"x skipped".to_owned()));
    run.succeed("h", 1, json!(1));
    assert_eq!(run.outcome().1, Some(json!([null, "small", 1])));
}

#[test]
fn several_outputs_make_an_object_and_none_makes_null() {
    let output = |id: &str| json!({"id": id, "type": "output", "config": {"value": id}});
    let both = plan(
        json!([{"id": "t", "type": "trigger"}, output("b"), output("a")]),
        &[("t", "out", "a"), ("t", "out", "b")],
    );
    let run = Run::start(&both, json!({}));
    assert_eq!(run.outcome().1, Some(json!({"a": "a", "b": "b"})));
    let none = plan(
        json!([{"id": "t", "type": "trigger"}, {"id": "a", "type": "transform", "config": {"value": 1}}]),
        &[("t", "out", "a")],
    );
    let run = Run::start(&none, json!({}));
    assert_eq!(
        run.outcome(),
        (ExecutionState::Succeeded, Some(Value::Null))
    );
}

#[test]
fn a_result_that_comes_twice_counts_once() {
    let plan = plan(
        json!([{"id": "t", "type": "trigger"}, http("h"), http("i")]),
        &[("t", "out", "h"), ("t", "out", "i")],
    );
    let mut run = Run::start(&plan, json!({"path": ""}));
    run.succeed("h", 1, json!(1));
    let records = run.records.len();
    run.succeed("h", 1, json!(2));
    run.fail("h", 1, StepError::new("x", "y"));
    run.succeed("h", 2, json!(3));
    assert_eq!(run.records.len(), records);
    run.succeed("i", 1, json!(1));
    assert_eq!(run.outcome().0, ExecutionState::Succeeded);
    let over = run.records.len();
    run.succeed("i", 1, json!(1));
    run.cancel();
    assert_eq!(run.records.len(), over);
}

#[test]
fn resuming_from_any_stored_part_ends_the_same() {
    let plan = plan(
        json!([{"id": "t", "type": "trigger"}, http("h"),
            {"id": "a", "type": "transform", "config": {"value": "{{ nodes.h.output }}"}},
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output }}"}}]),
        &[("t", "out", "h"), ("h", "out", "a"), ("a", "out", "o")],
    );
    let mut whole = Run::start(&plan, json!({"path": ""}));
    whole.succeed("h", 1, json!({"b": 1}));
    for stored in 1..=whole.records.len() {
        let records = whole.records[..stored].to_vec();
        let mut run = Run {
            plan: plan.clone(),
            state: State::replay(&plan, &records).unwrap(),
            records,
            effects: Vec::new(),
            now: whole.now,
        };
        run.input(Input::Resume);
        if !run.state.is_over() {
            assert_eq!(run.dispatched().len(), 1, "after {stored} records");
            assert_eq!(run.dispatched()[0].key, whole_key(&whole));
            run.succeed("h", 1, json!({"b": 1}));
        }
        assert_eq!(run.outcome(), whole.outcome());
        assert_eq!(run.events(), whole.events());
    }
}

fn whole_key(run: &Run) -> String {
    let key = run
        .records
        .iter()
        .find_map(|record| match &record.frame.event {
            ExecutionEvent::StepStarted { key, .. } => Some(key.clone()),
            _ => None,
        });
    key.unwrap()
}
