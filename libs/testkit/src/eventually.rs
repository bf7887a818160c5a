//! Waiting for a condition instead of sleeping.

use std::{
    panic::Location,
    time::{Duration, Instant},
};

const PAUSE_BETWEEN_PROBES: Duration = Duration::from_millis(10);

/// Asks `probe` again and again until it answers `Some`, and returns what it
/// answered.
///
/// # Panics
/// When `within` has passed without an answer, naming the caller's line.
#[track_caller]
pub fn eventually<T, P>(within: Duration, probe: P) -> impl Future<Output = T>
where
    P: AsyncFnMut() -> Option<T>,
{
    let caller = Location::caller();
    wait(within, probe, caller)
}

async fn wait<T, P>(within: Duration, mut probe: P, caller: &Location<'_>) -> T
where
    P: AsyncFnMut() -> Option<T>,
{
    let started = Instant::now();
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(
            started.elapsed() < within,
            "what {caller} waits for did not happen within {within:?}"
        );
        tokio::time::sleep(PAUSE_BETWEEN_PROBES).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_returns_the_first_answer() {
        let mut asked = 0;
        let answer = eventually(Duration::from_secs(5), async || {
            asked += 1;
            (asked == 3).then_some("ready")
        })
        .await;
        assert_eq!((answer, asked), ("ready", 3));
    }

    #[tokio::test]
    #[should_panic(expected = "did not happen within 30ms")]
    async fn it_gives_up_after_the_time_given() {
        eventually(Duration::from_millis(30), async || None::<()>).await;
    }
}
