//! Outputs of steps that may be taken again, in the bucket `CACHE`.
//!
//! **Invariant:** nothing depends on what is there: what cannot be read is as good as nothing.

use std::time::Duration;

use bus::{Bucket, Bus};
use contracts::id::ExecutionId;
use serde_json::Value;
use tokio::{sync::mpsc, time::timeout};

use super::owner::Note;

/// How long a step waits for an answer before it is done for itself.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of the largest output that is kept.
const MAX_KEPT: usize = 256 * 1024;

/// A look for an earlier step that was the same.
pub(crate) struct Look {
    pub(crate) execution: ExecutionId,
    pub(crate) node: String,
    pub(crate) attempt: u32,
    pub(crate) key: String,
}

/// An output for steps that are the same.
pub(crate) struct Keep {
    pub(crate) key: String,
    pub(crate) output: Value,
    pub(crate) ttl_seconds: u64,
}

impl Look {
    pub(super) async fn run(self, bus: &Bus, notes: &mpsc::Sender<Note>) {
        let found = timeout(PATIENCE, read(bus, &self.key)).await;
        let found = match found {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the cache of outputs cannot be read");
                None
            }
            Err(_) => None,
        };
        let looked = Note::Looked {
            execution: self.execution,
            node: self.node,
            attempt: self.attempt,
            found,
        };
        // Without an owner nobody needs to know.
        notes.send(looked).await.unwrap_or_default();
    }
}

async fn read(bus: &Bus, key: &str) -> Result<Option<Value>, bus::Error> {
    let stored = bus.kv(Bucket::Cache).await?.get(key).await?;
    Ok(stored.and_then(|stored| serde_json::from_slice(&stored.value).ok()))
}

impl Keep {
    pub(super) async fn run(self, bus: &Bus) {
        let text = self.output.to_string();
        if text.len() > MAX_KEPT {
            return;
        }
        let ttl = Duration::from_secs(self.ttl_seconds);
        if let Err(error) = bus.keep(&self.key, text.into(), ttl).await {
            tracing::debug!(%error, "an output was not kept");
        }
    }
}
