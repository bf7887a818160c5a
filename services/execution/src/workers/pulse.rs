//! Whether an attempt goes on: what it hears from the other side is a beat, and silence ends it.

use std::{future::pending, time::Duration};

use contracts::execution::StepError;
use tokio::{sync::Notify, time::timeout};

/// The signs of life of one attempt.
#[derive(Default)]
pub(crate) struct Pulse(Notify);

impl Pulse {
    /// The attempt goes on.
    pub(crate) fn beat(&self) {
        self.0.notify_one();
    }

    /// Returns once there was no sign of life for so long; without a limit never.
    pub(crate) async fn silence(&self, limit_ms: Option<u64>) -> StepError {
        let Some(limit_ms) = limit_ms else {
            return pending().await;
        };
        let limit = Duration::from_millis(limit_ms);
        while timeout(limit, self.0.notified()).await.is_ok() {}
        let text = format!("nothing was heard for {limit_ms} ms");
        StepError::new("idle", text).retryable()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::poll;

    use super::*;

    #[tokio::test]
    async fn silence_ends_an_attempt_that_has_a_limit() {
        let pulse = Pulse::default();
        pulse.beat();
        let error = pulse.silence(Some(20)).await;
        assert_eq!((error.code.as_str(), error.retryable), ("idle", true));
        let mut endless = pin!(pulse.silence(None));
        assert!(poll!(&mut endless).is_pending());
        let mut patient = pin!(pulse.silence(Some(3_600_000)));
        for _ in 0..3 {
            assert!(poll!(&mut patient).is_pending());
            pulse.beat();
        }
    }
}
