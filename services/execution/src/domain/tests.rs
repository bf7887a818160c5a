//! The core against flows of every shape.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use contracts::{
    Principal, Role,
    execution::{ExecutionState, Origin, Replayed, StepError, Usage},
    flow::{Definition, Executable},
    id::{ExecutionId, FlowId, TenantId, UserId},
    live::{ExecutionEvent, Frame},
    owner::{Outcome, Start},
    work::WorkItem,
};
use serde_json::{Value, json};

use super::{
    Applied, Effect, Input, Past, Program, Reused, State, TakenOver, Timer,
    apply::{self, StepResult},
    replaying::{self, Replaying},
    state::{At, Step},
};
use crate::record::Record;

mod agents;
mod asking;
mod bodies;
mod caching;
mod calling;
mod comparing;
mod failing;
mod golden;
mod holding;
mod listening;
mod paths;
mod random;
mod reusing;
mod timeouts;
mod unwinding;
mod waiting;

/// An execution under test: after each input it checks that replay gives the same state.
pub(crate) struct Run {
    pub(crate) plan: Arc<Program>,
    pub(crate) state: State,
    pub(crate) records: Vec<Record>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) now: DateTime<Utc>,
}

pub(crate) fn plan(nodes: Value, edges: &[(&str, &str, &str)]) -> Arc<Program> {
    let edges: Vec<_> = edges
        .iter()
        .map(|(from, port, to)| json!({"from": from, "from_port": port, "to": to}))
        .collect();
    let definition: Definition =
        serde_json::from_value(json!({"nodes": nodes, "edges": edges})).unwrap();
    program(Executable {
        definition,
        ..Executable::default()
    })
}

/// Decides an execution once more of which all events are given.
pub(crate) fn replay(
    program: &Arc<Program>,
    which: (TenantId, ExecutionId),
    frames: &[Frame],
    vars: Value,
) -> Replayed {
    let reused = frames.iter().filter_map(replaying::reused).collect();
    let mut replaying = Replaying::begin(program, which, &frames[0], vars, reused).unwrap();
    for frame in frames {
        replaying.take(frame);
    }
    replaying.told(which.1, frames.len() as u64)
}

/// A plan with more than nodes and edges.
pub(crate) fn plan_with(nodes: Value, edges: &[(&str, &str, &str)], more: Value) -> Arc<Program> {
    let plan = plan(nodes, edges);
    let mut definition = serde_json::to_value(plan.definition()).unwrap();
    let fields = more.as_object().unwrap().clone();
    definition.as_object_mut().unwrap().extend(fields);
    program(Executable {
        definition: serde_json::from_value(definition).unwrap(),
        ..Executable::default()
    })
}

pub(crate) fn program(executable: Executable) -> Arc<Program> {
    Arc::new(Program::new(executable).unwrap())
}

pub(crate) fn start_of(input: Value) -> Start {
    let principal = Principal {
        user_id: UserId::EXAMPLE,
        tenant: TenantId::EXAMPLE,
        role: Role::Editor,
        session_id: None,
        execution_id: None,
    };
    Start {
        tenant: TenantId::EXAMPLE,
        execution_id: ExecutionId::EXAMPLE,
        origin: Origin::flow(FlowId::EXAMPLE, Some(3)),
        parent: None,
        notify: false,
        queued: false,
        basis: None,
        definition_hash: "hash".into(),
        input,
        vars: json!({"greeting": "Hello"}),
        principal,
    }
}

impl Run {
    pub(crate) fn start(plan: &Arc<Program>, input: Value) -> Self {
        Self::begin(plan, start_of(input), TakenOver::default())
    }

    pub(crate) fn start_with(plan: &Arc<Program>, input: Value, reused: Vec<Reused>) -> Self {
        let left_out = Vec::new();
        Self::begin(plan, start_of(input), TakenOver { reused, left_out })
    }

    pub(crate) fn begin(plan: &Arc<Program>, start: Start, taken: TakenOver) -> Self {
        let now = DateTime::from_timestamp_millis(1_760_000_000_000).unwrap();
        let (state, applied) = apply::start(start, plan.clone(), taken, now);
        let mut run = Self {
            plan: plan.clone(),
            state,
            records: Vec::new(),
            effects: Vec::new(),
            now,
        };
        run.take(applied);
        run
    }

