//! The records of an execution and how a batch of them is written into one message of a partition's log.
//!
//! **Invariant:** what is read back is what was written, or an error: an unknown version, a checksum that does not match
//! and a message that ends too early are never skipped.
//!
//! A message is a header and its records, all numbers little-endian:
//! `"TPL" version kind epoch:u64 batch:u64 writer:u64 count:u32 crc:u32`, then for each record
//! `length:u32 crc:u32 head_length:u32 head frame`, where `head` and `frame` are JSON texts. The frame is the very text that
//! is later published and archived.

use std::ops::Range;

use bytes::Bytes;
use contracts::{
    Principal,
    execution::{Origin, StepError},
    id::{ExecutionId, TenantId},
    live::Frame,
    owner::Parent,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::Reused;

mod apart;

const MAGIC: &[u8; 3] = b"TPL";
const VERSION: u8 = 1;
const HEADER: usize = 3 + 1 + 1 + 8 + 8 + 8 + 4 + 4;
const RECORD_HEADER: usize = 4 + 4 + 4;

/// One thing that happened to one execution: its public event, and what only the engine may see.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) execution: ExecutionId,
    pub(crate) tenant: TenantId,
    pub(crate) private: Option<Private>,
    pub(crate) frame: Frame,
}

/// What replay needs beyond the public event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Private {
    /// Beside `execution_started`.
    Start {
        principal: Principal,
        vars: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<Parent>,
        #[serde(default)]
        notify: bool,
        /// What it takes over, as soon as it is the turn of those nodes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reused: Vec<Reused>,
        /// The nodes that are skipped when it is their turn.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left_out: Vec<String>,
    },
    /// Beside the last record, where the end is to be said to others.
    Notify { origin: Origin },
    /// Beside `step_retrying` and `step_failed`: no worker answered in time, so that its answer may still come, late.
    Unanswered,
}

impl Private {
    /// What the archive keeps of it: the variables by themselves, for whoever compares executions, and the rest as JSON.
    pub(crate) fn into_archive(mut self) -> (Option<Value>, String) {
        let vars = match &mut self {
            Self::Start { vars, .. } => Some(vars.take()),
            Self::Notify { .. } | Self::Unanswered => None,
        };
        let text = serde_json::to_string(&self).expect("it has text keys only");
        (vars, text)
    }

    /// From what the archive keeps.
    ///
    /// # Errors
    /// When no version of this service has written it.
    pub(crate) fn from_archive(kept: Option<Value>, text: &str) -> Result<Self, serde_json::Error> {
        let mut private = serde_json::from_str(text)?;
        if let (Self::Start { vars, .. }, Some(kept)) = (&mut private, kept) {
            *vars = kept;
        }
        Ok(private)
    }
}

/// Why a message of the log cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Unreadable {
    #[error("it is not a message of a partition's log")]
    Foreign,
    #[error("its version {0} is unknown")]
    Version(u8),
    #[error("its kind {0} is unknown")]
    Kind(u8),
    #[error("it ends too early")]
    Short,
    #[error("the checksum of its header does not match")]
    HeaderChecksum,
    #[error("the checksum of its record {0} does not match")]
    RecordChecksum(u32),
    #[error("its record {index} is no record: {reason}")]
    Json { index: u32, reason: String },
}

/// What tells one message of a log from every other: who wrote it, and the writer's own count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) epoch: u64,
    pub(crate) batch: u64,
    /// Random, one per owner: two that begin the same epoch at the same time differ by it.
    pub(crate) writer: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A new owner begins; every older owner's appends fail from here on.
    EpochBegin,
    Records,
}

/// A message of the log, read.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) stamp: Stamp,
    pub(crate) kind: Kind,
    pub(crate) records: Vec<Stored>,
}

/// A record with the text of its frame, as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) record: Record,
    pub(crate) frame: Bytes,
    /// Why the execution cannot go on: a value that was apart from the record is null in it.
    pub(crate) lost: Option<StepError>,
}

/// A batch that is being written.
pub(crate) struct Writer {
    buffer: Vec<u8>,
    frames: Vec<FrameRef>,
}

/// Where a frame stands in its message.
#[derive(Clone, Debug)]
pub(crate) struct FrameRef {
    pub(crate) tenant: TenantId,
    pub(crate) execution: ExecutionId,
    range: Range<usize>,
}

impl FrameRef {
    pub(crate) fn is_of_the_same(&self, other: &Self) -> bool {
        self.execution == other.execution
    }
}

/// A written message.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) stamp: Stamp,
    pub(crate) message: Bytes,
    pub(crate) frames: Vec<FrameRef>,
}

impl Sealed {
    pub(crate) fn frame(&self, at: &FrameRef) -> Bytes {
        self.message.slice(at.range.clone())
    }
}

