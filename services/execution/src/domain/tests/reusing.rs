//! What an execution takes over from another.

use contracts::{
    execution::{Pin, Source, SourceKind},
    owner::Basis,
};

use super::*;
use crate::domain::reuse;

fn call(id: &str, config: Value) -> Value {
    json!({"id": id, "type": "http", "config": config})
}

fn url(text: &str) -> Value {
    json!({"method": "GET", "url": text})
}

/// Two branches; `c` reads `a`, and `b` a variable.
fn flow() -> Arc<Program> {
    flow_with(url("https://example.com/{{ nodes.a.output }}"))
}

fn flow_with(c: Value) -> Arc<Program> {
    plan(
        json!([
            {"id": "t", "type": "trigger"},
            call("a", url("https://example.com/a")),
            call("b", url("https://example.com/{{ vars.greeting }}")),
            call("c", c),
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.b.output ~ nodes.c.output }}"}}
        ]),
        &[
            ("t", "out", "a"),
            ("t", "out", "b"),
            ("a", "out", "c"),
            ("b", "out", "o"),
            ("c", "out", "o"),
        ],
    )
}

/// `a` and `b` have succeeded, `c` has failed.
fn failed(plan: &Arc<Program>) -> Run {
    let mut run = Run::start(plan, json!({}));
    run.succeed("a", 1, json!("A"));
    run.succeed("b", 1, json!("B"));
    run.fail("c", 1, StepError::new("x", "y"));
    assert!(run.state.is_over());
    run
}

fn ids(reused: &[Reused]) -> Vec<&str> {
    let mut ids: Vec<_> = reused.iter().map(|it| it.node.as_str()).collect();
    ids.sort_unstable();
    ids
}

fn vars() -> Value {
    json!({"greeting": "Hello"})
}

#[test]
fn a_retry_runs_what_failed_and_what_follows() {
    let plan = flow();
    let past = failed(&plan).past();
    let reused = past.reused(&plan, &plan, &BTreeSet::new(), &vars());
    assert_eq!(ids(&reused), ["a", "b", "t"]);
    let mut run = Run::start_with(&plan, json!({}), reused);
    assert_eq!(
        run.events()[1..],
        [
            "t reused -> out",
            "a reused -> out",
            "b reused -> out",
            "c begins 1"
        ]
    );
    assert!(run.state.data.usage == Usage::ZERO);
    run.succeed("c", 1, json!("C"));
    assert_eq!(run.outcome().1, Some(json!("BC")));
}

#[test]
fn a_named_node_runs_with_all_that_depends_on_it() {
    let plan = flow();
    let past = failed(&plan).past();
    let reused = past.reused(&plan, &plan, &BTreeSet::from(["a"]), &vars());
    assert_eq!(ids(&reused), ["b", "t"]);
}

#[test]
fn another_revision_takes_over_what_did_not_change() {
    let (old, new) = (flow(), flow_with(url("https://example.com/other")));
    let mut done = Run::start(&old, json!({}));
    for node in ["a", "b", "c"] {
        done.succeed(node, 1, json!(node));
    }
    let past = done.past();
    let none = BTreeSet::new();
    assert_eq!(
        ids(&past.reused(&old, &new, &none, &vars())),
        ["a", "b", "t"]
    );
    assert_eq!(
        ids(&past.reused(&old, &old, &none, &vars())),
        ["a", "b", "c", "o", "t"]
    );
    // `b` names the variable, and `o` reads what `b` gives.
    let other = json!({"greeting": "Bye", "unnamed": 1});
    assert_eq!(
        ids(&past.reused(&old, &old, &none, &other)),
        ["a", "c", "t"]
    );
}

#[test]
fn what_was_undone_runs_again() {
    let mut undo = call(
        "u",
        json!({"method": "DELETE", "url": "https://example.com/a"}),
    );
    undo["compensates"] = json!("a");
    let plan = plan(
        json!([
            {"id": "t", "type": "trigger"},
            call("a", url("https://example.com/a")),
            undo,
            call("b", url("https://example.com/b")),
        ]),
        &[("t", "out", "a"), ("a", "out", "b")],
    );
    let mut run = Run::start(&plan, json!({}));
    run.succeed("a", 1, json!(1));
    run.fail("b", 1, StepError::new("x", "y"));
    run.succeed("u", 1, json!(1));
    assert!(run.state.is_over());
    let past = run.past();
    let reused = past.reused(&plan, &plan, &BTreeSet::new(), &vars());
    assert_eq!(ids(&reused), ["t"]);
    // Nor is undone what was taken over: its effect is the other execution's.
    let given = vec![Reused {
        node: "a".into(),
        output: json!(1),
        port: "out".into(),
        from: None,
        anyway: false,
    }];
    let mut run = Run::start_with(&plan, json!({}), given);
    run.fail("b", 1, StepError::new("x", "y"));
    assert!(!run.events().iter().any(|event| event.starts_with("undoes")));
}