    /// An execution that was read back.
    fn taken(plan: &Arc<Program>, state: State, records: Vec<Record>) -> Self {
        let now = records.last().map(|last| last.frame.ts).unwrap();
        Self {
            plan: plan.clone(),
            state,
            records,
            effects: Vec::new(),
            now,
        }
    }

    /// What another execution can take over.
    pub(crate) fn past(&self) -> Past {
        let mut past = Past::new(self.state.data.id);
        for record in &self.records {
            past.take(record.frame.clone());
        }
        past
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.now += TimeDelta::milliseconds(7);
        let applied = apply::apply(&mut self.state, input, self.now);
        self.take(applied);
    }

    fn take(&mut self, applied: Applied) {
        self.records.extend(applied.records);
        self.effects = applied.effects;
        self.check();
    }

    /// The invariants that hold after every input.
    fn check(&self) {
        let replayed = State::replay(&self.plan, &self.records).unwrap();
        assert_eq!(
            serde_json::to_string(&replayed.data).unwrap(),
            serde_json::to_string(&self.state.data).unwrap()
        );
        assert_eq!(replayed.outer, self.state.outer);
        assert_eq!(replayed.inner, self.state.inner);
        assert_eq!(replayed.tally, self.state.tally);
        assert_eq!(replayed.open, self.state.open);
        self.check_unwinding();
        self.check_replay();
        let asking = self.state.steps().filter(|(_, step)| *step == Step::Asking);
        assert_eq!(self.state.tally.asking as usize, asking.count());
        for (record, n) in self.records.iter().zip(1..) {
            assert_eq!(record.frame.n, n);
            let is_last = n == self.records.len() as u64;
            assert!(is_last || !record.frame.event.is_final());
        }
    }

    /// What has ended is decided the same once more.
    fn check_replay(&self) {
        if !self.state.is_over() {
            return;
        }
        let frames: Vec<_> = self.records.iter().map(|it| it.frame.clone()).collect();
        let data = &self.state.data;
        let which = (data.tenant, data.id);
        let replayed = replay(&self.plan, which, &frames, data.vars.clone());
        assert!(replayed.same, "{replayed:?} {:?}", self.events());
    }

    /// Each step that succeeded is undone once at most, the last first, and the error handler comes after.
    fn check_unwinding(&self) {
        let mut announced: Option<Vec<String>> = None;
        let mut begun = Vec::new();
        let mut handlers = 0;
        for record in &self.records {
            let node = match &record.frame.event {
                ExecutionEvent::CompensationStarted { steps } => {
                    assert!(announced.is_none() && handlers == 0);
                    announced = Some(steps.clone());
                    continue;
                }
                ExecutionEvent::HandlerStarted { .. } => {
                    handlers += 1;
                    let left = announced.iter().flatten().skip(begun.len());
                    assert_eq!(left.count(), 0, "handled before all was undone");
                    continue;
                }
                ExecutionEvent::StepStarted { node, .. }
                | ExecutionEvent::StepSucceeded { node, .. }
                | ExecutionEvent::StepFailed { node, .. } => node,
                _ => continue,
            };
            let undone = self.state.undoes(self.index(node));
            let undone = undone.map(|undone| self.state.path(undone).into_owned());
            if undone.is_some() && begun.last() != undone.as_ref() {
                begun.extend(undone);
            }
        }
        assert!(handlers <= 1);
        let announced = announced.unwrap_or_default();
        assert!(announced.starts_with(&begun), "{announced:?} {begun:?}");
        if self.state.is_over() {
            assert_eq!(announced, begun, "not all was undone");
        }
    }

    pub(crate) fn index(&self, node: &str) -> At {
        self.state.at(node).unwrap()
    }

    pub(crate) fn succeed(&mut self, node: &str, attempt: u32, output: Value) {
        self.result(node, attempt, Outcome::Succeeded { output });
    }

    pub(crate) fn fail(&mut self, node: &str, attempt: u32, error: StepError) {
        self.result(node, attempt, Outcome::Failed { error });
    }

    fn result(&mut self, node: &str, attempt: u32, outcome: Outcome) {
        let usage = Usage {
            prompt_tokens: 10,
            completion_tokens: 1,
            cost: Some(rust_decimal::Decimal::new(15, 4)),
        };
        self.input(Input::Result(StepResult {
            node: self.index(node),
            attempt,
            outcome,
            usage: Some(usage),
            duration_ms: 5,
        }));
    }

    pub(crate) fn cancel(&mut self) {
        self.input(Input::Cancel {
            by: UserId::EXAMPLE,
        });
    }

