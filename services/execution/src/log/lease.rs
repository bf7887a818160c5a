//! The lease on a partition: who tries to own it. The fenced append alone decides who does.
//!
//! A lease runs out when it is not renewed, and is taken away from a holder that is not connected any more: the bus knows at
//! once that a process was killed.
//!
//! **Invariant:** whoever holds a valid lease renewed it less than its age ago, by the monotonic clock: a process that was
//! stopped for longer finds its lease invalid before it answers anything. One whose lease was taken away is heard by nobody.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bus::{Bucket, Bus, Kv, Subscription};
use bytes::Bytes;
use contracts::Subject;
use futures::StreamExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The age limit of the bucket.
const AGE: Duration = Duration::from_secs(2);
const RENEW: Duration = Duration::from_millis(500);
/// The pause between two tries to get a lease that someone else has.
const RETRY: Duration = Duration::from_millis(150);
/// Tries in a row at which its holder is not connected, before it is taken away: one that connects anew is back by then, and
/// one that lives has renewed it.
const ABSENT: u32 = 4;

/// A lease that is being renewed until it is dropped or released.
pub(crate) struct Lease {
    kv: Kv,
    key: String,
    held: Arc<Held>,
    renewal: JoinSet<()>,
}

/// What others may know of a lease.
pub(crate) struct Held {
    until: Mutex<Instant>,
    lost: CancellationToken,
}

impl Lease {
    /// Waits until the partition is free, and takes it. None when `stop` came first.
    ///
    /// # Errors
    /// When the bucket cannot be opened.
    pub(crate) async fn acquire(
        bus: &Bus,
        partition: u16,
        holder: &str,
        stop: &CancellationToken,
    ) -> Result<Option<Self>, bus::Error> {
        let kv = bus.kv(Bucket::Leases).await?;
        let key = format!("p{partition}");
        let value = Bytes::copy_from_slice(holder.as_bytes());
        let mut absence = Absence::default();
        loop {
            let asked = Instant::now();
            let held = kv.get(&key).await.ok().flatten();
            let taken = match held.as_ref().map(|held| held.revision) {
                Some(revision) if absence.is_long(revision) => {
                    Some(kv.update(&key, value.clone(), revision).await)
                }
                Some(_) => None,
                None => Some(kv.create(&key, value.clone()).await),
            };
            match taken {
                Some(Ok(revision)) => {
                    let presence = bus.subscribe(&Subject::lease(partition), None).await?;
                    let mut lease = Self::hold(kv, key, value, revision, asked);
                    lease.renewal.spawn(answer(bus.clone(), presence));
                    return Ok(Some(lease));
                }
                None | Some(Err(bus::Error::Conflict { .. })) => {}
                Some(Err(error)) => {
                    tracing::warn!(%error, partition, "the lease cannot be asked for");
                }
            }
            if let Some(held) = held {
                absence.note(held.revision, bus.is_held(partition).await);
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(None),
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    fn hold(kv: Kv, key: String, value: Bytes, revision: u64, asked: Instant) -> Self {
        let held = Arc::new(Held {
            until: Mutex::new(asked + AGE),
            lost: CancellationToken::new(),
        });
        let mut renewal = JoinSet::new();
        renewal.spawn(renew(
            kv.clone(),
            key.clone(),
            value,
            revision,
            held.clone(),
        ));
        Self {
            kv,
            key,
            held,
            renewal,
        }
    }

    /// Whether nobody else can have taken it yet.
    pub(crate) fn is_valid(&self) -> bool {
        self.held.is_valid()
    }

    /// Returns when it is lost.
    pub(crate) async fn lost(&self) {
        self.held.lost().await;
    }

    pub(crate) fn held(&self) -> Arc<Held> {
        self.held.clone()
    }

    /// Gives it back, so that the next owner need not wait.
    pub(crate) async fn release(mut self) {
        self.renewal.shutdown().await;
        let is_valid = self.is_valid();
        self.held.lost.cancel();
        if !is_valid {
            return;
        }
        if let Err(error) = self.kv.delete(&self.key).await {
            tracing::debug!(%error, key = self.key, "a lease is left to run out");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.held.lost.cancel();
    }
}

/// How often in a row the holder of a lease was not there.
#[derive(Default)]
struct Absence {
    /// Of the lease: another one is another holder's, or renewed.
    revision: u64,
    times: u32,
}

impl Absence {
    fn note(&mut self, revision: u64, is_there: bool) {
        if is_there || revision != self.revision {
            self.times = 0;
        }
        self.revision = revision;
        self.times += u32::from(!is_there);
    }

    fn is_long(&self, revision: u64) -> bool {
        revision == self.revision && self.times >= ABSENT
    }
}

impl Held {
    pub(crate) fn is_valid(&self) -> bool {
        !self.lost.is_cancelled() && Instant::now() < self.until()
    }

    /// Returns when it is lost, given back or dropped.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    fn until(&self) -> Instant {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn extend(&self, from: Instant) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = from + AGE;
    }
}

/// Says that the holder is there.
async fn answer(bus: Bus, mut questions: Subscription) {
    while let Some(question) = questions.next().await {
        if let Err(error) = bus.reply_bytes(&question, Bytes::new()).await {
            tracing::debug!(%error, "nobody heard that a lease is held");
        }
    }
}

async fn renew(kv: Kv, key: String, value: Bytes, mut revision: u64, held: Arc<Held>) {
    let mut interval = tokio::time::interval(RENEW);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let asked = Instant::now();
        let limit = held.until().saturating_duration_since(asked);
        let renewed = tokio::time::timeout(limit, kv.update(&key, value.clone(), revision)).await;
        match renewed {
            Ok(Ok(new)) => {
                revision = new;
                held.extend(asked);
            }
            Ok(Err(bus::Error::Conflict { .. })) => match kv.get(&key).await {
                // Our own renewal had been stored although its answer was lost.
                Ok(Some(found)) if found.value == value => revision = found.revision,
                Ok(_) | Err(_) => return held.lost.cancel(),
            },
            Ok(Err(error)) => tracing::warn!(%error, key, "a lease could not be renewed"),
            Err(_) => return held.lost.cancel(),
        }
        if Instant::now() >= held.until() {
            return held.lost.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_absent_and_renews_nothing_loses_its_lease() {
        let mut absence = Absence::default();
        for _ in 0..ABSENT {
            assert!(!absence.is_long(7));
            absence.note(7, false);
        }
        assert!(absence.is_long(7));
        assert!(!absence.is_long(8), "renewed since");
        absence.note(8, false);
        assert!(!absence.is_long(8));
        for is_there in [false, false, true, false] {
            absence.note(8, is_there);
        }
        assert!(!absence.is_long(8));
    }
}
