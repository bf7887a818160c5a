//! Which executions were cancelled, told to the calls that services make for them.
//!
//! **Invariant:** a call that begins after its execution was cancelled is cancelled too, however close the two were.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bus::Bus;
use contracts::{
    Subject,
    id::{ExecutionId, TenantId},
    live::Control,
    subject::execution_of,
};
use futures::StreamExt;
use moka::sync::Cache;
use tokio_util::sync::CancellationToken;

/// How long a cancelled execution is remembered: longer than a question may be on its way.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);
const REMEMBERED_COUNT: u64 = 100_000;

type Key = (TenantId, ExecutionId);

/// The calls under way for executions. One per service, shared by its handlers and the task that [`Cancels::follow`]s.
pub struct Cancels {
    recent: Cache<Key, ()>,
    running: Mutex<HashMap<Key, Running>>,
}

struct Running {
    calls: usize,
    token: CancellationToken,
}

/// A call's ear for the cancellation of its execution.
pub struct Ear {
    cancels: Arc<Cancels>,
    key: Key,
    token: CancellationToken,
}

impl Default for Cancels {
    fn default() -> Self {
        let recent = Cache::builder()
            .max_capacity(REMEMBERED_COUNT)
            .time_to_live(REMEMBERED)
            .build();
        Self {
            recent,
            running: Mutex::default(),
        }
    }
}

impl Cancels {
    /// For as long as a call runs for this execution.
    pub fn listen(self: &Arc<Self>, tenant: TenantId, execution: ExecutionId) -> Ear {
        let key = (tenant, execution);
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = running.entry(key).or_insert_with(|| Running {
            calls: 0,
            token: CancellationToken::new(),
        });
        entry.calls += 1;
        let token = entry.token.clone();
        drop(running);
        // After the entry is there: a cancellation in between finds one or the other.
        if self.recent.contains_key(&key) {
            token.cancel();
        }
        Ear {
            cancels: self.clone(),
            key,
            token,
        }
    }

    /// Follows the control subject of all executions until `stop`: a task of the service.
    pub async fn follow(&self, bus: &Bus, stop: &CancellationToken) {
        let mut control = match bus.subscribe(&Subject::control_of_all(), None).await {
            Ok(control) => control,
            Err(error) => {
                tracing::warn!(%error, "cancellations cannot be followed");
                return;
            }
        };
        loop {
            let message = tokio::select! {
                () = stop.cancelled() => return,
                message = control.next() => message,
            };
            let Some(message) = message else { return };
            let Some(key) = execution_of(message.subject()) else {
                continue;
            };
            match serde_json::from_slice(message.payload()) {
                Ok(Control::Cancel) => self.cancel(key),
                Err(error) => tracing::warn!(%error, "a control message cannot be read"),
            }
        }
    }

    fn cancel(&self, key: Key) {
        self.recent.insert(key, ());
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = running.get(&key) {
            entry.token.cancel();
        }
    }
}

impl Ear {
    /// Returns when the execution was cancelled.
    pub async fn cancelled(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let running = &self.cancels.running;
        let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = running.get_mut(&self.key) {
            entry.calls -= 1;
            if entry.calls == 0 {
                running.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn a_cancellation_meets_the_calls_of_its_execution_alone() {
        let cancels = Arc::new(Cancels::default());
        let (tenant, execution) = (TenantId::generate(), ExecutionId::generate());
        let (one, two) = (
            cancels.listen(tenant, execution),
            cancels.listen(tenant, execution),
        );
        let other = cancels.listen(tenant, ExecutionId::generate());
        let foreign = cancels.listen(TenantId::generate(), execution);
        cancels.cancel((tenant, execution));
        let heard = |ear: &Ear| ear.cancelled().now_or_never().is_some();
        assert!(heard(&one) && heard(&two));
        assert!(!heard(&other) && !heard(&foreign));
        drop((one, two, other, foreign));
        assert!(cancels.running.lock().unwrap().is_empty());
        assert!(heard(&cancels.listen(tenant, execution)));
    }
}
