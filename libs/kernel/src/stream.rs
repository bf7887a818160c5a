//! Answers in chunks.

use std::{
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bus::{Bus, Reply};
use contracts::message::StreamMessage;
use serde::Serialize;

/// How often the receiver hears that the answer is being worked on.
const ALIVE: Duration = Duration::from_secs(3);

/// The receiver of the chunks cannot be reached any more.
#[derive(Debug, thiserror::Error)]
#[error("the receiver of the answer is gone")]
pub struct Gone;

/// Where a stream handler puts the pieces of its answer.
pub struct Chunks<C> {
    bus: Bus,
    to: Reply,
    sent: Arc<AtomicU64>,
    chunk: PhantomData<fn(C)>,
}

impl<C: Serialize> Chunks<C> {
    pub(crate) fn new(bus: Bus, to: Reply, sent: Arc<AtomicU64>) -> Self {
        Self {
            bus,
            to,
            sent,
            chunk: PhantomData,
        }
    }

    /// Sends one chunk; chunks are numbered from 1 in the order of the calls.
    ///
    /// # Errors
    /// [`Gone`] when the bus no longer takes it.
    pub async fn send(&self, chunk: C) -> Result<(), Gone> {
        let n = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        let message = StreamMessage::<C, ()>::Chunk { n, chunk };
        self.bus
            .reply_to(&self.to, Ok(&message))
            .await
            .map_err(|_| Gone)
    }
}

/// Says that the answer is being worked on, for as long as it is.
pub(crate) async fn while_alive<F: Future>(bus: &Bus, to: &Reply, work: F) -> F::Output {
    let mut work = std::pin::pin!(work);
    loop {
        if let Ok(output) = tokio::time::timeout(ALIVE, work.as_mut()).await {
            return output;
        }
        if let Err(error) = bus.reply_to(to, Ok(&StreamMessage::<(), ()>::Alive)).await {
            tracing::debug!(%error, "the receiver of an answer was not told to wait");
        }
    }
}
