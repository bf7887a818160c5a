//! Random flows, random inputs in random order: the invariants of [`Run::check`] hold, and every execution ends once.

use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::{Just, Strategy};

use super::*;
use crate::domain::Answer;

#[derive(Clone, Debug)]
pub(super) enum Move {
    Succeed(Value),
    Fail { retryable: bool },
    Repeat,
    Silence,
    Cancel,
    Resume,
    Overdue,
    Pause,
    Unpause,
}

fn moves() -> impl Strategy<Value = Vec<(prop::sample::Index, Move)>> {
    let value = prop_oneof![
        Just(json!(null)),
        any::<i64>().prop_map(|n| json!(n)),
        ".{0,20}".prop_map(|text| json!({ "text": text, "a.b": [true] })),
    ];
    let one = prop_oneof![
        6 => value.prop_map(Move::Succeed),
        3 => any::<bool>().prop_map(|retryable| Move::Fail { retryable }),
        1 => Just(Move::Repeat),
        1 => Just(Move::Silence),
        1 => Just(Move::Resume),
        1 => Just(Move::Cancel),
        1 => Just(Move::Overdue),
        1 => Just(Move::Pause),
        1 => Just(Move::Unpause),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), one), 0..60)
}

/// Undoes a node.
fn undo(at: usize) -> Value {
    json!({"id": format!("u{at}"), "type": "http", "compensates": format!("n{at}"),
        "retry": {"max_attempts": 2, "backoff_ms": 1},
        "config": {"method": "GET", "url": "https://example.com"}})
}

pub(super) fn random_plan(kinds: &[(u8, u8)], extra: &[(usize, usize)]) -> Arc<Program> {
    let mut nodes = vec![json!({"id": "n0", "type": "trigger"})];
    for (at, (kind, policy)) in (1..).zip(kinds) {
        let mut node = match kind % 9 {
            0 => {
                json!({"type": "transform", "config": {"value": {"was": format!("{{{{ nodes.n{}.output }}}}", at - 1)}}})
            }
            1 => {
                json!({"type": "condition", "config": {"cases": [{"when": format!("nodes.n{}.output", at - 1), "port": "out"}], "default_port": "other"}})
            }
            2 => json!({"type": "wait", "config": {"seconds": 3}}),
            3 => {
                json!({"type": "approval", "config": {"title": "?", "buttons": [{"port": "out", "label": "Go"}]}})
            }
            4 => {
                let on_error = ["fail", "keep", "skip"][usize::from(policy % 3)];
                nodes.push(json!({"id": format!("b{at}"), "parent": format!("n{at}"), "type": "http", "retry": {"max_attempts": 2},
                    "config": {"method": "GET", "url": "https://example.com/{{ item }}"}}));
                json!({"type": "map", "config": {"items": "{{ [1, 2, 3] }}", "parallel": 2, "on_item_error": on_error}})
            }
            5 => {
                let (inner, outer) = (format!("m{at}"), format!("n{at}"));
                nodes.push(json!({"id": inner, "parent": outer, "type": "map", "config": {"items": "{{ [index, previous] }}"}}));
                nodes.push(json!({"id": format!("w{at}"), "parent": inner, "type": "wait", "config": {"seconds": 2}}));
                nodes.push(json!({"id": format!("h{at}"), "parent": inner, "type": "http", "config": {"method": "GET", "url": "https://example.com"}}));
                json!({"type": "loop", "config": {"while": "index < 2"}})
            }
            6 => json!({"type": "event", "config": {"name": "go", "deadline_seconds": 3}}),
            _ => json!({"type": "http", "config": {"method": "GET", "url": "https://example.com"}}),
        };
        node["id"] = json!(format!("n{at}"));
        match policy % 4 {
            0 => node["on_error"] = json!("branch"),
            1 => node["on_error"] = json!({"default": 1}),
            2 if !["map", "loop"].contains(&node["type"].as_str().unwrap()) => {
                node["retry"] = json!({"max_attempts": 3, "backoff_ms": 1, "jitter": 0.5});
            }
            _ => {}
        }
        let can_be_undone = policy % 3 == 0 && node["type"] != "condition";
        nodes.push(node);
        if can_be_undone {
            nodes.push(undo(at));
        }
    }
    if kinds.len().is_multiple_of(2) {
        nodes.push(json!({"id": "f", "type": "error_handler"}));
        nodes.push(json!({"id": "g", "type": "http", "config": {"method": "GET", "url": "https://example.com"}}));
    }
    let count = kinds.len() + 1;
    let mut edges: Vec<_> = (1..count).map(|to| (to - 1, to)).collect();
    for (from, to) in extra {
        let edge = (from % count, to % count);
        if edge.0 < edge.1 && !edges.contains(&edge) {
            edges.push(edge);
        }
    }
    let names: Vec<_> = edges
        .iter()
        .map(|(from, to)| (format!("n{from}"), format!("n{to}")))
        .collect();
    let mut edges: Vec<_> = names
        .iter()
        .map(|(from, to)| (from.as_str(), "out", to.as_str()))
        .collect();
    if kinds.len().is_multiple_of(2) {
        edges.push(("f", "out", "g"));
    }
    plan_with(json!(nodes), &edges, json!({"timeout_seconds": 86_400}))
}

