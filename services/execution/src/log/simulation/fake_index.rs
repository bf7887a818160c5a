//! The stored index as its bucket is one, with its faults.

use std::collections::BTreeMap;

use bytes::Bytes;
use contracts::id::ExecutionId;

use super::Random;
use crate::log::{index::entries_of, parked::Entry};

/// The chunks by number, and the claim of an owner.
#[derive(Default)]
pub(crate) struct FakeIndex {
    keys: BTreeMap<Option<u16>, (u64, Bytes)>,
    pub(crate) last: u64,
    /// The epoch of the last claim.
    pub(crate) epoch: u64,
    /// Writes that are still on their way.
    late: Vec<Write>,
}

/// A write of a key directly after the last one that the writer knows of.
#[derive(Clone)]
pub(crate) struct Write {
    /// None for the claim.
    pub(crate) chunk: Option<u16>,
    pub(crate) value: Bytes,
    pub(crate) last: u64,
    pub(crate) epoch: u64,
}

pub(crate) enum Put {
    Stored(u64),
    Refused,
    /// It may have been stored, or may still be.
    Unknown,
}

impl FakeIndex {
    pub(crate) fn entries(&self) -> Vec<(ExecutionId, Entry)> {
        let chunks = self.keys.values();
        chunks.flat_map(|(_, value)| entries_of(value)).collect()
    }

    pub(crate) fn put(&mut self, write: &Write, random: &mut Random, faulty: bool) -> Put {
        match if faulty { random.below(10) } else { 9 } {
            0 => {
                self.store(write);
                Put::Unknown
            }
            1 => Put::Unknown,
            2 => {
                self.late.push(write.clone());
                Put::Unknown
            }
            _ => self.store(write),
        }
    }

    /// Lets one of the late writes arrive.
    pub(crate) fn arrive(&mut self, random: &mut Random) {
        if !self.late.is_empty() {
            let write = self.late.swap_remove(random.below(self.late.len()));
            self.store(&write);
        }
    }

    fn store(&mut self, write: &Write) -> Put {
        if write.last != self.last {
            let known = self.keys.get(&write.chunk);
            // It had been stored although its answer was lost.
            return match known {
                Some((revision, value)) if *value == write.value && *revision > write.last => {
                    Put::Stored(*revision)
                }
                _ => Put::Refused,
            };
        }
        assert!(
            write.epoch >= self.epoch,
            "a replaced owner has written the index"
        );
        if write.chunk.is_none() {
            self.epoch = write.epoch;
        }
        assert_eq!(write.epoch, self.epoch, "written without a claim");
        self.last += 1;
        self.keys
            .insert(write.chunk, (self.last, write.value.clone()));
        Put::Stored(self.last)
    }
}
