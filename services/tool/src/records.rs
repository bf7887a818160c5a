//! The records of calls on their way to the database, beside the path of the answer.
//!
//! **Invariant:** a call never waits for its record, and a record holds nothing of arguments and result.

use std::{collections::HashMap, time::Duration};

use contracts::{
    ErrorCode,
    id::{TenantId, ToolId},
    tool::ToolCallRecord,
};
use kernel::{ServiceError, TaskCtx};
use tokio::sync::{Mutex, mpsc};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use crate::{State, error::Error, store::ToolStore};

/// Records that wait for the database at most.
const WAITING: usize = 10_000;
/// Records that are taken from the queue at a time.
const BATCH: usize = 500;
/// The pause before the database is tried again.
const RETRY: Duration = Duration::from_secs(1);

pub(crate) struct Kept {
    tenant: TenantId,
    pub(crate) tool: ToolId,
    pub(crate) record: ToolCallRecord,
}

pub(crate) struct Records {
    to: mpsc::Sender<Kept>,
    from: Mutex<mpsc::Receiver<Kept>>,
    open: TaskTracker,
}

impl Default for Records {
    fn default() -> Self {
        let (to, from) = mpsc::channel(WAITING);
        Self {
            to,
            from: Mutex::new(from),
            open: TaskTracker::new(),
        }
    }
}

impl Records {
    /// Held while a record is being made.
    pub(crate) fn open(&self) -> TaskTrackerToken {
        self.open.token()
    }

    pub(crate) fn keep(&self, tenant: TenantId, tool: ToolId, record: ToolCallRecord) {
        let kept = Kept {
            tenant,
            tool,
            record,
        };
        if let Err(error) = self.to.try_send(kept) {
            tracing::warn!(%error, "a call of a tool is missing among its last calls");
        }
    }
}

/// Writes records until the service stops, then those of the calls that were still under way.
pub(crate) async fn write(task: TaskCtx<State>) {
    let (records, store) = (&task.state.records, &task.state.store);
    let mut from = records.from.lock().await;
    let mut batch = Vec::new();
    while !task.stop.is_cancelled() {
        tokio::select! {
            () = task.stop.cancelled() => {}
            _ = from.recv_many(&mut batch, BATCH), if batch.is_empty() => {}
        }
        batch = put(store, batch).await;
        if !batch.is_empty() {
            // A pause that ends early only ends in another try.
            tokio::time::timeout(RETRY, task.stop.cancelled())
                .await
                .ok();
        }
    }
    records.open.close();
    loop {
        tokio::select! {
            () = records.open.wait() => break,
            _ = from.recv_many(&mut batch, BATCH) => {}
        }
    }
    while let Ok(kept) = from.try_recv() {
        batch.push(kept);
    }
    let lost = put(store, batch).await.len();
    if lost > 0 {
        tracing::warn!("{lost} calls are missing among the last calls of their tools");
    }
}

/// Writes what can be written; gives what may be written later.
async fn put(store: &ToolStore, batch: Vec<Kept>) -> Vec<Kept> {
    let mut tenants: HashMap<TenantId, Vec<Kept>> = HashMap::new();
    for kept in batch {
        tenants.entry(kept.tenant).or_default().push(kept);
    }
    let mut left = Vec::new();
    for (tenant, calls) in tenants {
        let Err(error) = store.put_calls(tenant, &calls).await else {
            continue;
        };
        tracing::warn!(%error, "calls of tools cannot be kept at present");
        if is_passing(&error) {
            left.extend(calls);
        }
    }
    left
}

fn is_passing(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::Unavailable | ErrorCode::Timeout)
}
