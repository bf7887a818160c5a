//! What a call lets hear of itself before its end, passed on to who waits for it.

use std::{future::pending, time::Duration};

use bus::Bus;
use contracts::Subject;
use tokio::sync::Notify;

/// Signs of life that are nearer to one another are passed on as one.
const APART: Duration = Duration::from_millis(20);

/// The signs of life of one call.
#[derive(Default)]
pub(crate) struct Pulse {
    beats: Notify,
    /// Where the caller listens; none where it waits in silence.
    to: Option<Subject>,
}

impl Pulse {
    pub(crate) fn new(to: Option<Subject>) -> Self {
        Self {
            beats: Notify::new(),
            to,
        }
    }

    /// The call goes on.
    pub(crate) fn beat(&self) {
        self.beats.notify_one();
    }

    /// Where the caller listens.
    pub(crate) fn listener(&self) -> Option<&Subject> {
        self.to.as_ref()
    }

    /// Passes the signs of life on, for as long as it is polled.
    pub(crate) async fn pass_on<T>(&self, bus: &Bus) -> T {
        let Some(to) = &self.to else {
            return pending().await;
        };
        loop {
            self.beats.notified().await;
            if let Err(error) = bus.beat(to).await {
                // The caller takes it for silence, at worst.
                tracing::debug!(%error, "a sign of life was not passed on");
            }
            tokio::time::sleep(APART).await;
        }
    }
}