/// Attempts and pauses that the execution waits for.
fn pending(run: &Run) -> Vec<(String, super::super::state::Step)> {
    use super::super::state::Step;
    let waits = |step: &Step| {
        matches!(
            step,
            Step::Running { .. }
                | Step::Pausing { .. }
                | Step::Sleeping { .. }
                | Step::Listening { .. }
                | Step::Asking
        )
    };
    // Once it closes, only what runs is waited for.
    let is_closing = run.state.data.closing.is_some();
    let counts = |step: &Step| waits(step) && (!is_closing || matches!(step, Step::Running { .. }));
    run.state
        .steps()
        .filter(|(_, step)| counts(step))
        .map(|(node, step)| (run.state.path(node).into_owned(), step))
        .collect()
}

/// Pauses or goes on, where that is the move. Says whether it is.
fn hold(run: &mut Run, one: &Move, is_stuck: bool) -> bool {
    let by = UserId::EXAMPLE;
    match one {
        Move::Pause => run.input(Input::Pause {
            by,
            parent_event: None,
        }),
        Move::Unpause => run.input(Input::Unpause {
            by,
            parent_event: None,
        }),
        _ if is_stuck && run.state.data.is_paused() => run.input(Input::Unpause {
            by,
            parent_event: None,
        }),
        _ => return false,
    }
    true
}

pub(super) fn step(run: &mut Run, pick: prop::sample::Index, one: Move) {
    use super::super::state::Step;
    let pending = pending(run);
    if hold(run, &one, pending.is_empty()) || pending.is_empty() {
        return;
    }
    let (node, at) = pick.get(&pending).clone();
    let index = run.index(&node);
    let attempt = match at {
        Step::Pausing { attempt, at } => {
            run.now = run.now.max(at);
            return run.fire(Timer::Retry {
                node: index,
                attempt,
            });
        }
        Step::Sleeping { until, .. } => {
            run.now = run.now.max(until);
            return run.fire(Timer::Wait { node: index });
        }
        Step::Listening { until, .. } => {
            if let Move::Succeed(data) = one {
                let output = json!({"event": "go", "id": "m", "data": data, "at": null});
                return run.input(Input::Heard {
                    node: index,
                    output,
                });
            }
            run.now = run.now.max(until.unwrap());
            return run.fire(Timer::Wait { node: index });
        }
        Step::Asking => {
            let answer = Answer {
                port: "out".into(),
                values: Value::Null,
                comment: String::new(),
                by: UserId::EXAMPLE,
            };
            return run.input(Input::Answer {
                node: index,
                answer,
            });
        }
        Step::Running { attempt } => attempt,
        _ => return,
    };
    match one {
        Move::Succeed(output) => run.succeed(&node, attempt, output),
        Move::Fail { retryable } => {
            let mut error = StepError::new("x", "y");
            error.retryable = retryable;
            run.fail(&node, attempt, error);
        }
        Move::Repeat => {
            run.succeed(&node, attempt, json!(1));
            run.succeed(&node, attempt, json!(2));
        }
        Move::Silence => run.fire(Timer::Silence {
            node: index,
            attempt,
        }),
        Move::Cancel => run.cancel(),
        Move::Resume => run.input(Input::Resume),
        Move::Overdue => {
            run.now += TimeDelta::days(2);
            run.fire(Timer::Overdue);
        }
        Move::Pause | Move::Unpause => {}
    }
}

