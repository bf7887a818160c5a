//! Where steps stand: outside of all bodies, in an iteration of a body, or among the calls of an agent.
//!
//! The path of a step says it, as [`graph::path`] has it.

use std::borrow::Cow;

use contracts::execution::StepError;
use graph::{MAP, NodeIndex, expression::Round, schedule::Decisions};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::state::{At, CallState, State};

/// What a step is that does not stand at a node outside of all bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// The node of this position, in the iteration of this number.
    Node { node: u16, iteration: u32 },
    /// The call of this number.
    Call(u32),
}

/// A body that runs, or ran, once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Iteration {
    /// The step whose body it is.
    pub(crate) of: At,
    pub(crate) index: u32,
    /// `index`, as expressions read it.
    pub(crate) number: Value,
    /// Null in a loop.
    pub(crate) item: Value,
    /// The step of the body's first node; the others follow.
    pub(crate) first: At,
    /// Why it ends.
    pub(crate) failed: Option<StepError>,
    pub(crate) is_over: bool,
}

/// How far a node with a body is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Iterating {
    /// None in a loop.
    pub(crate) items: Option<Vec<Value>>,
    /// Of a map by item; null as long as the item has no result.
    pub(crate) results: Vec<Value>,
    /// The items that failed, where that does not end the map.
    pub(crate) failed: Vec<u32>,
    /// The numbers of the iterations that run.
    pub(crate) open: Vec<u32>,
    /// How many iterations have begun.
    pub(crate) begun: u32,
    /// Why an iteration failed whose failure is the node's.
    pub(crate) error: Option<StepError>,
    /// The result of the last iteration that ended.
    pub(crate) previous: Value,
}

impl Iterating {
    pub(crate) fn new(items: Option<Vec<Value>>) -> Self {
        Self {
            results: vec![Value::Null; items.as_ref().map_or(0, Vec::len)],
            items,
            failed: Vec::new(),
            open: Vec::new(),
            begun: 0,
            error: None,
            previous: Value::Null,
        }
    }
}

impl State {
    /// The node at which a step stands; none where it is a call.
    pub(crate) fn node_index(&self, at: At) -> Option<NodeIndex> {
        match self.place(at) {
            None => Some(NodeIndex(u16::try_from(at.0).ok()?)),
            Some(Place::Node { node, .. }) => Some(NodeIndex(node)),
            Some(Place::Call(_)) => None,
        }
    }

    /// The number of the iteration in which a node's step stands; none outside of all bodies.
    pub(crate) fn iteration_of(&self, at: At) -> Option<u32> {
        match self.place(at)? {
            Place::Node { iteration, .. } => Some(iteration),
            Place::Call(call) => self.iteration_of(self.data.calls[call as usize].node),
        }
    }

    fn place(&self, at: At) -> Option<Place> {
        let beyond = (at.0 as usize).checked_sub(self.plan.nodes().len())?;
        self.data.places.get(beyond).copied()
    }

    /// The call of an agent; none where it is a node.
    pub(crate) fn call(&self, at: At) -> Option<&CallState> {
        match self.place(at)? {
            Place::Call(call) => self.data.calls.get(call as usize),
            Place::Node { .. } => None,
        }
    }

    pub(crate) fn iteration(&self, number: u32) -> &Iteration {
        &self.data.iterations[number as usize]
    }

    /// How far the node of this step is with its body.
    pub(crate) fn iterating(&self, at: At) -> Option<&Iterating> {
        let known = self.data.iterating.iter().find(|(known, _)| *known == at);
        known.map(|(_, iterating)| iterating)
    }

    /// What is decided in an iteration that runs; without one, outside of all bodies.
    pub(crate) fn decisions(&self, iteration: Option<u32>) -> Option<&Decisions> {
        match iteration {
            None => Some(&self.outer),
            Some(number) => self.inner.get(&number),
        }
    }

    /// The step of a node that stands in the same iteration as others do, or outside.
    pub(crate) fn step_in(&self, iteration: Option<u32>, node: NodeIndex) -> At {
        let Some(number) = iteration else {
            return node.into();
        };
        let first = self.iteration(number).first;
        let body = self.plan.body(self.plan.parent(node));
        let offset = body.binary_search(&node).unwrap_or(0);
        At(first.0 + u32::try_from(offset).unwrap_or(0))
    }

    /// The step of a node as seen from a step: in its own iteration, or in one of those around it.
    pub(crate) fn seen(&self, from: At, node: NodeIndex) -> At {
        let parent = self.plan.parent(node);
        let mut iteration = self.iteration_of(from);
        while let Some(number) = iteration {
            let of = self.iteration(number).of;
            if self.node_index(of) == parent {
                break;
            }
            iteration = self.iteration_of(of);
        }
        self.step_in(iteration, node)
    }

    /// What the iterations give in which a step stands.
    pub(crate) fn round(&self, at: At) -> Round<'_> {
        let mut round = Round::default();
        let mut iteration = self.iteration_of(at);
        while let Some(number) = iteration {
            let known = self.iteration(number);
            round.index = round.index.or(Some(&known.number));
            if self.is_map(known.of) {
                round.item = round.item.or(Some(&known.item));
            } else if let Some(iterating) = self.iterating(known.of) {
                round.previous = round.previous.or(Some(&iterating.previous));
            }
            iteration = self.iteration_of(known.of);
        }
        round
    }

    pub(crate) fn is_map(&self, at: At) -> bool {
        let node = self.node_index(at);
        node.is_some_and(|node| self.plan.node(node).kind == MAP)
    }

    /// The step of this path: a node, or what an agent called.
    pub(crate) fn at(&self, path: &str) -> Option<At> {
        if let Some(call) = self.calls.get(path) {
            return Some(*call);
        }
        let (outer, id) = match path.rsplit_once('/') {
            None => (None, path),
            Some((outer, id)) => (Some(outer), id),
        };
        let iteration = match outer {
            None => None,
            Some(outer) => {
                let (of, index) = outer.rsplit_once(':')?;
                let key = (self.at(of)?, index.parse().ok()?);
                Some(*self.rounds.get(&key)?)
            }
        };
        let node = self.plan.index(id)?;
        let of = iteration.map(|number| self.iteration(number).of);
        let parent = of.and_then(|of| self.node_index(of));
        (self.plan.parent(node) == parent).then(|| self.step_in(iteration, node))
    }

    pub(crate) fn path(&self, at: At) -> Cow<'_, str> {
        match self.place(at) {
            Some(Place::Call(call)) => Cow::Borrowed(&self.data.calls[call as usize].path),
            Some(Place::Node { node, iteration }) => {
                let Iteration { of, index, .. } = self.iteration(iteration);
                let id = &self.plan.node(NodeIndex(node)).id;
                Cow::Owned(format!("{}:{index}/{id}", self.path(*of)))
            }
            None => Cow::Borrowed(&self.plan.nodes()[at.0 as usize].id),
        }
    }
}
