//! Reading an execution back from the archive: its state is a fold over its records, and the archive has them all.
//!
//! **Invariant:** it is read from the first record to the one it is known to have come to, without a gap, or not at all.

use bytes::Bytes;
use contracts::{
    id::{ExecutionId, TenantId},
    live::ExecutionEvent,
};
use documents::ArchivedRecord;

use super::owner::Engine;
use crate::{
    Error,
    domain::State,
    record::{Private, Record},
};

/// Records of one question to the archive.
const PAGE: u32 = 500;

/// An execution as its records tell it.
pub(crate) struct Revived {
    pub(crate) state: State,
    /// The texts of its frames, from `n` = 1.
    pub(crate) frames: Vec<Bytes>,
}

/// Reads the first `n` records of an execution.
///
/// # Errors
/// [`Error::Gap`], [`Error::BrokenHistory`], that its definition is not there, or that the archive does not answer.
pub(crate) async fn revive(
    engine: &Engine,
    tenant: TenantId,
    id: ExecutionId,
    n: u64,
) -> Result<Revived, Error> {
    let mut revived: Option<Revived> = None;
    let mut after = 0;
    loop {
        let page = engine.archive.records(tenant, id, after, PAGE).await?;
        let is_last = page.is_empty();
        for archived in page {
            if archived.frame.n != after + 1 {
                return Err(Error::Gap { id, after });
            }
            after += 1;
            revived = Some(take(engine, (tenant, id), revived, archived).await?);
            if after == n {
                break;
            }
        }
        match revived {
            Some(revived) if after == n => return Ok(revived),
            _ if is_last => return Err(Error::Gap { id, after }),
            _ => {}
        }
    }
}

async fn take(
    engine: &Engine,
    (tenant, execution): (TenantId, ExecutionId),
    revived: Option<Revived>,
    archived: ArchivedRecord,
) -> Result<Revived, Error> {
    let broken = |source: Box<dyn std::error::Error + Send + Sync>| Error::BrokenHistory {
        id: execution,
        source,
    };
    let ArchivedRecord {
        frame,
        text,
        vars,
        private,
    } = archived;
    let private = private.map(|private| Private::from_archive(vars, &private));
    let record = Record {
        execution,
        tenant,
        private: private.transpose().map_err(|error| broken(error.into()))?,
        frame,
    };
    let mut revived = match revived {
        Some(mut revived) => {
            let folded = revived.state.fold(&record);
            folded.map_err(|problem| broken(problem.into()))?;
            revived
        }
        None => {
            let ExecutionEvent::ExecutionStarted {
                definition_hash, ..
            } = &record.frame.event
            else {
                return Err(broken("it does not begin with its start".into()));
            };
            let plan = engine.plans.load(definition_hash).await?;
            let state = State::begin(&record, plan);
            Revived {
                state: state.map_err(|problem| broken(problem.into()))?,
                frames: Vec::new(),
            }
        }
    };
    revived.frames.push(text);
    Ok(revived)
}
