//! Deciding an execution once more, from what was recorded: the same core, with the recorded answers.
//!
//! Each event that the core does not bring about by itself is the trace of an input: a worker's answer, a timer, a person. The
//! input is made from the event and given to the core at the time of the event, and what the core records then is held against
//! what was recorded. Times are not compared: an owner that took over may have gone on later than its predecessor would have.
//!
//! **Invariant:** nothing is asked and nothing is done: effects are dropped.

use std::{collections::VecDeque, sync::Arc};

use contracts::{
    Principal, Role,
    execution::{PendingAnswer, Replayed, ReplayedStep, Source, SourceKind, StepError},
    id::{ExecutionId, TenantId},
    live::{ExecutionEvent, Frame},
    owner::{Basis, Outcome, Start},
};
use serde_json::Value;

use super::{
    Answer, Applied, Input, Program, Reused, State, TakenOver, Timer,
    apply::{self, StepResult},
    comparing::step_of,
    reuse::{self, outermost},
    state::{At, Step},
};

/// Differences of one node that are told.
const MAX_DIFFERENCES: usize = 100;
/// Fields that say when something was, or until when, or how long it took.
const TIMES: [&str; 6] = ["n", "ts", "at", "until", "asked_at", "duration_ms"];

/// An execution that is being decided once more, event by event: its history is never in memory as a whole.
pub(crate) struct Replaying {
    state: State,
    /// What came out and was not recorded so far.
    due: VecDeque<ExecutionEvent>,
    /// The number of the last event that was looked at.
    seen: u64,
    steps: Vec<ReplayedStep>,
    /// The number of an event, and what came out instead of it.
    diverged: Option<(u64, String)>,
}

impl Replaying {
    /// `reused` is [`reused`] of its events, in their order. None where `first` is not its start.
    pub(crate) fn begin(
        program: &Arc<Program>,
        (tenant, id): (TenantId, ExecutionId),
        first: &Frame,
        vars: Value,
        reused: Vec<Reused>,
    ) -> Option<Self> {
        let start = start_of((tenant, id), &first.event, vars)?;
        let source = start.basis.as_ref().map(|basis| &basis.source);
        let taken = taken_over(program, source, reused);
        let (state, applied) = apply::start(start, program.clone(), taken, first.ts);
        Some(Self {
            state,
            due: events_of(applied),
            seen: 0,
            steps: Vec::new(),
            diverged: None,
        })
    }

    /// Whether what follows cannot be looked at.
    pub(crate) fn has_diverged(&self) -> bool {
        self.diverged.is_some()
    }

    /// Holds the next event against what comes out.
    pub(crate) fn take(&mut self, frame: &Frame) {
        if self.has_diverged() {
            return;
        }
        if self.due.is_empty() {
            let input = cause(&self.state, &frame.event);
            self.due = events_of(apply::apply(&mut self.state, input, frame.ts));
        }
        match self.due.pop_front() {
            Some(event) => self.hold_against(frame, &event),
            None => self.diverged = Some((frame.n, "nothing".to_owned())),
        }
        if !self.has_diverged() {
            self.seen = frame.n;
        }
    }

    fn hold_against(&mut self, frame: &Frame, event: &ExecutionEvent) {
        let step = step_of(event);
        if frame.event.kind() != event.kind() || step_of(&frame.event) != step {
            self.diverged = Some((frame.n, named(event)));
            return;
        }
        let Some(step) = step else {
            if let Some(field) = differences(&frame.event, event).first() {
                let instead = format!("{} with another `{field}`", event.kind());
                self.diverged = Some((frame.n, instead));
            }
            return;
        };
        let step = self.step(&outermost(step));
        for field in differences(&frame.event, event) {
            step.same = false;
            if step.differences.len() < MAX_DIFFERENCES {
                step.differences.push(format!("{}: {field}", frame.n));
            }
        }
    }

    fn step(&mut self, node: &str) -> &mut ReplayedStep {
        let known = self.steps.iter().position(|step| step.node == node);
        let at = known.unwrap_or_else(|| {
            self.steps.push(ReplayedStep {
                node: node.to_owned(),
                same: true,
                differences: Vec::new(),
            });
            self.steps.len() - 1
        });
        &mut self.steps[at]
    }

