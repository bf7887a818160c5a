//! How much the expressions of one scope may still handle, in bytes.
//!
//! minijinja's fuel counts steps and does not see that one step may copy a megabyte; this counts what filters, tests and
//! growing operators take and give.

use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::{
    Error, ErrorKind, State, Value,
    value::{Object, ValueKind},
};

use super::MAX_OUTPUT;

/// Bytes that all expressions of a scope may handle together.
const MAX_WORK: usize = 32 * 1024 * 1024;
/// What a value weighs whose bytes do not count.
const ITEM: usize = 16;
/// No expression can spell this name.
const NAME: &str = " budget";

/// Why a value is refused, in words that hold no data.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(pub(super) &'static str);

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Error::new(ErrorKind::InvalidOperation, refused.0).with_source(refused)
    }
}

pub(super) const TOO_LARGE: Refused = Refused("a value becomes larger than 1 MiB");
pub(super) const PASSED_TOO_LARGE: Refused = Refused("the values become larger than 16 MiB");
pub(super) const TOO_MANY: Refused =
    Refused("computes with a value that is made of more than 524,288 values");
const TOO_MUCH: Refused = Refused("handles too much data");

#[derive(Debug)]
struct Budget {
    left: AtomicUsize,
}

impl Object for Budget {}

/// A fresh budget, as an entry of the context.
pub(super) fn entry() -> (&'static str, Value) {
    let left = AtomicUsize::new(MAX_WORK);
    (NAME, Value::from_object(Budget { left }))
}

/// Takes from the budget of the evaluation.
pub(super) fn charge(state: &State<'_, '_>, weight: usize) -> Result<(), Error> {
    let entry = state.lookup(NAME);
    let budget = entry
        .as_ref()
        .and_then(|entry| entry.downcast_object_ref::<Budget>());
    let spend = |left: usize| left.checked_sub(weight);
    let spent = budget.is_some_and(|budget| {
        let order = Ordering::Relaxed;
        budget.left.fetch_update(order, order, spend).is_ok()
    });
    if spent { Ok(()) } else { Err(TOO_MUCH.into()) }
}

/// What it costs to take or give a value, without looking into it.
///
/// # Errors
/// When it is a text that is too large for any use.
pub(super) fn weight(value: &Value) -> Result<usize, Error> {
    match value.as_str() {
        Some(text) if text.len() > MAX_OUTPUT => Err(TOO_LARGE.into()),
        Some(text) => Ok(text.len() + ITEM),
        None => Ok((value.len().unwrap_or_default() + 1).saturating_mul(ITEM)),
    }
}

/// What a value weighs with all that is in it; stops at the limit.
///
/// # Errors
/// When it weighs more than the limit.
pub(super) fn deep_weight(value: &Value, limit: usize) -> Result<usize, Error> {
    let own = weight(value)?;
    let mut left = limit.checked_sub(own).ok_or(TOO_MUCH)?;
    let is_container = matches!(
        value.kind(),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map
    );
    if is_container {
        for item in value.try_iter()? {
            left -= deep_weight(&item, left)?;
            if value.kind() == ValueKind::Map {
                left -= deep_weight(&value.get_item(&item)?, left)?;
            }
        }
    }
    Ok(limit - left)
}
