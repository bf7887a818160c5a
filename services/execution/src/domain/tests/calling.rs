//! Executions whose steps are executions of their own, and those that are such a step.

use contracts::{execution::begun_by, owner::Parent, tool::FlowPin};

use super::*;
use crate::domain::Word;

const BY: UserId = UserId::EXAMPLE;
const LIMIT_MS: u64 = 60_000;

fn caller() -> Arc<Program> {
    caller_with(json!({}))
}

/// With more about the step.
fn caller_with(more: Value) -> Arc<Program> {
    let mut nodes = json!([
        {"id": "t", "type": "trigger"},
        {"id": "s", "type": "flow", "config": {"flow_id": FlowId::EXAMPLE}, "timeout_ms": LIMIT_MS},
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.s.output }}"}}
    ]);
    let fields = more.as_object().unwrap().clone();
    nodes[1].as_object_mut().unwrap().extend(fields);
    let plan = plan(nodes, &[("t", "out", "s"), ("s", "out", "o")]);
    let pin = FlowPin {
        flow_id: FlowId::EXAMPLE,
        revision: Some(1),
        hash: Some("inner".into()),
    };
    program(Executable {
        definition: plan.definition().clone(),
        flows: [("s".to_owned(), pin)].into(),
        ..Executable::default()
    })
}

/// Its step was handed on.
pub(super) fn caller_at_work() -> Run {
    let mut run = Run::start(&caller(), json!({}));
    run.hand_on();
    run
}

/// One that waits for an approval, begun by a step.
pub(super) fn called() -> Run {
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        {"id": "q", "type": "approval", "config": {"title": "Go on?"}},
        {"id": "o", "type": "output", "config": {"value": 7}}
    ]);
    let plan = plan(nodes, &[("t", "out", "q"), ("q", "approve", "o")]);
    let mut start = start_of(json!({}));
    start.parent = Some(Parent {
        execution_id: parent(),
        node: "s".into(),
        attempt: 1,
        depth: 1,
    });
    Run::begin(&plan, start, TakenOver::default())
}

fn parent() -> ExecutionId {
    ExecutionId::from_uuid(uuid::Uuid::from_u128(7 << 64 | 0x7000 << 64 | 0x8 << 60))
}

fn pause(parent_event: Option<u64>) -> Input {
    Input::Pause {
        by: BY,
        parent_event,
    }
}

fn unpause(parent_event: Option<u64>) -> Input {
    Input::Unpause {
        by: BY,
        parent_event,
    }
}

impl Run {
    /// What is told to others.
    fn told(&self) -> Vec<(ExecutionId, Word)> {
        let told = self.effects.iter().filter_map(|effect| match effect {
            Effect::Tell { to, word, .. } => Some((*to, word.clone())),
            _ => None,
        });
        told.collect()
    }

    fn hand_on(&mut self) -> DateTime<Utc> {
        let until = self.now + TimeDelta::milliseconds(LIMIT_MS as i64);
        self.result(
            "s",
            1,
            Outcome::HandedOn {
                until,
                timeout_ms: LIMIT_MS,
            },
        );
        until
    }

    fn inner(&self) -> ExecutionId {
        self.inner_of(1)
    }

    /// The execution that this attempt has begun.
    fn inner_of(&self, attempt: u32) -> ExecutionId {
        begun_by(self.state.data.id, &self.key_of("s"), attempt)
    }

    fn key_of(&self, node: &str) -> String {
        let data = &self.state.data;
        super::super::retry::effect_key(data.tenant, data.id, node, 0)
    }
}

#[test]
fn what_was_handed_on_waits_without_a_worker() {
    let mut run = Run::start(&caller(), json!({}));
    assert!(!run.state.waits());
    let events = run.events();
    let until = run.hand_on();
    assert_eq!(run.events(), events, "nothing is recorded");
    assert!(run.state.waits());
    assert_eq!(run.state.called_until(), Some(until));
    let silence = Timer::Silence {
        node: run.index("s"),
        attempt: 1,
    };
    run.fire(silence);
    assert_eq!(run.events(), events, "it has time");
    run.now = until;
    run.fire(silence);
    assert_eq!(run.outcome().0, ExecutionState::Failed);
    assert_eq!(run.told(), [(run.inner(), Word::Cancel)]);
    let mut run = Run::start(&caller(), json!({}));
    run.hand_on();
    run.succeed("s", 1, json!(5));
    assert_eq!(run.outcome().0, ExecutionState::Succeeded);
}

