//! Ending the attempts of an execution that is being cancelled.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bus::{Bus, Subscription};
use contracts::{
    Subject,
    id::{ExecutionId, TenantId},
    subject::execution_of,
};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::pool::RETRY;

type Key = (TenantId, ExecutionId);

/// The attempts under way in this process.
#[derive(Default)]
pub(crate) struct Cuts {
    running: Mutex<HashMap<Key, Vec<(u64, CancellationToken)>>>,
    count: AtomicU64,
}

/// An attempt that can be cut, until this is dropped.
pub(crate) struct Cuttable {
    cuts: Arc<Cuts>,
    key: Key,
    number: u64,
    token: CancellationToken,
}

impl Cuts {
    pub(crate) fn register(self: &Arc<Self>, tenant: TenantId, execution: ExecutionId) -> Cuttable {
        let (key, token) = ((tenant, execution), CancellationToken::new());
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let entry = (number, token.clone());
        self.running().entry(key).or_default().push(entry);
        Cuttable {
            cuts: self.clone(),
            key,
            number,
            token,
        }
    }

    fn cut(&self, key: Key) {
        for (_, token) in self.running().get(&key).into_iter().flatten() {
            token.cancel();
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Key, Vec<(u64, CancellationToken)>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cuttable {
    /// Returns when the attempt is to end.
    pub(crate) async fn cut(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for Cuttable {
    fn drop(&mut self) {
        let mut running = self.cuts.running();
        if let Some(attempts) = running.get_mut(&self.key) {
            attempts.retain(|(number, _)| *number != self.number);
            if attempts.is_empty() {
                running.remove(&self.key);
            }
        }
    }
}

/// The cancels of all executions.
pub(crate) struct Listener(Subscription);

impl Listener {
    /// # Errors
    /// When the subscription is refused.
    pub(crate) async fn subscribe(bus: &Bus) -> Result<Self, bus::Error> {
        let subscription = bus.subscribe(&Subject::control_of_all(), None).await?;
        bus.flush().await?;
        Ok(Self(subscription))
    }

    /// Cuts whatever is cancelled. Whoever runs must not end because of this: it subscribes anew.
    pub(crate) async fn run(mut self, bus: &Bus, cuts: &Cuts) {
        loop {
            while let Some(message) = self.0.next().await {
                // The one word that is said here is `cancel`.
                if let Some(key) = execution_of(message.subject()) {
                    cuts.cut(key);
                }
            }
            tracing::warn!("the workers hear of no cancels");
            self = loop {
                match Self::subscribe(bus).await {
                    Ok(listener) => break listener,
                    Err(error) => tracing::debug!(%error, "the workers hear of no cancels yet"),
                }
                tokio::time::sleep(RETRY).await;
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_meets_its_execution_alone() {
        let cuts = Arc::new(Cuts::default());
        let (one, other) = (ExecutionId::generate(), ExecutionId::generate());
        let first = cuts.register(TenantId::EXAMPLE, one);
        let second = cuts.register(TenantId::EXAMPLE, one);
        let stranger = cuts.register(TenantId::generate(), one);
        let unrelated = cuts.register(TenantId::EXAMPLE, other);
        cuts.cut((TenantId::EXAMPLE, one));
        assert!(first.token.is_cancelled() && second.token.is_cancelled());
        assert!(!stranger.token.is_cancelled() && !unrelated.token.is_cancelled());
        drop((first, second, stranger, unrelated));
        assert!(cuts.running().is_empty());
    }
}
