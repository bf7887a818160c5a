//! Started containers that wait for their call.
//!
//! **Invariant:** never more wait, those that are being started included, than the configuration says, per kind and
//! together. None waits longer than [`WARM_LIFE`].

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use tokio::sync::oneshot::{self, Receiver, Sender};

use crate::containers::{config::Config, spec::ContainerSpec};

/// A container that nobody called within this time is removed: a minute after the last call none is left.
pub(super) const WARM_LIFE: Duration = Duration::from_secs(45);
/// A conversation that is older is not taken up again.
pub(super) const SESSION_LIFE: Duration = Duration::from_secs(600);
/// Calls with about the same time limit share their containers.
const TIME_STEP_MIN: u64 = 32;

/// Containers of the same kind can stand in for each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    pub(super) spec: ContainerSpec,
    /// What the longest call, or the longest conversation, may take, in seconds.
    limit: u64,
}

impl Kind {
    pub(super) fn new(spec: &ContainerSpec, timeout: Duration) -> Self {
        Self {
            spec: spec.clone(),
            limit: timeout.as_secs().max(TIME_STEP_MIN).next_power_of_two(),
        }
    }

    /// For many calls, the last of which begins within [`SESSION_LIFE`].
    pub(super) fn of_session(spec: &ContainerSpec, timeout: Duration) -> Self {
        let one = Self::new(spec, timeout);
        Self {
            limit: one.limit + SESSION_LIFE.as_secs(),
            ..one
        }
    }

    /// How long after its start a container of this kind may be needed.
    pub(super) fn life(&self) -> Duration {
        WARM_LIFE + Duration::from_secs(self.limit)
    }
}

/// `C` is a container; it is removed when it is dropped.
pub(super) struct Pool<C> {
    per_kind: usize,
    total: usize,
    /// The oldest of each kind first.
    shelves: HashMap<Kind, VecDeque<Place<C>>>,
    closed: bool,
}

/// Where a container comes to that is being started, and stays until it is taken.
struct Place<C> {
    since: Instant,
    container: Receiver<C>,
}

impl<C> Place<C> {
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < WARM_LIFE
    }
}

impl<C> Pool<C> {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            per_kind: usize::from(config.containers_warm),
            total: usize::from(config.containers_warm_total),
            shelves: HashMap::new(),
            closed: false,
        }
    }

    /// The oldest: if it is not ready yet, it is the next to be.
    pub(super) fn take(&mut self, kind: &Kind) -> Option<Receiver<C>> {
        let shelf = self.shelves.get_mut(kind)?;
        while let Some(place) = shelf.pop_front() {
            if place.is_fresh() {
                return Some(place.container);
            }
        }
        None
    }

    /// Where to send one more, if one more should be started.
    pub(super) fn reserve(&mut self, kind: &Kind) -> Option<Sender<C>> {
        let all: usize = self.shelves.values().map(VecDeque::len).sum();
        let same = self.shelves.get(kind).map_or(0, VecDeque::len);
        if self.closed || same >= self.per_kind || all >= self.total {
            return None;
        }
        let (sender, container) = oneshot::channel();
        let since = Instant::now();
        let shelf = self.shelves.entry(kind.clone()).or_default();
        shelf.push_back(Place { since, container });
        Some(sender)
    }

    /// Drops those that have waited for too long.
    pub(super) fn retire(&mut self) {
        self.shelves.retain(|_, shelf| {
            shelf.retain(Place::is_fresh);
            !shelf.is_empty()
        });
    }

    /// Those that are ready; nothing waits here from now on.
    #[must_use]
    pub(super) fn close(&mut self) -> Vec<C> {
        self.closed = true;
        self.shelves
            .drain()
            .flat_map(|(_, shelf)| shelf)
            .filter_map(|mut place| place.container.try_recv().ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(image: &str) -> Kind {
        let spec = ContainerSpec::parse(&json!({"image": image, "command": ["x"]})).unwrap();
        Kind::new(&spec, Duration::from_secs(30))
    }

    fn pool() -> Pool<u8> {
        Pool {
            per_kind: 2,
            total: 3,
            shelves: HashMap::new(),
            closed: false,
        }
    }

    #[tokio::test]
    async fn it_is_bounded_per_kind_and_in_all() {
        let (mut pool, a, b) = (pool(), kind("a:1"), kind("b:1"));
        let first = pool.reserve(&a).unwrap();
        let _second = pool.reserve(&a).unwrap();
        assert!(pool.reserve(&a).is_none());
        let _third = pool.reserve(&b).unwrap();
        assert!(pool.reserve(&b).is_none());
        let taken = pool.take(&a).unwrap();
        first.send(1).unwrap();
        assert_eq!(taken.await, Ok(1));
        assert!(pool.reserve(&b).is_some());
    }

    #[tokio::test]
    async fn a_start_that_fails_is_told_to_who_waits_for_it() {
        let (mut pool, a) = (pool(), kind("a:1"));
        let starting = pool.reserve(&a).unwrap();
        let taken = pool.take(&a).unwrap();
        drop(starting);
        assert!(taken.await.is_err());
    }

    #[test]
    fn a_closed_pool_keeps_nothing() {
        let (mut pool, a) = (pool(), kind("a:1"));
        pool.reserve(&a).unwrap().send(1).unwrap();
        let starting = pool.reserve(&a).unwrap();
        assert_eq!(pool.close(), [1]);
        assert_eq!(starting.send(2), Err(2));
        assert!(pool.reserve(&a).is_none());
    }

    #[test]
    fn near_time_limits_are_one_kind() {
        let spec = kind("a:1").spec;
        let of = |seconds| Kind::new(&spec, Duration::from_secs(seconds));
        assert_eq!(of(1), of(30));
        assert_eq!(of(40).life(), WARM_LIFE + Duration::from_secs(64));
    }
}
