//! The events of an execution: the same frames in the log, in the history, over SSE and on `live.<tenant>.<execution>`,
//! there as a list of those that were stored together.
//!
//! **Invariant:** within an execution `n` counts from 1 without gaps, and the terminal event is the last.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Role,
    execution::{Origin, PendingAnswer, Source, StepError, Usage},
    id::{ExecutionId, ToolId, UserId},
    tool::Approval,
};

/// One numbered event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// From 1, contiguous.
    pub n: u64,
    pub ts: DateTime<Utc>,
    #[serde(flatten)]
    pub event: ExecutionEvent,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ExecutionEvent {
    ExecutionStarted {
        #[serde(flatten)]
        origin: Origin,
        definition_hash: String,
        started_by: UserId,
        input: Value,
        /// What it goes on from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<Source>,
        /// Of the organization's variables that the definition names, by their names, and of all together as `*`: a hash that
        /// tells whether another execution would see the same values. Absent where it names none.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        variables: BTreeMap<String, String>,
        /// Whether nothing begins before `execution_released`: its flow has no place for it yet.
        #[serde(default, skip_serializing_if = "is_false")]
        queued: bool,
    },
    /// There is a place for the execution: it begins.
    ExecutionReleased {},
    /// An attempt was handed to a worker; `key` is the `Idempotency-Key` it sends to the outside, the same for all attempts.
    StepStarted {
        node: String,
        attempt: u32,
        key: String,
        /// What is called, where an agent calls: its steps are not in the definition.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<StepCall>,
    },
    /// The step sleeps until a moment, without a worker.
    StepSleeping {
        node: String,
        until: DateTime<Utc>,
    },
    /// The step waits for an event, without a worker.
    StepListening {
        node: String,
        /// The name of the event.
        event: String,
        /// Where in the event's data `key` must stand; any event of the name will do where both are absent.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pointer: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        key: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
    },
    /// A `map` or `loop` begins. The steps of its body are named `<node>:<index>/<node of the body>`.
    StepIterating {
        node: String,
        /// What a map goes through; absent where it is a loop.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        items: Option<Vec<Value>>,
    },
    /// The body begins once more; `index` counts from 0.
    IterationStarted {
        node: String,
        index: u32,
    },
    IterationSucceeded {
        node: String,
        index: u32,
        output: Value,
        /// The execution that gave it, where it is taken over: nothing was done, and nothing used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<ExecutionId>,
    },
    /// A step of this iteration failed; what else ran in it was cut.
    IterationFailed {
        node: String,
        index: u32,
        error: StepError,
    },
    StepSucceeded {
        node: String,
        attempt: u32,
        output: Value,
        /// The port by which the execution goes on.
        port: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
        duration_ms: u64,
        /// Whether it is the output of an earlier step that was the same: nothing was done, and nothing used.
        #[serde(default, skip_serializing_if = "is_false")]
        cached: bool,
    },
    /// The output is taken over: nothing was done, and nothing used.
    StepReused {
        node: String,
        output: Value,
        port: String,
        /// The execution in which the node gave it; absent where someone gave it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<ExecutionId>,
    },
    /// The attempt failed; another follows at `at`.
    StepRetrying {
        node: String,
        attempt: u32,
        error: StepError,
        at: DateTime<Utc>,
        /// What the failed attempt used all the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
    },
    /// The last attempt failed. `port` is set where the execution goes on, by `on_error`, with `output`.
    StepFailed {
        node: String,
        attempt: u32,
        error: StepError,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Value>,
        /// What the failed attempt used all the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
    },
    /// No edge into the node was taken; its output is null.
    StepSkipped {
        node: String,
    },
    /// The result of an attempt that had timed out or was cancelled; recorded, never applied.
    StepLate {
        node: String,
        attempt: u32,
        /// What the attempt used; it counts although the result does not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
    },
    /// An agent's call of a tool waits for a person; `node` is the step to approve.
    ApprovalAsked {
        node: String,
        tool_id: ToolId,
        name: String,
        arguments: Value,
        /// What an approval must name.
        arguments_hash: String,
        approval: Approval,
    },
    ApprovalGiven {
        node: String,
        approved: bool,
        by: UserId,
        comment: String,
    },
    /// A node waits for a person's answer.
    AnswerAsked {
        #[serde(flatten)]
        asked: Box<PendingAnswer>,
    },
    /// The answer that counts: the execution goes on at `port`.
    AnswerGiven {
        node: String,
        port: String,
        /// `{port, values, comment, by}`: the node's output.
        output: Value,
        by: UserId,
        duration_ms: u64,
    },
    /// Nobody has answered: the same people are reminded.
    AnswerReminded {
        node: String,
        /// Counts from 1.
        count: u32,
    },
    /// Nobody has answered: these may answer too.
    AnswerEscalated {
        node: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        least_role: Option<Role>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        users: Vec<UserId>,
    },
    CancelAsked {
        by: UserId,
    },
    /// Nothing new begins until it is resumed or cancelled.
    ExecutionPaused {
        by: UserId,
        /// The event of the execution that began this one, where it is paused with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_event: Option<u64>,
    },
    ExecutionResumed {
        by: UserId,
        /// The event of the execution that began this one, where it goes on with it; one that a person paused stays paused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_event: Option<u64>,
    },
    /// The execution fails for a reason that is not one of its steps: it took longer than its flow allows, or gives too much.
    ExecutionFailing {
        error: StepError,
    },
    /// The execution fails, or is cancelled, and nothing of it runs any more. These steps had succeeded and are undone now, in
    /// this order, each by the node that compensates it.
    CompensationStarted {
        steps: Vec<String>,
    },
    /// The execution fails, and its flow has an error handler: it goes on there.
    HandlerStarted {
        node: String,
        error: StepError,
    },
    ExecutionSucceeded {
        output: Value,
        usage: Usage,
    },
    ExecutionFailed {
        error: StepError,
        usage: Usage,
        /// Whether the flow's error handler came to its end.
        #[serde(default, skip_serializing_if = "is_false")]
        handled: bool,
        /// What the error handler gave; null where it did not.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        output: Value,
        /// The steps that could not be undone.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        uncompensated: Vec<String>,
    },
    ExecutionCancelled {
        usage: Usage,
        /// The steps that could not be undone.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        uncompensated: Vec<String>,
    },
}

