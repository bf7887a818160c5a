//! Deciding an execution once more, from what was recorded: the same core, with the recorded answers.
//!
//! Each event that the core does not bring about by itself is the trace of an input: a worker's answer, a timer, a person. The
//! input is made from the event and given to the core at the time of the event, and what the core records then is held against
//! what was recorded. Times are not compared: an owner that took over may have gone on later than its predecessor would have.
//!
//! **Invariant:** nothing is asked and nothing is done: effects are dropped.

use std::sync::Arc;

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

/// Replays an execution of which all events are given. None where they do not begin with its start.
pub(crate) fn replay(
    program: &Arc<Program>,
    (tenant, id): (TenantId, ExecutionId),
    frames: &[Frame],
    vars: Value,
) -> Option<Replayed> {
    let first = frames.first()?;
    let start = start_of((tenant, id), &first.event, vars)?;
    let source = start.basis.as_ref().map(|basis| &basis.source);
    let taken = taken_over(program, source, frames);
    let (state, applied) = apply::start(start, program.clone(), taken, first.ts);
    let mut replaying = Replaying {
        state,
        frames,
        at: 0,
        steps: Vec::new(),
        diverged: None,
    };
    replaying.hold_against(applied);
    while replaying.diverged.is_none() && replaying.at < frames.len() {
        replaying.go_on();
    }
    Some(replaying.told(id))
}

struct Replaying<'a> {
    state: State,
    frames: &'a [Frame],
    /// How many events came out as they were recorded.
    at: usize,
    steps: Vec<ReplayedStep>,
    /// What came out instead of the next event.
    diverged: Option<String>,
}

impl Replaying<'_> {
    fn go_on(&mut self) {
        let frame = &self.frames[self.at];
        let input = cause(&self.state, &frame.event);
        let applied = apply::apply(&mut self.state, input, frame.ts);
        if applied.records.is_empty() {
            self.diverged = Some("nothing".to_owned());
        }
        self.hold_against(applied);
    }

    /// Holds what came out against what was recorded.
    fn hold_against(&mut self, applied: Applied) {
        for record in applied.records {
            let event = &record.frame.event;
            let frame = self.frames.get(self.at);
            let step = step_of(event);
            let is_alike = |frame: &&Frame| {
                frame.event.kind() == event.kind() && step_of(&frame.event) == step
            };
            let Some(frame) = frame.filter(is_alike) else {
                let kind = event.kind();
                let of = step.map_or_else(String::new, |step| format!(" of `{step}`"));
                self.diverged = Some(format!("{kind}{of}"));
                return;
            };
            self.at += 1;
            if let Some(step) = step {
                let step = self.step(&outermost(step));
                for field in differences(&frame.event, event) {
                    step.same = false;
                    if step.differences.len() < MAX_DIFFERENCES {
                        step.differences.push(format!("{}: {field}", frame.n));
                    }
                }
            } else if let Some(field) = differences(&frame.event, event).first() {
                self.diverged = Some(format!("{} with another `{field}`", event.kind()));
                self.at -= 1;
                return;
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

    fn told(self, execution_id: ExecutionId) -> Replayed {
        let is_whole = self.diverged.is_none();
        let number = |at: usize| self.frames.get(at).map_or(at as u64 + 1, |frame| frame.n);
        Replayed {
            execution_id,
            same: is_whole && self.steps.iter().all(|step| step.same),
            events: self.frames.len() as u64,
            diverged_at: (!is_whole).then(|| number(self.at)),
            instead: self.diverged,
            steps: self.steps,
        }
    }
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
fn taken_over(program: &Program, source: Option<&Source>, frames: &[Frame]) -> TakenOver {
    let reused = frames.iter().filter_map(reused);
    let Some(source) = source.filter(|source| source.kind == SourceKind::Test) else {
        return TakenOver {
            reused: reused.collect(),
            left_out: Vec::new(),
        };
    };
    let anyway = |it| Reused { anyway: true, ..it };
    let reused: Vec<_> = reused.map(anyway).collect();
    let given = reused.iter().filter_map(|it| program.index(&it.node));
    let until = source.node.as_ref().and_then(|node| program.index(node));
    let left_out = reuse::left_out(program, until, &given.collect());
    TakenOver { reused, left_out }
}

fn reused(frame: &Frame) -> Option<Reused> {
    let ExecutionEvent::StepReused {
        node,
        output,
        port,
        from,
    } = &frame.event
    else {
        return None;
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
