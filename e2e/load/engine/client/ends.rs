//! The ends of executions, as their live subjects say them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use anyhow::Result;
use contracts::{
    Subject,
    id::{ExecutionId, TenantId},
    live::{ExecutionEvent, Frame},
    subject::execution_of,
};
use futures::StreamExt;
use tokio::sync::oneshot;

/// When the end was heard of, and whether it is a success.
pub(crate) type End = (SystemTime, bool);

#[derive(Default)]
pub(crate) struct Ends(Mutex<HashMap<ExecutionId, oneshot::Sender<End>>>);

impl Ends {
    /// To be asked for before the start, so that no end is missed.
    pub(crate) fn expect(&self, id: ExecutionId) -> oneshot::Receiver<End> {
        let (sender, receiver) = oneshot::channel();
        self.waiting().insert(id, sender);
        receiver
    }

    pub(crate) fn forget(&self, id: ExecutionId) {
        self.waiting().remove(&id);
    }

    pub(crate) async fn listen(self: Arc<Self>, mut live: async_nats::Subscriber) -> Result<()> {
        while let Some(message) = live.next().await {
            let Some((_, id)) = execution_of(&message.subject) else {
                continue;
            };
            let frames: Vec<Frame> = serde_json::from_slice(&message.payload)?;
            let Some(last) = frames.last().filter(|frame| frame.event.is_final()) else {
                continue;
            };
            let went_well = matches!(last.event, ExecutionEvent::ExecutionSucceeded { .. });
            if let Some(waiting) = self.waiting().remove(&id) {
                // Whoever waited may have gone.
                waiting
                    .send((SystemTime::now(), went_well))
                    .unwrap_or_default();
            }
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<ExecutionId, oneshot::Sender<End>>> {
        // Nothing is half-written when a holder panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The live subjects of all executions of a tenant.
pub(crate) fn of_all(tenant: TenantId) -> String {
    let one = Subject::live(tenant, ExecutionId::EXAMPLE).to_string();
    one.replace(&ExecutionId::EXAMPLE.to_string(), "*")
}
