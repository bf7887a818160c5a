//! How the iterations of bodies begin and end, and what is cut with them.

use std::collections::BTreeMap;

use contracts::{execution::StepError, live::ExecutionEvent};
use graph::schedule::Decisions;
use serde_json::{Value, json};

use crate::{
    domain::{
        bodies::{Iterating, Iteration, Place},
        program::Program,
        reuse::Reused,
        rounds::ItemError,
        state::{At, State, Step},
    },
    record::Record,
};

/// The iterations that are taken over, by the place of their node.
pub(super) fn taken_over(plan: &Program, reused: &[Reused]) -> BTreeMap<At, BTreeMap<u32, Reused>> {
    let mut rounds: BTreeMap<At, BTreeMap<u32, Reused>> = BTreeMap::new();
    for it in reused {
        let Some((node, index)) = it.iteration() else {
            continue;
        };
        if let Some(node) = plan.index(node) {
            let of = rounds.entry(node.into()).or_default();
            of.insert(index, it.clone());
        }
    }
    rounds
}

impl State {
    pub(super) fn fold_iteration(&mut self, at: At, record: &Record) {
        match &record.frame.event {
            ExecutionEvent::StepIterating { items, .. } => {
                let since = record.frame.ts;
                self.set(at, Step::Iterating { since });
                let iterating = Iterating::new(items.clone());
                self.data.iterating.push((at, iterating));
            }
            ExecutionEvent::IterationStarted { index, .. } => self.begin_iteration(at, *index),
            ExecutionEvent::IterationSucceeded { index, output, .. } => {
                self.end_iteration(at, *index, Ok(output));
            }
            ExecutionEvent::IterationFailed { index, error, .. } => {
                self.end_iteration(at, *index, Err(error));
            }
            _ => {}
        }
    }

    fn begin_iteration(&mut self, of: At, index: u32) {
        let Some(node) = self.node_index(of) else {
            return;
        };
        let Some(number) = u32::try_from(self.data.iterations.len()).ok() else {
            return;
        };
        let plan = self.plan.clone();
        let places = plan.body(Some(node)).iter().map(|node| Place::Node {
            node: node.0,
            iteration: number,
        });
        let mut first = None;
        for place in places {
            let at = self.add(place);
            first.get_or_insert(at);
        }
        let mut item = Value::Null;
        if let Some(iterating) = self.iterating_mut(of) {
            iterating.begun += 1;
            iterating.open.push(number);
            let items = iterating.items.as_ref();
            if let Some(known) = items.and_then(|items| items.get(index as usize)) {
                item = known.clone();
            }
        }
        self.data.iterations.push(Iteration {
            of,
            index,
            number: index.into(),
            item,
            first: first.unwrap_or(of),
            failed: None,
            is_over: false,
        });
        self.rounds.insert((of, index), number);
        let decisions = Decisions::new(&plan, Some(node));
        self.inner.insert(number, decisions);
    }

    fn end_iteration(&mut self, of: At, index: u32, how: Result<&Value, &StepError>) {
        let Some(number) = self.rounds.get(&(of, index)).copied() else {
            return;
        };
        if let Some(rounds) = self.data.reuse_rounds.get_mut(&of) {
            rounds.remove(&index);
        }
        self.close_iteration(number);
        let on_error = self
            .node_index(of)
            .map_or(ItemError::Fail, |node| ItemError::of(self.plan.node(node)));
        let Some(iterating) = self.iterating_mut(of) else {
            return;
        };
        iterating.open.retain(|open| *open != number);
        let result = match how {
            Ok(output) => output.clone(),
            Err(error) if on_error == ItemError::Fail => {
                iterating.error.get_or_insert_with(|| error.clone());
                return;
            }
            Err(error) => {
                iterating.failed.push(index);
                json!({ "error": error })
            }
        };
        match iterating.results.get_mut(index as usize) {
            Some(place) => *place = result,
            None => iterating.previous = result,
        }
    }

    /// A node with a body is done, or gave up: nobody waits for what still runs in it.
    pub(super) fn leave(&mut self, of: At) {
        let position = self.data.iterating.iter().position(|(at, _)| *at == of);
        if let Some(position) = position {
            let (_, iterating) = self.data.iterating.swap_remove(position);
            for number in iterating.open {
                self.close_iteration(number);
            }
        }
    }

    /// Cuts what runs in an iteration, and forgets what nobody will read.
    fn close_iteration(&mut self, number: u32) {
        let nested: Vec<_> = self.data.iterating.iter().map(|(at, _)| *at).collect();
        for of in nested {
            if self.iteration_of(of) == Some(number) {
                self.leave(of);
            }
        }
        self.cut(|state, step| state.iteration_of(step) == Some(number));
        self.inner.remove(&number);
        let Iteration { of, first, .. } = *self.iteration(number);
        let body = self.node_index(of);
        let iteration = &mut self.data.iterations[number as usize];
        iteration.is_over = true;
        // Whoever undoes a step reads what it read.
        if body.is_some_and(|body| self.plan.is_undone(body)) {
            return;
        }
        iteration.item = Value::Null;
        let length = body.map_or(0, |node| self.plan.body(Some(node)).len());
        let first = first.0 as usize;
        for output in self.data.outputs.iter_mut().skip(first).take(length) {
            *output = Value::Null;
        }
    }

    pub(super) fn is_call_of(&self, step: At, node: At) -> bool {
        self.call(step).is_some_and(|call| call.node == node)
    }

    /// Cuts the open steps of which `which` holds: their results may still come, late.
    pub(super) fn cut(&mut self, which: impl Fn(&Self, At) -> bool) {
        let open: Vec<_> = self.open.iter().copied().collect();
        for at in open
            .into_iter()
            .filter(|at| which(self, *at))
            .collect::<Vec<_>>()
        {
            if let Step::Running { attempt } = self.step(at) {
                self.data.unanswered.push((at, attempt));
            }
            self.data.asked.retain(|(asked, _)| *asked != at);
            self.set(at, Step::Cut);
        }
    }

    fn iterating_mut(&mut self, of: At) -> Option<&mut Iterating> {
        let mut all = self.data.iterating.iter_mut();
        all.find_map(|(at, iterating)| (*at == of).then_some(iterating))
    }
}
