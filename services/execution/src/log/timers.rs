//! The timers of a partition's owner, in memory: they follow from the state and are set again after a change of owner.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use contracts::id::ExecutionId;

use crate::domain::Timer;

/// What stands for "not in the lifetime of this process".
const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Pending timers, the earliest first.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Entry>>,
    count: u64,
}

/// A timer that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) execution: ExecutionId,
    pub(crate) timer: Timer,
    /// The wall-clock time it was set for: never later than the moment it fires, even if the clock was set back.
    pub(crate) at: DateTime<Utc>,
}

struct Entry {
    /// By the monotonic clock, so that a change of the wall clock moves no timer.
    fires: Instant,
    order: u64,
    due: Due,
}

impl Timers {
    pub(crate) fn set(&mut self, due: Due, now: DateTime<Utc>) {
        let pause = (due.at - now).to_std().unwrap_or(Duration::ZERO).min(FAR);
        let fires = Instant::now() + pause;
        self.count += 1;
        let order = self.count;
        self.heap.push(Reverse(Entry { fires, order, due }));
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Throws the timers of other executions away.
    pub(crate) fn retain(&mut self, keep: impl Fn(ExecutionId) -> bool) {
        self.heap.retain(|Reverse(entry)| keep(entry.due.execution));
    }

    /// When the next one fires.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| entry.fires)
    }

    /// Takes one that is due.
    pub(crate) fn take(&mut self) -> Option<Due> {
        if self.next()? > Instant::now() {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.due)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.fires, self.order).cmp(&(other.fires, other.order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_none_too_early() {
        let now = Utc::now();
        let due = |ms: i64| Due {
            execution: ExecutionId::EXAMPLE,
            timer: Timer::Grace,
            at: now + chrono::TimeDelta::milliseconds(ms),
        };
        let mut timers = Timers::default();
        for ms in [3_600_000, -5, i64::MAX / 1_000_000, -10] {
            timers.set(due(ms), now);
        }
        assert_eq!(timers.take(), Some(due(-5)));
        assert_eq!(timers.take(), Some(due(-10)));
        assert_eq!(timers.take(), None);
        assert!(timers.next().is_some());
        assert_eq!(timers.len(), 2);
        timers.retain(|id| id != ExecutionId::EXAMPLE);
        assert_eq!(timers.len(), 0);
    }
}
