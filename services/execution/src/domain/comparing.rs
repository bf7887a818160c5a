//! Two executions that have ended, beside each other.
//!
//! What ran in a body or was called by an agent counts as its outermost node.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use contracts::{
    execution::{NodeComparison, NodeEnd, NodeOutcome, StepError, Usage},
    live::{ExecutionEvent, Frame},
};
use serde_json::Value;

use super::{
    program::Program,
    reuse::{is_unchanged, outermost},
};

/// The history of an execution, as far as two are compared: of its outputs only what tells them apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    pub(crate) definition_hash: String,
    input: Option<blake3::Hash>,
    output: Option<blake3::Hash>,
    begun_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    nodes: BTreeMap<String, Told>,
}

/// What was heard of a node.
#[derive(Clone, Debug, Default)]
struct Told {
    end: Option<NodeEnd>,
    attempts: u32,
    port: Option<String>,
    error: Option<StepError>,
    output: Option<blake3::Hash>,
    begun_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    usage: Option<Usage>,
    reused: bool,
}

impl Story {
    /// Takes the next event into account.
    pub(crate) fn take(&mut self, frame: &Frame) {
        match &frame.event {
            ExecutionEvent::ExecutionStarted {
                definition_hash,
                input,
                ..
            } => {
                self.definition_hash.clone_from(definition_hash);
                self.input = Some(hash(input));
                self.begun_at = Some(frame.ts);
            }
            ExecutionEvent::ExecutionSucceeded { output, .. }
            | ExecutionEvent::ExecutionFailed { output, .. } => {
                self.output = Some(hash(output));
                self.ended_at = Some(frame.ts);
            }
            ExecutionEvent::ExecutionCancelled { .. } => self.ended_at = Some(frame.ts),
            event => {
                if let Some(step) = step_of(event) {
                    let told = self.nodes.entry(outermost(step)).or_default();
                    told.take(event, !step.contains('/'), frame.ts);
                }
            }
        }
    }

    pub(crate) fn duration_ms(&self) -> u64 {
        between(self.begun_at, self.ended_at)
    }

    pub(crate) fn has_input_of(&self, other: &Self) -> bool {
        self.input == other.input
    }

    pub(crate) fn has_output_of(&self, other: &Self) -> bool {
        self.output == other.output
    }

    fn outcome(&self, node: &str) -> NodeOutcome {
        let nothing = Told::default();
        let told = self.nodes.get(node).unwrap_or(&nothing);
        let end = match told.end {
            Some(end) => end,
            None if told.attempts > 0 || told.begun_at.is_some() => NodeEnd::Stopped,
            None => NodeEnd::Pending,
        };
        NodeOutcome {
            end,
            attempts: told.attempts,
            port: told.port.clone(),
            error: told.error.clone(),
            duration_ms: between(told.begun_at, told.ended_at),
            usage: told.usage.unwrap_or(Usage::ZERO),
            reused: told.reused,
        }
    }

    fn output_of(&self, node: &str) -> Option<blake3::Hash> {
        self.nodes.get(node).and_then(|told| told.output)
    }
}

impl Told {
    fn take(&mut self, event: &ExecutionEvent, is_own: bool, ts: DateTime<Utc>) {
        if let ExecutionEvent::StepSucceeded { usage, .. }
        | ExecutionEvent::StepRetrying { usage, .. }
        | ExecutionEvent::StepFailed { usage, .. }
        | ExecutionEvent::StepLate { usage, .. } = event
            && let Some(usage) = usage
        {
            self.usage = Some(self.usage.unwrap_or(Usage::ZERO).plus(*usage));
        }
        if !is_own {
            return;
        }
        match event {
            ExecutionEvent::StepStarted { attempt, .. } => {
                self.attempts = *attempt;
                self.begun_at.get_or_insert(ts);
            }
            ExecutionEvent::StepSucceeded {
                output,
                port,
                cached,
                ..
            } => {
                self.reused = *cached;
                self.end(NodeEnd::Succeeded, Some((port, output)), ts);
            }
            ExecutionEvent::StepReused { output, port, .. } => {
                self.reused = true;
                self.end(NodeEnd::Succeeded, Some((port, output)), ts);
            }
            ExecutionEvent::AnswerGiven { output, port, .. } => {
                self.end(NodeEnd::Succeeded, Some((port, output)), ts);
            }
            ExecutionEvent::StepFailed {
                error,
                port,
                output,
                ..
            } => {
                self.error = Some(error.clone());
                let went_on = port.as_ref().zip(output.as_ref().or(Some(&Value::Null)));
                self.end(NodeEnd::Failed, went_on, ts);
            }
            ExecutionEvent::StepSkipped { .. } => self.end(NodeEnd::Skipped, None, ts),
            ExecutionEvent::StepSleeping { .. }
            | ExecutionEvent::StepListening { .. }
            | ExecutionEvent::StepIterating { .. }
            | ExecutionEvent::AnswerAsked { .. } => {
                self.begun_at.get_or_insert(ts);
            }
            _ => {}
        }
    }