#[derive(Serialize)]
struct HeadRef<'a> {
    execution: ExecutionId,
    tenant: TenantId,
    #[serde(skip_serializing_if = "Option::is_none")]
    private: Option<&'a Private>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    execution: ExecutionId,
    tenant: TenantId,
    #[serde(default)]
    private: Option<Private>,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; HEADER],
            frames: Vec::new(),
        }
    }

    /// Bytes of the message so far.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Writes a record and returns the text of its frame.
    pub(crate) fn push(&mut self, record: &Record) -> &[u8] {
        let head = HeadRef {
            execution: record.execution,
            tenant: record.tenant,
            private: record.private.as_ref(),
        };
        let start = self.buffer.len();
        self.buffer.resize(start + RECORD_HEADER, 0);
        let body = self.buffer.len();
        write_json(&mut self.buffer, &head);
        let frame = self.buffer.len();
        write_json(&mut self.buffer, &record.frame);
        let end = self.buffer.len();
        let crc = crc32fast::hash(&self.buffer[body..end]);
        self.buffer[start..start + 4].copy_from_slice(&length(end - body).to_le_bytes());
        self.buffer[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
        self.buffer[start + 8..start + 12].copy_from_slice(&length(frame - body).to_le_bytes());
        self.frames.push(FrameRef {
            tenant: record.tenant,
            execution: record.execution,
            range: frame..end,
        });
        &self.buffer[frame..end]
    }

    pub(crate) fn seal(mut self, stamp: Stamp) -> Sealed {
        write_header(
            &mut self.buffer,
            Kind::Records,
            stamp,
            length(self.frames.len()),
        );
        Sealed {
            stamp,
            message: self.buffer.into(),
            frames: self.frames,
        }
    }
}

/// The message by which an owner begins its epoch.
pub(crate) fn epoch_begin(epoch: u64, writer: u64) -> Sealed {
    let stamp = Stamp {
        epoch,
        batch: 0,
        writer,
    };
    let mut buffer = vec![0; HEADER];
    write_header(&mut buffer, Kind::EpochBegin, stamp, 0);
    Sealed {
        stamp,
        message: buffer.into(),
        frames: Vec::new(),
    }
}

/// Reads the header alone: who wrote the message.
///
/// # Errors
/// When it is no message of a log, or of another version.
pub(crate) fn stamp_of(message: &[u8]) -> Result<Stamp, Unreadable> {
    read_header(message).map(|(_, stamp, _)| stamp)
}

/// Reads a whole message.
///
/// # Errors
/// When anything in it is not as it was written.
pub(crate) fn read(message: &Bytes) -> Result<Batch, Unreadable> {
    let (kind, stamp, count) = read_header(message)?;
    let mut records = Vec::new();
    let mut at = HEADER;
    for index in 0..count {
        let (stored, end) = read_record(message, at, index)?;
        records.push(stored);
        at = end;
    }
    if at != message.len() {
        return Err(Unreadable::Foreign);
    }
    Ok(Batch {
        stamp,
        kind,
        records,
    })
}

fn read_record(message: &Bytes, at: usize, index: u32) -> Result<(Stored, usize), Unreadable> {
    let body = at + RECORD_HEADER;
    let end = body + number(message, at)? as usize;
    let crc = number(message, at + 4)?;
    let frame = body + number(message, at + 8)? as usize;
    let bytes = message.get(body..end).ok_or(Unreadable::Short)?;
    if crc32fast::hash(bytes) != crc {
        return Err(Unreadable::RecordChecksum(index));
    }
    let bad = |reason: String| Unreadable::Json { index, reason };
    let head = message.get(body..frame).ok_or(Unreadable::Short)?;
    let head: Head = serde_json::from_slice(head).map_err(|e| bad(e.to_string()))?;
    let text = message.get(frame..end).ok_or(Unreadable::Short)?;
    let parsed: Frame = serde_json::from_slice(text).map_err(|e| bad(e.to_string()))?;
    let record = Record {
        execution: head.execution,
        tenant: head.tenant,
        private: head.private,
        frame: parsed,
    };
    let frame = message.slice(frame..end);
    let lost = None;
    Ok((
        Stored {
            record,
            frame,
            lost,
        },
        end,
    ))
}

fn write_header(buffer: &mut [u8], kind: Kind, stamp: Stamp, count: u32) {
    buffer[..3].copy_from_slice(MAGIC);
    buffer[3] = VERSION;
    buffer[4] = match kind {
        Kind::EpochBegin => 0,
        Kind::Records => 1,
    };
    buffer[5..13].copy_from_slice(&stamp.epoch.to_le_bytes());
    buffer[13..21].copy_from_slice(&stamp.batch.to_le_bytes());
    buffer[21..29].copy_from_slice(&stamp.writer.to_le_bytes());
    buffer[29..33].copy_from_slice(&count.to_le_bytes());
    let crc = crc32fast::hash(&buffer[..33]);
    buffer[33..37].copy_from_slice(&crc.to_le_bytes());
}

