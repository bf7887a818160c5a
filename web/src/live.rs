//! Executions as they happen: the record of one, its spans and its time axis, and the feed that fills it.
//!
//! **Invariant:** everything here but [`feed`] is pure; history and live frames go through the same [`record::Record`].

pub(crate) mod axis;
pub(crate) mod backoff;
pub(crate) mod feed;
pub(crate) mod inputs;
pub(crate) mod record;
pub(crate) mod spans;
pub(crate) mod sse;
pub(crate) mod story;
pub(crate) mod words;

#[cfg(test)]
pub(crate) mod testing;
