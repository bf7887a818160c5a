//! The stored index of the executions that wait out of memory: chunks in the bucket `SNAPSHOTS`.
//!
//! All chunks of a partition are one family, and every write names the last write of the family: the fence of the log once
//! more. A new owner claims the family, after it began its epoch and with what it has read of it; from then on nothing that an
//! older owner writes is taken.
//!
//! **Invariant:** whoever holds a claim has read all that was ever stored, and nobody else changes it until the next claim.

use std::{collections::BTreeMap, time::Duration};

use bus::{Bucket, Bus, Revised};
use bytes::{Buf, BufMut, Bytes};
use chrono::DateTime;
use contracts::id::{ExecutionId, TenantId};
use futures::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::{
    parked::{CHUNKS, Entry, Parked},
    replay::Corrupt,
};
use crate::Error;

const MAGIC: &[u8; 4] = b"TPX\x01";
const HEADER: usize = 4 + 8 + 4 + 4;
const ENTRY: usize = 16 + 16 + 8 + 8;
/// Stands for "nothing is due of itself".
const NEVER: i64 = i64::MIN;
/// The key by which the family is claimed.
const CLAIM: &str = "owner";
/// Keys that are read at the same time.
const READ: usize = 32;
/// How often the family is read until all its parts are of the same time.
const TRIES: u32 = 20;
/// The pause before a write or a read is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// Why a chunk cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum BadChunk {
    #[error("it is no chunk, or of a version that is not known")]
    Foreign,
    #[error("it has another length than it says")]
    Length,
    #[error("its checksum does not match")]
    Checksum,
}

/// The index of a partition, as it is stored.
pub(crate) struct Index {
    bus: Bus,
    partition: u16,
    epoch: u64,
    /// Of all keys of the family.
    revisions: BTreeMap<String, u64>,
}

/// A chunk as it is stored.
struct Stored {
    /// Says which revisions the other keys of the family had when it was written.
    others: u32,
    entries: Vec<(ExecutionId, Entry)>,
}

