//! Answers in chunks.

use std::{
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bus::{Bus, Pace, PaceWord, PaceWords, Reply};
use contracts::message::StreamMessage;
use serde::Serialize;
use tokio::sync::watch;

/// How often the receiver hears that the answer is being worked on.
const ALIVE: Duration = Duration::from_secs(3);

/// How long a receiver that has all it wanted may say nothing.
const RECEIVER: Duration = Duration::from_secs(30);

/// The receiver of the chunks cannot be reached any more, or says nothing.
#[derive(Debug, thiserror::Error)]
#[error("the receiver of the answer is gone")]
pub struct Gone;

/// Where a stream handler puts the pieces of its answer.
pub struct Chunks<C> {
    bus: Bus,
    to: Reply,
    sent: Arc<AtomicU64>,
    allowed: watch::Receiver<u64>,
    chunk: PhantomData<fn(C)>,
}

impl<C: Serialize> Chunks<C> {
    pub(crate) fn new(
        bus: Bus,
        to: Reply,
        sent: Arc<AtomicU64>,
        allowed: watch::Receiver<u64>,
    ) -> Self {
        Self {
            bus,
            to,
            sent,
            allowed,
            chunk: PhantomData,
        }
    }

    /// Sends one chunk, as soon as the receiver wants it; chunks are numbered from 1 in the order of the calls.
    ///
    /// # Errors
    /// [`Gone`] when the bus no longer takes it, or the receiver has said nothing for too long.
    pub async fn send(&self, chunk: C) -> Result<(), Gone> {
        let n = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        if n > *self.allowed.borrow() {
            let mut allowed = self.allowed.clone();
            let wanted = allowed.wait_for(|most| n <= *most);
            tokio::time::timeout(RECEIVER, wanted)
                .await
                .map_err(|_| Gone)?
                .map_err(|_| Gone)?;
        }
        let message = StreamMessage::<C, ()>::Chunk { n, chunk };
        self.bus
            .reply_to(&self.to, Ok(&message))
            .await
            .map_err(|_| Gone)
    }
}

/// How far the receiver lets an answer go.
pub(crate) struct Gate {
    words: Option<PaceWords>,
    allowed: watch::Sender<u64>,
}

impl Gate {
    /// Without a wish of the receiver it is open.
    pub(crate) async fn open(bus: &Bus, pace: Option<&Pace>) -> Self {
        let words = match pace {
            Some(pace) => bus.pace(pace).await.map(Some).unwrap_or_else(|error| {
                tracing::debug!(%error, "the receiver of an answer cannot be heard");
                None
            }),
            None => None,
        };
        let window = pace.filter(|_| words.is_some()).and_then(Pace::window);
        Self {
            words,
            allowed: watch::Sender::new(window.unwrap_or(u64::MAX)),
        }
    }

    /// The number of the last chunk that may go.
    pub(crate) fn allowed(&self) -> watch::Receiver<u64> {
        self.allowed.subscribe()
    }

    /// Listens; returns when the receiver wants nothing more.
    pub(crate) async fn closed(mut self) {
        while let Some(words) = &mut self.words {
            match words.next().await {
                Some(PaceWord::UpTo(most)) => {
                    // Words may overtake each other.
                    self.allowed.send_if_modified(|allowed| {
                        let is_more = most > *allowed;
                        *allowed = most.max(*allowed);
                        is_more
                    });
                }
                Some(PaceWord::Stop) => return,
                None => self.words = None,
            }
        }
        std::future::pending().await
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
