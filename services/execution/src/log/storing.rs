//! Storing a batch in the log: until it is stored, or someone else has written.

use std::time::Duration;

use bus::{AppendError, Bus};
use bytes::Bytes;
use futures::future::BoxFuture;

use super::append::{Append, Tail};
use crate::{failpoint, measure};

/// The pause before the log's end is asked for again.
const PAUSE: Duration = Duration::from_millis(500);

/// An append under way, with its sequence and what was stored; none when the partition has another owner.
pub(crate) type Storing = BoxFuture<'static, Option<(u64, Bytes)>>;

/// Stores a batch, the values that it names before; tries until it is stored or someone else has written.
pub(crate) async fn store(bus: Bus, partition: u16, append: Append) -> Option<(u64, Bytes)> {
    let started = std::time::Instant::now();
    for it in &append.apart {
        while let Err(error) = bus
            .put_payload(it.tenant, it.execution, &it.reference, it.text.clone())
            .await
        {
            tracing::warn!(%error, partition, execution.id = %it.execution, "a value could not be stored");
            tokio::time::sleep(PAUSE).await;
        }
    }
    loop {
        failpoint::pass(failpoint::SEALED);
        let sent = bus
            .append(partition, append.last, append.message.clone())
            .await;
        match sent {
            Ok(sequence) => {
                failpoint::pass(failpoint::APPENDED);
                measure::committed(started.elapsed(), append.message.len());
                return Some((sequence, append.message));
            }
            Err(AppendError::Fenced) => {}
            Err(AppendError::Unknown(cause) | AppendError::Refused(cause)) => {
                tracing::warn!(partition, %cause, "the log could not be written");
            }
        }
        let end = loop {
            match bus.last_entry(partition).await {
                Ok(end) => break end,
                Err(error) => tracing::warn!(%error, partition, "the log's end could not be read"),
            }
            tokio::time::sleep(PAUSE).await;
        };
        let last = end.as_ref().map_or(0, |entry| entry.sequence);
        let message = end.as_ref().map(|entry| entry.payload.as_ref());
        match append.compare(last, message) {
            Tail::Stored => return Some((last, append.message)),
            Tail::Lost => return None,
            Tail::NotStored => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// What was stored; never, where nothing is under way.
pub(crate) async fn poll(storing: &mut Option<Storing>) -> Option<(u64, Bytes)> {
    match storing {
        Some(storing) => storing.await,
        None => std::future::pending().await,
    }
}
