//! The places where a fault test makes this service break down, by name; nothing at all without the feature `failpoints`.
//!
//! The environment variable `FAILPOINTS` says what happens where, in the notation of the crate `fail`: for instance
//! `worker-claimed=10%return` ends the process at one in ten passes, as a crash does, and `…=sleep(4000)` keeps it there.

/// All places.
pub const ALL: [&str; 16] = [
    LEASED,
    REPLAYED,
    EPOCH_BEGUN,
    TAKEN,
    SEALED,
    APPENDED,
    STORED,
    ANSWERED,
    DISPATCHING,
    DISPATCHED,
    FETCHED,
    CLAIMED,
    PERFORMED,
    REPORTED,
    ARCHIVED,
    HEADED,
];

/// A lease was taken.
pub(crate) const LEASED: &str = "owner-leased";
/// The log was replayed; the epoch has not begun.
pub(crate) const REPLAYED: &str = "owner-replayed";
/// The beginning of an epoch is stored.
pub(crate) const EPOCH_BEGUN: &str = "owner-epoch-begun";
/// A request was applied; nothing is stored.
pub(crate) const TAKEN: &str = "owner-taken";
/// A batch is about to be stored.
pub(crate) const SEALED: &str = "owner-sealed";
/// A batch is stored; its owner does not know.
pub(crate) const APPENDED: &str = "owner-appended";
/// The owner knows; nothing that follows is done.
pub(crate) const STORED: &str = "owner-stored";
/// Someone was answered.
pub(crate) const ANSWERED: &str = "owner-answered";
/// A work item is about to be queued.
pub(crate) const DISPATCHING: &str = "owner-dispatching";
/// A work item is queued.
pub(crate) const DISPATCHED: &str = "owner-dispatched";
/// A worker has an item.
pub(crate) const FETCHED: &str = "worker-fetched";
/// The owner wants it done.
pub(crate) const CLAIMED: &str = "worker-claimed";
/// It is done; nobody knows.
pub(crate) const PERFORMED: &str = "worker-performed";
/// The result is stored; the item is still queued.
pub(crate) const REPORTED: &str = "worker-reported";
/// Events are in the archive; the cursor does not say so.
pub(crate) const ARCHIVED: &str = "archive-written";
/// Header rows are written; the owner does not know.
pub(crate) const HEADED: &str = "headers-written";

/// Reads what is to happen, for the rest of the process's life.
#[cfg(feature = "failpoints")]
pub fn set_up() {
    // What is dropped would end the faults.
    std::mem::forget(fail::FailScenario::setup());
}

/// Passes a place.
#[cfg(feature = "failpoints")]
pub(crate) fn pass(name: &str) {
    fail::fail_point!(name, |_| std::process::abort());
}

/// Passes a place.
#[cfg(not(feature = "failpoints"))]
pub(crate) const fn pass(_: &str) {}
