//! What follows a failure or a cancel: steps that are undone, and the error handler.

use super::*;

fn http(id: &str, more: Value) -> Value {
    let mut node = json!({"id": id, "type": "http", "config": {"method": "GET", "url": "https://example.com/{{ input.n }}"}});
    let fields = more.as_object().unwrap().clone();
    node.as_object_mut().unwrap().extend(fields);
    node
}

fn undo(id: &str, of: &str) -> Value {
    let url = format!("https://example.com/{{{{ nodes.{of}.output.id }}}}");
    json!({"id": id, "type": "http", "compensates": of, "retry": {"max_attempts": 2, "backoff_ms": 1},
        "config": {"method": "DELETE", "url": url}})
}

/// `a`, then `b` and `c` side by side, then `d`; `a` and `b` can be undone.
fn saga(handler: bool) -> Arc<Program> {
    let mut nodes = vec![
        json!({"id": "t", "type": "trigger"}),
        http("a", json!({})),
        http("b", json!({})),
        http("c", json!({})),
        http("d", json!({})),
        undo("not_a", "a"),
        undo("not_b", "b"),
        json!({"id": "o", "type": "output", "config": {"value": "done"}}),
    ];
    let mut edges = vec![
        ("t", "out", "a"),
        ("a", "out", "b"),
        ("a", "out", "c"),
        ("b", "out", "d"),
        ("c", "out", "d"),
        ("d", "out", "o"),
    ];
    if handler {
        nodes.push(json!({"id": "failed", "type": "error_handler"}));
        nodes.push(http(
            "tell",
            json!({"config": {"method": "POST", "url": "https://example.com",
            "body": "{{ nodes.failed.output.error.node }} after {{ nodes.a.output.id }}"}}),
        ));
        nodes.push(
            json!({"id": "told", "type": "output", "config": {"value": "{{ nodes.tell.output }}"}}),
        );
        edges.push(("failed", "out", "tell"));
        edges.push(("tell", "out", "told"));
    }
    plan(json!(nodes), &edges)
}

fn broken() -> StepError {
    StepError::new("x", "y")
}

fn paths(run: &Run) -> Vec<&str> {
    let items = run.dispatched();
    items.into_iter().map(|item| item.node.as_str()).collect()
}

/// Up to `d`.
fn began(plan: &Arc<Program>) -> Run {
    let mut run = Run::start(plan, json!({"n": 1}));
    run.succeed("a", 1, json!({"id": 7}));
    run.succeed("c", 1, json!({"id": 9}));
    run.succeed("b", 1, json!({"id": 8}));
    assert_eq!(paths(&run), ["d"]);
    run
}

#[test]
fn what_succeeded_is_undone_the_last_first() {
    let mut run = began(&saga(false));
    run.fail("d", 1, broken());
    assert_eq!(paths(&run), ["not_b"]);
    assert_eq!(
        run.dispatched()[0].config["url"],
        json!("https://example.com/8")
    );
    assert!(!run.state.is_over());
    run.fail("not_b", 1, broken().retryable());
    let (timer, at) = run.timers()[0];
    run.now = at;
    run.fire(timer);
    assert_eq!(run.dispatched()[0].attempt, 2);
    run.input(Input::Resume);
    assert_eq!(paths(&run), ["not_b"], "a new owner goes on");
    run.succeed("not_b", 2, json!(null));
    assert_eq!(paths(&run), ["not_a"]);
    run.succeed("not_a", 1, json!(null));
    assert_eq!(run.outcome().0, ExecutionState::Failed);
    let view = run.state.data.view();
    assert_eq!(view.error.unwrap().node.as_deref(), Some("d"));
    assert!(view.uncompensated.is_empty() && !view.handled);
    assert!(run.events().contains(&"undoes b a".to_owned()));
}

#[test]
fn what_cannot_be_undone_is_said_and_the_rest_is_undone() {
    let mut run = began(&saga(false));
    run.fail("d", 1, broken());
    run.fail("not_b", 1, broken());
    assert_eq!(paths(&run), ["not_a"]);
    run.succeed("not_a", 1, json!(null));
    assert_eq!(run.outcome().0, ExecutionState::Failed);
    assert_eq!(run.state.data.view().uncompensated, ["b"]);
}

#[test]
fn a_cancel_undoes_too_once() {
    let mut run = began(&saga(true));
    run.cancel();
    assert_eq!(run.effects[0], Effect::Cut);
    run.fail("d", 1, StepError::new("cancelled", "cut"));
    assert_eq!(paths(&run), ["not_b"]);
    run.cancel();
    assert!(
        run.effects.is_empty(),
        "what is undone is undone to its end"
    );
    run.succeed("not_b", 1, json!(null));
    run.succeed("not_b", 1, json!(null));
    run.succeed("not_a", 1, json!(null));
    assert_eq!(run.outcome().0, ExecutionState::Cancelled);
    let asked = run
        .events()
        .into_iter()
        .filter(|event| event == "cancel_asked");
    assert_eq!(asked.count(), 2);
}

