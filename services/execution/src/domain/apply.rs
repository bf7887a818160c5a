//! How an execution answers an input: with records, and with effects that may happen once the records are stored.
//!
//! **Invariant:** after the first record of a failure or a cancel nothing begins, and the end is the last record.
//!
//! **Invariant:** the records of one input may be stored in parts: [`Input::Resume`] goes on from any of them.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use contracts::{
    execution::{StepError, Usage},
    flow::{Edge, Node},
    id::{ExecutionId, UserId},
    live::{ExecutionEvent, Frame},
    owner::{Outcome, Start},
    work::{WorkClass, WorkItem},
};
use graph::{NodeIndex, schedule};
use serde_json::Value;

use super::{
    calls,
    inline::{self, Done, Kind, Wanted},
    limits,
    program::Program,
    retry::effect_key,
    reuse::{self, TakenOver},
    state::{At, Stage, State, Step},
};
use crate::record::{Private, Record};

mod asking;
mod caching;
mod calling;
mod dispatching;
mod ending;
mod failing;
mod holding;
mod iterating;
mod listening;
mod reusing;
mod timers;
mod unwinding;
mod waiting;
mod working;

pub(crate) use asking::Answer;
pub(crate) use calling::{Called, Word, outcome_of, told_at_the_end};
pub(crate) use dispatching::patience;
use failing::Failure;
pub(crate) use timers::NO_ANSWER;

/// How much longer than its time limit an attempt may stay without an answer: workers that died, and those that follow them.
const SILENCE: Duration = Duration::from_secs(60);
/// Records that one input may bring: an execution with more to do lets others have their turn.
const MAX_RECORDS: usize = 512;
/// How long an execution that closes waits for its running attempts to be cut.
const GRACE: Duration = Duration::from_secs(3);

/// What an execution may have to answer.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// A worker did an attempt.
    Result(StepResult),
    /// An attempt cannot be handed to a worker.
    Refused {
        node: At,
        attempt: u32,
        error: StepError,
    },
    TimerFired(Timer),
    /// Whether an earlier step was the same, and if so: its output.
    Looked {
        node: At,
        attempt: u32,
        found: Option<Value>,
    },
    /// The event that a node waits for.
    Heard {
        node: At,
        output: Value,
    },
    /// A person's word on a call that waits; checked by [`State::may_decide`].
    Decide {
        node: At,
        approved: bool,
        comment: String,
        by: UserId,
    },
    /// A person's answer to what a node asks; checked by [`State::may_answer`].
    Answer {
        node: At,
        answer: Answer,
    },
    Cancel {
        by: UserId,
    },
    /// Begin nothing new; checked by [`State::may_pause`].
    Pause {
        by: UserId,
        /// The event of the execution that began this one, where it is paused with it.
        parent_event: Option<u64>,
    },
    Unpause {
        by: UserId,
        parent_event: Option<u64>,
    },
    /// There is a place for it.
    Release,
    /// Go on after a change of owner: effects are derived anew, for they may not have happened.
    Resume,
    /// Nobody knows any more what was given to workers.
    Forget,
}

#[derive(Clone, Debug)]
pub(crate) struct StepResult {
    pub(crate) node: At,
    pub(crate) attempt: u32,
    pub(crate) outcome: Outcome,
    pub(crate) usage: Option<Usage>,
    pub(crate) duration_ms: u64,
}

/// A timer firing twice, or after what it waited for, does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The pause after a failed attempt is over.
    Retry { node: At, attempt: u32 },
    /// Nobody has answered for an attempt.
    Silence { node: At, attempt: u32 },
    /// The same where a worker was to begin it, who has `limit_ms` for it from then on. What nobody has begun waits.
    Unreported {
        node: At,
        attempt: u32,
        limit_ms: u64,
    },
    /// A node has waited for its time, or a person let it pass.
    Wait { node: At },
    /// A node's agent has had its time.
    Limit { node: At, attempt: u32 },
    /// The execution has had its time.
    Overdue,
    /// Running attempts have had their time to be cut.
    Grace,
    /// It goes on with what it left, so that other executions have their turn.
    GoOn,
}

/// What is to happen once the records are stored. Each may happen again after a change of owner, harmlessly.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    Dispatch {
        class: WorkClass,
        item: Box<WorkItem>,
        /// Whether an earlier owner may have given it to a worker.
        again: bool,
    },
    Wake {
        timer: Timer,
        at: DateTime<Utc>,
    },
    /// Look whether an earlier step was the same, by this key; [`Input::Looked`] answers.
    Look {
        node: String,
        attempt: u32,
        key: String,
    },
    /// Find the event that a node waits for, now or when it comes; [`Input::Heard`] answers.
    Listen {
        node: String,
        wanted: Wanted,
    },
    /// Keep an output for steps that are the same.
    Keep {
        key: String,
        output: Value,
        ttl_seconds: u64,
    },
    /// Tell running attempts to stop.
    Cut,
    /// Tell the execution that a step has begun, or the one whose step has begun this one.
    Tell {
        to: ExecutionId,
        by: UserId,
        word: Word,
    },
}

