//! Requests that wait for the owner, each tenant's in a queue of its own: who floods waits behind itself.
//!
//! Deficit round robin (Shreedhar and Varghese, 1995): in each round a tenant may spend a quantum, a request costs one and
//! its size, and what is not spent counts in the next round as long as something waits.
//!
//! **Invariant:** the requests of one tenant stay in their order.

use std::collections::{HashMap, VecDeque};

use contracts::id::TenantId;

/// What a tenant may spend in a round.
const QUANTUM: usize = 8;
/// Bytes that cost as much as a request.
const COST_BYTES: usize = 4096;

pub(crate) struct Intake<T> {
    queues: HashMap<TenantId, Queue<T>>,
    /// The tenants of which something waits, the next one first.
    turns: VecDeque<TenantId>,
    waiting: usize,
}

struct Queue<T> {
    waiting: VecDeque<(usize, T)>,
    credit: usize,
}

impl<T> Default for Intake<T> {
    fn default() -> Self {
        Self {
            queues: HashMap::new(),
            turns: VecDeque::new(),
            waiting: 0,
        }
    }
}

impl<T> Intake<T> {
    /// The number of requests that wait.
    pub(crate) const fn len(&self) -> usize {
        self.waiting
    }

    /// The number of requests of a tenant that wait.
    pub(crate) fn waiting(&self, tenant: TenantId) -> usize {
        let queue = self.queues.get(&tenant);
        queue.map_or(0, |queue| queue.waiting.len())
    }

    pub(crate) fn push(&mut self, tenant: TenantId, bytes: usize, request: T) {
        let cost = 1 + bytes / COST_BYTES;
        let queue = self.queues.entry(tenant).or_insert_with(|| {
            self.turns.push_back(tenant);
            Queue {
                waiting: VecDeque::new(),
                credit: 0,
            }
        });
        queue.waiting.push_back((cost, request));
        self.waiting += 1;
    }

    /// The request whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<T> {
        loop {
            let tenant = *self.turns.front()?;
            let queue = self.queues.get_mut(&tenant)?;
            let cost = queue.waiting.front().map_or(0, |(cost, _)| *cost);
            if cost > queue.credit {
                queue.credit += QUANTUM;
                self.turns.rotate_left(1);
                continue;
            }
            queue.credit -= cost;
            let (_, request) = queue.waiting.pop_front()?;
            self.waiting -= 1;
            if queue.waiting.is_empty() {
                self.queues.remove(&tenant);
                self.turns.pop_front();
            }
            return Some(request);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all<T>(intake: &mut Intake<T>) -> Vec<T> {
        std::iter::from_fn(|| intake.pop()).collect()
    }

    #[test]
    fn who_floods_waits_behind_itself() {
        let (loud, calm) = (TenantId::generate(), TenantId::generate());
        let mut intake = Intake::default();
        for n in 0..1_000 {
            intake.push(loud, 100, ("loud", n));
        }
        for n in 0..3 {
            intake.push(calm, 100, ("calm", n));
        }
        assert_eq!((intake.waiting(loud), intake.waiting(calm)), (1_000, 3));
        let order = all(&mut intake);
        assert_eq!((intake.len(), order.len()), (0, 1_003));
        for who in ["loud", "calm"] {
            let numbers = order.iter().filter(|(name, _)| *name == who);
            assert!(numbers.map(|(_, n)| n).is_sorted(), "each in its order");
        }
        let last = order.iter().rposition(|(name, _)| *name == "calm");
        assert!(last < Some(2 * QUANTUM), "{last:?}");
    }

    #[test]
    fn large_requests_cost_more() {
        let (large, small) = (TenantId::generate(), TenantId::generate());
        let mut intake = Intake::default();
        for n in 0..10 {
            intake.push(large, COST_BYTES * 31, ("large", n));
            intake.push(small, 10, ("small", n));
        }
        let order = all(&mut intake);
        assert_eq!(order.len(), 20);
        let first = order.iter().position(|(name, _)| *name == "large");
        assert!(first > Some(9), "thirty-two times the cost: {first:?}");
    }
}
