//! How an execution answers an input: with records, and with effects that may happen once the records are stored.
//!
//! **Invariant:** after the first record of a failure or a cancel nothing begins, and the end is the last record.
//!
//! **Invariant:** the records of one input may be stored in parts: [`Input::Resume`] goes on from any of them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use contracts::{
    execution::{StepError, Usage},
    flow::{Edge, Node, OnError},
    id::UserId,
    live::{ExecutionEvent, Frame},
    owner::{Outcome, Start},
    work::{WorkClass, WorkItem},
};
use graph::{NodeIndex, Plan, schedule};
use serde_json::Value;

use super::{
    inline::{self, Kind},
    limits,
    retry::{effect_key, pause},
    state::{Closing, State, Step},
};
use crate::record::{Private, Record};

/// How much longer than its time limit an attempt may stay without an answer: the wait in the queue, workers that died.
const SILENCE: Duration = Duration::from_secs(60);
/// How long an execution that closes waits for its running attempts to be cut.
const GRACE: Duration = Duration::from_secs(3);

/// What an execution may have to answer.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// A worker did an attempt.
    Result(StepResult),
    /// An attempt cannot be handed to a worker.
    Refused {
        node: NodeIndex,
        attempt: u32,
        error: StepError,
    },
    TimerFired(Timer),
    Cancel {
        by: UserId,
    },
    /// Go on after a change of owner: effects are derived anew, for they may not have happened.
    Resume,
}

#[derive(Clone, Debug)]
pub(crate) struct StepResult {
    pub(crate) node: NodeIndex,
    pub(crate) attempt: u32,
    pub(crate) outcome: Outcome,
    pub(crate) usage: Option<Usage>,
    pub(crate) duration_ms: u64,
}

/// A timer firing twice, or after what it waited for, does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The pause after a failed attempt is over.
    Retry { node: NodeIndex, attempt: u32 },
    /// Nobody has answered for an attempt.
    Silence { node: NodeIndex, attempt: u32 },
    /// Running attempts have had their time to be cut.
    Grace,
}

/// What is to happen once the records are stored. Each may happen again after a change of owner, harmlessly.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    Dispatch {
        class: WorkClass,
        item: Box<WorkItem>,
    },
    Wake {
        timer: Timer,
        at: DateTime<Utc>,
    },
    /// Tell running attempts to stop.
    Cut,
}

/// The answer to an input.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    pub(crate) records: Vec<Record>,
    pub(crate) effects: Vec<Effect>,
}

/// Begins an execution. `now` is the only clock the core knows.
pub(crate) fn start(request: Start, plan: Arc<Plan>, now: DateTime<Utc>) -> (State, Applied) {
    let Start {
        tenant,
        execution_id,
        origin,
        parent,
        definition_hash,
        input,
        vars,
        principal,
    } = request;
    let first = Record {
        execution: execution_id,
        tenant,
        frame: Frame {
            n: 1,
            ts: now,
            event: ExecutionEvent::ExecutionStarted {
                origin,
                definition_hash,
                started_by: principal.user_id,
                input,
            },
        },
        private: Some(Private::Start {
            principal,
            vars,
            parent,
        }),
    };
    let mut state = State::begin(&first, plan).expect("it is a first record");
    let mut run = Run::new(&mut state, now);
    run.applied.records.push(first);
    run.advance();
    let applied = run.applied;
    (state, applied)
}

/// Answers an input; the state is then as if all records had been folded into it.
pub(crate) fn apply(state: &mut State, input: Input, now: DateTime<Utc>) -> Applied {
    if state.is_over() {
        return Applied::default();
    }
    let mut run = Run::new(state, now);
    match input {
        Input::Result(result) => run.result(result),
        Input::Refused {
            node,
            attempt,
            error,
        } => run.refused(node, attempt, error),
        Input::TimerFired(timer) => run.timer(timer),
        Input::Cancel { by } => run.cancel(by),
        Input::Resume => run.resume(),
    }
    run.applied
}