    /// What came of it, for an execution with so many events.
    pub(crate) fn told(mut self, execution_id: ExecutionId, events: u64) -> Replayed {
        if self.seen == events
            && let Some(event) = self.due.pop_front()
        {
            self.diverged = Some((events + 1, named(&event)));
        }
        let (diverged_at, instead) = self.diverged.unzip();
        Replayed {
            execution_id,
            same: diverged_at.is_none() && self.steps.iter().all(|step| step.same),
            events,
            checked: self.seen,
            diverged_at,
            instead,
            steps: self.steps,
        }
    }
}

fn events_of(applied: Applied) -> VecDeque<ExecutionEvent> {
    let records = applied.records.into_iter();
    records.map(|record| record.frame.event).collect()
}

/// An event's kind, and of which step it is.
fn named(event: &ExecutionEvent) -> String {
    let of = step_of(event).map_or_else(String::new, |step| format!(" of `{step}`"));
    format!("{}{of}", event.kind())
}

fn start_of(
    (tenant, execution_id): (TenantId, ExecutionId),
    event: &ExecutionEvent,
    vars: Value,
) -> Option<Start> {
    let ExecutionEvent::ExecutionStarted {
        origin,
        definition_hash,
        started_by,
        input,
        source,
        queued,
        ..
    } = event
    else {
        return None;
    };
    let basis = source.clone().map(|source| Basis {
        source,
        pins: Default::default(),
    });
    Some(Start {
        tenant,
        execution_id,
        origin: *origin,
        parent: None,
        notify: false,
        queued: *queued,
        basis,
        definition_hash: definition_hash.clone(),
        input: input.clone(),
        vars,
        // Nothing is begun in anyone's name.
        principal: Principal {
            user_id: *started_by,
            tenant,
            role: Role::Viewer,
            session_id: None,
            execution_id: None,
        },
    })
}

/// What it had taken over, as the events tell.
fn taken_over(program: &Program, source: Option<&Source>, reused: Vec<Reused>) -> TakenOver {
    let Some(source) = source.filter(|source| source.kind == SourceKind::Test) else {
        return TakenOver {
            reused,
            left_out: Vec::new(),
        };
    };
    let anyway = |it| Reused { anyway: true, ..it };
    let reused: Vec<_> = reused.into_iter().map(anyway).collect();
    let given = reused.iter().filter_map(|it| program.index(&it.node));
    let until = source.node.as_ref().and_then(|node| program.index(node));
    let left_out = reuse::left_out(program, until, &given.collect());
    TakenOver { reused, left_out }
}

/// The output that an event says was taken over.
pub(crate) fn reused(frame: &Frame) -> Option<Reused> {
    let (node, output, port, from) = match &frame.event {
        ExecutionEvent::StepReused {
            node,
            output,
            port,
            from,
        } => (node, output, port, from),
        ExecutionEvent::IterationSucceeded {
            node,
            index,
            output,
            from: Some(from),
        } => return Some(Reused::of_iteration(node, *index, output, *from)),
        _ => return None,
    };
    Some(Reused {
        node: node.clone(),
        output: output.clone(),
        port: port.clone(),
        from: *from,
        anyway: false,
    })
}

/// The input of which an event is the trace. An event that the core brings about by itself needs none: it is only told to go on.
fn cause(state: &State, event: &ExecutionEvent) -> Input {
    let step = step_of(event).and_then(|step| state.at(step));
    let step = step.map(|at| (at, state.step(at)));
    match (event, step) {
        (ExecutionEvent::CancelAsked { by }, _) => Input::Cancel { by: *by },
        (ExecutionEvent::ExecutionPaused { by, parent_event }, _) => Input::Pause {
            by: *by,
            parent_event: *parent_event,
        },
        (ExecutionEvent::ExecutionReleased {}, _) => Input::Release,
        (ExecutionEvent::ExecutionResumed { by, parent_event }, _) => Input::Unpause {
            by: *by,
            parent_event: *parent_event,
        },
        (ExecutionEvent::ExecutionFailing { error }, _) if error.code == "execution_timeout" => {
            Input::TimerFired(Timer::Overdue)
        }
        (
            ExecutionEvent::ApprovalGiven {
                approved,
                by,
                comment,
                ..
            },
            Some((node, _)),
        ) => Input::Decide {
            node,
            approved: *approved,
            comment: comment.clone(),
            by: *by,
        },
        (
            ExecutionEvent::AnswerReminded { .. } | ExecutionEvent::AnswerEscalated { .. },
            Some((node, _)),
        ) => Input::TimerFired(Timer::Wait { node }),
        (event, Some((at, step))) => of_step(state, event, at, step),
        // What runs when an execution ends was given up.
        _ if state.data.closing.is_some() => Input::TimerFired(Timer::Grace),
        _ => Input::TimerFired(Timer::GoOn),
    }
}