/// The answer to an input.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    pub(crate) records: Vec<Record>,
    pub(crate) effects: Vec<Effect>,
}

/// Begins an execution. `now` is the only clock the core knows.
pub(crate) fn start(
    request: Start,
    plan: Arc<Program>,
    taken: TakenOver,
    now: DateTime<Utc>,
) -> (State, Applied) {
    let variables = reuse::variables(&plan, request.execution_id, &request.vars);
    let Start {
        tenant,
        execution_id,
        origin,
        parent,
        notify,
        queued,
        definition_hash,
        input,
        vars,
        basis,
        principal,
    } = request;
    let mut first = Record {
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
                source: basis.map(|basis| basis.source),
                variables,
                queued,
            },
        },
        private: Some(Private::Start {
            principal,
            vars,
            parent,
            notify,
            reused: taken.reused,
            left_out: taken.left_out,
        }),
    };
    let mut state = State::begin(&first, plan).expect("it is a first record");
    state.note_apart(&mut first, None);
    let mut run = Run::new(&mut state, now);
    run.applied.records.push(first);
    run.limit_execution();
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
        Input::Forget => run.forget(),
        Input::Refused {
            node,
            attempt,
            error,
        } => run.refused(node, attempt, error),
        Input::TimerFired(timer) => run.timer(timer),
        Input::Looked {
            node,
            attempt,
            found,
        } => run.looked(node, attempt, found),
        Input::Heard { node, output } => run.heard(node, output),
        Input::Decide {
            node,
            approved,
            comment,
            by,
        } => run.decide(node, approved, comment, by),
        Input::Answer { node, answer } => run.answer(node, answer),
        Input::Cancel { by } => run.cancel(by),
        Input::Pause { by, parent_event } => run.pause(by, parent_event),
        Input::Unpause { by, parent_event } => run.unpause(by, parent_event),
        Input::Release => run.release(),
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
        if let Outcome::HandedOn { until, timeout_ms } = outcome {
            return self.handed_on(node, attempt, Called { until, timeout_ms });
        }
        if self.state.step(node) != (Step::Running { attempt }) {
            // Either it was given up as unanswered, or this is the same result once more.
            if self.state.data.unanswered.contains(&(node, attempt)) {
                self.late(node, attempt, usage);
            }
            return;
        }
        if self.state.data.closing.is_some() {
            self.late(node, attempt, usage);
            return self.finish_if_done();
        }
        let failed = match outcome {
            Outcome::Succeeded { output } if limits::fits_into(self.state, &output) => {
                self.keep(node, &output);
                let event = ExecutionEvent::StepSucceeded {
                    node: self.id(node),
                    attempt,
                    output,
                    port: Edge::DEFAULT_PORT.to_owned(),
                    usage,
                    duration_ms,
                    cached: false,
                };
                self.emit(event, None);
                return self.advance();
            }
            // What is handed on has no output yet.
            Outcome::Succeeded { output } => limits::too_large(&output),
            Outcome::HandedOn { .. } => limits::output_too_large(),
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

    fn refused(&mut self, node: At, attempt: u32, error: StepError) {
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

    fn resume(&mut self) {
        if self.state.data.closing.is_some() || self.state.lost.is_some() {
            return self.close_again();
        }
        let steps: Vec<_> = self.state.steps().collect();
        for (node, step) in steps {
            if let Step::Running { attempt } = step {
                self.dispatch(node, attempt);
            }
        }
        for effect in &mut self.applied.effects {
            if let Effect::Dispatch { again, .. } = effect {
                *again = true;
            }
        }
        self.tell_again();
        self.cancel_left(0);
        self.set_timers();
        self.advance();
    }

    /// Begins whatever may begin, and ends the execution when nothing is left.
    fn advance(&mut self) {
        if self.state.data.is_paused() || self.state.data.queued {
            return;
        }
        while self.state.data.closing.is_none() {
            if self.applied.records.len() >= MAX_RECORDS {
                let (timer, at) = (Timer::GoOn, self.now);
                return self.applied.effects.push(Effect::Wake { timer, at });
            }
            let goes_on = match self.state.stage() {
                Some(Stage::Compensating) => self.compensate(),
                Some(Stage::Handling) | None => {
                    self.begin_ready() || self.work_on() || self.iterate()
                }
            };
            if !goes_on {
                break;
            }
        }
        if self.state.data.closing.is_some() {
            self.close();
        } else {
            self.finish_if_done();
        }
    }

    /// Begins or skips the nodes whose turn it is, outside of bodies and in each iteration. Says whether there was one.
    fn begin_ready(&mut self) -> bool {
        let mut skipped = Vec::new();
        let mut ready = Vec::new();
        let running = self.state.inner.keys().copied();
        let fine = |number: &u32| self.state.iteration(*number).failed.is_none();
        for iteration in std::iter::once(None).chain(running.filter(fine).map(Some)) {
            let Some(decisions) = self.state.decisions(iteration) else {
                continue;
            };
            let next = schedule::ready(&self.state.plan, decisions);
            let at = |node: NodeIndex| self.state.step_in(iteration, node);
            let waiting = |at: &At| self.state.step(*at) == Step::Waiting;
            skipped.extend(next.skipped.into_iter().map(at).filter(waiting));
            ready.extend(next.ready.into_iter().map(at).filter(waiting));
        }
        let is_any = !skipped.is_empty() || !ready.is_empty();
        for at in skipped {
            self.skip(at);
        }
        // What the core does itself comes first: when it fails, nothing was begun in vain.
        let (heavy, inline): (Vec<_>, Vec<_>) = ready
            .into_iter()
            .partition(|at| !self.node(*at).is_some_and(Kind::is_inline));
        for at in inline.into_iter().chain(heavy) {
            if self.may_begin(at) {
                self.begin(at);
            }
        }
        is_any
    }

    /// Whether neither the execution nor the iteration has failed in the meantime.
    fn may_begin(&self, at: At) -> bool {
        let iteration = self.state.iteration_of(at);
        let is_fine = iteration.is_none_or(|number| self.state.iteration(number).failed.is_none());
        self.state.data.closing.is_none() && is_fine
    }

    fn begin(&mut self, at: At) {
        if self.reuse(at) {
            return;
        }
        let Some(node) = self.node(at) else {
            return;
        };
        match Kind::of(node) {
            Ok(Kind::Inline(kind)) => match inline::evaluate(self.state, at, kind) {
                Ok(done) => self.succeed(at, 1, done, 0),
                Err(error) => self.failed(at, Failure::of(1, error)),
            },
            Ok(Kind::Heavy(_) | Kind::Looping) => self.begin_attempt(at, 1),
            Ok(Kind::Iterating) => self.begin_body(at),
            Ok(Kind::Wait) => self.wait(at),
            Ok(Kind::Ask) => self.ask(at),
            Ok(Kind::Listen) => self.listen(at),
            Err(error) => self.failed(at, Failure::of(1, error)),
        }
    }

    /// A step that the core does is done.
    fn succeed(&mut self, at: At, attempt: u32, done: Done, duration_ms: u64) {
        let event = ExecutionEvent::StepSucceeded {
            node: self.id(at),
            attempt,
            output: done.output,
            port: done.port,
            usage: None,
            duration_ms,
            cached: false,
        };
        self.emit(event, None);
    }

    fn begin_attempt(&mut self, node: At, attempt: u32) {
        if self.state.call(node).is_some() {
            match calls::wanted(self.state, node) {
                Some(wanted) => self.begin_call(&wanted, attempt),
                None => {
                    let error = StepError::new("corrupt_run", "the agent does not want this call");
                    self.failed(node, Failure::of(attempt, error));
                }
            }
            return;
        }
        let event = ExecutionEvent::StepStarted {
            node: self.id(node),
            attempt,
            key: self.key(node),
            call: None,
        };
        self.emit(event, None);
        match self.state.step(node) {
            Step::Looping { since, .. } => self.limit(node, attempt, since),
            _ if attempt == 1 && self.look(node) => {}
            _ => self.dispatch(node, attempt),
        }
    }

    /// Sets the time after which a node's agent is stopped, where the node has one.
    fn limit(&mut self, node: At, attempt: u32, since: DateTime<Utc>) {
        if let Some(limit) = self.node(node).and_then(|node| node.timeout_ms) {
            let at = after(since, Duration::from_millis(limit));
            let timer = Timer::Limit { node, attempt };
            self.applied.effects.push(Effect::Wake { timer, at });
        }
    }

    fn late(&mut self, node: At, attempt: u32, usage: Option<Usage>) {
        let node = self.id(node);
        let event = ExecutionEvent::StepLate {
            node,
            attempt,
            usage,
        };
        self.emit(event, None);
    }

    fn emit(&mut self, event: ExecutionEvent, private: Option<Private>) {
        let data = &self.state.data;
        let mut record = Record {
            execution: data.id,
            tenant: data.tenant,
            private,
            frame: Frame {
                n: data.n + 1,
                ts: self.now,
                event,
            },
        };
        let known = self.state.data.unanswered.len();
        self.state
            .fold(&record)
            .expect("the core emits only what can follow");
        if self.state.data.unanswered.len() > known {
            self.cancel_left(known);
        }
        self.state.note_apart(&mut record, None);
        self.applied.records.push(record);
    }

    /// The node of the definition; none where it is a call.
    fn node(&self, at: At) -> Option<&Node> {
        let node = self.state.node_index(at)?;
        Some(self.state.plan.node(node))
    }

    fn id(&self, at: At) -> String {
        self.state.path(at).into_owned()
    }

    fn key(&self, at: At) -> String {
        let data = &self.state.data;
        effect_key(data.tenant, data.id, &self.state.path(at), 0)
    }
}

/// `now` and a while later; a while too long for a calendar ends at its end.
fn after(now: DateTime<Utc>, pause: Duration) -> DateTime<Utc> {
    chrono::TimeDelta::from_std(pause)
        .ok()
        .and_then(|pause| now.checked_add_signed(pause))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