/// One input being answered.
struct Run<'a> {
    state: &'a mut State,
    now: DateTime<Utc>,
    applied: Applied,
}

impl<'a> Run<'a> {
    fn new(state: &'a mut State, now: DateTime<Utc>) -> Self {
        Self {
            state,
            now,
            applied: Applied::default(),
        }
    }

    fn result(&mut self, result: StepResult) {
        let StepResult {
            node,
            attempt,
            outcome,
            usage,
            duration_ms,
        } = result;
        if self.state.step(node) != (Step::Running { attempt }) {
            // Either it was given up as unanswered, or this is the same result once more.
            if self.state.data.unanswered.contains(&(node.0, attempt)) {
                self.late(node, attempt, usage);
            }
            return;
        }
        if self.state.data.closing.is_some() {
            self.late(node, attempt, usage);
            return self.finish_if_done();
        }
        let failed = match outcome {
            Outcome::Succeeded { output } if limits::fits(&output) => {
                let event = ExecutionEvent::StepSucceeded {
                    node: self.id(node),
                    attempt,
                    output,
                    port: Edge::DEFAULT_PORT.to_owned(),
                    usage,
                    duration_ms,
                };
                self.emit(event, None);
                return self.advance();
            }
            Outcome::Succeeded { .. } => limits::output_too_large(),
            Outcome::Failed { error } => error,
        };
        self.failed(
            node,
            Failure {
                attempt,
                error: failed,
                usage,
                unanswered: false,
            },
        );
        self.advance();
    }

    fn refused(&mut self, node: NodeIndex, attempt: u32, error: StepError) {
        if self.state.step(node) != (Step::Running { attempt }) {
            return;
        }
        if self.state.data.closing.is_some() {
            self.late(node, attempt, None);
            return self.finish_if_done();
        }
        self.failed(node, Failure::of(attempt, error));
        self.advance();
    }

    fn timer(&mut self, timer: Timer) {
        let closing = self.state.data.closing.is_some();
        match timer {
            Timer::Retry { node, attempt } if !closing => {
                if let Step::Pausing {
                    attempt: failed,
                    at,
                } = self.state.step(node)
                    && failed == attempt
                    && at <= self.now
                {
                    self.begin_attempt(node, attempt + 1);
                    self.advance();
                }
            }
            Timer::Silence { node, attempt } if !closing => {
                if self.state.step(node) == (Step::Running { attempt }) {
                    let error = StepError::new("timeout", "no worker answered in time").retryable();
                    let failure = Failure {
                        unanswered: true,
                        ..Failure::of(attempt, error)
                    };
                    self.failed(node, failure);
                    self.advance();
                }
            }
            Timer::Grace if closing => self.finish(),
            Timer::Retry { .. } | Timer::Silence { .. } | Timer::Grace => {}
        }
    }

    fn cancel(&mut self, by: UserId) {
        if self.state.data.closing.is_none() {
            self.emit(ExecutionEvent::CancelAsked { by }, None);
            self.close();
        }
    }

    fn resume(&mut self) {
        if self.state.data.closing.is_some() {
            return self.close();
        }
        let steps: Vec<_> = self.state.steps().collect();
        for (node, step) in steps {
            match step {
                Step::Running { attempt } => self.dispatch(node, attempt),
                Step::Pausing { attempt, at } => {
                    let timer = Timer::Retry { node, attempt };
                    self.applied.effects.push(Effect::Wake { timer, at });
                }
                Step::Waiting | Step::Settled | Step::Skipped | Step::Failed | Step::Cut => {}
            }
        }
        self.advance();
    }

