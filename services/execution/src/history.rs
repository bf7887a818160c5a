//! The whole history of an execution that has ended: from its owner while that has it, else from the archive.
//!
//! **Invariant:** it is read from the first event to the last without a gap, or not at all.

use std::time::Duration;

use bus::Bus;
use contracts::{
    ErrorCode, Problem,
    id::{ExecutionId, TenantId},
    live::Frame,
    owner::ReadEvents,
};
use documents::Archive;

use crate::{Error, domain::Past, log::owner::Engine, store::ExecutionStore};

/// Events of one answer.
const PAGE: u32 = 1000;
/// Events of an execution that others go on from, at most: what it leaves to them is in memory as a whole.
const MAX_EVENTS: u64 = 100_000;
/// How long an owner may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Where histories are.
#[derive(Clone, Copy)]
pub(crate) struct Histories<'a> {
    pub(crate) bus: &'a Bus,
    pub(crate) store: &'a ExecutionStore,
    pub(crate) archive: &'a Archive,
}

/// A stretch of a history.
struct Page {
    frames: Vec<Frame>,
    /// Why the owner did not answer; none where it did, or knows the execution no more.
    silent: Option<Problem>,
}

/// What an execution that has ended leaves to others.
///
/// # Errors
/// As [`Reading::next`], and [`Error::TooLong`].
pub(crate) async fn past(
    engine: &Engine,
    tenant: TenantId,
    id: ExecutionId,
) -> Result<Past, Error> {
    let histories = Histories {
        bus: &engine.bus,
        store: &engine.store,
        archive: &engine.archive,
    };
    let mut past = Past::new(id);
    let mut reading = histories.read(tenant, id);
    loop {
        let page = reading.next().await?;
        if page.is_empty() {
            return Ok(past);
        }
        for frame in engine.payloads.fill_frames(tenant, id, page).await? {
            past.take(frame);
        }
        if reading.after >= MAX_EVENTS && !reading.is_over {
            return Err(Error::TooLong(id));
        }
    }
}

impl<'a> Histories<'a> {
    /// Begins to read an execution that has ended.
    pub(crate) fn read(self, tenant: TenantId, id: ExecutionId) -> Reading<'a> {
        Reading {
            histories: self,
            tenant,
            id,
            after: 0,
            is_over: false,
        }
    }

    async fn page(&self, tenant: TenantId, id: ExecutionId, after: u64) -> Result<Page, Error> {
        let question = ReadEvents {
            tenant,
            execution_id: id,
            after,
            limit: PAGE,
        };
        match self.bus.ask_owner(&question, ANSWER).await {
            Ok(events) => Ok(Page {
                frames: events.items,
                silent: None,
            }),
            Err(problem) if is_elsewhere(&problem) => Ok(Page {
                frames: self.archive.events(tenant, id, after, PAGE).await?,
                silent: Some(problem).filter(|problem| problem.code != ErrorCode::NotFound),
            }),
            Err(problem) => Err(Error::Owner(problem)),
        }
    }

    /// Why there is no event after this one, although it was not the last.
    async fn why_not(
        &self,
        tenant: TenantId,
        id: ExecutionId,
        after: u64,
        silent: Option<Problem>,
    ) -> Error {
        // The archive may not have come to it yet.
        if let Some(problem) = silent {
            return Error::Owner(problem);
        }
        match self.store.find(tenant, id).await {
            Ok(Some(header)) if !header.state.is_final() => Error::NotEnded(id),
            Ok(Some(header)) if header.last_event > after => Error::Forgotten(id),
            // Its owner has it, and its row is on its way.
            Ok(None) if after > 0 => Error::NotEnded(id),
            Ok(None) => Error::NotFound(id),
            Ok(Some(_)) => Error::Gap { id, after },
            Err(error) => error,
        }
    }
}

/// A history of which a part was read.
pub(crate) struct Reading<'a> {
    histories: Histories<'a>,
    tenant: TenantId,
    id: ExecutionId,
    /// The number of the last event that was read.
    after: u64,
    is_over: bool,
}

impl Reading<'_> {
    /// The next events, in order; none after the last one.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotEnded`], [`Error::Forgotten`], [`Error::Gap`]; that neither an owner nor the stores
    /// answer.
    pub(crate) async fn next(&mut self) -> Result<Vec<Frame>, Error> {
        let (tenant, id, after) = (self.tenant, self.id, self.after);
        if self.is_over {
            return Ok(Vec::new());
        }
        let page = self.histories.page(tenant, id, after).await?;
        let Some(last) = page.frames.last() else {
            return Err(self.histories.why_not(tenant, id, after, page.silent).await);
        };
        check_stretch(id, after, &page.frames)?;
        self.after = last.n;
        self.is_over = last.event.is_final();
        Ok(page.frames)
    }
}

/// Checks a stretch of the archive: it goes on where the one before ended, without a gap.
///
/// # Errors
/// [`Error::Forgotten`] where the beginning is past its retention, [`Error::Gap`] where an event within is missing.
pub(crate) fn check_stretch(id: ExecutionId, after: u64, frames: &[Frame]) -> Result<(), Error> {
    let mut last = after;
    for frame in frames {
        if frame.n != last + 1 {
            return Err(match last {
                0 => Error::Forgotten(id),
                after => Error::Gap { id, after },
            });
        }
        last = frame.n;
    }
    Ok(())
}

/// Whether what the owner does not say may stand in the archive.
fn is_elsewhere(problem: &Problem) -> bool {
    matches!(
        problem.code,
        ErrorCode::NotFound | ErrorCode::Unavailable | ErrorCode::Timeout
    )
}

#[cfg(test)]
mod tests {
    use contracts::{id::UserId, live::ExecutionEvent};

    use super::*;

    #[test]
    fn a_missing_event_is_noticed() {
        let frames = |numbers: &[u64]| -> Vec<Frame> {
            let frame = |n: &u64| Frame {
                n: *n,
                ts: chrono::DateTime::UNIX_EPOCH,
                event: ExecutionEvent::CancelAsked {
                    by: UserId::EXAMPLE,
                },
            };
            numbers.iter().map(frame).collect()
        };
        let check =
            |after, numbers: &[u64]| check_stretch(ExecutionId::EXAMPLE, after, &frames(numbers));
        assert!(check(0, &[1, 2, 3]).is_ok() && check(4, &[5]).is_ok() && check(4, &[]).is_ok());
        assert!(matches!(check(0, &[3, 4]), Err(Error::Forgotten(_))));
        assert!(matches!(check(4, &[6]), Err(Error::Gap { after: 4, .. })));
        assert!(matches!(
            check(0, &[1, 3]),
            Err(Error::Gap { after: 1, .. })
        ));
        assert!(matches!(
            check(0, &[1, 1]),
            Err(Error::Gap { after: 1, .. })
        ));
    }
}
