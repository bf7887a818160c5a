//! What each call took, on its way to the archive, beside the path of the answer: stored on the bus first, where it waits
//! as long as the archive is slow or away.
//!
//! **Invariant:** a call never waits for its record, and a record holds nothing of question or answer.

pub(crate) mod words;

use std::{
    iter,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bus::Delivery;
use contracts::Service;
use documents::ArchivedCall;
use futures::{FutureExt, StreamExt};
use kernel::TaskCtx;
use tokio::{
    sync::{Mutex, mpsc, watch},
    time::timeout,
};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use crate::State;

/// Records that wait for the bus at most.
const WAITING: usize = 10_000;
/// Records in one message at most.
const BATCH: usize = 200;
/// How long records are gathered for one message: each takes a write to disk.
const GATHER: Duration = Duration::from_millis(50);
/// Messages that are taken to the archive together.
const AT_ONCE: usize = 256;
/// The pause before bus or archive are tried again.
const RETRY: Duration = Duration::from_secs(1);
/// A service that ends waits so long for messages that another replica may have taken.
const QUIET: Duration = Duration::from_millis(500);

pub(crate) struct Records {
    to: mpsc::Sender<ArchivedCall>,
    from: Mutex<mpsc::Receiver<ArchivedCall>>,
    open: TaskTracker,
    lost: AtomicU64,
    /// The last message, once there are no more to come.
    last: watch::Sender<Option<u64>>,
}

impl Default for Records {
    fn default() -> Self {
        let (to, from) = mpsc::channel(WAITING);
        Self {
            to,
            from: Mutex::new(from),
            open: TaskTracker::new(),
            lost: AtomicU64::new(0),
            last: watch::Sender::new(None),
        }
    }
}

impl Records {
    /// Held while a record is being written.
    pub(crate) fn open(&self) -> TaskTrackerToken {
        self.open.token()
    }

    /// Once no record is being written any more.
    pub(crate) async fn ended(&self) {
        self.open.close();
        self.open.wait().await;
    }

    pub(crate) fn keep(&self, call: ArchivedCall) {
        if self.to.try_send(call).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn tell_lost(&self) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::error!("{lost} calls are missing in the archive: the bus did not take them");
        }
    }
}

/// Stores records on the bus until the service stops, then those of the calls that were still under way.
pub(crate) async fn store(task: TaskCtx<State>) {
    let records = &task.state.records;
    let mut from = records.from.lock().await;
    let (mut batch, mut last) = (Vec::new(), 0);
    while !task.stop.is_cancelled() {
        tokio::select! {
            () = task.stop.cancelled() => {}
            _ = from.recv_many(&mut batch, BATCH), if batch.is_empty() => {}
        }
        if batch.is_empty() {
            continue;
        }
        if batch.len() < BATCH {
            timeout(GATHER, task.stop.cancelled()).await.ok();
            let more = iter::from_fn(|| from.try_recv().ok());
            batch.extend(more.take(BATCH - batch.len()));
        }
        match task.bus.keep_llm_calls(&batch).await {
            Ok(sequence) => {
                last = sequence;
                batch.clear();
            }
            Err(error) => {
                tracing::warn!(%error, "records of calls cannot be stored at present");
                // A pause that ends early only ends in another try.
                timeout(RETRY, task.stop.cancelled()).await.ok();
            }
        }
        records.tell_lost();
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
    for calls in batch.chunks(BATCH) {
        match task.bus.keep_llm_calls(calls).await {
            Ok(sequence) => last = sequence,
            Err(error) => {
                tracing::error!(%error, "{} calls are missing in the archive", calls.len());
            }
        }
    }
    records.tell_lost();
    records.last.send_replace(Some(last));
}

/// Takes what is stored to the archive, until nothing more comes.
pub(crate) async fn archive(task: TaskCtx<State>) {
    let mut last = task.state.records.last.subscribe();
    let messages = match task.bus.llm_calls(Service::Llm, AT_ONCE).await {
        Ok(messages) => messages,
        // The kernel starts this task again.
        Err(error) => return tracing::warn!(%error, "records of calls cannot be read"),
    };
    let (mut messages, mut done) = (pin!(messages), 0);
    loop {
        let ends_with = *last.borrow_and_update();
        let first = match ends_with {
            None => tokio::select! {
                message = messages.next() => message,
                _ = last.changed() => continue,
            },
            Some(last) if done >= last => return,
            Some(_) => timeout(QUIET, messages.next()).await.ok().flatten(),
        };
        let Some(first) = first else { return };
        let more = iter::from_fn(|| messages.next().now_or_never().flatten());
        let mut read = Vec::new();
        for message in iter::once(first).chain(more.take(AT_ONCE - 1)) {
            match message {
                Ok(message) => {
                    done = done.max(message.sequence());
                    read.push(message);
                }
                Err(error) => tracing::warn!(%error, "records of calls did not arrive"),
            }
        }
        if !put(&task, read).await {
            return;
        }
    }
}

/// Puts the records of messages into the archive, again and again; whether they are there. Where the service ends before,
/// they stay on the bus.
async fn put(task: &TaskCtx<State>, messages: Vec<Delivery>) -> bool {
    let (mut calls, mut read) = (Vec::new(), Vec::new());
    for message in messages {
        match serde_json::from_slice::<Vec<ArchivedCall>>(message.payload()) {
            Ok(more) => {
                calls.extend(more);
                read.push(message);
            }
            Err(error) => {
                tracing::error!(%error, "records of calls cannot be read");
                if let Err(error) = message.bury_event("unreadable").await {
                    tracing::warn!(%error, "records that cannot be read come again");
                }
            }
        }
    }
    for calls in calls.chunks(BATCH) {
        let mut last_try = false;
        while let Err(error) = task.state.archive.put_calls(calls).await {
            tracing::warn!(%error, "calls cannot be archived at present");
            if last_try {
                return false;
            }
            // A pause that ends early only ends in another try.
            timeout(RETRY, task.stop.cancelled()).await.ok();
            last_try = task.stop.is_cancelled();
            for message in &read {
                message.progress().await.ok();
            }
        }
    }
    for message in read {
        // It comes again otherwise, which changes nothing.
        if let Err(error) = message.done().await {
            tracing::debug!(%error, "records of calls are archived, and come again");
        }
    }
    true
}