impl Index {
    /// Reads the whole family.
    ///
    /// # Errors
    /// [`Error::CorruptLog`] where a chunk is damaged, [`Error::Contended`] where it does not stand still, and that the bus is
    /// not available.
    pub(crate) async fn read(bus: &Bus, partition: u16) -> Result<(Self, Parked), Error> {
        let corrupt = |problem| Error::CorruptLog {
            partition,
            source: Corrupt::Index { problem }.into(),
        };
        for _ in 0..TRIES {
            let (index, found) = Self::find(bus, partition).await?;
            let mut entries = Vec::new();
            let mut newest: Option<(u64, String, u32)> = None;
            for (name, stored) in found {
                let chunk = read(&stored.value).map_err(corrupt)?;
                newest = newest.max(Some((stored.revision, name, chunk.others)));
                entries.extend(chunk.entries);
            }
            // A replica that lags may have answered: the newest write says what it found.
            if newest.is_none_or(|(_, name, others)| index.others(&name) == others) {
                return Ok((index, Parked::stored(entries)));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Error::Contended { partition })
    }

    /// Writes the whole family anew, whatever is in it.
    ///
    /// # Errors
    /// [`Error::Contended`] where someone else writes it, and that the bus is not available.
    pub(crate) async fn replace(
        bus: &Bus,
        partition: u16,
        entries: Vec<(ExecutionId, Entry)>,
    ) -> Result<(), Error> {
        let (mut index, _) = Self::find(bus, partition).await?;
        let mut is_ours = index.claim(0).await?;
        let mut parked = Parked::stored(entries);
        for chunk in 0..CHUNKS {
            let entries = parked.store(chunk);
            let name = chunk.to_string();
            if !entries.is_empty() || index.revisions.contains_key(&name) {
                is_ours = is_ours && index.put(&name, &entries).await?;
            }
        }
        if is_ours {
            Ok(())
        } else {
            Err(Error::Contended { partition })
        }
    }

    /// What is stored, unread.
    async fn find(bus: &Bus, partition: u16) -> Result<(Self, Vec<(String, Revised)>), Error> {
        let mut index = Self {
            bus: bus.clone(),
            partition,
            epoch: 0,
            revisions: BTreeMap::new(),
        };
        let kv = bus.kv(Bucket::Snapshots).await?;
        let (kv, family) = (&kv, index.family());
        let (family, names) = (&family, (0..CHUNKS).map(|chunk| chunk.to_string()));
        let reads = names.chain([CLAIM.to_owned()]).map(|name| async move {
            let stored = kv.get(&format!("{family}.{name}")).await?;
            Ok::<_, Error>(stored.map(|stored| (name, stored)))
        });
        let reads = stream::iter(reads).buffer_unordered(READ);
        let found: Vec<_> = reads.try_collect().await?;
        let found: Vec<_> = found.into_iter().flatten().collect();
        let revisions = found.iter().map(|(name, it)| (name.clone(), it.revision));
        index.revisions.extend(revisions);
        Ok((index, found))
    }

    /// Shuts every older owner out. False where one has written since the index was read: it is to be read again.
    ///
    /// # Errors
    /// That the bus is not available.
    pub(crate) async fn claim(&mut self, epoch: u64) -> Result<bool, Error> {
        self.epoch = epoch;
        self.put(CLAIM, &[]).await
    }

    /// Stores a chunk; tries until it is stored. False where someone else has claimed the index.
    pub(crate) async fn write(&mut self, chunk: u16, entries: &[(ExecutionId, Entry)]) -> bool {
        loop {
            match self.put(&chunk.to_string(), entries).await {
                Ok(stored) => return stored,
                Err(error) => {
                    let cause = error.source_text();
                    tracing::warn!(
                        partition = self.partition,
                        cause,
                        "the index of parked executions was not written: {error}"
                    );
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Writes a key directly after the family's last write. Trying the same once more does no harm: it is stored once.
    async fn put(&mut self, name: &str, entries: &[(ExecutionId, Entry)]) -> Result<bool, Error> {
        let value = written(self.epoch, self.others(name), entries);
        let last = self.revisions.values().copied().max().unwrap_or(0);
        let family = self.family();
        let stored = self
            .bus
            .put_after(Bucket::Snapshots, &family, name, value.clone(), last)
            .await;
        let revision = match stored {
            Ok(revision) => revision,
            Err(bus::Error::Conflict { .. }) => {
                let kv = self.bus.kv(Bucket::Snapshots).await?;
                match kv.get(&format!("{family}.{name}")).await? {
                    // It had been stored although its answer was lost.
                    Some(found) if found.value == value && found.revision > last => found.revision,
                    _ => return Ok(false),
                }
            }
            Err(error) => return Err(error.into()),
        };
        self.revisions.insert(name.to_owned(), revision);
        Ok(true)
    }

    fn family(&self) -> String {
        format!("parked.{}", self.partition)
    }

    fn others(&self, name: &str) -> u32 {
        let others = self.revisions.iter().filter(|(other, _)| *other != name);
        let text: String = others.map(|(name, at)| format!("{name}:{at} ")).collect();
        crc32fast::hash(text.as_bytes())
    }
}

/// Number and ids, all numbers little-endian: `"TPX" version epoch:u64 others:u32 count:u32`, the entries
/// `id tenant n:u64 wakes_at_ms:i64`, and a checksum of all that.
pub(super) fn written(epoch: u64, others: u32, entries: &[(ExecutionId, Entry)]) -> Bytes {
    let mut text = Vec::with_capacity(HEADER + entries.len() * ENTRY + 4);
    text.put_slice(MAGIC);
    text.put_u64_le(epoch);
    text.put_u32_le(others);
    text.put_u32_le(u32::try_from(entries.len()).expect("chunks are limited"));
    for (id, entry) in entries {
        text.put_slice(id.uuid().as_bytes());
        text.put_slice(entry.tenant.uuid().as_bytes());
        text.put_u64_le(entry.n);
        text.put_i64_le(entry.wakes_at.map_or(NEVER, |at| at.timestamp_millis()));
    }
    let crc = crc32fast::hash(&text);
    text.put_u32_le(crc);
    text.into()
}

fn read(text: &[u8]) -> Result<Stored, BadChunk> {
    let (body, mut crc) = text
        .split_last_chunk::<4>()
        .map_or((text, &[][..]), |(body, crc)| (body, &crc[..]));
    if body.len() < HEADER || &body[..4] != MAGIC {
        return Err(BadChunk::Foreign);
    }
    if crc32fast::hash(body) != crc.get_u32_le() {
        return Err(BadChunk::Checksum);
    }
    let mut body = &body[4 + 8..];
    let others = body.get_u32_le();
    let count = body.get_u32_le() as usize;
    if body.len() != count * ENTRY {
        return Err(BadChunk::Length);
    }
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let id = ExecutionId::from_uuid(Uuid::from_u128(body.get_u128()));
        let entry = Entry {
            tenant: TenantId::from_uuid(Uuid::from_u128(body.get_u128())),
            n: body.get_u64_le(),
            wakes_at: DateTime::from_timestamp_millis(body.get_i64_le()),
        };
        entries.push((id, entry));
    }
    Ok(Stored { others, entries })
}

/// The executions of a chunk.
#[cfg(test)]
pub(super) fn entries_of(text: &[u8]) -> Vec<(ExecutionId, Entry)> {
    read(text).unwrap().entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk() -> Vec<(ExecutionId, Entry)> {
        let wakes = [None, DateTime::from_timestamp_millis(1_760_000_000_123)];
        let entry = |wakes_at| Entry {
            tenant: TenantId::EXAMPLE,
            n: 7,
            wakes_at,
        };
        wakes
            .map(|at| (ExecutionId::generate(), entry(at)))
            .to_vec()
    }

    #[test]
    fn a_chunk_is_read_as_it_was_written() {
        let chunk = chunk();
        let read = read(&written(3, 9, &chunk)).unwrap();
        assert_eq!((read.others, read.entries), (9, chunk));
    }

    #[test]
    fn every_flipped_byte_and_every_early_end_is_noticed() {
        let text = written(3, 9, &chunk());
        for at in 0..text.len() {
            let mut bad = text.to_vec();
            bad[at] ^= 0x20;
            assert!(read(&bad).is_err(), "byte {at}");
            assert!(read(&text[..at]).is_err(), "end {at}");
        }
    }
}