#[test]
fn a_body_is_taken_over_as_a_whole_or_iteration_by_iteration() {
    let flow = |url: &str| {
        plan(
            json!([
                {"id": "t", "type": "trigger"},
                {"id": "m", "type": "map", "config": {"items": "{{ [1, 2] }}"}},
                {"id": "x", "parent": "m", "type": "http", "config": {"method": "GET", "url": url}},
                {"id": "o", "type": "output", "config": {"value": "{{ nodes.m.output }}"}}
            ]),
            &[("t", "out", "m"), ("m", "out", "o")],
        )
    };
    let (old, new) = (flow("https://example.com/a"), flow("https://example.com/b"));
    let mut run = Run::start(&old, json!({}));
    run.succeed("m:0/x", 1, json!(1));
    let half = run.past();
    let none = BTreeSet::new();
    assert_eq!(ids(&half.reused(&old, &old, &none, &vars())), ["m:0", "t"]);
    assert_eq!(ids(&half.reused(&old, &new, &none, &vars())), ["t"]);
    run.succeed("m:1/x", 1, json!(2));
    let whole = run.past();
    assert_eq!(
        ids(&whole.reused(&old, &old, &none, &vars())),
        ["m", "o", "t"]
    );
    assert_eq!(ids(&whole.reused(&old, &new, &none, &vars())), ["t"]);
}

#[test]
fn a_branch_that_was_not_taken_is_skipped_again() {
    let plan = plan(
        json!([
            {"id": "t", "type": "trigger"},
            {"id": "c", "type": "condition", "config": {"cases": [{"when": "input.x", "port": "yes"}], "default_port": "no"}},
            call("a", url("https://example.com/a")),
            call("b", url("https://example.com/b")),
            call("d", url("https://example.com/d")),
        ]),
        &[
            ("t", "out", "c"),
            ("c", "yes", "a"),
            ("c", "no", "b"),
            ("a", "out", "d"),
            ("b", "out", "d"),
        ],
    );
    let mut run = Run::start(&plan, json!({"x": true}));
    run.succeed("a", 1, json!(1));
    run.succeed("d", 1, json!(1));
    let past = run.past();
    let reused = past.reused(&plan, &plan, &BTreeSet::new(), &vars());
    assert_eq!(ids(&reused), ["a", "c", "d", "t"]);
    let again = Run::start_with(&plan, json!({"x": true}), reused);
    assert!(again.state.is_over());
    // Another output of the condition, and the other branch runs.
    let mut forked = past.reused(&plan, &plan, &BTreeSet::from(["c"]), &vars());
    assert_eq!(ids(&forked), ["t"]);
    let pin = Pin {
        output: json!({"port": "no"}),
        port: Some("no".into()),
    };
    forked.push(reuse::given(&plan, "c", pin, past.port("c")).unwrap());
    let forked = Run::start_with(&plan, json!({"x": true}), forked);
    assert_eq!(
        forked.events()[2..],
        ["c reused -> no", "a skipped", "b begins 1"]
    );
}

#[test]
fn a_join_that_waits_for_one_is_taken_over_with_what_came() {
    let plan = plan(
        json!([
            {"id": "t", "type": "trigger"},
            call("a", url("https://example.com/a")),
            call("b", url("https://example.com/b")),
            {"id": "j", "type": "join", "config": {"wait_for": "any"}},
            call("d", url("https://example.com/d")),
        ]),
        &[
            ("t", "out", "a"),
            ("t", "out", "b"),
            ("a", "out", "j"),
            ("b", "out", "j"),
            ("j", "out", "d"),
        ],
    );
    let mut run = Run::start(&plan, json!({}));
    run.succeed("a", 1, json!(1));
    run.succeed("d", 1, json!(2));
    run.fail("b", 1, StepError::new("x", "y"));
    let past = run.past();
    let reused = past.reused(&plan, &plan, &BTreeSet::new(), &vars());
    assert_eq!(ids(&reused), ["a", "d", "j", "t"]);
    let again = Run::start_with(&plan, json!({}), reused);
    assert_eq!(again.dispatched().len(), 1, "{:?}", again.events());
    let reused = past.reused(&plan, &plan, &BTreeSet::from(["a"]), &vars());
    assert_eq!(ids(&reused), ["t"]);
}

