//! Maps, loops and joins.

use super::*;

fn map(config: Value, on_error: Value) -> Arc<Program> {
    plan(
        json!([
            {"id": "t", "type": "trigger"},
            {"id": "each", "type": "map", "config": config, "on_error": on_error},
            {"id": "call", "type": "http", "parent": "each",
             "config": {"method": "GET", "url": "https://example.com/{{ item }}/{{ index }}"}},
            {"id": "double", "type": "transform", "parent": "each",
             "config": {"value": "{{ nodes.call.output * 2 + nodes.t.output.add }}"}},
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.each.output }}"}}
        ]),
        &[
            ("t", "out", "each"),
            ("call", "out", "double"),
            ("each", "out", "o"),
        ],
    )
}

fn input() -> Value {
    json!({"add": 1, "list": ["a", "b", "c", "d", "e"]})
}

const ITEMS: &str = "{{ input.list }}";

#[test]
fn a_map_keeps_the_order_of_its_items_and_its_window() {
    let plan = map(json!({"items": ITEMS, "parallel": 2}), json!("fail"));
    let mut run = Run::start(&plan, input());
    let paths = |run: &Run| -> Vec<_> {
        let items = run.dispatched();
        items.iter().map(|item| item.node.clone()).collect()
    };
    assert_eq!(paths(&run), ["each:0/call", "each:1/call"]);
    assert_eq!(
        run.dispatched()[1].config["url"],
        json!("https://example.com/b/1")
    );
    let keys: Vec<_> = run
        .dispatched()
        .iter()
        .map(|item| item.key.clone())
        .collect();
    assert_ne!(keys[0], keys[1], "each item has an effect of its own");
    // The second item ends first.
    for (index, opens) in [(1, "each:2/call"), (2, "each:3/call"), (0, "each:4/call")] {
        run.succeed(&format!("each:{index}/call"), 1, json!(index * 10));
        assert_eq!(paths(&run), [opens]);
    }
    run.input(Input::Resume);
    assert_eq!(paths(&run), ["each:3/call", "each:4/call"]);
    run.succeed("each:4/call", 1, json!(40));
    assert!(paths(&run).is_empty());
    run.succeed("each:3/call", 1, json!(30));
    let output = json!([1, 21, 41, 61, 81]);
    assert_eq!(run.outcome(), (ExecutionState::Succeeded, Some(output)));
}

#[test]
fn an_item_that_fails_ends_its_map_and_cuts_the_others() {
    let plan = map(json!({"items": ITEMS, "parallel": 3}), json!("branch"));
    let mut run = Run::start(&plan, input());
    run.fail("each:1/call", 1, StepError::new("x", "no"));
    let (state, output) = run.outcome();
    assert_eq!(
        (state, output),
        (ExecutionState::Succeeded, Some(Value::Null))
    );
    let failed = run
        .records
        .iter()
        .find_map(|record| match &record.frame.event {
            ExecutionEvent::StepFailed { node, error, .. } if node == "each" => Some(error.clone()),
            _ => None,
        });
    let failed = failed.unwrap();
    assert_eq!(
        (failed.code.as_str(), failed.message.as_str()),
        ("x", "`each:1/call`: no")
    );
}

#[test]
fn an_item_that_is_cut_counts_what_it_used_and_nothing_else() {
    let plan = map(
        json!({"items": ITEMS, "parallel": 2, "on_item_error": "keep"}),
        json!("fail"),
    );
    let mut run = Run::start(&plan, input());
    run.fail("each:0/call", 1, StepError::new("x", "no"));
    let before = run.state.data.usage;
    run.succeed("each:0/call", 1, json!(1));
    assert_eq!(run.state.data.usage, before, "the attempt has ended before");
    for index in 1..5 {
        run.succeed(&format!("each:{index}/call"), 1, json!(index));
    }
    let (_, output) = run.outcome();
    let output = output.unwrap();
    assert_eq!(output[0]["error"]["node"], json!("each:0/call"));
    assert_eq!(output[1], json!(3));
}