    /// Begins whatever may begin, and ends the execution when nothing is left.
    fn advance(&mut self) {
        while self.state.data.closing.is_none() {
            let next = schedule::ready(&self.state.plan, &self.state.decisions);
            let waiting = |node: &NodeIndex| self.state.step(*node) == Step::Waiting;
            let skipped: Vec<_> = next.skipped.into_iter().filter(waiting).collect();
            let ready: Vec<_> = next.ready.into_iter().filter(waiting).collect();
            if skipped.is_empty() && ready.is_empty() {
                break;
            }
            for node in skipped {
                let node = self.id(node);
                self.emit(ExecutionEvent::StepSkipped { node }, None);
            }
            // What the core does itself comes first: when it fails, nothing was begun in vain.
            let (heavy, inline): (Vec<_>, Vec<_>) = ready
                .into_iter()
                .partition(|node| Kind::is_heavy(self.node(*node)));
            for node in inline.into_iter().chain(heavy) {
                if self.state.data.closing.is_none() {
                    self.begin(node);
                }
            }
        }
        if self.state.data.closing.is_some() {
            self.close();
        } else {
            self.finish_if_done();
        }
    }

    fn begin(&mut self, node: NodeIndex) {
        let kind = Kind::of(self.node(node));
        match kind {
            Ok(Kind::Inline(kind)) => match inline::evaluate(self.state, node, kind) {
                Ok(done) => {
                    let event = ExecutionEvent::StepSucceeded {
                        node: self.id(node),
                        attempt: 1,
                        output: done.output,
                        port: done.port,
                        usage: None,
                        duration_ms: 0,
                    };
                    self.emit(event, None);
                }
                Err(error) => self.failed(node, Failure::of(1, error)),
            },
            Ok(Kind::Heavy(_)) => self.begin_attempt(node, 1),
            Err(error) => self.failed(node, Failure::of(1, error)),
        }
    }

    fn begin_attempt(&mut self, node: NodeIndex, attempt: u32) {
        let key = self.key(node);
        let node_id = self.id(node);
        let event = ExecutionEvent::StepStarted {
            node: node_id,
            attempt,
            key,
            call: None,
        };
        self.emit(event, None);
        self.dispatch(node, attempt);
    }

    fn dispatch(&mut self, node: NodeIndex, attempt: u32) {
        let key = self.key(node);
        match inline::work_item(self.state, node, attempt, key) {
            Ok((class, item)) => {
                let limit = Duration::from_millis(item.timeout_ms);
                let timer = Timer::Silence { node, attempt };
                let at = after(self.now, limit.saturating_add(SILENCE));
                let item = Box::new(item);
                self.applied.effects.push(Effect::Dispatch { class, item });
                self.applied.effects.push(Effect::Wake { timer, at });
            }
            Err(error) => self.failed(node, Failure::of(attempt, error)),
        }
    }

    fn failed(&mut self, node: NodeIndex, failure: Failure) {
        let Failure {
            attempt,
            error,
            usage,
            unanswered,
        } = failure;
        let private = unanswered.then_some(Private::Unanswered);
        let mut error = limits::shortened(error);
        error.node = Some(self.id(node));
        if let Some(retry) = self.node(node).retry
            && error.retryable
            && attempt < retry.max_attempts
        {
            let at = after(self.now, pause(&retry, &self.key(node), attempt));
            let event = ExecutionEvent::StepRetrying {
                node: self.id(node),
                attempt,
                error,
                at,
                usage,
            };
            self.emit(event, private);
            let timer = Timer::Retry { node, attempt };
            return self.applied.effects.push(Effect::Wake { timer, at });
        }
        let (port, output) = match &self.node(node).on_error {
            OnError::Fail => (None, None),
            OnError::Branch => {
                let output = serde_json::to_value(&error).expect("an error is JSON");
                (Some(Edge::ERROR_PORT.to_owned()), Some(output))
            }
            OnError::Default(value) => {
                let port = inline::default_port(self.node(node));
                (Some(port), Some(value.clone()))
            }
        };
        let event = ExecutionEvent::StepFailed {
            node: self.id(node),
            attempt,
            error,
            port,
            output,
            usage,
        };
        self.emit(event, private);
    }

    fn late(&mut self, node: NodeIndex, attempt: u32, usage: Option<Usage>) {
        let node = self.id(node);
        let event = ExecutionEvent::StepLate {
            node,
            attempt,
            usage,
        };
        self.emit(event, None);
    }

