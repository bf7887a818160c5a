//! Maps and loops at work: their bodies begin, end, and begin again.

use contracts::{execution::StepError, live::ExecutionEvent};
use serde_json::{Value, json};

use super::{Failure, Run};
use crate::domain::{
    bodies::Iterating,
    inline::Done,
    limits, outputs,
    rounds::{self, ItemError},
    state::{At, Step},
};

/// Steps that an execution may have in all, those of its iterations and calls counted.
const MAX_STEPS: usize = 200_000;

/// What a node with a body does next.
enum Next {
    /// Its body begins with these indexes.
    Begin(Vec<u32>),
    /// It waits for iterations that run.
    Nothing,
    Done(Value),
    Failed(StepError),
}

impl Run<'_> {
    /// Begins a map or a loop.
    pub(super) fn begin_body(&mut self, at: At) {
        let items = match self.state.is_map(at) {
            true => rounds::items(self.state, at).map(Some),
            false => Ok(None),
        };
        match items {
            Ok(items) => {
                let node = self.id(at);
                self.emit(ExecutionEvent::StepIterating { node, items }, None);
                self.limit(at, 1, self.now);
            }
            Err(error) => self.failed(at, Failure::of(1, error)),
        }
    }

    /// Lets every body go on. Says whether anything has changed.
    pub(super) fn iterate(&mut self) -> bool {
        let at_work: Vec<_> = self
            .state
            .data
            .iterating
            .iter()
            .map(|(at, _)| *at)
            .collect();
        let mut is_changed = false;
        for at in at_work {
            // A body around it may have ended with the one before.
            if matches!(self.state.step(at), Step::Iterating { .. }) && self.may_begin(at) {
                is_changed |= self.end_iterations(at);
                is_changed |= self.go_on(at);
            }
        }
        is_changed
    }

    /// Ends the iterations that are done or have failed.
    fn end_iterations(&mut self, at: At) -> bool {
        let open = self
            .state
            .iterating(at)
            .map(|iterating| iterating.open.clone());
        let mut is_changed = false;
        for number in open.unwrap_or_default() {
            let iteration = self.state.iteration(number);
            let (node, index) = (self.id(at), iteration.index);
            let decisions = self.state.decisions(Some(number));
            let event = if let Some(error) = iteration.failed.clone() {
                ExecutionEvent::IterationFailed { node, index, error }
            } else if decisions.is_some_and(|decisions| decisions.is_complete()) {
                let output = outputs::result(self.state, Some(number));
                if limits::fits_into(self.state, &output) {
                    ExecutionEvent::IterationSucceeded {
                        node,
                        index,
                        output,
                        from: None,
                    }
                } else {
                    let error = limits::too_large(&output);
                    ExecutionEvent::IterationFailed { node, index, error }
                }
            } else {
                continue;
            };
            self.emit(event, None);
            is_changed = true;
        }
        is_changed
    }

    fn go_on(&mut self, at: At) -> bool {
        let Some(iterating) = self.state.iterating(at) else {
            return false;
        };
        let next = if let Some(error) = &iterating.error {
            Next::Failed(error_of(error))
        } else if let Some(items) = &iterating.items {
            self.map(at, iterating, items)
        } else {
            self.round(at, iterating)
        };
        match next {
            Next::Nothing => return false,
            Next::Begin(indexes) => {
                for index in indexes {
                    let node = self.id(at);
                    self.emit(ExecutionEvent::IterationStarted { node, index }, None);
                    self.take_over(at, index);
                }
            }
            Next::Done(output) if limits::fits_into(self.state, &output) => {
                let duration = match self.state.step(at) {
                    Step::Iterating { since } => self.since(since),
                    _ => 0,
                };
                self.succeed(at, 1, Done::with(output), duration);
            }
            Next::Done(output) => self.failed(at, Failure::of(1, limits::too_large(&output))),
            Next::Failed(error) => self.failed(at, Failure::of(1, error)),
        }
        true
    }

    /// Ends an iteration that is taken over, with what it gave.
    fn take_over(&mut self, at: At, index: u32) {
        let rounds = self.state.data.reuse_rounds.get(&at);
        let Some(reused) = rounds.and_then(|rounds| rounds.get(&index)).cloned() else {
            return;
        };
        let event = ExecutionEvent::IterationSucceeded {
            node: self.id(at),
            index,
            output: reused.output,
            from: reused.from,
        };
        self.emit(event, None);
    }

    fn map(&self, at: At, iterating: &Iterating, items: &[Value]) -> Next {
        let Some(node) = self.node(at) else {
            return Next::Nothing;
        };
        let begun = iterating.begun as usize;
        let free = rounds::parallel(node).saturating_sub(iterating.open.len());
        let begin = free.min(items.len() - begun);
        if begin > 0 {
            if self.is_full() {
                return Next::Failed(too_many_steps());
            }
            let end = begun + begin;
            return Next::Begin((iterating.begun..).take(end - begun).collect());
        }
        if !iterating.open.is_empty() {
            return Next::Nothing;
        }
        let is_left_out = |index: usize| {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            ItemError::of(node) == ItemError::Skip && iterating.failed.contains(&index)
        };
        let results = iterating.results.iter().enumerate();
        let results = results.filter(|(index, _)| !is_left_out(*index));
        Next::Done(results.map(|(_, result)| result.clone()).collect())
    }

    fn round(&self, at: At, iterating: &Iterating) -> Next {
        if !iterating.open.is_empty() {
            return Next::Nothing;
        }
        let rounds = iterating.begun;
        let done = || Next::Done(json!({"rounds": rounds, "result": iterating.previous}));
        let is_over = match rounds {
            0 => Ok(false),
            _ => rounds::holds(self.state, at, "until", false),
        };
        let goes_on = || rounds::holds(self.state, at, "while", true);
        match is_over.and_then(|is_over| Ok(!is_over && goes_on()?)) {
            Ok(false) => return done(),
            Err(error) => return Next::Failed(error),
            Ok(true) => {}
        }
        let (most, stops) = self.node(at).map_or((0, true), rounds::most);
        if rounds < most {
            return match self.is_full() {
                true => Next::Failed(too_many_steps()),
                false => Next::Begin(vec![rounds]),
            };
        }
        if stops {
            return done();
        }
        let text = format!("the loop has not ended after {most} rounds");
        Next::Failed(StepError::new("limit_reached", text))
    }

    fn is_full(&self) -> bool {
        self.state.data.steps.len() >= MAX_STEPS
    }
}

/// The failure of an iteration as that of its node.
fn error_of(error: &StepError) -> StepError {
    let at = error.node.as_deref().unwrap_or("its body");
    StepError::new(&error.code, format!("`{at}`: {}", error.message))
}

fn too_many_steps() -> StepError {
    let text = format!("an execution has at most {MAX_STEPS} steps");
    StepError::new("limit_reached", text)
}
