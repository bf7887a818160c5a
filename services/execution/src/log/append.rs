//! A batch on its way into the log, and what the log's end says about it where its outcome is not known.

use bytes::Bytes;

use contracts::{
    id::{ExecutionId, TenantId},
    payload::PayloadRef,
};

use crate::record::{self, Sealed, Stamp};

/// A value that is to be stored before the records that name it.
#[derive(Clone, Debug)]
pub(crate) struct Apart {
    pub(crate) tenant: TenantId,
    pub(crate) execution: ExecutionId,
    pub(crate) reference: PayloadRef,
    pub(crate) text: Bytes,
}

/// A batch to be stored directly after the entry with sequence `last`.
#[derive(Clone, Debug)]
pub(crate) struct Append {
    pub(crate) last: u64,
    pub(crate) message: Bytes,
    /// The values that its records name and that are not stored yet.
    pub(crate) apart: Vec<Apart>,
    stamp: Stamp,
}

impl Append {
    pub(crate) fn new(last: u64, sealed: &Sealed) -> Self {
        Self {
            last,
            message: sealed.message.clone(),
            apart: Vec::new(),
            stamp: sealed.stamp,
        }
    }

    /// What the last entry of the log means for this batch, whose outcome is not known.
    pub(crate) fn compare(&self, last: u64, message: Option<&[u8]>) -> Tail {
        let stamp = message.and_then(|message| record::stamp_of(message).ok());
        if stamp == Some(self.stamp) {
            Tail::Stored
        } else if last == self.last {
            Tail::NotStored
        } else {
            Tail::Lost
        }
    }
}

/// What the end of the log says about a batch whose outcome was not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// It had been stored.
    Stored,
    /// It has not been stored yet: it is to be appended again.
    NotStored,
    /// Someone else writes: the partition has another owner.
    Lost,
}
