//! How an execution comes to its end.

use std::collections::BTreeMap;

use contracts::live::ExecutionEvent;
use graph::NodeIndex;
use serde_json::Value;

use super::{Effect, GRACE, Run, Timer, after};
use crate::{
    domain::{
        inline, limits,
        state::{Closing, Step},
    },
    record::Private,
};

impl Run<'_> {
    /// Cuts what runs, or ends at once when nothing does. What was begun by this very input has not left yet, and stays.
    pub(super) fn close(&mut self) {
        if self.state.is_over() {
            return;
        }
        for effect in std::mem::take(&mut self.applied.effects) {
            if let Effect::Dispatch { item, .. } = effect
                && let Some(node) = self.state.at(&item.node)
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

    pub(super) fn finish_if_done(&mut self) {
        let going_on = |step: &Step| match step {
            Step::Running { .. } => true,
            Step::Pausing { .. } | Step::Looping { .. } | Step::Sleeping { .. } | Step::Asking => {
                self.state.data.closing.is_none()
            }
            Step::Waiting | Step::Settled | Step::Skipped | Step::Failed | Step::Cut => false,
        };
        if !self.state.is_over() && !self.state.data.steps.iter().any(going_on) {
            self.finish();
        }
    }

    pub(super) fn finish(&mut self) {
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
        let data = &self.state.data;
        let origin = data.origin;
        let private = data.notify.then_some(Private::Notify { origin });
        self.emit(event, private);
    }

    /// The value of the output node that was reached; an object by node id where several were, null where none was.
    fn output(&self) -> Value {
        let is_output = |node: NodeIndex| self.state.plan.node(node).kind == inline::OUTPUT;
        let mut reached: Vec<_> = self
            .state
            .nodes()
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
                    .map(|node| (self.id(node.into()), value(node)))
                    .collect();
                serde_json::to_value(values).expect("texts and JSON values are JSON")
            }
        }
    }
}
