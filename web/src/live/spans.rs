//! The span tree of an execution: steps with their attempts, and what happened inside of them as children by path.
//!
//! **Invariant:** a span's parent is the span of its path's parent; it stands before its children in the list.
//! **Invariant:** a span is at the same place in the list for ever: what is selected stays selected while more comes.

use std::{collections::HashMap, rc::Rc};

use chrono::{DateTime, Utc};
use contracts::{
    execution::{PendingAnswer, StepError, Usage},
    live::{ExecutionEvent, Frame, StepCall},
};
use graph::{
    path,
    view::{ExecutionView, NodeState},
};
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Spans {
    list: Vec<Span>,
    by_path: HashMap<String, usize>,
    /// The spans of each node of the definition: more than one where it stands in a body.
    by_node: HashMap<String, Vec<usize>>,
    roots: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Span {
    /// For example `writer/tool:0.1`.
    pub path: String,
    pub parent: Option<usize>,
    pub children: Vec<usize>,
    pub depth: usize,
    /// The number of the first frame about it or a child of it.
    pub first: u64,
    pub started: DateTime<Utc>,
    /// None while it, or a child, goes on.
    pub ended: Option<DateTime<Utc>>,
    pub attempts: Vec<Attempt>,
    pub call: Option<StepCall>,
    pub asked: Option<Asked>,
    /// What a node asked a person.
    pub question: Option<Rc<PendingAnswer>>,
    /// What a call is called that waits and was not made yet.
    pub waits_for: Option<String>,
    /// Whether a frame was about it, not only about something inside of it.
    pub spoken: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attempt {
    pub number: u32,
    pub started: DateTime<Utc>,
    pub ended: Option<DateTime<Utc>>,
    pub error: Option<StepError>,
    pub usage: Option<Usage>,
}

/// A call that a person was asked about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub name: String,
    pub arguments: Value,
    pub hash: String,
}

impl Spans {
    pub(crate) fn list(&self) -> &[Span] {
        &self.list
    }

    pub(crate) fn get(&self, path: &str) -> Option<&Span> {
        self.by_path.get(path).map(|&at| &self.list[at])
    }

    /// Where the span of a path is in the list.
    pub(crate) fn place_of(&self, path: &str) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// Where the spans of a node of the definition are in the list, in the order in which they began.
    pub(crate) fn of_node(&self, id: &str) -> &[usize] {
        self.by_node.get(id).map_or(&[], Vec::as_slice)
    }

    /// An attempt has ended.
    fn ended(&mut self, frame: &Frame) {
        let (node, attempt, error, usage) = match &frame.event {
            ExecutionEvent::StepSucceeded {
                node,
                attempt,
                usage,
                ..
            } => (node, *attempt, None, *usage),
            ExecutionEvent::StepRetrying {
                node,
                attempt,
                error,
                usage,
                ..
            }
            | ExecutionEvent::StepFailed {
                node,
                attempt,
                error,
                usage,
                ..
            } => (node, *attempt, Some(error), *usage),
            _ => return,
        };
        let is_last = !matches!(frame.event, ExecutionEvent::StepRetrying { .. });
        self.heard(node, frame)
            .finish(attempt, error, usage, frame.ts, is_last);
    }

    /// Takes the next frame into account.
    pub(crate) fn apply(&mut self, frame: &Frame) {
        let ts = frame.ts;
        match &frame.event {
            ExecutionEvent::StepStarted {
                node,
                attempt,
                call,
                ..
            } => {
                let span = self.heard(node, frame);
                span.call.clone_from(call);
                span.ended = None;
                span.attempts.push(Attempt::begun(*attempt, ts));
            }
            ExecutionEvent::StepSleeping { .. }
            | ExecutionEvent::StepListening { .. }
            | ExecutionEvent::StepIterating { .. }
            | ExecutionEvent::IterationStarted { .. }
            | ExecutionEvent::IterationSucceeded { .. }
            | ExecutionEvent::IterationFailed { .. } => self.iterate(frame),
            ExecutionEvent::StepSucceeded { .. }
            | ExecutionEvent::StepRetrying { .. }
            | ExecutionEvent::StepFailed { .. } => self.ended(frame),
            ExecutionEvent::StepLate { .. } => self.late(frame),
            ExecutionEvent::StepSkipped { node }
            | ExecutionEvent::StepReused { node, .. }
            | ExecutionEvent::ApprovalGiven { node, .. } => {
                self.heard(node, frame).ended = Some(ts)
            }
            ExecutionEvent::ApprovalAsked { node, .. } => self.ask(node, frame),
            ExecutionEvent::AnswerAsked { asked } => self.question(asked, frame),
            ExecutionEvent::AnswerGiven { node, .. } => {
                self.heard(node, frame).finish(1, None, None, ts, true);
            }
            ExecutionEvent::AnswerEscalated { node, .. } => self.escalate(node),
            ExecutionEvent::AnswerReminded { .. }
            | ExecutionEvent::ExecutionStarted { .. }
            | ExecutionEvent::ExecutionFailing { .. }
            | ExecutionEvent::ExecutionPaused { .. }
            | ExecutionEvent::ExecutionReleased {}
            | ExecutionEvent::ExecutionResumed { .. }
            | ExecutionEvent::CancelAsked { .. } => {}
            // What ran was cut, and something else begins, or nothing.
            ExecutionEvent::CompensationStarted { .. }
            | ExecutionEvent::HandlerStarted { .. }
            | ExecutionEvent::ExecutionSucceeded { .. }
            | ExecutionEvent::ExecutionFailed { .. }
            | ExecutionEvent::ExecutionCancelled { .. } => self.close_all(ts),
        }
        if let Some(node) = node_of(&frame.event) {
            self.close_silent_parents(node, ts);
        }
    }

    /// A node waits or goes through its body, or a body begins or ends once.
    fn iterate(&mut self, frame: &Frame) {
        let ts = frame.ts;
        match &frame.event {
            ExecutionEvent::StepSleeping { node, .. }
            | ExecutionEvent::StepListening { node, .. }
            | ExecutionEvent::StepIterating { node, .. } => {
                let span = self.heard(node, frame);
                span.attempts.push(Attempt::begun(1, ts));
            }
            ExecutionEvent::IterationStarted { node, index } => {
                let span = self.heard(&format!("{node}:{index}"), frame);
                span.attempts.push(Attempt::begun(1, ts));
            }
            ExecutionEvent::IterationSucceeded { node, index, .. } => {
                let span = self.heard(&format!("{node}:{index}"), frame);
                span.finish(1, None, None, ts, true);
            }
            ExecutionEvent::IterationFailed { node, index, error } => {
                let path = format!("{node}:{index}");
                self.heard(&path, frame)
                    .finish(1, Some(error), None, ts, true);
                self.close_within(&path, ts);
            }
            _ => {}
        }
    }

    /// Only the price of what came too late counts.
    fn late(&mut self, frame: &Frame) {
        if let ExecutionEvent::StepLate {
            node,
            attempt,
            usage,
        } = &frame.event
        {
            let span = self.heard(node, frame);
            if let Some(late) = span.attempts.iter_mut().find(|it| it.number == *attempt) {
                late.usage = *usage;
            }
        }
    }

    /// A node asks a person.
    fn question(&mut self, asked: &PendingAnswer, frame: &Frame) {
        let span = self.heard(&asked.node, frame);
        span.question = Some(Rc::new(asked.clone()));
        span.attempts.push(Attempt::begun(1, frame.ts));
    }

    /// From now on others may answer too.
    fn escalate(&mut self, node: &str) {
        let span = self.by_path.get(node).map(|&at| &mut self.list[at]);
        let question = span.and_then(|span| span.question.as_mut());
        if let Some(others) = question.and_then(|asked| Rc::make_mut(asked).escalation.as_mut()) {
            others.reached = true;
        }
    }

    /// A person is asked; what asks waits for their word.
    fn ask(&mut self, node: &str, frame: &Frame) {
        let ExecutionEvent::ApprovalAsked {
            name,
            arguments,
            arguments_hash,
            ..
        } = &frame.event
        else {
            return;
        };
        let span = self.heard(node, frame);
        span.asked = Some(Asked {
            name: name.clone(),
            arguments: arguments.clone(),
            hash: arguments_hash.clone(),
        });
        if let Some(parent) = span.parent {
            self.list[parent].waits_for = Some(name.clone());
        }
    }

    /// The execution is over, and whatever was still open with it.
    fn close_all(&mut self, ts: DateTime<Utc>) {
        self.list.iter_mut().for_each(|span| span.close(ts));
    }

    /// Whatever is still open inside of it is cut.
    fn close_within(&mut self, path: &str, ts: DateTime<Utc>) {
        let mut open: Vec<usize> = self.place_of(path).into_iter().collect();
        while let Some(at) = open.pop() {
            self.list[at].close(ts);
            open.extend(&self.list[at].children);
        }
    }

    /// The spans in the order of a tree, without what is inside of the folded.
    pub(crate) fn rows(&self, folded: impl Fn(&str) -> bool) -> Vec<usize> {
        let mut rows = Vec::with_capacity(self.list.len());
        let mut open: Vec<usize> = self.roots.iter().rev().copied().collect();
        while let Some(at) = open.pop() {
            rows.push(at);
            let span = &self.list[at];
            if !span.children.is_empty() && !folded(&span.path) {
                open.extend(span.children.iter().rev());
            }
        }
        rows
    }

    /// What a span and everything inside of it used; none where nothing was.
    pub(crate) fn usage(&self, at: usize) -> Option<Usage> {
        let span = &self.list[at];
        let own = span.attempts.iter().filter_map(|attempt| attempt.usage);
        let inner = span.children.iter().filter_map(|&child| self.usage(child));
        own.chain(inner).reduce(Usage::plus)
    }

    /// What a span shows in a view: its own state, or that of what is inside of it.
    pub(crate) fn state(&self, at: usize, view: &ExecutionView) -> NodeState {
        let span = &self.list[at];
        if let Some(node) = view.nodes.get(&span.path) {
            // An agent whose call waits for a person waits as well.
            let waits = node.state == NodeState::Running && self.asks(at, view);
            return if waits { NodeState::Asking } else { node.state };
        }
        let inner = span.children.iter().map(|&child| self.state(child, view));
        inner.reduce(more_urgent).unwrap_or_default()
    }

    fn asks(&self, at: usize, view: &ExecutionView) -> bool {
        let children = &self.list[at].children;
        let mut states = children.iter().map(|&child| self.state(child, view));
        states.any(|state| state == NodeState::Asking)
    }

    /// The span of a path, made with its parents where it is new.
    fn heard(&mut self, path: &str, frame: &Frame) -> &mut Span {
        let at = self.place(path, frame);
        let span = &mut self.list[at];
        if !span.spoken {
            span.spoken = true;
            span.ended = None;
        }
        span
    }

    fn place(&mut self, path: &str, frame: &Frame) -> usize {
        if let Some(&at) = self.by_path.get(path) {
            return at;
        }
        let parent = path::parent(path).map(|parent| self.place(parent, frame));
        let at = self.list.len();
        self.list.push(Span {
            path: path.to_owned(),
            parent,
            children: Vec::new(),
            depth: parent.map_or(0, |parent| self.list[parent].depth + 1),
            first: frame.n,
            started: frame.ts,
            ended: None,
            attempts: Vec::new(),
            call: None,
            asked: None,
            question: None,
            waits_for: None,
            spoken: false,
        });
        self.by_path.insert(path.to_owned(), at);
        if path::node_path(path) == path && !path::is_iteration(path) {
            let node = path::node_id(path).to_owned();
            self.by_node.entry(node).or_default().push(at);
        }
        match parent {
            Some(parent) => self.list[parent].children.push(at),
            None => self.roots.push(at),
        }
        at
    }

    /// A task of a crew has no frames of its own: it lasts as long as what is inside of it.
    fn close_silent_parents(&mut self, path: &str, ts: DateTime<Utc>) {
        let mut at = self.by_path.get(path).and_then(|&at| self.list[at].parent);
        while let Some(parent) = at.filter(|&parent| !self.list[parent].spoken) {
            let children = &self.list[parent].children;
            let done = children
                .iter()
                .all(|&child| self.list[child].ended.is_some());
            self.list[parent].ended = done.then_some(ts);
            at = self.list[parent].parent;
        }
    }
}

impl Span {
    fn close(&mut self, ts: DateTime<Utc>) {
        self.ended.get_or_insert(ts);
        if let Some(open) = self.attempts.last_mut() {
            open.ended.get_or_insert(ts);
        }
    }

    /// The last word of its path: `tool:0.1`.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    fn finish(
        &mut self,
        attempt: u32,
        error: Option<&StepError>,
        usage: Option<Usage>,
        ts: DateTime<Utc>,
        last: bool,
    ) {
        // What the engine does itself has no start of its own.
        if !self.attempts.iter().any(|it| it.number == attempt) {
            self.attempts.push(Attempt::begun(attempt, ts));
        }
        for it in self.attempts.iter_mut().filter(|it| it.number == attempt) {
            it.ended = Some(ts);
            it.error = error.cloned();
            it.usage = usage;
        }
        self.ended = last.then_some(ts);
    }
}

