//! When workers began the attempts that an owner gave out.
//!
//! **Invariant:** an attempt that nobody has begun is not late. It waits for a worker of this process, or a queue brings it to
//! one; where it was lost with a worker, the queue or the next owner gives it out again.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use contracts::id::ExecutionId;

/// Names an attempt.
type Key = (ExecutionId, String, u32);

#[derive(Default)]
pub(crate) struct Begun(Mutex<HashMap<Key, Instant>>);

impl Begun {
    /// A worker begins it.
    pub(crate) fn note(&self, execution: ExecutionId, node: &str, attempt: u32, now: Instant) {
        let key = (execution, node.to_owned(), attempt);
        self.begun().insert(key, now);
    }

    /// Its worker has said what became of it.
    pub(crate) fn forget(&self, execution: ExecutionId, node: &str, attempt: u32) {
        self.begun().remove(&(execution, node.to_owned(), attempt));
    }

    /// Forgets the attempts of other executions.
    pub(crate) fn retain(&self, keep: impl Fn(ExecutionId) -> bool) {
        self.begun().retain(|(execution, ..), _| keep(*execution));
    }

    /// What is left of its time, which begins with the attempt; none where it is over.
    pub(crate) fn left(
        &self,
        execution: ExecutionId,
        node: &str,
        attempt: u32,
        time: Duration,
        now: Instant,
    ) -> Option<Duration> {
        let key = (execution, node.to_owned(), attempt);
        let Some(since) = self.begun().get(&key).copied() else {
            return Some(time);
        };
        let left = time.saturating_sub(now.saturating_duration_since(since));
        (left > Duration::ZERO).then_some(left)
    }

    fn begun(&self) -> MutexGuard<'_, HashMap<Key, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_attempt_begins_with_it() {
        let (begun, start) = (Begun::default(), Instant::now());
        let id = ExecutionId::EXAMPLE;
        let time = Duration::from_secs(90);
        let left = |after: u64| begun.left(id, "n", 1, time, start + Duration::from_secs(after));
        assert_eq!(left(3_600), Some(time), "it waits for a worker");
        begun.note(id, "n", 1, start);
        assert_eq!(left(0), Some(time));
        assert_eq!(left(60), Some(Duration::from_secs(30)));
        assert_eq!(left(90), None);
        begun.forget(id, "n", 1);
        assert_eq!(left(90), Some(time));
        begun.note(id, "n", 1, start);
        begun.retain(|other| other != id);
        assert!(begun.begun().is_empty());
    }
}
