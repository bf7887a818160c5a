//! Steps that may take the output of an earlier one that was the same.
//!
//! **Invariant:** what was found is recorded as the step's output, so that a replay looks nothing up.

use contracts::{
    flow::{Edge, Node},
    live::ExecutionEvent,
    work::WorkItem,
};
use serde_json::Value;

use super::{Effect, Run, SILENCE, Timer, after};
use crate::domain::{
    inline,
    state::{At, Step},
};

/// Changes when workers make something else of the same configuration.
const VERSION: u32 = 1;

impl Run<'_> {
    /// Looks for an earlier step that was the same, where the node asks for it. Says whether it does.
    ///
    /// After a change of owner the work is dispatched without another look: it may have been begun.
    pub(super) fn look(&mut self, node: At) -> bool {
        let Some(key) = self.cache_key(node) else {
            return false;
        };
        let (attempt, at) = (1, after(self.now, SILENCE));
        let timer = Timer::Silence { node, attempt };
        let node = self.id(node);
        self.applied
            .effects
            .push(Effect::Look { node, attempt, key });
        self.applied.effects.push(Effect::Wake { timer, at });
        true
    }

    pub(super) fn looked(&mut self, node: At, attempt: u32, found: Option<Value>) {
        if self.state.step(node) != (Step::Running { attempt }) {
            return;
        }
        if self.state.data.closing.is_some() {
            self.late(node, attempt, None);
            return self.finish_if_done();
        }
        match found {
            Some(output) => {
                let event = ExecutionEvent::StepSucceeded {
                    node: self.id(node),
                    attempt,
                    output,
                    port: Edge::DEFAULT_PORT.to_owned(),
                    usage: None,
                    duration_ms: 0,
                    cached: true,
                };
                self.emit(event, None);
            }
            None => self.dispatch(node, attempt),
        }
        self.advance();
    }

    /// Keeps the output of a step that succeeds, where its node asks for it.
    pub(super) fn keep(&mut self, node: At, output: &Value) {
        let cache = self.node(node).and_then(|node| node.cache);
        if let Some((cache, key)) = cache.zip(self.cache_key(node)) {
            self.applied.effects.push(Effect::Keep {
                key,
                output: output.clone(),
                ttl_seconds: cache.ttl_seconds,
            });
        }
    }

    /// What is the same for steps that are; none where the node does not ask for it, or what it needs cannot be said.
    fn cache_key(&self, at: At) -> Option<String> {
        let node = self.node(at).filter(|node| node.cache.is_some())?;
        let (_, item) = inline::work_item(self.state, at, 1, String::new()).ok()?;
        Some(key_of(node, &item))
    }
}

fn key_of(node: &Node, item: &WorkItem) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut what = serde_json::json!([VERSION, item.tenant, item.flow_id, node.kind]);
    if let (Some(version), Some(what)) = (item.type_version, what.as_array_mut()) {
        what.push(version.into());
    }
    let parts = [
        what.to_string(),
        serde_json::to_string(&item.config).expect("a configuration is JSON"),
        item.argument.to_string(),
    ];
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    format!("{}.{}", item.tenant, hasher.finalize().to_hex())
}