#[test]
fn only_what_has_a_turn_can_be_given() {
    let plan = flow();
    let pin = |port: Option<&str>| Pin {
        output: json!(1),
        port: port.map(str::to_owned),
    };
    assert!(reuse::given(&plan, "a", pin(None), None).is_ok());
    assert!(reuse::given(&plan, "z", pin(None), None).is_err());
    assert!(reuse::given(&plan, "a", pin(Some("nowhere")), None).is_err());
    let given = reuse::given(&plan, "a", pin(None), Some("error")).unwrap();
    assert_eq!(given.port, "error");
}

/// A test of a flow up to a node, with outputs that are given.
fn test(plan: &Arc<Program>, until: Option<&str>, given: &[&str]) -> Run {
    let reused = given.iter().map(|id| {
        let pin = Pin {
            output: json!(format!("given-{id}")),
            port: None,
        };
        let given = reuse::given(plan, id, pin, None).unwrap();
        Reused {
            anyway: true,
            ..given
        }
    });
    let index = |id: &&str| plan.index(id).unwrap();
    let given_at = given.iter().map(index).collect();
    let taken = TakenOver {
        reused: reused.collect(),
        left_out: reuse::left_out(plan, until.as_ref().map(index), &given_at),
    };
    let source = Source {
        execution_id: None,
        kind: SourceKind::Test,
        node: until.map(str::to_owned),
    };
    let mut start = start_of(json!({}));
    start.basis = Some(Basis {
        source,
        pins: Default::default(),
    });
    Run::begin(plan, start, taken)
}

#[test]
fn one_node_runs_with_what_is_given() {
    let mut run = test(&flow(), Some("c"), &["a"]);
    assert_eq!(
        run.events()[1..],
        ["t skipped", "a reused -> out", "b skipped", "c begins 1"]
    );
    let url = &run.dispatched()[0].config["url"];
    assert_eq!(url, "https://example.com/given-a");
    run.succeed("c", 1, json!("C"));
    assert_eq!(
        run.outcome(),
        (ExecutionState::Succeeded, Some(Value::Null))
    );
}

#[test]
fn a_test_runs_what_is_needed_and_no_more() {
    // To the node: with all before it.
    let run = test(&flow(), Some("c"), &[]);
    assert_eq!(run.events()[1..], ["t -> out", "a begins 1", "b skipped"]);
    // To the end: what only a given output needs is left out.
    let mut run = test(&flow(), None, &["c"]);
    assert_eq!(
        run.events()[1..],
        ["t -> out", "a skipped", "b begins 1", "c reused -> out"]
    );
    run.succeed("b", 1, json!("B"));
    assert_eq!(run.outcome().1, Some(json!("Bgiven-c")));
}

#[test]
fn what_is_named_runs_although_an_output_after_it_is_given() {
    let plan = plan(
        json!([
            {"id": "t", "type": "trigger"},
            call("a", url("https://example.com/a")),
            call("b", url("https://example.com/b")),
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output ~ nodes.b.output }}"}}
        ]),
        &[("t", "out", "a"), ("a", "out", "b"), ("b", "out", "o")],
    );
    let mut run = test(&plan, None, &["b"]);
    // What is given comes no earlier than what stands before it: what reads both sees both.
    assert_eq!(run.events()[1..], ["t -> out", "a begins 1"]);
    run.succeed("a", 1, json!("A"));
    assert!(run.events().contains(&"b reused -> out".to_owned()));
    assert_eq!(run.outcome().1, Some(json!("Agiven-b")));
}

