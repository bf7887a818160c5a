//! Attempts whose worker broke down: what is to blame is one of those that it had in hand, and not which.
//!
//! **Invariants:** what counts is how often an attempt was begun, not how often it was given out: who waits for a turn while another
//! takes the process down has not done it. The more often it was begun, the fewer others are begun beside it, so that in the
//! end each one is alone.

use bus::{Bucket, Bus};
use bytes::Bytes;
use contracts::subject::WorkAddress;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::pool::RETRY;

/// Workers that may break down with an attempt. The first is not counted here: only its silence shows that it was one.
pub(crate) const MAX_BEGUN: u32 = 5;
/// How many of those that were begun twice a process has in hand at most, of those that were begun three times, and of the rest.
const BESIDE: [usize; 3] = [8, 2, 1];

/// The suspects that a process has in hand.
pub(crate) struct Suspects([Semaphore; 3]);

/// Whether a suspect may be begun once more.
pub(super) enum Verdict<'a> {
    /// With its turn, until it is dropped.
    Begin { _turn: Option<SemaphorePermit<'a>> },
    /// It was begun too often.
    GiveUp,
}

impl Default for Suspects {
    fn default() -> Self {
        Self(BESIDE.map(Semaphore::new))
    }
}

impl Suspects {
    /// Waits for the turn of an attempt that was given out before, and counts that it begins. Tries until that is stored.
    pub(super) async fn admit(&self, bus: &Bus, address: &WorkAddress) -> Verdict<'_> {
        let key = key_of(address);
        loop {
            let begun = loop {
                match begun(bus, &key).await {
                    Ok(begun) => break begun,
                    Err(error) => tracing::warn!(%error, key, "a suspect waits to be counted"),
                }
                tokio::time::sleep(RETRY).await;
            };
            if begun.times >= MAX_BEGUN {
                return Verdict::GiveUp;
            }
            let turn = match self.line(begun.times) {
                Some(line) => line.acquire().await.ok(),
                None => None,
            };
            // Another may have begun it while this one waited: then it is looked anew.
            match count(bus, &key, begun).await {
                Ok(()) => return Verdict::Begin { _turn: turn },
                Err(bus::Error::Conflict { .. }) => {}
                Err(error) => {
                    tracing::warn!(%error, key, "a suspect waits to be counted");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    fn line(&self, times: u32) -> Option<&Semaphore> {
        match times {
            0 | 1 => None,
            2 => Some(&self.0[0]),
            3 => Some(&self.0[1]),
            _ => Some(&self.0[2]),
        }
    }
}

/// Forgets an attempt that nobody begins any more: put back by hand, it begins anew.
pub(super) async fn forget(bus: &Bus, address: &WorkAddress) {
    let forgotten = async { bus.kv(Bucket::Tries).await?.delete(&key_of(address)).await };
    if let Err(error) = forgotten.await {
        tracing::debug!(%error, "a count of an attempt runs out by itself");
    }
}

/// How often an attempt was begun.
#[derive(Clone, Copy)]
struct Begun {
    times: u32,
    revision: Option<u64>,
}

async fn begun(bus: &Bus, key: &str) -> Result<Begun, bus::Error> {
    let found = bus.kv(Bucket::Tries).await?.get(key).await?;
    Ok(match found {
        Some(found) => Begun {
            times: read(&found.value),
            revision: Some(found.revision),
        },
        None => Begun {
            times: 1,
            revision: None,
        },
    })
}

async fn count(bus: &Bus, key: &str, begun: Begun) -> Result<(), bus::Error> {
    let kv = bus.kv(Bucket::Tries).await?;
    let value = Bytes::from((begun.times + 1).to_string());
    match begun.revision {
        Some(revision) => kv.update(key, value, revision).await?,
        None => kv.create(key, value).await?,
    };
    Ok(())
}

/// What cannot be read is no reason to take more workers down.
fn read(value: &[u8]) -> u32 {
    let number = std::str::from_utf8(value).ok().map(str::parse);
    number.and_then(Result::ok).unwrap_or(MAX_BEGUN)
}

/// A key of `TRIES`.
pub(super) fn key_of(address: &WorkAddress) -> String {
    let (execution, step) = (address.execution, &address.step);
    format!("{execution}.{step}.{}", address.attempt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_often_it_was_begun_the_fewer_are_beside_it() {
        let suspects = Suspects::default();
        let beside = |times| suspects.line(times).map(Semaphore::available_permits);
        let all: Vec<_> = (1..MAX_BEGUN).map(beside).collect();
        assert_eq!(all, [None, Some(8), Some(2), Some(1)]);
    }

    #[test]
    fn a_count_that_cannot_be_read_is_the_last() {
        assert_eq!(read(b"3"), 3);
        for text in [&b""[..], b"x", b"\xff", b"-1"] {
            assert_eq!(read(text), MAX_BEGUN);
        }
    }
}