#[test]
fn a_step_that_was_cut_is_not_undone() {
    let mut run = Run::start(&saga(false), json!({"n": 1}));
    run.succeed("a", 1, json!({"id": 7}));
    run.fail("c", 1, broken());
    assert!(run.effects.contains(&Effect::Cut));
    run.fire(Timer::Grace);
    assert_eq!(paths(&run), ["not_a"]);
    run.succeed("b", 1, json!({"id": 8}));
    assert!(run.events().contains(&"b late 1".to_owned()));
    run.succeed("not_a", 1, json!(null));
    assert_eq!(run.outcome().0, ExecutionState::Failed);
}

#[test]
fn the_error_handler_runs_once_and_gives_an_output() {
    let mut run = began(&saga(true));
    run.fail("d", 1, broken());
    run.succeed("not_b", 1, json!(null));
    run.fail("not_a", 1, broken());
    assert_eq!(paths(&run), ["tell"]);
    assert_eq!(run.dispatched()[0].config["body"], json!("d after 7"));
    run.input(Input::Resume);
    assert_eq!(paths(&run), ["tell"]);
    run.succeed("tell", 1, json!("sorry"));
    assert_eq!(
        run.outcome(),
        (ExecutionState::Failed, Some(json!("sorry")))
    );
    let view = run.state.data.view();
    assert!(view.handled && view.uncompensated == ["a"]);
    assert_eq!(view.error.unwrap().node.as_deref(), Some("d"));
    let settled = run.events();
    let handled = settled
        .iter()
        .position(|it| it == "failed handles x")
        .unwrap();
    assert_eq!(
        settled[handled + 1..handled + 3],
        ["failed -> out", "tell begins 1"]
    );
}

#[test]
fn an_error_handler_that_fails_leaves_the_first_error() {
    for cancelled in [false, true] {
        let mut run = began(&saga(true));
        run.fail("d", 1, broken());
        run.succeed("not_b", 1, json!(null));
        run.succeed("not_a", 1, json!(null));
        if cancelled {
            run.cancel();
        }
        run.fail("tell", 1, StepError::new("z", "no"));
        assert_eq!(run.outcome(), (ExecutionState::Failed, None));
        let view = run.state.data.view();
        assert_eq!(
            (view.error.unwrap().code.as_str(), view.handled),
            ("x", false)
        );
    }
}

#[test]
fn a_cancel_while_steps_are_undone_lets_no_handler_begin() {
    let mut run = began(&saga(true));
    run.fail("d", 1, broken());
    run.cancel();
    run.succeed("not_b", 1, json!(null));
    run.succeed("not_a", 1, json!(null));
    assert_eq!(run.outcome(), (ExecutionState::Failed, None));
    assert!(
        !run.events()
            .iter()
            .any(|event| event.starts_with("failed "))
    );
}

#[test]
fn a_success_undoes_nothing_and_a_handler_stays_aside() {
    let mut run = began(&saga(true));
    run.succeed("d", 1, json!(1));
    assert_eq!(
        run.outcome(),
        (ExecutionState::Succeeded, Some(json!("done")))
    );
    let aside = |event: &String| event.starts_with("not_") || event.starts_with("failed");
    assert!(!run.events().iter().any(aside), "{:?}", run.events());
}

#[test]
fn steps_of_bodies_are_undone_with_what_they_had() {
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        {"id": "each", "type": "map", "config": {"items": "{{ input.list }}"}},
        http("book", json!({"parent": "each"})),
        {"id": "unbook", "type": "http", "parent": "each", "compensates": "book",
         "config": {"method": "DELETE", "url": "https://example.com/{{ item }}/{{ index }}/{{ nodes.book.output }}"}},
        http("pay", json!({})),
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.each.output }}"}}
    ]);
    let edges = [
        ("t", "out", "each"),
        ("each", "out", "pay"),
        ("pay", "out", "o"),
    ];
    let mut run = Run::start(&plan(nodes, &edges), json!({"n": 0, "list": ["x", "y"]}));
    run.succeed("each:1/book", 1, json!(11));
    run.succeed("each:0/book", 1, json!(10));
    run.fail("pay", 1, broken());
    let url = |run: &Run| run.dispatched()[0].config["url"].clone();
    assert_eq!(paths(&run), ["each:0/unbook"]);
    assert_eq!(url(&run), json!("https://example.com/x/0/10"));
    run.succeed("each:0/unbook", 1, json!(null));
    assert_eq!(url(&run), json!("https://example.com/y/1/11"));
    run.fail("each:1/unbook", 1, broken());
    assert_eq!(run.outcome().0, ExecutionState::Failed);
    assert_eq!(run.state.data.view().uncompensated, ["each:1/book"]);
}

#[test]
fn an_output_that_is_too_large_is_handled_like_every_failure() {
    let big =
        |id: &str| json!({"id": id, "type": "output", "config": {"value": "{{ input.big }}"}});
    let nodes = json!([
        {"id": "t", "type": "trigger"}, big("o"), big("p"),
        {"id": "failed", "type": "error_handler"},
        {"id": "told", "type": "output", "config": {"value": "{{ nodes.failed.output.error.code }}"}}
    ]);
    let edges = [
        ("t", "out", "o"),
        ("t", "out", "p"),
        ("failed", "out", "told"),
    ];
    let run = Run::start(
        &plan(nodes, &edges),
        json!({"big": "x".repeat(9 * 1024 * 1024)}),
    );
    assert_eq!(
        run.outcome(),
        (ExecutionState::Failed, Some(json!("output_too_large")))
    );
}