/// A map over three items; `call` may be undone by `undo`.
fn mapped(undo: bool) -> Arc<Program> {
    let mut nodes = vec![
        json!({"id": "t", "type": "trigger"}),
        json!({"id": "each", "type": "map", "config": {"items": "{{ input }}", "parallel": 1}}),
        json!({"id": "call", "type": "http", "parent": "each", "config": url("https://example.com/{{ item }}")}),
        json!({"id": "o", "type": "output", "config": {"value": "{{ nodes.each.output }}"}}),
    ];
    let edges = [("t", "out", "each"), ("each", "out", "o")];
    if undo {
        nodes.push(json!({"id": "undo", "type": "http", "parent": "each", "compensates": "call", "config": url("https://example.com/undo")}));
    }
    plan(Value::Array(nodes), &edges)
}

/// The first two items are done, the third has failed.
fn failed_at_the_third(plan: &Arc<Program>) -> Run {
    let mut run = Run::start(plan, json!(["a", "b", "c"]));
    run.succeed("each:0/call", 1, json!(1));
    run.succeed("each:1/call", 1, json!(2));
    run.fail("each:2/call", 1, StepError::new("x", "y"));
    run
}

/// It has two items of three from another.
pub(super) fn items_taken_over() -> Run {
    let plan = mapped(false);
    let past = failed_at_the_third(&plan).past();
    let reused = past.reused(&plan, &plan, &BTreeSet::new(), &vars());
    Run::start_with(&plan, json!(["a", "b", "c"]), reused)
}

#[test]
fn items_of_a_map_that_were_done_are_not_done_again() {
    let plan = mapped(false);
    let first = failed_at_the_third(&plan);
    assert!(first.state.is_over());
    let past = first.past();
    let reused = past.reused(&plan, &plan, &BTreeSet::new(), &vars());
    assert_eq!(ids(&reused), ["each:0", "each:1", "t"]);
    let mut run = Run::start_with(&plan, json!(["a", "b", "c"]), reused);
    let begun: Vec<_> = run.dispatched().iter().map(|it| it.node.clone()).collect();
    assert_eq!(begun, ["each:2/call"]);
    let from = run
        .records
        .iter()
        .filter_map(|record| match &record.frame.event {
            ExecutionEvent::IterationSucceeded { index, from, .. } => Some((*index, *from)),
            _ => None,
        });
    let id = Some(first.state.data.id);
    assert_eq!(from.collect::<Vec<_>>(), [(0, id), (1, id)]);
    run.succeed("each:2/call", 1, json!(3));
    let output = json!([1, 2, 3]);
    assert_eq!(run.outcome(), (ExecutionState::Succeeded, Some(output)));
    // Its history tells of all three, whoever did them.
    let again = run.past().reused(&plan, &plan, &BTreeSet::new(), &vars());
    assert_eq!(ids(&again), ["each", "o", "t"]);
}

#[test]
fn items_are_done_again_where_the_map_is_named_or_they_may_be_undone() {
    let plan = mapped(false);
    let past = failed_at_the_third(&plan).past();
    let named = BTreeSet::from(["each"]);
    assert_eq!(ids(&past.reused(&plan, &plan, &named, &vars())), ["t"]);
    let undoable = mapped(true);
    let past = failed_at_the_third(&undoable).past();
    let reused = past.reused(&undoable, &undoable, &BTreeSet::new(), &vars());
    assert_eq!(ids(&reused), ["t"]);
}

#[test]
fn rounds_of_a_loop_that_were_done_are_not_done_again() {
    let plan = plan(
        json!([
            {"id": "t", "type": "trigger"},
            {"id": "again", "type": "loop", "config": {"while": "index < 3"}},
            {"id": "call", "type": "http", "parent": "again", "config": url("https://example.com/{{ previous }}")}
        ]),
        &[("t", "out", "again")],
    );
    let mut first = Run::start(&plan, json!({}));
    first.succeed("again:0/call", 1, json!("a"));
    first.succeed("again:1/call", 1, json!("b"));
    first.fail("again:2/call", 1, StepError::new("x", "y"));
    let past = first.past();
    let reused = past.reused(&plan, &plan, &BTreeSet::new(), &vars());
    assert_eq!(ids(&reused), ["again:0", "again:1", "t"]);
    let run = Run::start_with(&plan, json!({}), reused);
    let begun = run.dispatched();
    assert_eq!(begun[0].node, "again:2/call");
    assert_eq!(begun[0].config["url"], "https://example.com/b");
}
