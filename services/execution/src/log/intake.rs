//! Requests that wait for the owner, each tenant's in a queue of its own: who floods waits behind itself.
//!
//! Deficit round robin (Shreedhar and Varghese, 1995): in each round a tenant may spend a quantum, a request costs one and
//! its size, and what is not spent counts in the next round as long as something waits.
//!
//! **Invariant:** the requests of one tenant stay in their order.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use bus::{Incoming, timeout_in};
use contracts::{ErrorCode, Problem, id::TenantId, owner::OwnerKind};
use serde::Deserialize;

/// Requests that are put in their queues at once.
pub(crate) const AT_ONCE: usize = 2048;
/// Requests of one tenant that wait for a partition; starts beyond are refused.
const MAX_WAITING: usize = 4096;
/// What a tenant may spend in a round.
const QUANTUM: usize = 8;
/// Bytes that cost as much as a request.
const COST_BYTES: usize = 4096;

/// A request in its queue.
pub(crate) struct Arrived {
    pub(crate) incoming: Incoming,
    /// When its sender stops waiting, where it makes no difference that it never was.
    until: Option<Instant>,
}

/// What all requests name.
#[derive(Deserialize)]
struct Whose {
    tenant: TenantId,
}

impl Arrived {
    /// Whether it makes sense to do it.
    pub(crate) fn is_awaited(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

/// Puts a request in the queue of its tenant.
///
/// # Errors
/// With the request, when too many of its tenant wait and it is a start: whatever was begun can always go on.
pub(crate) fn put(
    intake: &mut Intake<Arrived>,
    incoming: Incoming,
) -> Result<(), Box<(Incoming, Problem)>> {
    let kind = incoming.subject().rsplit('.').next();
    let is_start = kind.and_then(OwnerKind::parse) == Some(OwnerKind::Start);
    // What names nobody is refused in its turn.
    let whose = serde_json::from_slice(incoming.payload());
    let tenant = whose.map_or(TenantId::PLATFORM, |whose: Whose| whose.tenant);
    if is_start && intake.waiting(tenant) >= MAX_WAITING {
        let text = "too many requests of the organization wait at present";
        let problem = Problem::new(ErrorCode::Unavailable, text).with_reason("busy");
        return Err(Box::new((incoming, problem.with_retry_after_ms(1000))));
    }
    let wait = timeout_in(incoming.headers()).filter(|_| is_start);
    let until = wait.and_then(|wait: Duration| Instant::now().checked_add(wait));
    let bytes = incoming.payload().len();
    intake.push(tenant, bytes, Arrived { incoming, until });
    Ok(())
}

pub(crate) struct Intake<T> {
    queues: HashMap<TenantId, Queue<T>>,
    /// The tenants of which something waits, the next one first.
    turns: VecDeque<TenantId>,
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
        }
    }
}

impl<T> Intake<T> {
    /// The number of requests of a tenant that wait.
    pub(crate) fn waiting(&self, tenant: TenantId) -> usize {
        let queue = self.queues.get(&tenant);
        queue.map_or(0, |queue| queue.waiting.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
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
        assert!(intake.is_empty() && order.len() == 1_003);
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
