//! What each call took, on its way to the archive, beside the path of the answer.
//!
//! **Invariant:** a call never waits for the archive, and a record holds nothing of question or answer.

use std::time::Duration;

use documents::{Archive, ArchivedCall};
use kernel::TaskCtx;
use tokio::sync::{Mutex, mpsc};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use crate::State;

/// Records that wait for the archive at most.
const WAITING: usize = 10_000;
/// Records in one write at most.
const BATCH: usize = 500;
/// The pause before the archive is tried again.
const RETRY: Duration = Duration::from_secs(1);

pub(crate) struct Records {
    to: mpsc::Sender<ArchivedCall>,
    from: Mutex<mpsc::Receiver<ArchivedCall>>,
    archive: Archive,
    open: TaskTracker,
}

impl Records {
    pub(crate) fn new(archive: Archive) -> Self {
        let (to, from) = mpsc::channel(WAITING);
        Self {
            to,
            from: Mutex::new(from),
            archive,
            open: TaskTracker::new(),
        }
    }

    /// Held while a record is being written.
    pub(crate) fn open(&self) -> TaskTrackerToken {
        self.open.token()
    }

    pub(crate) fn keep(&self, call: ArchivedCall) {
        if let Err(error) = self.to.try_send(call) {
            tracing::warn!(%error, "a call is missing in the archive");
        }
    }
}

/// Writes records until the service stops, then those of the calls that were still under way.
pub(crate) async fn archive(task: TaskCtx<State>) {
    let records = &task.state.records;
    let mut from = records.from.lock().await;
    let mut batch = Vec::new();
    while !task.stop.is_cancelled() {
        tokio::select! {
            () = task.stop.cancelled() => {}
            _ = from.recv_many(&mut batch, BATCH), if batch.is_empty() => {}
        }
        match records.archive.put_calls(&batch).await {
            Ok(()) => batch.clear(),
            Err(error) => {
                tracing::warn!(%error, "calls cannot be archived at present");
                // A pause that ends early only ends in another try.
                tokio::time::timeout(RETRY, task.stop.cancelled())
                    .await
                    .ok();
            }
        }
    }
    records.open.close();
    loop {
        tokio::select! {
            () = records.open.wait() => break,
            _ = from.recv_many(&mut batch, BATCH) => {}
        }
    }
    while let Ok(call) = from.try_recv() {
        batch.push(call);
    }
    if let Err(error) = records.archive.put_calls(&batch).await {
        tracing::warn!(%error, "{} calls are missing in the archive", batch.len());
    }
}
