//! Who is next: first come, first served within an organization; organizations take turns.

use std::collections::{HashMap, VecDeque};

use contracts::id::TenantId;

/// What waits, in the order in which it goes on.
pub(super) struct Turns<T> {
    waiting: HashMap<TenantId, VecDeque<T>>,
    /// The organizations that wait, each once; who had a turn goes to the end.
    order: VecDeque<TenantId>,
    len: usize,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self {
            waiting: HashMap::new(),
            order: VecDeque::new(),
            len: 0,
        }
    }
}

impl<T> Turns<T> {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn len_of(&self, tenant: TenantId) -> usize {
        self.waiting.get(&tenant).map_or(0, VecDeque::len)
    }

    pub(super) fn push(&mut self, tenant: TenantId, what: T) {
        let line = self.waiting.entry(tenant).or_default();
        if line.is_empty() {
            self.order.push_back(tenant);
        }
        line.push_back(what);
        self.len += 1;
    }

    /// The next one of those organizations that `may` go on; the others keep their place.
    pub(super) fn pop(&mut self, may: impl Fn(TenantId) -> bool) -> Option<(TenantId, T)> {
        let place = self.order.iter().position(|tenant| may(*tenant))?;
        let tenant = self.order.remove(place)?;
        let line = self.waiting.get_mut(&tenant)?;
        let what = line.pop_front()?;
        self.len -= 1;
        if line.is_empty() {
            self.waiting.remove(&tenant);
        } else {
            self.order.push_back(tenant);
        }
        Some((tenant, what))
    }

    /// Forgets what nobody waits for any more.
    pub(super) fn retain(&mut self, wanted: impl Fn(&T) -> bool) {
        self.waiting.retain(|_, line| {
            line.retain(&wanted);
            !line.is_empty()
        });
        self.order
            .retain(|tenant| self.waiting.contains_key(tenant));
        self.len = self.waiting.values().map(VecDeque::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organizations_take_turns_and_keep_their_own_order() {
        let (loud, quiet) = (TenantId::generate(), TenantId::generate());
        let mut turns = Turns::default();
        for number in 0..4 {
            turns.push(loud, number);
        }
        turns.push(quiet, 10);
        turns.push(quiet, 11);
        let order: Vec<_> = std::iter::from_fn(|| turns.pop(|_| true))
            .map(|(_, number)| number)
            .collect();
        assert_eq!(order, [0, 10, 1, 11, 2, 3]);
        assert_eq!(turns.len(), 0);
    }

    #[test]
    fn who_may_not_go_on_keeps_the_place() {
        let (first, second) = (TenantId::generate(), TenantId::generate());
        let mut turns = Turns::default();
        turns.push(first, 1);
        turns.push(second, 2);
        assert_eq!(turns.pop(|tenant| tenant != first), Some((second, 2)));
        turns.push(second, 3);
        assert_eq!(turns.pop(|_| false), None);
        assert_eq!(turns.pop(|_| true), Some((first, 1)));
    }

    #[test]
    fn what_is_forgotten_has_no_turn() {
        let (first, second) = (TenantId::generate(), TenantId::generate());
        let mut turns = Turns::default();
        turns.push(first, 1);
        turns.push(second, 2);
        turns.push(second, 3);
        turns.retain(|number| *number == 3);
        assert_eq!((turns.len(), turns.len_of(first)), (1, 0));
        assert_eq!(turns.pop(|_| true), Some((second, 3)));
        assert_eq!(turns.pop(|_| true), None);
    }
}