impl Attempt {
    const fn begun(number: u32, started: DateTime<Utc>) -> Self {
        Self {
            number,
            started,
            ended: None,
            error: None,
            usage: None,
        }
    }
}

/// The step that an event is about.
pub(crate) fn node_of(event: &ExecutionEvent) -> Option<&str> {
    match event {
        ExecutionEvent::StepStarted { node, .. }
        | ExecutionEvent::StepSleeping { node, .. }
        | ExecutionEvent::StepListening { node, .. }
        | ExecutionEvent::StepIterating { node, .. }
        | ExecutionEvent::IterationStarted { node, .. }
        | ExecutionEvent::IterationSucceeded { node, .. }
        | ExecutionEvent::IterationFailed { node, .. }
        | ExecutionEvent::StepSucceeded { node, .. }
        | ExecutionEvent::StepRetrying { node, .. }
        | ExecutionEvent::StepFailed { node, .. }
        | ExecutionEvent::StepSkipped { node }
        | ExecutionEvent::StepReused { node, .. }
        | ExecutionEvent::StepLate { node, .. }
        | ExecutionEvent::ApprovalAsked { node, .. }
        | ExecutionEvent::ApprovalGiven { node, .. }
        | ExecutionEvent::AnswerGiven { node, .. }
        | ExecutionEvent::AnswerReminded { node, .. }
        | ExecutionEvent::AnswerEscalated { node, .. }
        | ExecutionEvent::HandlerStarted { node, .. } => Some(node),
        ExecutionEvent::AnswerAsked { asked } => Some(&asked.node),
        ExecutionEvent::ExecutionStarted { .. }
        | ExecutionEvent::CancelAsked { .. }
        | ExecutionEvent::ExecutionPaused { .. }
        | ExecutionEvent::ExecutionReleased {}
        | ExecutionEvent::ExecutionResumed { .. }
        | ExecutionEvent::ExecutionFailing { .. }
        | ExecutionEvent::CompensationStarted { .. }
        | ExecutionEvent::ExecutionSucceeded { .. }
        | ExecutionEvent::ExecutionFailed { .. }
        | ExecutionEvent::ExecutionCancelled { .. } => None,
    }
}

fn more_urgent(a: NodeState, b: NodeState) -> NodeState {
    if urgency(b) > urgency(a) { b } else { a }
}

/// Of several states that with the most of it is shown.
pub(crate) const fn urgency(state: NodeState) -> u8 {
    match state {
        NodeState::Asking => 8,
        NodeState::Running => 7,
        NodeState::Retrying => 6,
        NodeState::Sleeping => 5,
        NodeState::Stopped => 4,
        NodeState::Failed => 3,
        NodeState::Succeeded => 2,
        NodeState::Skipped => 1,
        NodeState::Pending => 0,
    }
}

#[cfg(test)]
mod tests;