/// What is left out of the text of an event where it does not hold.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
pub(crate) const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl ExecutionEvent {
    /// Every [`ExecutionEvent::kind`].
    pub const KINDS: [&'static str; 30] = [
        "execution_started",
        "execution_released",
        "step_started",
        "step_sleeping",
        "step_listening",
        "step_iterating",
        "iteration_started",
        "iteration_succeeded",
        "iteration_failed",
        "step_succeeded",
        "step_reused",
        "step_retrying",
        "step_failed",
        "step_skipped",
        "step_late",
        "approval_asked",
        "approval_given",
        "answer_asked",
        "answer_given",
        "answer_reminded",
        "answer_escalated",
        "cancel_asked",
        "execution_paused",
        "execution_resumed",
        "execution_failing",
        "compensation_started",
        "handler_started",
        "execution_succeeded",
        "execution_failed",
        "execution_cancelled",
    ];

    /// Whether nothing follows.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::ExecutionSucceeded { .. }
            | Self::ExecutionFailed { .. }
            | Self::ExecutionCancelled { .. } => true,
            Self::ExecutionStarted { .. }
            | Self::ExecutionReleased {}
            | Self::StepStarted { .. }
            | Self::StepSleeping { .. }
            | Self::StepListening { .. }
            | Self::StepIterating { .. }
            | Self::IterationStarted { .. }
            | Self::IterationSucceeded { .. }
            | Self::IterationFailed { .. }
            | Self::StepSucceeded { .. }
            | Self::StepReused { .. }
            | Self::StepRetrying { .. }
            | Self::StepFailed { .. }
            | Self::StepSkipped { .. }
            | Self::StepLate { .. }
            | Self::ApprovalAsked { .. }
            | Self::ApprovalGiven { .. }
            | Self::AnswerAsked { .. }
            | Self::AnswerGiven { .. }
            | Self::AnswerReminded { .. }
            | Self::AnswerEscalated { .. }
            | Self::CancelAsked { .. }
            | Self::ExecutionPaused { .. }
            | Self::ExecutionResumed { .. }
            | Self::ExecutionFailing { .. }
            | Self::CompensationStarted { .. }
            | Self::HandlerStarted { .. } => false,
        }
    }

    /// The `type` on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ExecutionStarted { .. } => "execution_started",
            Self::ExecutionReleased {} => "execution_released",
            Self::StepStarted { .. } => "step_started",
            Self::StepSleeping { .. } => "step_sleeping",
            Self::StepListening { .. } => "step_listening",
            Self::StepIterating { .. } => "step_iterating",
            Self::IterationStarted { .. } => "iteration_started",
            Self::IterationSucceeded { .. } => "iteration_succeeded",
            Self::IterationFailed { .. } => "iteration_failed",
            Self::StepSucceeded { .. } => "step_succeeded",
            Self::StepReused { .. } => "step_reused",
            Self::StepRetrying { .. } => "step_retrying",
            Self::StepFailed { .. } => "step_failed",
            Self::StepSkipped { .. } => "step_skipped",
            Self::StepLate { .. } => "step_late",
            Self::ApprovalAsked { .. } => "approval_asked",
            Self::ApprovalGiven { .. } => "approval_given",
            Self::AnswerAsked { .. } => "answer_asked",
            Self::AnswerGiven { .. } => "answer_given",
            Self::AnswerReminded { .. } => "answer_reminded",
            Self::AnswerEscalated { .. } => "answer_escalated",
            Self::CancelAsked { .. } => "cancel_asked",
            Self::ExecutionPaused { .. } => "execution_paused",
            Self::ExecutionResumed { .. } => "execution_resumed",
            Self::ExecutionFailing { .. } => "execution_failing",
            Self::CompensationStarted { .. } => "compensation_started",
            Self::HandlerStarted { .. } => "handler_started",
            Self::ExecutionSucceeded { .. } => "execution_succeeded",
            Self::ExecutionFailed { .. } => "execution_failed",
            Self::ExecutionCancelled { .. } => "execution_cancelled",
        }
    }
}

/// What a step of an agent calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StepCall {
    /// A question to a model.
    Llm {
        agent: String,
    },
    Tool {
        agent: String,
        tool_id: ToolId,
        name: String,
        arguments: Value,
    },
    Knowledge {
        agent: String,
        query: String,
    },
    Recall {
        agent: String,
    },
    Remember {
        agent: String,
    },
}

/// A piece of an LLM's answer while it speaks, on `tok.<tenant>.<execution>.<step>`; not kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenDelta {
    /// The step that speaks; the subject holds its [`crate::subject::step_token`].
    pub node: String,
    pub attempt: u32,
    /// Counts from 1 within the attempt.
    pub n: u64,
    pub text: String,
}

/// What is told to running steps on `ctl.<tenant>.<execution>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Control {
    Cancel,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_a_type_on_the_wire() {
        for kind in ExecutionEvent::KINDS {
            // What is missing are the fields of the variant, not the variant.
            let read = serde_json::from_value::<ExecutionEvent>(serde_json::json!({"type": kind}));
            let known = match read {
                Ok(event) => event.kind() == kind,
                Err(error) => error.to_string().contains("missing field"),
            };
            assert!(known, "{kind}");
        }
    }
}
