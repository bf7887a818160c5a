//! Values that are too large for a message, stored apart under their execution: as parts, each the only message of its subject.
//!
//! No object store of NATS: that knows no end of all objects of one execution, and writes a second message about each.
//!
//! **Invariant:** a value is named by its tenant, its execution and its hash, so no reference leads to a value of another
//! execution, and storing it twice changes nothing.

use std::collections::BTreeSet;

use async_nats::jetstream::{
    message::PublishMessage,
    stream::{Config, LastRawMessageErrorKind, Stream},
};
use bytes::{Bytes, BytesMut};
use contracts::{
    Subject,
    id::{ExecutionId, TenantId},
    payload::{Payload, PayloadHash, PayloadRef},
    subject::{partition_of, payload_of},
};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::{Bus, Error, error::during};

/// The stream of values.
pub(crate) const STREAM: &str = "PAYLOADS";
/// Bytes of one message.
const PART: usize = 1024 * 1024;
/// Parts of one value at most.
const PARTS: u32 = 1024;
/// Parts of one value that are on their way at the same time.
const PARALLEL: usize = 8;

pub(crate) fn stream(base: Config) -> Config {
    Config {
        name: STREAM.into(),
        subjects: vec![Subject::payloads().to_string()],
        max_messages_per_subject: 1,
        ..base
    }
}

impl Bus {
    /// Stores a value under its execution; returns once it is on disk.
    ///
    /// # Errors
    /// When it is not known to be stored.
    pub async fn put_payload(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        reference: &PayloadRef,
        text: Bytes,
    ) -> Result<(), Error> {
        let partition = partition_of(execution, self.partitions().await?);
        let mut parts = Vec::new();
        for (number, part) in (0_u32..).zip(text.chunks(PART)) {
            let subject = Subject::payload(partition, (tenant, execution), &reference.hash, number);
            parts.push(self.put_part(subject, text.slice_ref(part)));
        }
        stream::iter(parts)
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await
    }

    async fn put_part(&self, subject: Subject, part: Bytes) -> Result<(), Error> {
        let message = PublishMessage::build().payload(part);
        let stored = self.store(STREAM, subject, message).await;
        stored.map(drop).map_err(during("store a value"))
    }

    /// The text of a value; none where it is not there, or not whole.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn payload(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        reference: &PayloadRef,
    ) -> Result<Option<Bytes>, Error> {
        let partition = partition_of(execution, self.partitions().await?);
        let stream = self.jetstream.get_stream_no_info(STREAM).await;
        let stream = stream.map_err(during("open the stream of values"))?;
        let count = reference.bytes.div_ceil(PART as u64);
        let Some(count) = u32::try_from(count).ok().filter(|count| *count <= PARTS) else {
            return Ok(None);
        };
        let mut parts = Vec::new();
        for number in 0..count {
            let subject = Subject::payload(partition, (tenant, execution), &reference.hash, number);
            parts.push(part_of(&stream, subject));
        }
        let mut parts = Box::pin(stream::iter(parts).buffered(PARALLEL));
        let mut text = BytesMut::new();
        while let Some(part) = parts.try_next().await? {
            let Some(part) = part else {
                return Ok(None);
            };
            text.extend_from_slice(&part);
        }
        Ok(Some(text.freeze()))
    }

    /// The text of a value by its name alone, which the caller holds against it; none where nothing of it is there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn payload_named(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        name: &PayloadHash,
    ) -> Result<Option<Bytes>, Error> {
        let partition = partition_of(execution, self.partitions().await?);
        let stream = self.jetstream.get_stream_no_info(STREAM).await;
        let stream = stream.map_err(during("open the stream of values"))?;
        let mut text = BytesMut::new();
        for number in 0..PARTS {
            let subject = Subject::payload(partition, (tenant, execution), name.as_str(), number);
            let Some(part) = part_of(&stream, subject).await? else {
                break;
            };
            text.extend_from_slice(&part);
            if part.len() < PART {
                break;
            }
        }
        Ok((!text.is_empty()).then(|| text.freeze()))
    }

    /// Forgets all values of an execution.
    ///
    /// # Errors
    /// When that is not known to be done.
    pub async fn forget_payloads(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
    ) -> Result<(), Error> {
        let partition = partition_of(execution, self.partitions().await?);
        let stream = self.jetstream.get_stream_no_info(STREAM).await;
        let stream = stream.map_err(during("open the stream of values"))?;
        let subject = Subject::payloads_of(partition, tenant, execution);
        let forgotten = stream.purge().filter(subject.to_string()).await;
        forgotten.map(drop).map_err(during("forget values"))
    }

    /// The executions of a partition that have values.
    ///
    /// # Errors
    /// When the stream does not answer.
    pub async fn with_payloads(
        &self,
        partition: u16,
    ) -> Result<BTreeSet<(TenantId, ExecutionId)>, Error> {
        let stream = self.jetstream.get_stream_no_info(STREAM).await;
        let stream = stream.map_err(during("open the stream of values"))?;
        let subjects = stream
            .info_with_subjects(Subject::payloads_in(partition).to_string())
            .await
            .map_err(during("list values"))?;
        let mut found = BTreeSet::new();
        let mut subjects = Box::pin(subjects);
        while let Some(subject) = subjects.next().await {
            let (subject, _) = subject.map_err(during("list values"))?;
            found.extend(payload_of(&subject));
        }
        Ok(found)
    }

    /// The value as it may travel in a message: its reference, with the value stored before, where it is too large.
    ///
    /// # Errors
    /// When it is not known to be stored.
    pub async fn by_reference(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        value: Value,
    ) -> Result<Value, Error> {
        let Some(Payload { reference, text }) = Payload::of(&value) else {
            return Ok(value);
        };
        self.put_payload(tenant, execution, &reference, text.into())
            .await?;
        Ok(reference.to_value())
    }
}

async fn part_of(stream: &Stream<()>, subject: Subject) -> Result<Option<Bytes>, Error> {
    // From the stream's leader: what was stored is there.
    match stream
        .get_last_raw_message_by_subject(subject.as_str())
        .await
    {
        Ok(message) => Ok(Some(message.payload)),
        Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(None),
        Err(error) => Err(during("read a value")(error)),
    }
}
