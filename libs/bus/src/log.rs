//! The partition log: fenced appends, reading, trimming.
//!
//! **Invariant:** an append succeeds only directly after the entry the writer knows as the last: a writer that was
//! replaced cannot write.

use async_nats::jetstream::{
    consumer::{AckPolicy, DeliverPolicy, pull},
    context::PublishErrorKind,
    message::PublishMessage,
    stream::LastRawMessageErrorKind,
};
use bytes::Bytes;
use contracts::Subject;
use futures::{Stream, StreamExt};

use crate::{Bus, Delivery, Error, error::during, topology::log_stream};

/// An entry of a partition's log.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// From 1, growing; gaps only where the log was trimmed.
    pub sequence: u64,
    pub payload: Bytes,
}

/// Why an append failed.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Someone else has written: this writer no longer owns the partition.
    #[error("the partition's log has another last entry than expected")]
    Fenced,
    /// Whether the entry was stored is not known: read the last entry and compare.
    #[error("the outcome of an append is not known")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The entry was not stored.
    #[error("the partition's log cannot be written")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Bus {
    /// Appends after the entry with sequence `last` (0: to an empty log) and returns the new sequence.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(
        &self,
        partition: u16,
        last: u64,
        payload: Bytes,
    ) -> Result<u64, AppendError> {
        let message = PublishMessage::build()
            .payload(payload)
            .expected_last_sequence(last);
        let subject = Subject::partition_log(partition);
        let stored = self.store(&log_stream(partition), subject, message).await;
        stored
            .map(|ack| ack.sequence)
            .map_err(|error| match error.kind() {
                PublishErrorKind::WrongLastSequence => AppendError::Fenced,
                PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => {
                    AppendError::Unknown(error.into())
                }
                PublishErrorKind::StreamNotFound
                | PublishErrorKind::WrongLastMessageId
                | PublishErrorKind::MaxAckPending
                | PublishErrorKind::MaxPayloadExceeded => AppendError::Refused(error.into()),
                PublishErrorKind::Other => AppendError::Unknown(error.into()),
            })
    }

    /// The last entry, read from the stream's leader; none in an empty log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn last_entry(&self, partition: u16) -> Result<Option<LogEntry>, Error> {
        let stream = self
            .jetstream
            .get_stream_no_info(log_stream(partition))
            .await
            .map_err(during("open a log"))?;
        match stream
            .get_last_raw_message_by_subject(Subject::partition_log(partition).as_str())
            .await
        {
            Ok(message) => Ok(Some(LogEntry {
                sequence: message.sequence,
                payload: message.payload,
            })),
            Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => {
                Ok(None)
            }
            Err(error) => Err(during("read the end of a log")(error)),
        }
    }

    /// First and last sequence of the log. `last` counts trimmed entries too, so it is what the next append expects.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn log_bounds(&self, partition: u16) -> Result<(u64, u64), Error> {
        let stream = self
            .jetstream
            .get_stream(log_stream(partition))
            .await
            .map_err(during("open a log"))?;
        let state = &stream.cached_info().state;
        Ok((state.first_sequence, state.last_sequence))
    }

    /// The entries from `from` up to the present end, in order.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn read_log(
        &self,
        partition: u16,
        from: u64,
    ) -> Result<impl Stream<Item = Result<LogEntry, Error>> + Send + use<>, Error> {
        let (first, last) = self.log_bounds(partition).await?;
        let from = from.max(first).max(1);
        let entries = if last < from {
            None
        } else {
            Some(self.ordered(partition, from).await?)
        };
        Ok(futures::stream::unfold(
            (entries, from),
            move |(entries, next)| async move {
                let mut entries = entries?;
                if next > last {
                    return None;
                }
                let entry = entries.next().await?;
                let next = entry.as_ref().map_or(u64::MAX, |entry| entry.sequence + 1);
                Some((entry, (Some(entries), next)))
            },
        ))
    }

    async fn ordered(
        &self,
        partition: u16,
        from: u64,
    ) -> Result<futures::stream::BoxStream<'static, Result<LogEntry, Error>>, Error> {
        let config = pull::OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: from,
            },
            ..pull::OrderedConfig::default()
        };
        let consumer = self
            .jetstream
            .create_consumer_on_stream(config, log_stream(partition))
            .await
            .map_err(during("read a log"))?;
        let messages = consumer.messages().await.map_err(during("read a log"))?;
        Ok(messages
            .map(|message| {
                let message = message.map_err(during("read a log"))?;
                let sequence = message
                    .info()
                    .map_err(during("read a log"))?
                    .stream_sequence;
                Ok(LogEntry {
                    sequence,
                    payload: message.message.payload,
                })
            })
            .boxed())
    }

    /// Follows the log by a durable consumer of that name, from the oldest entry it has not acknowledged.
    ///
    /// # Errors
    /// When the consumer cannot be created.
    pub async fn follow_log(
        &self,
        partition: u16,
        durable: &str,
        batch: usize,
    ) -> Result<impl Stream<Item = Result<Delivery, Error>> + Send + use<>, Error> {
        let config = pull::Config {
            durable_name: Some(durable.to_owned()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: std::time::Duration::from_secs(30),
            max_ack_pending: 2000,
            ..pull::Config::default()
        };
        self.deliveries(config, log_stream(partition), batch).await
    }

    /// Removes the entries up to and with `up_to`.
    ///
    /// # Errors
    /// When the log cannot be trimmed.
    pub async fn trim_log(&self, partition: u16, up_to: u64) -> Result<(), Error> {
        let stream = self
            .jetstream
            .get_stream_no_info(log_stream(partition))
            .await
            .map_err(during("open a log"))?;
        stream
            .purge()
            .sequence(up_to + 1)
            .await
            .map_err(during("trim a log"))?;
        Ok(())
    }
}