fn of_step(state: &State, event: &ExecutionEvent, node: At, step: Step) -> Input {
    match (event, step) {
        (ExecutionEvent::StepStarted { attempt, .. }, Step::Pausing { .. }) => {
            let attempt = attempt.saturating_sub(1);
            Input::TimerFired(Timer::Retry { node, attempt })
        }
        (ExecutionEvent::StepSucceeded { .. }, _) => succeeded(event, node, step),
        (ExecutionEvent::StepRetrying { .. } | ExecutionEvent::StepFailed { .. }, _) => {
            failed(event, node, step)
        }
        (
            ExecutionEvent::AnswerGiven {
                port, output, by, ..
            },
            Step::Asking,
        ) => Input::Answer {
            node,
            answer: Answer {
                port: port.clone(),
                values: output["values"].clone(),
                comment: output["comment"].as_str().unwrap_or_default().to_owned(),
                by: *by,
            },
        },
        (ExecutionEvent::StepLate { attempt, usage, .. }, _) => Input::Result(StepResult {
            node,
            attempt: *attempt,
            outcome: Outcome::Succeeded {
                output: Value::Null,
            },
            usage: *usage,
            duration_ms: 0,
        }),
        _ if state.data.closing.is_some() => Input::TimerFired(Timer::Grace),
        _ => Input::TimerFired(Timer::GoOn),
    }
}

/// What a step was given when it succeeded. Of what the core does by itself that is nothing.
fn succeeded(event: &ExecutionEvent, node: At, step: Step) -> Input {
    let ExecutionEvent::StepSucceeded {
        attempt,
        output,
        port,
        usage,
        duration_ms,
        cached,
        ..
    } = event
    else {
        return Input::TimerFired(Timer::GoOn);
    };
    let (attempt, output) = (*attempt, output.clone());
    match step {
        Step::Running { .. } if *cached => Input::Looked {
            node,
            attempt,
            found: Some(output),
        },
        Step::Running { .. } => Input::Result(StepResult {
            node,
            attempt,
            outcome: Outcome::Succeeded { output },
            usage: *usage,
            duration_ms: *duration_ms,
        }),
        Step::Listening { .. } if port != PendingAnswer::DEADLINE_PORT => {
            Input::Heard { node, output }
        }
        Step::Sleeping { .. } | Step::Listening { .. } | Step::Asking => {
            Input::TimerFired(Timer::Wait { node })
        }
        _ => Input::TimerFired(Timer::GoOn),
    }
}

/// Why an attempt failed: what a worker said, or a timer.
fn failed(event: &ExecutionEvent, node: At, step: Step) -> Input {
    let (ExecutionEvent::StepRetrying {
        attempt,
        error,
        usage,
        ..
    }
    | ExecutionEvent::StepFailed {
        attempt,
        error,
        usage,
        ..
    }) = event
    else {
        return Input::TimerFired(Timer::GoOn);
    };
    let attempt = *attempt;
    match step {
        Step::Running { .. } if is_silence(error) => {
            Input::TimerFired(Timer::Silence { node, attempt })
        }
        Step::Running { .. } => Input::Result(StepResult {
            node,
            attempt,
            outcome: Outcome::Failed {
                error: StepError {
                    node: None,
                    ..error.clone()
                },
            },
            usage: *usage,
            duration_ms: 0,
        }),
        Step::Looping { .. } | Step::Iterating { .. } if error.code == "timeout" => {
            Input::TimerFired(Timer::Limit { node, attempt })
        }
        _ => Input::TimerFired(Timer::GoOn),
    }
}

/// Whether the failure was noticed by nobody having answered.
fn is_silence(error: &StepError) -> bool {
    error.code == "timeout" && error.message == apply::NO_ANSWER
}

/// The names of the fields that are not the same, but for times.
fn differences(recorded: &ExecutionEvent, now: &ExecutionEvent) -> Vec<String> {
    let fields = |event: &ExecutionEvent| match serde_json::to_value(event) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (recorded, now) = (fields(recorded), fields(now));
    let mut names: Vec<_> = recorded.keys().chain(now.keys()).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !TIMES.contains(&name.as_str()) && recorded.get(name) != now.get(name));
    names
}
