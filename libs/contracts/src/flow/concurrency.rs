//! How many executions of a flow run at the same time, and what becomes of those beyond.

use serde::{Deserialize, Serialize};

use crate::{Access, Permission, id::FlowId, message::request};

/// What becomes of a start while as many executions run as may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum ConcurrencyPolicy {
    /// There is no limit.
    #[default]
    Parallel,
    /// It waits for its turn, as an execution that is `queued`.
    Enqueue,
    /// It is refused with 409 `concurrency_limit`.
    Reject,
    /// The oldest execution is cancelled for it.
    Interrupt,
}

/// Which executions count together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum ConcurrencyScope {
    /// All of the flow.
    #[default]
    Flow,
    /// Those of one session: a conversation, or the `session` that a start names. Those without one count together.
    Session,
}

/// How many executions of a flow run at the same time. What runs or waits when it changes keeps running, and waits for its
/// turn by the new rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields, rename = "FlowConcurrency")
)]
pub struct Concurrency {
    /// `parallel` when absent.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub policy: ConcurrencyPolicy,
    /// How many run at the same time: 1 to 1,000, 1 when absent. Not with `parallel`, which has no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub max_parallel: Option<u32>,
    /// How many wait at most, with `enqueue`: 1 to 1,000, 100 when absent. Starts beyond are refused with 429 `queue_full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub max_waiting: Option<u32>,
    /// `flow` when absent.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub scope: ConcurrencyScope,
    /// Of starts that name no priority, -100 to 100, 0 when absent: of those that wait the highest comes first, and of equal
    /// ones the one that came first.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub priority: i16,
}

impl Concurrency {
    pub const MAX_PARALLEL: u32 = 1000;
    pub const MAX_WAITING: u32 = 1000;
    pub const PRIORITIES: std::ops::RangeInclusive<i16> = -100..=100;

    /// How many run at the same time; none where there is no limit.
    pub fn limit(&self) -> Option<usize> {
        match self.policy {
            ConcurrencyPolicy::Parallel => None,
            ConcurrencyPolicy::Enqueue
            | ConcurrencyPolicy::Reject
            | ConcurrencyPolicy::Interrupt => Some(self.max_parallel.unwrap_or(1) as usize),
        }
    }

    /// How many wait at most.
    pub fn room(&self) -> usize {
        self.max_waiting.unwrap_or(100) as usize
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetConcurrency {
    pub flow_id: FlowId,
}
request!(GetConcurrency => Concurrency, "flow.concurrency", Access::Permission(Permission::FlowRead), objects: &["flow_id"],
    example: GetConcurrency { flow_id: FlowId::EXAMPLE });

/// It counts for every revision, from the next start on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetConcurrency {
    pub flow_id: FlowId,
    pub concurrency: Concurrency,
}
request!(SetConcurrency => Concurrency, "flow.set_concurrency", Access::Permission(Permission::FlowWrite), objects: &["flow_id"],
example: SetConcurrency {
    flow_id: FlowId::EXAMPLE,
    concurrency: Concurrency { policy: ConcurrencyPolicy::Enqueue, max_parallel: Some(2), ..Concurrency::default() },
});

/// An execution of a limited flow is about to take a place, or to wait for one. Said before, so that no place is forgotten:
/// whoever hears it looks after the flow's places until none is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceTaken {
    pub flow_id: FlowId,
    /// Counts stretches of [`PlaceTaken::STRETCH`] seconds: one event for all that come in one.
    pub stretch: i64,
}

impl PlaceTaken {
    /// Seconds.
    pub const STRETCH: i64 = 5;
}

impl crate::Event for PlaceTaken {
    const NAME: &'static str = "flow.place_taken";
    fn id(&self) -> String {
        self.flow_id.to_string()
    }
    fn dedup_key(&self) -> String {
        format!("place.{}.{}", self.flow_id, self.stretch)
    }
}
