//! Two executions beside each other, and one that is decided otherwise than it was.

use contracts::execution::NodeEnd;

use super::*;
use crate::domain::comparing::{self, Side, Story};

fn flow(b: &str) -> Arc<Program> {
    let call = |id: &str, url: &str| json!({"id": id, "type": "http", "config": {"method": "GET", "url": url}});
    plan(
        json!([
            {"id": "t", "type": "trigger"},
            call("a", "https://example.com/a"),
            call("b", b),
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.b.output }}"}}
        ]),
        &[("t", "out", "a"), ("a", "out", "b"), ("b", "out", "o")],
    )
}

fn story(run: &Run) -> Story {
    let mut story = Story::default();
    for record in &run.records {
        story.take(&record.frame);
    }
    story
}

#[test]
fn what_differs_is_told_by_node() {
    let (old, new) = (flow("https://example.com/b"), flow("https://example.com/c"));
    let mut one = Run::start(&old, json!({}));
    one.succeed("a", 1, json!(1));
    one.succeed("b", 1, json!(2));
    let mut other = Run::start(&new, json!({}));
    other.succeed("a", 1, json!(1));
    other.fail("b", 1, StepError::new("x", "y"));
    let (one, other) = (story(&one), story(&other));
    let nodes = comparing::compare(
        Side {
            program: &old,
            story: &one,
        },
        Side {
            program: &new,
            story: &other,
        },
    );
    let told: Vec<_> = nodes
        .iter()
        .map(|it| (it.node.as_str(), it.same, it.same_config, it.same_input))
        .collect();
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(
        told,
        [
            ("t", true, yes, yes),
            ("a", true, yes, yes),
            ("b", false, no, yes),
            ("o", false, yes, no)
        ]
    );
    let of = |at: usize| nodes[at].with.as_ref().unwrap();
    assert_eq!((of(2).end, of(3).end), (NodeEnd::Failed, NodeEnd::Pending));
    let price = Some(rust_decimal::Decimal::new(15, 4));
    assert_eq!((of(1).attempts, of(1).usage.cost), (1, price));
    assert!(one.has_input_of(&other) && !one.has_output_of(&other));
}

#[test]
fn another_decision_is_noticed() {
    let plan = flow("https://example.com/b");
    let mut run = Run::start(&plan, json!({}));
    run.succeed("a", 1, json!(1));
    run.succeed("b", 1, json!(2));
    let mut frames: Vec<_> = run.records.iter().map(|it| it.frame.clone()).collect();
    let which = (TenantId::EXAMPLE, ExecutionId::EXAMPLE);
    let vars = json!({});
    let whole = replay(&plan, which, &frames, vars.clone());
    assert!(whole.same, "{whole:?}");
    assert_eq!(whole.checked, whole.events);
    // Where only a part could be looked at, that is what is told.
    let mut part = Replaying::begin(&plan, which, &frames[0], vars.clone(), Vec::new()).unwrap();
    frames[..3].iter().for_each(|frame| part.take(frame));
    let part = part.told(which.1, frames.len() as u64);
    assert_eq!((part.same, part.checked), (true, 3));
    let mut short = Replaying::begin(&plan, which, &frames[0], vars.clone(), Vec::new()).unwrap();
    frames[..2].iter().for_each(|frame| short.take(frame));
    let lacks = short.told(which.1, 2);
    assert_eq!(
        (lacks.same, lacks.diverged_at),
        (false, Some(3)),
        "{lacks:?}"
    );
    let nodes: Vec<_> = whole.steps.iter().map(|step| step.node.as_str()).collect();
    assert_eq!(nodes, ["t", "a", "b", "o"]);
    // The output node gave something else than the engine makes of it now.
    let at = frames.iter().position(
        |frame| matches!(&frame.event, ExecutionEvent::StepSucceeded { node, .. } if node == "o"),
    );
    let at = at.unwrap();
    if let ExecutionEvent::StepSucceeded { output, .. } = &mut frames[at].event {
        *output = json!("other");
    }
    let changed = replay(&plan, which, &frames, vars.clone());
    let step = changed.steps.iter().find(|step| step.node == "o").unwrap();
    assert_eq!(step.differences, [format!("{}: output", frames[at].n)]);
    // An event that cannot have happened: the engine would have begun `b`.
    frames.remove(4);
    let broken = replay(&plan, which, &frames, vars);
    assert!(!broken.same);
    assert!(broken.diverged_at.is_some(), "{broken:?}");
    assert!(broken.checked < broken.events);
}
