//! The words of calls on their way to the archive, where an organization wants them kept; beside the path of the answer.
//!
//! **Invariant:** neither a call nor its record ever waits for them: while the archive is away, or more come than it takes,
//! they are given up.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use documents::ArchivedBodies;
use kernel::TaskCtx;
use tokio::{
    sync::{Mutex, mpsc},
    time::timeout,
};

use crate::State;

/// Calls whose words wait, at most.
const WAITING: usize = 10_000;
/// Bytes of those that wait, at most.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Calls in one write at most.
const BATCH: usize = 16;
/// The pause before the archive is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How often it is tried.
const TRIES: u32 = 30;

pub(crate) struct Kept {
    to: mpsc::Sender<ArchivedBodies>,
    from: Mutex<mpsc::Receiver<ArchivedBodies>>,
    bytes: AtomicUsize,
    lost: AtomicU64,
}

impl Default for Kept {
    fn default() -> Self {
        let (to, from) = mpsc::channel(WAITING);
        Self {
            to,
            from: Mutex::new(from),
            bytes: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
        }
    }
}

impl Kept {
    /// Whether they are on their way.
    pub(crate) fn keep(&self, words: ArchivedBodies) -> bool {
        let bytes = size(&words);
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let is_taken = before + bytes <= MAX_BYTES && self.to.try_send(words).is_ok();
        if !is_taken {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        is_taken
    }

    fn done(&self, batch: &mut Vec<ArchivedBodies>) {
        let bytes = batch.drain(..).map(|words| size(&words)).sum();
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!("the words of {lost} calls are not kept: the archive takes no more");
        }
    }
}

fn size(words: &ArchivedBodies) -> usize {
    let bodies = &words.bodies;
    bodies.request.len() + bodies.response.as_ref().map_or(0, String::len)
}

/// Takes words to the archive until the service stops, then those of the calls that were still under way.
pub(crate) async fn archive(task: TaskCtx<State>) {
    let kept = &task.state.kept_words;
    let mut from = kept.from.lock().await;
    let mut batch = Vec::new();
    while !task.stop.is_cancelled() {
        tokio::select! {
            () = task.stop.cancelled() => {}
            _ = from.recv_many(&mut batch, BATCH) => put(&task, &mut batch).await,
        }
    }
    loop {
        tokio::select! {
            biased;
            _ = from.recv_many(&mut batch, BATCH) => put(&task, &mut batch).await,
            () = task.state.records.ended() => break,
        }
    }
    while let Ok(words) = from.try_recv() {
        batch.push(words);
    }
    put(&task, &mut batch).await;
}

async fn put(task: &TaskCtx<State>, batch: &mut Vec<ArchivedBodies>) {
    for attempt in 1..=TRIES {
        match task.state.archive.put_call_bodies(batch).await {
            Ok(()) => break,
            Err(error) if attempt < TRIES && !task.stop.is_cancelled() => {
                tracing::debug!(%error, "the words of calls cannot be archived at present");
                // A pause that ends early only ends in another try.
                timeout(RETRY, task.stop.cancelled()).await.ok();
            }
            Err(error) => {
                tracing::warn!(%error, "the words of {} calls are not kept", batch.len());
                break;
            }
        }
    }
    task.state.kept_words.done(batch);
}
