//! Executions that go on from others, and executions that are held.

use std::collections::BTreeMap;

use contracts::{
    execution::{
        CancelExecution, CompareExecutions, PauseExecution, Pin, ReplayExecution, ResumeExecution,
        Source, SourceKind,
    },
    live::ExecutionEvent,
    owner::Basis,
    payload::PayloadRef,
};

use super::{outside::*, *};

/// Two calls in a row.
async fn chain(outside: &Outside) -> String {
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        outside.call("a", json!({})),
        outside.call_to(&outside.other, "b", json!({})),
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output.body ~ nodes.b.output.body }}"}}
    ]);
    let edges = [("t", "out", "a"), ("a", "out", "b"), ("b", "out", "o")];
    outside.fixture.define(nodes, &edges).await
}

fn basis(id: ExecutionId, kind: SourceKind, node: Option<&str>) -> Basis {
    Basis {
        source: Source {
            execution_id: Some(id),
            kind,
            node: node.map(str::to_owned),
        },
        pins: BTreeMap::new(),
    }
}

impl Outside {
    async fn go_on(&self, hash: &str, basis: Basis) -> ExecutionId {
        let start = Start {
            basis: Some(basis),
            ..self.fixture.start_of(hash, json!({}))
        };
        self.fixture.begin(&start).await.id
    }
}

fn text(answer: &str) -> String {
    json!(answer).to_string()
}

