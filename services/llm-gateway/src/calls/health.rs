//! How everybody who is asked by way of routes, or with one of several keys, did of late; as this process saw it.
//!
//! **Invariant:** a probe that was let through is told of, or let go when its [`Pass`] is dropped; no other pass ends it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use contracts::id::TenantId;

use crate::domain::{
    breaker::{Breaker, Gate},
    catalog::{Source, Target},
};

/// Places that are remembered at most; the idle ones go first.
const MAX_PLACES: usize = 50_000;
/// The share of the newest figure in the mean.
const NEWEST: f64 = 0.3;

/// One model of one provider, asked with one key in the name of one organization.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) tenant: TenantId,
    pub(super) source: Source,
    pub(super) model: String,
    /// The mark of the provider's keys and the number of this one.
    pub(super) key: (u64, u32),
}

#[derive(Default)]
pub(crate) struct Health {
    breakers: Mutex<HashMap<Place, Breaker>>,
    /// Milliseconds until they began to answer.
    latencies: Mutex<HashMap<(TenantId, Source, String), f64>>,
}

/// The right to ask once.
pub(super) struct Pass {
    health: Arc<Health>,
    place: Place,
    /// Whether others wait for what it tells.
    is_probe: bool,
    told: bool,
}

impl Health {
    /// A pass, or the time before which there is none.
    pub(super) fn admit(self: &Arc<Self>, place: Place, now: Instant) -> Result<Pass, Instant> {
        let mut breakers = lock(&self.breakers);
        // Who never failed needs no entry.
        let gate = breakers.get_mut(&place).map(|breaker| breaker.gate(now));
        if let Some(Gate::Shut(until)) = gate {
            return Err(until);
        }
        drop(breakers);
        Ok(Pass {
            health: self.clone(),
            place,
            is_probe: gate == Some(Gate::Probe),
            told: false,
        })
    }

    pub(super) fn latency_ms(&self, tenant: TenantId, target: &Target) -> Option<f64> {
        let key = (tenant, target.source, target.model.clone());
        lock(&self.latencies).get(&key).copied()
    }

    fn tell(&self, place: &Place, now: Instant, tell: impl FnOnce(&mut Breaker)) {
        let mut breakers = lock(&self.breakers);
        if breakers.len() >= MAX_PLACES {
            breakers.retain(|_, breaker| !breaker.is_idle(now));
        }
        if breakers.len() < MAX_PLACES || breakers.contains_key(place) {
            tell(breakers.entry(place.clone()).or_default());
        }
    }
}

impl Pass {
    /// It began to answer after that long.
    pub(super) fn succeeded(mut self, latency: Duration) {
        self.told = true;
        lock(&self.health.breakers).remove(&self.place);
        let milliseconds = latency.as_secs_f64() * 1000.0;
        let Place {
            tenant,
            source,
            model,
            ..
        } = &self.place;
        let mut latencies = lock(&self.health.latencies);
        if latencies.len() >= MAX_PLACES {
            latencies.clear();
        }
        latencies
            .entry((*tenant, *source, model.clone()))
            .and_modify(|mean| *mean += (milliseconds - *mean) * NEWEST)
            .or_insert(milliseconds);
    }

    pub(super) fn failed(mut self, now: Instant) {
        self.told = true;
        let is_probe = self.is_probe;
        self.health
            .tell(&self.place, now, |it| it.failed(now, is_probe));
    }

    pub(super) fn rests(mut self, now: Instant, pause: Duration) {
        self.told = true;
        let is_probe = self.is_probe;
        self.health
            .tell(&self.place, now, |it| it.rests(now, pause, is_probe));
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.told || !self.is_probe {
            return;
        }
        if let Some(breaker) = lock(&self.health.breakers).get_mut(&self.place) {
            breaker.left();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is half-written when a holder panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
