//! One subscription per watched execution, however many watch it.
//!
//! **Invariant:** a subscription lives as long as someone watches; a slow watcher delays nobody and costs bounded memory.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Arc, OnceLock, Weak},
};

use bus::{Bus, Subscription};
use contracts::{
    ErrorCode, Problem, Subject,
    id::{ExecutionId, TenantId},
    live::Frame,
};
use futures::StreamExt;
use serde::Serialize;
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore, SemaphorePermit, broadcast},
    task::JoinSet,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Frames kept for a watcher that does not keep up; beyond them it reads the history again.
const BUFFERED: usize = 256;

/// Histories read at the same time: many who begin to watch at once must not be too many for the service that answers.
const READERS: usize = 64;

type Key = (TenantId, ExecutionId);

/// The watched executions of this gateway.
pub(crate) struct Hub {
    bus: Bus,
    streams: Arc<Semaphore>,
    readers: Semaphore,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    channels: HashMap<Key, Weak<Channel>>,
    pumps: JoinSet<Key>,
}

/// A frame, and its JSON: written once for all who watch.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Shown {
    frame: Frame,
    #[serde(skip)]
    json: OnceLock<String>,
}

impl Shown {
    pub(super) fn new(frame: Frame) -> Arc<Self> {
        Arc::new(Self {
            frame,
            json: OnceLock::new(),
        })
    }

    pub(crate) fn json(&self) -> &str {
        self.json.get_or_init(|| {
            serde_json::to_string(&self.frame).expect("frames have only string keys")
        })
    }
}

impl Deref for Shown {
    type Target = Frame;

    fn deref(&self) -> &Frame {
        &self.frame
    }
}

/// The frames of one execution, as they arrive.
struct Channel {
    frames: broadcast::Sender<Arc<Shown>>,
    /// Ends the subscription when the last watcher is gone.
    _end: DropGuard,
}

/// A place in front of one execution.
pub(crate) struct Watch {
    pub(super) frames: broadcast::Receiver<Arc<Shown>>,
    _channel: Arc<Channel>,
    _permit: OwnedSemaphorePermit,
}

impl Hub {
    pub(crate) fn new(bus: Bus, max_streams: usize) -> Self {
        Self {
            bus,
            streams: Arc::new(Semaphore::new(max_streams)),
            readers: Semaphore::new(READERS),
            watched: Mutex::default(),
        }
    }

    /// Frames published after this returned are received.
    ///
    /// # Errors
    /// `unavailable` when too many streams are open or NATS cannot be reached.
    pub(crate) async fn watch(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
    ) -> Result<Watch, Problem> {
        let permit = self.streams.clone().try_acquire_owned().map_err(|_| {
            Problem::new(ErrorCode::Unavailable, "too many event streams are open")
                .with_retry_after_ms(5000)
        })?;
        let channel = self.channel((tenant, execution)).await?;
        Ok(Watch {
            frames: channel.frames.subscribe(),
            _channel: channel,
            _permit: permit,
        })
    }

    /// Whoever holds it may read a history; others wait in the order they came.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.readers.acquire().await.ok()
    }

    /// Tokens published after this returned are received, as far as the bus keeps up.
    ///
    /// # Errors
    /// `unavailable` when NATS cannot be reached.
    pub(crate) async fn tokens(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
    ) -> Result<Subscription, Problem> {
        let subject = Subject::tokens_of(tenant, execution);
        let subscription = self.bus.subscribe(&subject, None).await;
        subscription.map_err(|error| unavailable(&error))
    }

    async fn channel(&self, key: Key) -> Result<Arc<Channel>, Problem> {
        let mut watched = self.watched.lock().await;
        watched.forget_ended();
        if let Some(channel) = watched.channels.get(&key).and_then(Weak::upgrade) {
            return Ok(channel);
        }
        let subscription = self.bus.subscribe(&Subject::live(key.0, key.1), None).await;
        let subscription = subscription.map_err(|error| unavailable(&error))?;
        let (frames, end) = (broadcast::Sender::new(BUFFERED), CancellationToken::new());
        let pump = pump(key, subscription, frames.clone(), end.clone());
        watched.pumps.spawn(pump);
        let channel = Arc::new(Channel {
            frames,
            _end: end.drop_guard(),
        });
        watched.channels.insert(key, Arc::downgrade(&channel));
        Ok(channel)
    }
}

impl Watched {
    fn forget_ended(&mut self) {
        while let Some(ended) = self.pumps.try_join_next() {
            let Ok(key) = ended else { continue };
            // Someone may watch the same execution again by now.
            if self
                .channels
                .get(&key)
                .is_some_and(|channel| channel.strong_count() == 0)
            {
                self.channels.remove(&key);
            }
        }
    }
}

fn unavailable(error: &bus::Error) -> Problem {
    tracing::warn!(%error, "an execution cannot be watched");
    Problem::new(
        ErrorCode::Unavailable,
        "live events are not available at present",
    )
}

async fn pump(
    key: Key,
    mut subscription: Subscription,
    frames: broadcast::Sender<Arc<Shown>>,
    end: CancellationToken,
) -> Key {
    loop {
        let incoming = tokio::select! {
            () = end.cancelled() => break,
            incoming = subscription.next() => incoming,
        };
        let Some(incoming) = incoming else { break };
        let stored: Vec<Frame> = match serde_json::from_slice(incoming.payload()) {
            Ok(stored) => stored,
            Err(error) => {
                // The numbers that are missing now make the watchers read the history.
                tracing::error!(%error, "live frames cannot be read");
                continue;
            }
        };
        for frame in stored {
            // No receiver at this moment is no loss: the next one reads the history first.
            drop(frames.send(Shown::new(frame)));
        }
    }
    key
}
