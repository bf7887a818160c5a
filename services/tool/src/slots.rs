//! How many calls each organization has under way.
//!
//! **Invariant:** no organization has more than its share, so slow tools of one leave room for those of the others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use contracts::id::TenantId;

pub(crate) struct Slots {
    each: u32,
    taken: Mutex<HashMap<TenantId, u32>>,
}

/// A call's place, until it is dropped.
pub(crate) struct Slot {
    slots: Arc<Slots>,
    tenant: TenantId,
}

impl Slots {
    pub(crate) fn new(each: u32) -> Self {
        Self {
            each,
            taken: Mutex::default(),
        }
    }

    /// None where the organization has used up its share.
    pub(crate) fn take(self: &Arc<Self>, tenant: TenantId) -> Option<Slot> {
        let mut taken = self.taken();
        let count = taken.entry(tenant).or_insert(0);
        if *count >= self.each {
            return None;
        }
        *count += 1;
        drop(taken);
        let slots = self.clone();
        Some(Slot { slots, tenant })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<TenantId, u32>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        if let Some(count) = taken.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_organization_has_its_share() {
        let slots = Arc::new(Slots::new(2));
        let (one, other) = (TenantId::generate(), TenantId::generate());
        let (first, second) = (slots.take(one), slots.take(one));
        assert!(first.is_some() && second.is_some() && slots.take(one).is_none());
        assert!(slots.take(other).is_some());
        drop(first);
        assert!(slots.take(one).is_some());
        drop(second);
        assert!(slots.taken().is_empty());
    }
}
