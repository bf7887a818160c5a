//! What each call took, on its way to the archive, beside the path of the answer.
//!
//! **Invariant:** a call never waits for the archive, and a record holds nothing of question or answer.

use std::time::Duration;

use documents::{Archive, ArchivedCall};
use kernel::TaskCtx;
use tokio::sync::{Mutex, mpsc};

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
}

impl Records {
    pub(crate) fn new(archive: Archive) -> Self {
        let (to, from) = mpsc::channel(WAITING);
        Self {
            to,
            from: Mutex::new(from),
            archive,
        }
    }

    pub(crate) fn keep(&self, call: ArchivedCall) {
        if let Err(error) = self.to.try_send(call) {
            tracing::warn!(%error, "a call is missing in the archive");
        }
    }
}

/// Writes records until the service stops, then those that are left.
pub(crate) async fn archive(task: TaskCtx<State>) {
    let records = &task.state.records;
    let mut from = records.from.lock().await;
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            () = task.stop.cancelled() => break,
            _ = from.recv_many(&mut batch, BATCH) => {}
        }
        while let Err(error) = records.archive.put_calls(&batch).await {
            tracing::warn!(%error, "calls cannot be archived at present");
            tokio::select! {
                () = task.stop.cancelled() => break,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
        batch.clear();
    }
    while let Ok(call) = from.try_recv() {
        batch.push(call);
    }
    if let Err(error) = records.archive.put_calls(&batch).await {
        tracing::warn!(%error, "{} calls are missing in the archive", batch.len());
    }
}