    /// Cuts what runs, or ends at once when nothing does. What was begun by this very input has not left yet, and stays.
    fn close(&mut self) {
        if self.state.is_over() {
            return;
        }
        for effect in std::mem::take(&mut self.applied.effects) {
            if let Effect::Dispatch { item, .. } = effect
                && let Some(node) = self.state.plan.index(&item.node)
            {
                self.late(node, item.attempt, None);
            }
        }
        if !self.state.has_running() {
            return self.finish();
        }
        let at = after(self.now, GRACE);
        let timer = Timer::Grace;
        self.applied.effects.push(Effect::Cut);
        self.applied.effects.push(Effect::Wake { timer, at });
    }

    fn finish_if_done(&mut self) {
        let going_on = |step: &Step| match step {
            Step::Running { .. } => true,
            Step::Pausing { .. } => self.state.data.closing.is_none(),
            Step::Waiting | Step::Settled | Step::Skipped | Step::Failed | Step::Cut => false,
        };
        if !self.state.is_over() && !self.state.data.steps.iter().any(going_on) {
            self.finish();
        }
    }

    fn finish(&mut self) {
        let usage = self.state.data.usage;
        let event = match &self.state.data.closing {
            Some(Closing::Cancelled) => ExecutionEvent::ExecutionCancelled { usage },
            Some(Closing::Failed { error }) => ExecutionEvent::ExecutionFailed {
                error: error.clone(),
                usage,
            },
            None => {
                let output = self.output();
                if limits::fits(&output) {
                    ExecutionEvent::ExecutionSucceeded { output, usage }
                } else {
                    let error = limits::output_too_large();
                    ExecutionEvent::ExecutionFailed { error, usage }
                }
            }
        };
        self.emit(event, None);
    }

    /// The value of the output node that was reached; an object by node id where several were, null where none was.
    fn output(&self) -> Value {
        let is_output = |node: NodeIndex| self.node(node).kind == inline::OUTPUT;
        let mut reached: Vec<_> = self
            .state
            .steps()
            .filter(|(node, step)| *step == Step::Settled && is_output(*node))
            .map(|(node, _)| node)
            .collect();
        let value = |node: NodeIndex| self.state.data.outputs[usize::from(node.0)].clone();
        match (reached.pop(), reached.is_empty()) {
            (None, _) => Value::Null,
            (Some(only), true) => value(only),
            (Some(last), false) => {
                reached.push(last);
                let values: BTreeMap<_, _> = reached
                    .into_iter()
                    .map(|node| (self.id(node), value(node)))
                    .collect();
                serde_json::to_value(values).expect("texts and JSON values are JSON")
            }
        }
    }

    fn emit(&mut self, event: ExecutionEvent, private: Option<Private>) {
        let data = &self.state.data;
        let record = Record {
            execution: data.id,
            tenant: data.tenant,
            private,
            frame: Frame {
                n: data.n + 1,
                ts: self.now,
                event,
            },
        };
        self.state
            .fold(&record)
            .expect("the core emits only what can follow");
        self.applied.records.push(record);
    }

    fn node(&self, node: NodeIndex) -> &Node {
        &self.state.plan.nodes()[usize::from(node.0)]
    }

    fn id(&self, node: NodeIndex) -> String {
        self.node(node).id.clone()
    }

    fn key(&self, node: NodeIndex) -> String {
        let data = &self.state.data;
        effect_key(data.tenant, data.id, &self.node(node).id, 0)
    }
}

/// A failed attempt.
struct Failure {
    attempt: u32,
    error: StepError,
    usage: Option<Usage>,
    unanswered: bool,
}

impl Failure {
    fn of(attempt: u32, error: StepError) -> Self {
        Self {
            attempt,
            error,
            usage: None,
            unanswered: false,
        }
    }
}

/// `now` and a while later; a while too long for a calendar ends at its end.
fn after(now: DateTime<Utc>, pause: Duration) -> DateTime<Utc> {
    chrono::TimeDelta::from_std(pause)
        .ok()
        .and_then(|pause| now.checked_add_signed(pause))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
