//! Started containers that wait for their call.
//!
//! **Invariant:** never more wait, those that are being started included, than the configuration says, per kind and
//! together. None waits longer than [`WARM_LIFE`].

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::containers::{config::Config, spec::ContainerSpec};

/// A container that nobody called within this time is removed.
pub(super) const WARM_LIFE: Duration = Duration::from_secs(60);
/// Calls with about the same time limit share their containers.
const TIME_STEP_MIN: u64 = 32;

/// Containers of the same kind can stand in for each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    pub(super) spec: ContainerSpec,
    /// The longest call, in seconds.
    call_limit: u64,
}

impl Kind {
    pub(super) fn new(spec: &ContainerSpec, timeout: Duration) -> Self {
        Self {
            spec: spec.clone(),
            call_limit: timeout.as_secs().max(TIME_STEP_MIN).next_power_of_two(),
        }
    }

    /// How long after its start a container of this kind may be needed.
    pub(super) fn life(&self) -> Duration {
        WARM_LIFE + Duration::from_secs(self.call_limit)
    }
}

/// `C` is a container; it is removed when it is dropped.
pub(super) struct Pool<C> {
    per_kind: usize,
    total: usize,
    shelves: HashMap<Kind, Shelf<C>>,
    closed: bool,
}

struct Shelf<C> {
    starting: usize,
    waiting: Vec<(Instant, C)>,
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

    /// The one that was started last: the others are more likely to be retired.
    pub(super) fn take(&mut self, kind: &Kind) -> Option<C> {
        let shelf = self.shelves.get_mut(kind)?;
        let (since, container) = shelf.waiting.pop()?;
        (since.elapsed() < WARM_LIFE).then_some(container)
    }

    /// Whether one more should be started; then it counts until [`Pool::put`].
    pub(super) fn reserve(&mut self, kind: &Kind) -> bool {
        let size = |shelf: &Shelf<C>| shelf.starting + shelf.waiting.len();
        let all: usize = self.shelves.values().map(size).sum();
        let same = self.shelves.get(kind).map_or(0, size);
        if self.closed || same >= self.per_kind || all >= self.total {
            return false;
        }
        let shelf = self.shelves.entry(kind.clone()).or_insert_with(|| Shelf {
            starting: 0,
            waiting: Vec::new(),
        });
        shelf.starting += 1;
        true
    }

    /// Ends a reservation, with the container if it could be started. What is given back has no place here.
    #[must_use]
    pub(super) fn put(&mut self, kind: &Kind, container: Option<C>) -> Option<C> {
        let Some(shelf) = self.shelves.get_mut(kind).filter(|_| !self.closed) else {
            return container;
        };
        shelf.starting = shelf.starting.saturating_sub(1);
        shelf
            .waiting
            .extend(container.map(|container| (Instant::now(), container)));
        None
    }

    /// Those that have waited for too long.
    #[must_use]
    pub(super) fn retire(&mut self) -> Vec<C> {
        let mut retired = Vec::new();
        for shelf in self.shelves.values_mut() {
            let old = shelf
                .waiting
                .extract_if(.., |(since, _)| since.elapsed() >= WARM_LIFE);
            retired.extend(old.map(|(_, container)| container));
        }
        self.shelves
            .retain(|_, shelf| shelf.starting > 0 || !shelf.waiting.is_empty());
        retired
    }

    /// All; nothing waits here from now on.
    #[must_use]
    pub(super) fn close(&mut self) -> Vec<C> {
        self.closed = true;
        self.shelves
            .drain()
            .flat_map(|(_, shelf)| shelf.waiting)
            .map(|(_, container)| container)
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

    #[test]
    fn it_is_bounded_per_kind_and_in_all() {
        let (mut pool, a, b) = (pool(), kind("a:1"), kind("b:1"));
        assert!(pool.reserve(&a) && pool.reserve(&a) && !pool.reserve(&a));
        assert!(pool.reserve(&b) && !pool.reserve(&b));
        assert_eq!(pool.put(&a, Some(1)), None);
        assert_eq!(pool.put(&a, None), None);
        assert_eq!(pool.take(&b), None);
        assert_eq!(pool.take(&a), Some(1));
        assert!(pool.reserve(&b));
    }

    #[test]
    fn a_closed_pool_keeps_nothing() {
        let (mut pool, a) = (pool(), kind("a:1"));
        assert!(pool.reserve(&a) && pool.reserve(&a));
        assert_eq!(pool.put(&a, Some(1)), None);
        assert_eq!(pool.close(), [1]);
        assert_eq!(pool.put(&a, Some(2)), Some(2));
        assert!(!pool.reserve(&a));
    }

    #[test]
    fn near_time_limits_are_one_kind() {
        let spec = kind("a:1").spec;
        let of = |seconds| Kind::new(&spec, Duration::from_secs(seconds));
        assert_eq!(of(1), of(30));
        assert_eq!(of(40).life(), WARM_LIFE + Duration::from_secs(64));
    }
}
