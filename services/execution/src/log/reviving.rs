//! Reading an execution back from the archive: its state is a fold over its records, and the archive has them all.
//!
//! **Invariant:** it is read from the first record to the one it is known to have come to, without a gap, or not at all.

use bytes::Bytes;
use contracts::{
    id::{ExecutionId, TenantId},
    live::ExecutionEvent,
};
use documents::{Archive, ArchivedRecord};

use crate::{
    Error,
    domain::State,
    payloads::Payloads,
    plans::Plans,
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

/// Where executions are read back from.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) archive: &'a Archive,
    pub(crate) plans: &'a Plans,
    pub(crate) payloads: &'a Payloads,
}

impl Source<'_> {
    /// Reads the first `n` records of an execution.
    ///
    /// # Errors
    /// [`Error::Gap`], [`Error::BrokenHistory`], that its definition is not there, or that the archive does not answer.
    pub(crate) async fn revive(
        self,
        tenant: TenantId,
        id: ExecutionId,
        n: u64,
    ) -> Result<Revived, Error> {
        let revived = self.read(tenant, id, n).await?;
        let after = revived.state.data.n;
        if after == n {
            Ok(revived)
        } else {
            Err(Error::Gap { id, after })
        }
    }

    /// Reads all records of an execution that follow each other without a gap.
    ///
    /// # Errors
    /// As [`Source::revive`]; [`Error::Gap`] only where the first is missing.
    pub(crate) async fn revive_all(
        self,
        tenant: TenantId,
        id: ExecutionId,
    ) -> Result<Revived, Error> {
        self.read(tenant, id, u64::MAX).await
    }

    async fn read(self, tenant: TenantId, id: ExecutionId, upto: u64) -> Result<Revived, Error> {
        let mut revived: Option<Revived> = None;
        let mut after = 0;
        loop {
            let page = self.archive.records(tenant, id, after, PAGE).await?;
            let before = after;
            for archived in page {
                if after == upto || archived.frame.n != after + 1 {
                    break;
                }
                after += 1;
                revived = Some(take(self, (tenant, id), revived, archived).await?);
            }
            if after == before || after == upto {
                return revived.ok_or(Error::Gap { id, after });
            }
        }
    }
}

async fn take(
    source: Source<'_>,
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
    let mut record = Record {
        execution,
        tenant,
        private: private.transpose().map_err(|error| broken(error.into()))?,
        frame,
    };
    let lost = source.payloads.fill(&mut record).await?;
    let lost = lost.map(|lost| lost.error());
    let mut revived = match revived {
        Some(mut revived) => {
            let folded = revived.state.fold_filled(&mut record, lost);
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
            let plan = source.plans.load(definition_hash).await?;
            let state = State::begin(&record, plan);
            let mut state = state.map_err(|problem| broken(problem.into()))?;
            state.note_apart(&mut record, lost);
            Revived {
                state,
                frames: Vec::new(),
            }
        }
    };
    revived.frames.push(text);
    Ok(revived)
}