    fn end(&mut self, end: NodeEnd, went_on: Option<(&String, &Value)>, ts: DateTime<Utc>) {
        self.end = Some(end);
        self.port = went_on.map(|(port, _)| port.clone());
        self.output = went_on.map(|(_, output)| hash(output));
        self.ended_at = Some(ts);
    }
}

/// An execution with what it executed.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) program: &'a Program,
    pub(crate) story: &'a Story,
}

impl Side<'_> {
    fn outcome(&self, node: &str) -> Option<NodeOutcome> {
        self.program.index(node)?;
        Some(self.story.outcome(node))
    }
}

/// The nodes of both, and what became of them.
pub(crate) fn compare(one: Side<'_>, other: Side<'_>) -> Vec<NodeComparison> {
    let is_new = |id: &&str| one.program.index(id).is_none();
    let ids = nodes(one.program).chain(nodes(other.program).filter(is_new));
    let same_output = |id: &str| one.story.output_of(id) == other.story.output_of(id);
    let compared = ids.map(|id| {
        let (execution, with) = (one.outcome(id), other.outcome(id));
        let both = execution.as_ref().zip(with.as_ref());
        let ends_alike = both.is_some_and(|(a, b)| {
            let code = |outcome: &NodeOutcome| outcome.error.as_ref().map(|it| it.code.clone());
            (a.end, &a.port, code(a)) == (b.end, &b.port, code(b))
        });
        let sees_alike = || {
            let mut before = seen(one.program, id);
            before.append(&mut seen(other.program, id));
            one.story.has_input_of(other.story) && before.into_iter().all(same_output)
        };
        NodeComparison {
            node: id.to_owned(),
            same: ends_alike && same_output(id),
            same_output: both.is_some() && same_output(id),
            same_config: both.map(|_| is_unchanged(one.program, other.program, id)),
            same_input: both.map(|_| sees_alike()),
            execution,
            with,
        }
    });
    compared.collect()
}

/// The nodes that stand in no body, those that undo others and handle errors among them.
fn nodes(program: &Program) -> impl Iterator<Item = &str> {
    let outer = program.nodes().iter().filter(|node| node.parent.is_none());
    outer.map(|node| node.id.as_str())
}

fn seen<'a>(program: &'a Program, node: &str) -> BTreeSet<&'a str> {
    let index = program.index(node);
    let seen = index.map(|index| program.visible(index)).into_iter();
    seen.flatten()
        .map(|seen| program.node(*seen).id.as_str())
        .collect()
}

/// The step that an event is about.
pub(super) fn step_of(event: &ExecutionEvent) -> Option<&str> {
    match event {
        ExecutionEvent::StepStarted { node, .. }
        | ExecutionEvent::StepSleeping { node, .. }
        | ExecutionEvent::StepListening { node, .. }
        | ExecutionEvent::StepIterating { node, .. }
        | ExecutionEvent::StepSucceeded { node, .. }
        | ExecutionEvent::StepReused { node, .. }
        | ExecutionEvent::StepRetrying { node, .. }
        | ExecutionEvent::StepFailed { node, .. }
        | ExecutionEvent::StepSkipped { node }
        | ExecutionEvent::StepLate { node, .. }
        | ExecutionEvent::IterationStarted { node, .. }
        | ExecutionEvent::IterationSucceeded { node, .. }
        | ExecutionEvent::IterationFailed { node, .. }
        | ExecutionEvent::ApprovalAsked { node, .. }
        | ExecutionEvent::ApprovalGiven { node, .. }
        | ExecutionEvent::AnswerReminded { node, .. }
        | ExecutionEvent::AnswerEscalated { node, .. }
        | ExecutionEvent::HandlerStarted { node, .. }
        | ExecutionEvent::AnswerGiven { node, .. } => Some(node),
        ExecutionEvent::AnswerAsked { asked } => Some(&asked.node),
        _ => None,
    }
}

fn hash(value: &Value) -> blake3::Hash {
    blake3::hash(value.to_string().as_bytes())
}

fn between(begun: Option<DateTime<Utc>>, ended: Option<DateTime<Utc>>) -> u64 {
    let pause = begun.zip(ended).map(|(begun, ended)| ended - begun);
    let ms = pause.map_or(0, |pause| pause.num_milliseconds());
    u64::try_from(ms).unwrap_or(0)
}
