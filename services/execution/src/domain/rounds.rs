//! What the nodes with bodies are configured to do.

use contracts::{execution::StepError, flow::Node};
use graph::expression::{self, Round};
use serde_json::Value;

use super::{
    inline::{configured, expression_error, render},
    outputs::scope,
    state::{At, State},
};

/// How many items a map works on at a time, where it does not say.
const PARALLEL: u64 = 10;
/// The most rounds of a loop, where it does not say.
const MAX_ROUNDS: u64 = 100;

/// What becomes of a map of which an item fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemError {
    /// It fails too.
    Fail,
    /// The error stands in the item's place.
    Keep,
    /// The item has no place in the result.
    Skip,
}

impl ItemError {
    pub(crate) fn of(node: &Node) -> Self {
        match node.config.get("on_item_error").and_then(Value::as_str) {
            Some("keep") => Self::Keep,
            Some("skip") => Self::Skip,
            _ => Self::Fail,
        }
    }
}

/// What a map goes through.
///
/// # Errors
/// When an expression cannot be evaluated, or when it gives no list.
pub(crate) fn items(state: &State, at: At) -> Result<Vec<Value>, StepError> {
    match render(state, at)?.remove("items") {
        Some(Value::Array(items)) => Ok(items),
        _ => Err(StepError::new("config", "`items` is no list")),
    }
}

/// How many items a map works on at a time.
pub(crate) fn parallel(node: &Node) -> usize {
    let parallel = node.config.get("parallel").and_then(Value::as_u64);
    usize::try_from(parallel.unwrap_or(PARALLEL))
        .unwrap_or(1)
        .max(1)
}

/// The most rounds of a loop, and whether it just stops there.
pub(crate) fn most(node: &Node) -> (u32, bool) {
    let most = node.config.get("max_rounds").and_then(Value::as_u64);
    let most = u32::try_from(most.unwrap_or(MAX_ROUNDS)).unwrap_or(u32::MAX);
    let stops = node.config.get("on_limit").and_then(Value::as_str) == Some("stop");
    (most, stops)
}

/// Whether a condition of a loop holds after the rounds so far.
///
/// # Errors
/// When it cannot be evaluated.
pub(crate) fn holds(state: &State, at: At, key: &str, absent: bool) -> Result<bool, StepError> {
    let condition = configured(state, at)
        .config
        .get(key)
        .and_then(Value::as_str);
    let Some((condition, iterating)) = condition.zip(state.iterating(at)) else {
        return Ok(absent);
    };
    let index = Value::from(iterating.begun);
    let round = Round {
        index: Some(&index),
        previous: Some(&iterating.previous),
        ..state.round(at)
    };
    expression::condition(condition, &scope(state, at, round))
        .map_err(|error| expression_error(&error))
}