    pub(crate) fn fire(&mut self, timer: Timer) {
        self.input(Input::TimerFired(timer));
    }

    /// The first timer that the last input set, at its time.
    pub(crate) fn fire_next(&mut self) {
        let next = self.timers().into_iter().min_by_key(|(_, at)| *at);
        let (timer, at) = next.expect("a timer");
        self.now = at;
        self.fire(timer);
    }

    /// What went to the workers with the last input.
    pub(crate) fn dispatched(&self) -> Vec<&WorkItem> {
        let items = self.effects.iter().filter_map(|effect| match effect {
            Effect::Dispatch { item, .. } => Some(&**item),
            Effect::Wake { .. }
            | Effect::Look { .. }
            | Effect::Keep { .. }
            | Effect::Listen { .. }
            | Effect::Tell { .. }
            | Effect::Cut => None,
        });
        items.collect()
    }

    pub(crate) fn timers(&self) -> Vec<(Timer, DateTime<Utc>)> {
        let timers = self.effects.iter().filter_map(|effect| match effect {
            Effect::Wake { timer, at } => Some((*timer, *at)),
            Effect::Dispatch { .. }
            | Effect::Look { .. }
            | Effect::Keep { .. }
            | Effect::Listen { .. }
            | Effect::Tell { .. }
            | Effect::Cut => None,
        });
        timers.collect()
    }

    pub(crate) fn events(&self) -> Vec<String> {
        let text = |record: &Record| match &record.frame.event {
            ExecutionEvent::StepStarted { node, attempt, .. } => format!("{node} begins {attempt}"),
            ExecutionEvent::StepSleeping { node, .. } => format!("{node} waits"),
            ExecutionEvent::StepListening { node, .. } => format!("{node} listens"),
            ExecutionEvent::StepIterating { node, .. } => format!("{node} iterates"),
            ExecutionEvent::IterationStarted { node, index } => format!("{node}:{index} begins"),
            ExecutionEvent::IterationSucceeded { node, index, .. } => {
                format!("{node}:{index} ends")
            }
            ExecutionEvent::IterationFailed { node, index, .. } => format!("{node}:{index} fails"),
            ExecutionEvent::StepSucceeded {
                node, cached: true, ..
            } => format!("{node} cached"),
            ExecutionEvent::StepSucceeded { node, port, .. } => format!("{node} -> {port}"),
            ExecutionEvent::StepReused { node, port, .. } => format!("{node} reused -> {port}"),
            ExecutionEvent::StepRetrying { node, attempt, .. } => format!("{node} fails {attempt}"),
            ExecutionEvent::StepFailed { node, port, .. } => {
                format!("{node} fails -> {}", port.as_deref().unwrap_or("end"))
            }
            ExecutionEvent::StepSkipped { node } => format!("{node} skipped"),
            ExecutionEvent::StepLate { node, attempt, .. } => format!("{node} late {attempt}"),
            ExecutionEvent::ApprovalAsked { node, .. } => format!("{node} asks"),
            ExecutionEvent::ApprovalGiven { node, approved, .. } => {
                format!("{node} said {approved}")
            }
            ExecutionEvent::AnswerAsked { asked } => format!("{} asks", asked.node),
            ExecutionEvent::AnswerGiven { node, port, .. } => format!("{node} -> {port}"),
            ExecutionEvent::AnswerReminded { node, count } => format!("{node} reminds {count}"),
            ExecutionEvent::AnswerEscalated { node, .. } => format!("{node} escalates"),
            ExecutionEvent::CompensationStarted { steps } => format!("undoes {}", steps.join(" ")),
            ExecutionEvent::HandlerStarted { node, error } => {
                format!("{node} handles {}", error.code)
            }
            ExecutionEvent::ExecutionStarted { .. }
            | ExecutionEvent::CancelAsked { .. }
            | ExecutionEvent::ExecutionPaused { .. }
            | ExecutionEvent::ExecutionReleased {}
            | ExecutionEvent::ExecutionResumed { .. }
            | ExecutionEvent::ExecutionFailing { .. }
            | ExecutionEvent::ExecutionSucceeded { .. }
            | ExecutionEvent::ExecutionFailed { .. }
            | ExecutionEvent::ExecutionCancelled { .. } => record.frame.event.kind().to_owned(),
        };
        self.records.iter().map(text).collect()
    }

    pub(crate) fn outcome(&self) -> (ExecutionState, Option<Value>) {
        (self.state.data.state(), self.state.data.output().cloned())
    }
}