#[test]
fn items_that_fail_are_left_out_where_that_is_wanted() {
    let config = json!({"items": ITEMS, "parallel": 5, "on_item_error": "skip"});
    let mut run = Run::start(&map(config, json!("fail")), input());
    run.fail("each:2/call", 1, StepError::new("x", "no"));
    for index in [4, 3, 1, 0] {
        run.succeed(&format!("each:{index}/call"), 1, json!(index));
    }
    let output = json!([1, 3, 7, 9]);
    assert_eq!(run.outcome(), (ExecutionState::Succeeded, Some(output)));
}

#[test]
fn a_map_of_nothing_is_nothing_and_one_of_no_list_fails() {
    let plan = map(json!({"items": ITEMS}), json!("fail"));
    let run = Run::start(&plan, json!({"list": []}));
    assert_eq!(run.outcome(), (ExecutionState::Succeeded, Some(json!([]))));
    let run = Run::start(&plan, json!({"list": 5}));
    assert_eq!(run.outcome().0, ExecutionState::Failed);
}

#[test]
fn a_long_map_lets_others_have_their_turn() {
    let plan = plan(
        json!([
            {"id": "t", "type": "trigger"},
            {"id": "each", "type": "map", "config": {"items": "{{ input }}"}},
            {"id": "a", "type": "transform", "parent": "each", "config": {"value": "{{ item + index }}"}},
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.each.output|length }}"}}
        ]),
        &[("t", "out", "each"), ("each", "out", "o")],
    );
    let mut run = Run::start(&plan, json!((0..1000).collect::<Vec<_>>()));
    let mut turns = 1;
    while run.timers().iter().any(|(timer, _)| *timer == Timer::GoOn) {
        assert!(run.records.len() < turns * 600);
        run.fire(Timer::GoOn);
        turns += 1;
    }
    assert!(turns > 5);
    assert_eq!(
        run.outcome(),
        (ExecutionState::Succeeded, Some(json!(1000)))
    );
}

fn looping(config: Value) -> Arc<Program> {
    plan(
        json!([
            {"id": "t", "type": "trigger"},
            {"id": "again", "type": "loop", "config": config},
            {"id": "more", "type": "transform", "parent": "again",
             "config": {"value": "{{ (previous or 1) * 2 }}"}},
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.again.output }}"}}
        ]),
        &[("t", "out", "again"), ("again", "out", "o")],
    )
}

#[test]
fn a_loop_goes_round_while_and_until() {
    let check = |config: Value, rounds: u32, result: Value| {
        let run = Run::start(&looping(config.clone()), json!({}));
        let output = json!({"rounds": rounds, "result": result});
        let expect = (ExecutionState::Succeeded, Some(output));
        assert_eq!(run.outcome(), expect, "{config}");
    };
    check(json!({"while": "index < 3"}), 3, json!(8));
    check(json!({"while": "false"}), 0, Value::Null);
    check(json!({"until": "previous > 20"}), 5, json!(32));
    check(json!({"until": "true"}), 1, json!(2));
    check(
        json!({"while": "index < 9", "until": "previous == 4"}),
        2,
        json!(4),
    );
    check(
        json!({"while": "true", "max_rounds": 4, "on_limit": "stop"}),
        4,
        json!(16),
    );
}

#[test]
fn a_loop_without_end_fails_at_its_limit() {
    let run = Run::start(
        &looping(json!({"while": "true", "max_rounds": 7})),
        json!({}),
    );
    let error = run.state.data.error().unwrap();
    assert_eq!(
        (error.code.as_str(), error.node.as_deref()),
        ("limit_reached", Some("again"))
    );
}

#[test]
fn bodies_stand_in_bodies() {
    let plan = plan(
        json!([
            {"id": "t", "type": "trigger"},
            {"id": "rows", "type": "map", "config": {"items": "{{ input }}", "parallel": 1}},
            {"id": "first", "type": "transform", "parent": "rows", "config": {"value": "{{ item[0] }}"}},
            {"id": "cells", "type": "map", "parent": "rows", "config": {"items": "{{ item }}"}},
            {"id": "sum", "type": "transform", "parent": "cells", "config": {"value": "{{ item + nodes.first.output }}"}},
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.rows.output }}"}}
        ]),
        &[
            ("t", "out", "rows"),
            ("first", "out", "cells"),
            ("rows", "out", "o"),
        ],
    );
    let run = Run::start(&plan, json!([[1, 2], [3]]));
    let output = json!([[2, 3], [6]]);
    assert_eq!(run.outcome(), (ExecutionState::Succeeded, Some(output)));
    assert!(
        run.events()
            .contains(&"rows:1/cells:0/sum -> out".to_owned())
    );
}

