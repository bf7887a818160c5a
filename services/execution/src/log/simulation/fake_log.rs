//! A log as JetStream is one, with its faults.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use contracts::{id::ExecutionId, live::ExecutionEvent};

use super::Random;
use crate::{
    domain::{Program, State},
    log::{
        append::{Append, Tail},
        reviving::Revived,
    },
    record::{self, Stored},
};

/// Entries by sequence, from 1.
#[derive(Default)]
pub(crate) struct FakeLog {
    /// All that was ever stored; the log itself begins after `trimmed`.
    pub(crate) entries: Vec<Bytes>,
    /// The records of each execution with the texts of their frames, for the checks.
    history: HashMap<ExecutionId, Vec<(Bytes, ExecutionEvent)>>,
    /// The same as the archive has them.
    records: HashMap<ExecutionId, Vec<Stored>>,
    pub(crate) trimmed: u64,
    /// Appends that are still on their way.
    late: Vec<(u64, Bytes)>,
}

pub(crate) enum Outcome {
    Stored(u64),
    /// Refused, or unknown: the end of the log has to be read.
    Look,
}

impl FakeLog {
    pub(crate) fn last(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The epoch of the last entry.
    pub(crate) fn epoch(&self) -> u64 {
        let last = self.entries.last();
        last.map_or(0, |entry| record::stamp_of(entry).unwrap().epoch)
    }

    /// What was stored of an execution.
    pub(crate) fn history(&self, id: ExecutionId) -> &[(Bytes, ExecutionEvent)] {
        self.history.get(&id).map_or(&[], Vec::as_slice)
    }

    /// An execution after its first `n` records, read from the archive.
    pub(crate) fn revive(
        &self,
        id: ExecutionId,
        n: u64,
        plans: &HashMap<String, Arc<Program>>,
    ) -> Revived {
        let stored = &self.records[&id][..usize::try_from(n).unwrap()];
        let ExecutionEvent::ExecutionStarted {
            definition_hash, ..
        } = &stored[0].record.frame.event
        else {
            panic!("the first record begins it");
        };
        let records = stored.iter().map(|stored| &stored.record);
        Revived {
            state: State::replay(&plans[definition_hash], records).unwrap(),
            frames: stored.iter().map(|stored| stored.frame.clone()).collect(),
        }
    }

    pub(crate) fn append(&mut self, append: &Append, random: &mut Random, faulty: bool) -> Outcome {
        let fault = if faulty { random.below(10) } else { 9 };
        match fault {
            // Stored, and the answer is lost.
            0 => {
                self.store(append.last, append.message.clone());
                Outcome::Look
            }
            // Lost on the way.
            1 => Outcome::Look,
            // Still on its way.
            2 => {
                self.late.push((append.last, append.message.clone()));
                Outcome::Look
            }
            _ => match self.store(append.last, append.message.clone()) {
                Some(sequence) => Outcome::Stored(sequence),
                None => Outcome::Look,
            },
        }
    }

    /// Lets one of the late appends arrive.
    pub(crate) fn arrive(&mut self, random: &mut Random) -> bool {
        if self.late.is_empty() {
            return false;
        }
        let (last, message) = self.late.swap_remove(random.below(self.late.len()));
        self.store(last, message).is_some()
    }

    pub(crate) fn compare(&self, append: &Append) -> Tail {
        append.compare(self.last(), self.entries.last().map(|entry| &entry[..]))
    }

    fn store(&mut self, expected: u64, message: Bytes) -> Option<u64> {
        if expected != self.last() {
            return None;
        }
        for stored in record::read(&message).unwrap().records {
            let id = stored.record.execution;
            let known = self.history.entry(id).or_default();
            self.records.entry(id).or_default().push(stored.clone());
            let frame = stored.record.frame;
            assert_eq!(frame.n, known.len() as u64 + 1, "a gap or a repetition");
            known.push((stored.frame, frame.event));
        }
        self.entries.push(message);
        Some(self.last())
    }
}