#[tokio::test]
async fn a_retry_calls_for_the_items_alone_that_were_not_done() {
    let outside = Outside::start().await;
    let mut call = outside.call("a", json!({}));
    call["parent"] = json!("each");
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        {"id": "each", "type": "map", "config": {"items": "{{ input.list }}", "parallel": 1}},
        call,
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.each.output }}"}}
    ]);
    let edges = [("t", "out", "each"), ("each", "out", "o")];
    let hash = outside.fixture.define(nodes, &edges).await;
    for answer in ["A", "B"] {
        outside.ledger.answer_next(200, text(answer));
    }
    outside.ledger.answer_next(402, "no money");
    let input = json!({"list": [1, 2, 3]});
    let first = outside.fixture.execute(&hash, input.clone()).await;
    let failed = outside.fixture.finished(first).await;
    assert_eq!(failed.state, ExecutionState::Failed);
    assert_eq!(outside.ledger.calls().len(), 3);
    outside.ledger.answer_next(200, text("C"));
    let start = Start {
        basis: Some(basis(first, SourceKind::Retry, None)),
        ..outside.fixture.start_of(&hash, input)
    };
    let second = outside.fixture.begin(&start).await.id;
    let done = outside.fixture.finished(second).await;
    let results = done.output.unwrap();
    let bodies: Vec<_> = results
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["body"])
        .collect();
    assert_eq!(bodies, ["A", "B", "C"]);
    assert_eq!(outside.ledger.calls().len(), 4, "one item was not done");
    // What was taken over is replayed as that.
    let fixture = &outside.fixture;
    let replay = ReplayExecution {
        execution_id: second,
    };
    eventually(SOON, async || {
        let replayed = fixture.ask(&fixture.user, &replay).await.unwrap();
        replayed.same.then_some(())
    })
    .await;
    assert_eq!(outside.ledger.calls().len(), 4);
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_retry_does_nothing_twice() {
    let outside = Outside::start().await;
    let hash = chain(&outside).await;
    outside.ledger.answer_next(200, text("A"));
    outside.other.answer_next(402, "no money");
    let first = outside.fixture.execute(&hash, json!({})).await;
    let failed = outside.fixture.finished(first).await;
    assert_eq!(failed.state, ExecutionState::Failed);
    outside.other.answer_next(200, text("B"));
    let second = outside
        .go_on(&hash, basis(first, SourceKind::Retry, None))
        .await;
    let done = outside.fixture.finished(second).await;
    assert_eq!(done.output, Some(json!("AB")));
    assert_eq!(
        done.source,
        Some(Source {
            execution_id: Some(first),
            kind: SourceKind::Retry,
            node: None
        })
    );
    assert_eq!(outside.ledger.calls().len(), 1, "`a` was called once");
    assert_eq!(outside.other.calls().len(), 2);
    let events = outside.fixture.events(second).await;
    let reused = events.iter().filter_map(|frame| match &frame.event {
        ExecutionEvent::StepReused { node, from, .. } => Some((node.as_str(), *from)),
        _ => None,
    });
    let reused: Vec<_> = reused.collect();
    assert_eq!(reused, [("t", Some(first)), ("a", Some(first))]);
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_retry_takes_over_what_stands_apart() {
    let outside = Outside::start().await;
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        outside.call("a", json!({})),
        outside.call_to(&outside.other, "b", json!({})),
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output.body }}"}}
    ]);
    let edges = [("t", "out", "a"), ("a", "out", "b"), ("b", "out", "o")];
    let hash = outside.fixture.define(nodes, &edges).await;
    let large = "A".repeat(5 * 1024 * 1024);
    outside.ledger.answer_next(200, text(&large));
    outside.other.answer_next(402, "no money");
    let first = outside.fixture.execute(&hash, json!({})).await;
    let failed = outside.fixture.finished(first).await;
    assert_eq!(failed.state, ExecutionState::Failed, "{failed:?}");
    outside.other.answer_next(200, text("B"));
    let second = outside
        .go_on(&hash, basis(first, SourceKind::Retry, None))
        .await;
    let done = outside.fixture.finished(second).await;
    let output = PayloadRef::of(&done.output.unwrap()).unwrap();
    assert_eq!(output.bytes, large.len() as u64 + 2);
    assert_eq!(outside.ledger.calls().len(), 1, "`a` was called once");
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_source_that_left_memory_is_read_from_the_archive_by_a_new_owner() {
    let mut outside = Outside::start().await;
    let hash = chain(&outside).await;
    outside.ledger.answer_next(200, text("A"));
    outside.other.answer_next(402, "no money");
    let first = outside.fixture.execute(&hash, json!({})).await;
    outside.fixture.finished(first).await;
    let other = outside.fixture.engine().await;
    let old = outside.fixture.running.replace(other).unwrap();
    old.drain().await;
    outside.other.hold();
    // The engine that leaves waits for its call no longer than it may; another makes it again.
    outside.other.answer_next(200, text("B"));
    outside.other.answer_next(200, text("B"));
    let second = outside
        .go_on(&hash, basis(first, SourceKind::Retry, None))
        .await;
    Outside::calls_of(&outside.other, 2).await;
    // What was taken over is in the new execution's own log.
    let third = outside.fixture.engine().await;
    let old = outside.fixture.running.replace(third).unwrap();
    old.drain().await;
    outside.other.release();
    let done = outside.fixture.finished(second).await;
    assert_eq!(done.state, ExecutionState::Succeeded, "{done:?}");
    assert_eq!(outside.ledger.calls().len(), 1);
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_fork_goes_on_with_the_output_that_was_given() {
    let outside = Outside::start().await;
    let hash = chain(&outside).await;
    outside.ledger.answer_next(200, text("A"));
    outside.other.answer_next(200, text("B"));
    let first = outside.fixture.execute(&hash, json!({})).await;
    outside.fixture.finished(first).await;
    let pin = Pin {
        output: json!({"body": "edited "}),
        port: None,
    };
    let fork = Basis {
        pins: BTreeMap::from([("a".to_owned(), pin)]),
        ..basis(first, SourceKind::Fork, Some("a"))
    };
    outside.other.answer_next(200, text("C"));
    let second = outside.go_on(&hash, fork).await;
    let done = outside.fixture.finished(second).await;
    assert_eq!(done.output, Some(json!("edited C")));
    assert_eq!(
        outside.ledger.calls().len(),
        1,
        "the edited step is not run"
    );
    outside.fixture.drain().await;
}

#[tokio::test]
async fn what_cannot_be_taken_over_is_refused() {
    let outside = Outside::start().await;
    let hash = chain(&outside).await;
    outside.ledger.hold();
    let running = outside.fixture.execute(&hash, json!({})).await;
    outside.calls(1).await;
    let ask = async |basis| {
        let start = Start {
            basis: Some(basis),
            ..outside.fixture.start_of(&hash, json!({}))
        };
        let asked = outside.fixture.bus.ask_owner(&start, SOON).await;
        let problem = asked.unwrap_err();
        (problem.status, problem.reason.unwrap_or_default())
    };
    let unknown = basis(ExecutionId::generate(), SourceKind::Retry, None);
    assert_eq!(ask(unknown).await.0, 404);
    let open = basis(running, SourceKind::Retry, None);
    assert_eq!(ask(open).await, (409, "not_ended".to_owned()));
    outside.ledger.release();
    outside.fixture.finished(running).await;
    let nowhere = basis(running, SourceKind::Retry, Some("nowhere"));
    assert_eq!(ask(nowhere).await.0, 422);
    let pin = Pin {
        output: json!("x".repeat(8 * 1024 * 1024)),
        port: None,
    };
    let large = Basis {
        pins: BTreeMap::from([("a".to_owned(), pin)]),
        ..basis(running, SourceKind::Fork, Some("a"))
    };
    // No message takes it.
    assert_eq!(ask(large).await.0, 413);
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_paused_execution_begins_nothing_across_a_change_of_owner() {
    let mut outside = Outside::start().await;
    let hash = chain(&outside).await;
    outside.ledger.hold();
    outside.ledger.answer_next(200, text("A"));
    let id = outside.fixture.execute(&hash, json!({})).await;
    outside.calls(1).await;
    let user = outside.fixture.user.clone();
    let pause = PauseExecution { execution_id: id };
    let paused = outside.fixture.ask(&user, &pause).await.unwrap();
    assert_eq!(paused.state, ExecutionState::Paused);
    outside.ledger.release();
    eventually(SOON, async || {
        let kinds = outside.fixture.kinds(id).await;
        (kinds.last() == Some(&"step_succeeded")).then_some(())
    })
    .await;
    let other = outside.fixture.engine().await;
    let old = outside.fixture.running.replace(other).unwrap();
    old.drain().await;
    let fixture = &outside.fixture;
    let paused = eventually(SOON, async || {
        let get = GetExecution { execution_id: id };
        fixture.ask(&user, &get).await.ok()
    })
    .await;
    assert_eq!(paused.state, ExecutionState::Paused);
    assert!(outside.other.calls().is_empty());
    outside.other.answer_next(200, text("B"));
    let resume = ResumeExecution { execution_id: id };
    fixture.ask(&user, &resume).await.unwrap();
    assert_eq!(fixture.finished(id).await.output, Some(json!("AB")));
    // What is over stays as it is, and is not paused.
    fixture.ask(&user, &resume).await.unwrap();
    let late = fixture.ask(&user, &pause).await.unwrap_err();
    assert_eq!((late.status, late.reason.as_deref()), (409, Some("ends")));
    let kinds = fixture.kinds(id).await;
    assert!(kinds.contains(&"execution_paused") && kinds.contains(&"execution_resumed"));
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_paused_execution_can_be_cancelled() {
    let outside = Outside::start().await;
    let hash = chain(&outside).await;
    outside.ledger.hold();
    let id = outside.fixture.execute(&hash, json!({})).await;
    outside.calls(1).await;
    let fixture = &outside.fixture;
    let pause = PauseExecution { execution_id: id };
    fixture.ask(&fixture.user, &pause).await.unwrap();
    let cancel = CancelExecution { execution_id: id };
    fixture.ask(&fixture.user, &cancel).await.unwrap();
    let done = fixture.finished(id).await;
    assert_eq!(done.state, ExecutionState::Cancelled);
    outside.ledger.release();
    outside.fixture.drain().await;
}

#[tokio::test]
async fn what_has_ended_is_compared_and_replayed_without_a_call() {
    let outside = Outside::start().await;
    let hash = chain(&outside).await;
    outside.ledger.answer_next(200, text("A"));
    outside.other.answer_next(402, "no money");
    let fixture = &outside.fixture;
    let first = fixture.execute(&hash, json!({})).await;
    fixture.finished(first).await;
    outside.other.answer_next(200, text("B"));
    let second = outside
        .go_on(&hash, basis(first, SourceKind::Retry, None))
        .await;
    fixture.finished(second).await;
    let compare = CompareExecutions {
        execution_id: first,
        with_execution_id: second,
    };
    let compared = fixture.ask(&fixture.user, &compare).await.unwrap();
    assert_eq!(compared.changed, ["b", "o"]);
    assert!(compared.same_input && !compared.same_output);
    let a = &compared.nodes[1];
    assert!(a.same && a.with.as_ref().unwrap().reused);
    for id in [first, second] {
        let replay = ReplayExecution { execution_id: id };
        // The variables are beside the first event in the archive.
        let replayed = eventually(SOON, async || {
            let replayed = fixture.ask(&fixture.user, &replay).await.unwrap();
            replayed.same.then_some(replayed)
        })
        .await;
        assert_eq!(replayed.diverged_at, None);
        assert_eq!(replayed.steps.len(), 3 + usize::from(id == second));
    }
    let calls = (outside.ledger.calls().len(), outside.other.calls().len());
    assert_eq!(calls, (1, 2), "nothing was called by looking back");
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_test_runs_one_node_with_what_is_given() {
    let outside = Outside::start().await;
    let hash = chain(&outside).await;
    outside.other.answer_next(200, text("B"));
    let pin = Pin {
        output: json!({"body": "A"}),
        port: None,
    };
    let test = Basis {
        source: Source {
            execution_id: None,
            kind: SourceKind::Test,
            node: Some("b".to_owned()),
        },
        pins: BTreeMap::from([("a".to_owned(), pin)]),
    };
    let id = outside.go_on(&hash, test).await;
    let fixture = &outside.fixture;
    let done = fixture.finished(id).await;
    assert_eq!(done.state, ExecutionState::Succeeded);
    let calls = (outside.ledger.calls().len(), outside.other.calls().len());
    assert_eq!(calls, (0, 1));
    let replay = ReplayExecution { execution_id: id };
    let replayed = fixture.ask(&fixture.user, &replay).await.unwrap();
    assert!(replayed.same, "{replayed:?}");
    outside.fixture.drain().await;
}
