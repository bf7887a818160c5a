//! How much of each limited thing is under way: the organization, its providers, its routes; as this process saw it.
//!
//! **Invariant:** a [`Permit`] leaves when it is dropped, however the call ends.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use contracts::{
    id::{ProviderId, TenantId},
    llm::RateLimits,
};

use crate::domain::meter::{Meter, share};

/// Meters that are kept at most; the idle ones go first.
const MAX_METERS: usize = 50_000;

/// What is limited.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Limited {
    Organization,
    Provider(ProviderId),
    /// By its name.
    Route(String),
}

type Key = (TenantId, Limited);

pub(crate) struct Meters {
    /// Each replica lets its share pass.
    replicas: u32,
    meters: Mutex<HashMap<Key, Meter>>,
}

/// The right to be under way.
pub(crate) struct Permit {
    meters: Arc<Meters>,
    key: Key,
    thought: u64,
    had: u64,
}

impl Meters {
    pub(crate) fn new(replicas: u32) -> Self {
        Self {
            replicas,
            meters: Mutex::default(),
        }
    }

    /// Lets a question of about so many tokens pass, or says when to come back.
    pub(crate) fn admit(
        self: &Arc<Self>,
        tenant: TenantId,
        limited: Limited,
        limits: &RateLimits,
        tokens: u64,
    ) -> Result<Permit, Duration> {
        let now = Instant::now();
        let key = (tenant, limited);
        let mut meters = self.lock();
        if meters.len() >= MAX_METERS {
            meters.retain(|_, meter| !meter.is_idle(now));
        }
        let meter = meters.entry(key.clone()).or_insert_with(|| Meter::new(now));
        meter.admit(&share(limits, self.replicas), tokens, now)?;
        drop(meters);
        Ok(Permit {
            meters: self.clone(),
            key,
            thought: tokens,
            had: tokens,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Meter>> {
        // Nothing is half-written when a holder panics.
        self.meters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// What it took in the end.
    pub(crate) fn took(&mut self, tokens: u64) {
        self.had = tokens;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut meters = self.meters.lock();
        if let Some(meter) = meters.get_mut(&self.key) {
            meter.leave(self.thought, self.had, Instant::now());
        }
    }
}