proptest! {
    #[test]
    fn every_execution_ends_once_and_replays_the_same(
        kinds in prop::collection::vec((any::<u8>(), any::<u8>()), 1..14),
        extra in prop::collection::vec((0usize..14, 0usize..14), 0..16),
        moves in moves(),
        input in prop_oneof![Just(json!({"x": 1.5})), Just(json!(null)), Just(json!([1, "a"]))],
    ) {
        let plan = random_plan(&kinds, &extra);
        let mut run = Run::start(&plan, input);
        for (pick, one) in moves {
            step(&mut run, pick, one);
        }
        // Whatever is left goes on, and succeeds.
        run.input(Input::Unpause {
            by: UserId::EXAMPLE,
            parent_event: None,
        });
        for _ in 0..400 {
            let pick = any_index();
            step(&mut run, pick, Move::Succeed(json!(0)));
        }
        prop_assert!(run.state.is_over(), "{:?}", run.events());
        let ends = run.records.iter().filter(|record| record.frame.event.is_final()).count();
        prop_assert!(ends == 1);
    }

    #[test]
    fn what_is_run_again_takes_over_what_succeeded_and_nothing_else(
        kinds in prop::collection::vec((any::<u8>(), any::<u8>()), 1..14),
        extra in prop::collection::vec((0usize..14, 0usize..14), 0..16),
        moves in moves(),
    ) {
        let plan = random_plan(&kinds, &extra);
        let mut first = Run::start(&plan, json!({"x": 1}));
        for (pick, one) in moves {
            step(&mut first, pick, one);
        }
        let past = first.past();
        let reused = past.reused(&plan, &plan, &BTreeSet::new(), &first.state.data.vars);
        let mut second = Run::start_with(&plan, json!({"x": 1}), reused.clone());
        let taken: Vec<_> = second.records.iter().filter_map(|record| match &record.frame.event {
            ExecutionEvent::StepReused { node, .. } => Some(node.clone()),
            _ => None,
        }).collect();
        let (rounds, nodes): (Vec<_>, Vec<_>) = reused.iter().partition(|it| it.iteration().is_some());
        // All at once, before anything else is waited for.
        prop_assert_eq!(taken.len(), nodes.len());
        for node in &taken {
            prop_assert_eq!(second.state.output(second.index(node)), first.state.output(first.index(node)));
        }
        for _ in 0..400 {
            let pick = any_index();
            step(&mut second, pick, Move::Succeed(json!(0)));
        }
        prop_assert!(second.state.is_over(), "{:?}", second.events());
        let begun = second.records.iter().filter_map(|record| match &record.frame.event {
            ExecutionEvent::StepStarted { node, .. } | ExecutionEvent::StepIterating { node, .. } => Some(node),
            _ => None,
        });
        for node in begun {
            prop_assert!(!taken.contains(node), "{node} was taken over, and run");
            let is_within = |round: &&Reused| node.starts_with(&format!("{}/", round.node));
            prop_assert!(!rounds.iter().any(is_within), "{node} was taken over, and run");
        }
    }
}

/// The first of whatever is pending.
pub(super) fn any_index() -> prop::sample::Index {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    any::<prop::sample::Index>()
        .new_tree(&mut runner)
        .unwrap()
        .current()
}