#[test]
fn a_pause_is_told_and_so_is_its_end_and_both_again_to_nobody_s_harm() {
    let mut run = Run::start(&caller(), json!({}));
    run.input(pause(None));
    let event = run.state.data.n;
    let paused = vec![(run.inner(), Word::Pause { event })];
    assert_eq!(run.told(), paused);
    // It was begun meanwhile.
    let until = run.hand_on();
    assert_eq!(run.told(), paused);
    run.input(Input::Resume);
    assert_eq!(run.told(), paused);
    run.hand_on();
    // Its time stands still.
    run.now = until + TimeDelta::days(1);
    let silence = Timer::Silence {
        node: run.index("s"),
        attempt: 1,
    };
    run.fire(silence);
    assert_eq!(run.state.data.state(), ExecutionState::Paused);
    run.input(unpause(None));
    let event = run.state.data.n;
    let resumed = vec![(run.inner(), Word::Resume { event })];
    assert_eq!(run.told(), resumed);
    run.fire(silence);
    assert_eq!(run.state.data.state(), ExecutionState::Running);
    run.input(Input::Resume);
    assert_eq!(run.told(), resumed);
}

#[test]
fn a_cancel_is_told_until_the_other_is_over() {
    let mut run = Run::start(&caller(), json!({}));
    run.hand_on();
    run.cancel();
    assert_eq!(run.told(), [(run.inner(), Word::Cancel)]);
    assert!(!run.state.is_over());
    run.input(Input::Resume);
    assert_eq!(run.told(), [(run.inner(), Word::Cancel)]);
    run.fail("s", 1, StepError::new("cancelled", "it was cancelled"));
    assert_eq!(run.outcome().0, ExecutionState::Cancelled);
}

#[test]
fn two_reasons_to_be_paused_are_two() {
    let state = |run: &Run| run.state.data.state();
    let mut run = called();
    assert_eq!(state(&run), ExecutionState::Waiting);
    run.input(pause(Some(5)));
    assert_eq!(state(&run), ExecutionState::Paused);
    let n = run.state.data.n;
    run.input(pause(Some(5)));
    run.input(unpause(Some(4)));
    assert_eq!(run.state.data.n, n, "old news");
    run.input(pause(None));
    run.input(unpause(Some(9)));
    assert_eq!(state(&run), ExecutionState::Paused, "a person's word stays");
    run.input(pause(Some(7)));
    run.input(unpause(None));
    assert_eq!(state(&run), ExecutionState::Waiting);
    run.input(pause(Some(11)));
    run.input(unpause(None));
    assert_eq!(state(&run), ExecutionState::Waiting, "it may go on alone");
    run.input(pause(Some(11)));
    assert_eq!(state(&run), ExecutionState::Waiting);
    let kinds: Vec<_> = run.records.iter().map(|it| it.frame.event.kind()).collect();
    let turns = kinds
        .iter()
        .filter(|kind| kind.ends_with("ed") && kind.starts_with("execution_"));
    assert_eq!(turns.count(), 1 + 6, "{kinds:?}");
}

#[test]
fn the_end_is_told_to_the_one_that_waits() {
    let mut run = called();
    run.cancel();
    let told = run.told();
    let [(to, Word::Ended { node, outcome, .. })] = &told[..] else {
        panic!("{:?}", run.effects);
    };
    assert_eq!((*to, node.as_str()), (parent(), "s"));
    assert!(matches!(&**outcome, Outcome::Failed { error } if error.code == "cancelled"));
}

#[test]
fn each_attempt_has_an_execution_of_its_own_and_the_one_before_is_cancelled() {
    let again = json!({"max_attempts": 2, "backoff_ms": 10});
    let mut run = Run::start(&caller_with(json!({"retry": again})), json!({}));
    let until = run.hand_on();
    run.now = until;
    run.fire(Timer::Silence {
        node: run.index("s"),
        attempt: 1,
    });
    assert_eq!(run.told(), [(run.inner_of(1), Word::Cancel)]);
    assert_ne!(run.inner_of(1), run.inner_of(2));
    // The word may have been lost with its owner.
    run.input(Input::Resume);
    assert!(run.told().contains(&(run.inner_of(1), Word::Cancel)));
    run.now += TimeDelta::seconds(1);
    run.fire(Timer::Retry {
        node: run.index("s"),
        attempt: 1,
    });
    // What the first one used until it was cancelled counts; what it says does not.
    let usage = Usage {
        prompt_tokens: 5,
        ..Usage::ZERO
    };
    run.input(Input::Result(StepResult {
        node: run.index("s"),
        attempt: 1,
        outcome: Outcome::Succeeded { output: json!(1) },
        usage: Some(usage),
        duration_ms: 1,
    }));
    assert_eq!(run.state.data.usage.prompt_tokens, 5);
    assert!(!run.state.is_over());
    run.succeed("s", 2, json!(2));
    assert_eq!(run.outcome().0, ExecutionState::Succeeded);
}