#[test]
fn people_are_asked_and_retries_pause_within_a_body() {
    let plan = plan(
        json!([
            {"id": "t", "type": "trigger"},
            {"id": "each", "type": "map", "config": {"items": "{{ input }}"}},
            {"id": "ask", "type": "approval", "parent": "each", "config": {"title": "Buy {{ item }}?"}},
            {"id": "call", "type": "http", "parent": "each", "retry": {"max_attempts": 2},
             "config": {"method": "GET", "url": "https://example.com"}},
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.each.output }}"}}
        ]),
        &[
            ("t", "out", "each"),
            ("ask", "approve", "call"),
            ("each", "out", "o"),
        ],
    );
    let mut run = Run::start(&plan, json!(["a", "b"]));
    let asked: Vec<_> = run.state.data.view().answers;
    assert_eq!(asked[1].node, "each:1/ask");
    assert_eq!(asked[1].title, "Buy b?");
    for (index, port) in ["approve", "reject"].iter().enumerate() {
        let answer = crate::domain::Answer {
            port: (*port).into(),
            values: Value::Null,
            comment: String::new(),
            by: UserId::EXAMPLE,
        };
        let node = run.index(&format!("each:{index}/ask"));
        run.input(Input::Answer { node, answer });
    }
    run.fail("each:0/call", 1, StepError::new("x", "y").retryable());
    let (timer, at) = run.timers()[0];
    run.now = at;
    run.fire(timer);
    run.succeed("each:0/call", 2, json!("bought"));
    let output = json!(["bought", null]);
    assert_eq!(run.outcome(), (ExecutionState::Succeeded, Some(output)));
}

fn race(config: Value) -> Arc<Program> {
    let call = |id: &str| json!({"id": id, "type": "http", "config": {"method": "GET", "url": "https://example.com"}});
    plan(
        json!([
            {"id": "t", "type": "trigger"},
            call("a"), call("b"), call("c"),
            {"id": "join", "type": "join", "config": config},
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.join.output }}"}}
        ]),
        &[
            ("t", "out", "a"),
            ("t", "out", "b"),
            ("t", "out", "c"),
            ("a", "out", "join"),
            ("b", "out", "join"),
            ("c", "out", "join"),
            ("join", "out", "o"),
        ],
    )
}

#[test]
fn a_join_goes_on_with_as_many_as_it_waits_for() {
    let check = |config: Value, ready_after: usize, output: Value| {
        let mut run = Run::start(&race(config.clone()), json!({}));
        for (position, node) in ["b", "c", "a"].iter().enumerate() {
            let has_run = run.events().contains(&"join -> out".to_owned());
            assert_eq!(has_run, position >= ready_after, "{config} {position}");
            run.succeed(node, 1, json!(node));
        }
        let expect = (ExecutionState::Succeeded, Some(output));
        assert_eq!(run.outcome(), expect, "{config}");
    };
    check(json!({"wait_for": "any"}), 1, json!({"b": "b"}));
    check(
        json!({"wait_for": "some", "count": 2}),
        2,
        json!({"b": "b", "c": "c"}),
    );
    check(json!({}), 3, json!({"a": "a", "b": "b", "c": "c"}));
    // More than can come: it is skipped once all have ended.
    let mut run = Run::start(&race(json!({"wait_for": "some", "count": 4})), json!({}));
    for node in ["a", "b", "c"] {
        run.succeed(node, 1, json!(1));
    }
    assert_eq!(
        run.outcome(),
        (ExecutionState::Succeeded, Some(Value::Null))
    );
    assert!(run.events().contains(&"join skipped".to_owned()));
}