fn read_header(message: &[u8]) -> Result<(Kind, Stamp, u32), Unreadable> {
    let header = message.get(..HEADER).ok_or(Unreadable::Short)?;
    if &header[..3] != MAGIC {
        return Err(Unreadable::Foreign);
    }
    if header[3] != VERSION {
        return Err(Unreadable::Version(header[3]));
    }
    if crc32fast::hash(&header[..33]) != number(header, 33)? {
        return Err(Unreadable::HeaderChecksum);
    }
    let kind = match header[4] {
        0 => Kind::EpochBegin,
        1 => Kind::Records,
        other => return Err(Unreadable::Kind(other)),
    };
    let stamp = Stamp {
        epoch: long(header, 5)?,
        batch: long(header, 13)?,
        writer: long(header, 21)?,
    };
    Ok((kind, stamp, number(header, 29)?))
}

fn number(bytes: &[u8], at: usize) -> Result<u32, Unreadable> {
    let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk);
    bytes
        .map(|chunk| u32::from_le_bytes(*chunk))
        .ok_or(Unreadable::Short)
}

fn long(bytes: &[u8], at: usize) -> Result<u64, Unreadable> {
    let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk);
    bytes
        .map(|chunk| u64::from_le_bytes(*chunk))
        .ok_or(Unreadable::Short)
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a message of the log is far below 4 GiB")
}

fn write_json<T: Serialize>(buffer: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(buffer, value)
        .expect("records have text keys only, and a vector takes every byte");
}

#[cfg(test)]
mod tests {
    use contracts::{id::UserId, live::ExecutionEvent};

    use super::*;

    const STAMP: Stamp = Stamp {
        epoch: 7,
        batch: 9,
        writer: 3,
    };

    fn record(n: u64) -> Record {
        Record {
            execution: ExecutionId::EXAMPLE,
            tenant: TenantId::EXAMPLE,
            private: (n == 2).then_some(Private::Unanswered),
            frame: Frame {
                n,
                ts: chrono::DateTime::from_timestamp_millis(1_750_000_000_123)
                    .expect("a valid time"),
                event: ExecutionEvent::CancelAsked {
                    by: UserId::EXAMPLE,
                },
            },
        }
    }

    fn sealed() -> Sealed {
        let mut writer = Writer::new();
        for n in 1..=3 {
            writer.push(&record(n));
        }
        writer.seal(STAMP)
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let sealed = sealed();
        let batch = read(&sealed.message).unwrap();
        assert_eq!(batch.stamp, STAMP);
        assert_eq!(batch.kind, Kind::Records);
        let records: Vec<_> = batch.records.iter().map(|s| s.record.clone()).collect();
        assert_eq!(records, (1..=3).map(record).collect::<Vec<_>>());
        for (stored, at) in batch.records.iter().zip(&sealed.frames) {
            assert_eq!(stored.frame, sealed.frame(at));
            assert_eq!(
                serde_json::from_slice::<Frame>(&stored.frame).unwrap(),
                stored.record.frame
            );
        }
        let begin = epoch_begin(8, 3);
        assert_eq!(stamp_of(&begin.message), Ok(begin.stamp));
        assert_eq!(read(&begin.message).unwrap().kind, Kind::EpochBegin);
    }

    #[test]
    fn what_only_the_engine_reads_comes_back_from_the_archive() {
        let started = Private::Start {
            principal: crate::domain::tests::start_of(Value::Null).principal,
            vars: serde_json::json!({"a.b": 1, "$c": [2]}),
            parent: None,
            notify: true,
            reused: Vec::new(),
            left_out: vec!["x".to_owned()],
        };
        for private in [started, Private::Unanswered] {
            let (vars, text) = private.clone().into_archive();
            assert!(!text.contains("a.b"), "variables stand by themselves");
            assert_eq!(Private::from_archive(vars, &text).unwrap(), private);
        }
    }

    #[test]
    fn every_flipped_byte_is_noticed() {
        let message = sealed().message;
        for at in 0..message.len() {
            let mut bad = message.to_vec();
            bad[at] ^= 0x20;
            assert!(read(&bad.into()).is_err(), "byte {at}");
        }
    }

    #[test]
    fn every_early_end_is_noticed() {
        let message = sealed().message;
        for end in 0..message.len() {
            assert!(read(&message.slice(..end)).is_err(), "end {end}");
        }
    }
}
