//! Brings dead letters from the bus into the lists of their tenants.
//!
//! **Invariant:** a dead letter is acknowledged only once it is in its list; delivered twice, it is there once.

use std::time::Duration;

use bus::{Death, Delivery};
use chrono::{DateTime, Utc};
use contracts::{dead_letter::DeadLetter, id::DeadLetterId};
use futures::StreamExt;
use kernel::TaskCtx;
use uuid::Uuid;

use crate::{
    Error, State,
    store::{ExecutionStore, Kept},
};

/// Dead letters that are fetched at once.
const BATCH: usize = 16;
/// Bytes of an item that people are shown.
const PREVIEW: usize = 4096;
/// The pause before a letter that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Collects until the service drains.
pub(crate) async fn collect(ctx: TaskCtx<State>) {
    let mut letters = match ctx.bus.dead_letters(BATCH).await {
        Ok(letters) => Box::pin(letters),
        // The kernel starts this task again.
        Err(error) => return tracing::warn!(%error, "dead letters wait for the bus"),
    };
    loop {
        let next = tokio::select! {
            () = ctx.stop.cancelled() => return,
            next = letters.next() => next,
        };
        match next {
            Some(Ok(delivery)) => take(&ctx.state.store, delivery).await,
            Some(Err(error)) => tracing::debug!(%error, "dead letters were not received"),
            None => return,
        }
    }
}

async fn take(store: &ExecutionStore, delivery: Delivery) {
    let settled = match keep(store, &delivery).await {
        Ok(()) => delivery.ack().await,
        Err(error) => {
            let cause = error.source_text();
            tracing::warn!(cause, "a dead letter waits: {error}");
            delivery.give_back(RETRY).await
        }
    };
    if let Err(error) = settled {
        // It comes again, and is in its list already.
        tracing::debug!(%error, "a dead letter was not acknowledged");
    }
}

async fn keep(store: &ExecutionStore, delivery: &Delivery) -> Result<(), Error> {
    let kept = delivery
        .death()
        .and_then(|death| letter_of(death, delivery));
    let Some(kept) = kept else {
        // Only by hand can such a message come here; the stream keeps it for its thirty days.
        tracing::error!(
            subject = delivery.subject(),
            "a dead letter does not say what it was"
        );
        return Ok(());
    };
    let (tenant, letter) = (kept.address.tenant, &kept.letter);
    tracing::error!(
        tenant.id = %tenant,
        execution.id = %letter.execution_id,
        step = letter.step,
        reason = letter.reason.as_str(),
        "work item `{}` is a dead letter",
        letter.id
    );
    match store.bury(tenant, &kept).await {
        Err(Error::Database(sql::Error::UnknownTenant(_))) => {
            // The organization is gone, and with it whoever could read it.
            tracing::warn!(tenant.id = %tenant, "a dead letter of an unknown organization");
            Ok(())
        }
        kept => kept,
    }
}

/// What the list says of it; none when its time is no time.
fn letter_of(death: Death, delivery: &Delivery) -> Option<Kept> {
    let payload = delivery.payload();
    let died_at: DateTime<Utc> = DateTime::from_timestamp_millis(i64::try_from(death.at_ms).ok()?)?;
    let address = death.address;
    // The same for every delivery of the same letter, and for no other.
    let mut name = blake3::Hasher::new();
    name.update(address.subject().as_str().as_bytes());
    name.update(&delivery.sequence().to_le_bytes());
    name.update(&death.at_ms.to_le_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&name.finalize().as_bytes()[..16]);
    let letter = DeadLetter {
        id: DeadLetterId::from_uuid(Uuid::from_bytes(id)),
        class: address.class.as_str().to_owned(),
        reason: death.reason,
        deliveries: death.deliveries,
        died_at,
        execution_id: address.execution,
        step: address.step.to_string(),
        attempt: address.attempt,
        payload: preview(payload),
        payload_bytes: payload.len() as u64,
        redriven_at: None,
        redriven_by: None,
    };
    Some(Kept {
        letter,
        address,
        payload: payload.to_vec(),
    })
}

/// The beginning as text that a database takes: at most [`PREVIEW`] bytes.
fn preview(payload: &[u8]) -> String {
    let head = &payload[..payload.len().min(PREVIEW)];
    let mut text = String::from_utf8_lossy(head).replace('\0', "\u{fffd}");
    text.truncate(text.floor_char_boundary(PREVIEW));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_are_short_texts() {
        assert_eq!(preview(b"{\"a\": 1}"), "{\"a\": 1}");
        assert_eq!(preview(b"a\0b\xff"), "a\u{fffd}b\u{fffd}");
        assert_eq!(preview(&[b'x'; 2 * PREVIEW]).len(), PREVIEW);
        assert!(preview(&[0xff; 2 * PREVIEW]).len() <= PREVIEW);
    }
}
