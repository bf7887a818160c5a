//! Definitions ready to run, by hash: read from the bucket `FLOWDEF` once, then kept. The archive has them too, for whom the
//! bucket is lost.

use std::{sync::Arc, time::Duration};

use bus::{Bucket, Bus};
use bytes::Bytes;
use contracts::flow::Executable;
use documents::Archive;
use moka::sync::Cache;

use crate::{Error, domain::Program};

/// Definitions in memory at most.
const CAPACITY: u64 = 10_000;
/// How long an unused one is kept.
const IDLE: Duration = Duration::from_secs(60 * 60);

#[derive(Clone)]
pub(crate) struct Plans {
    bus: Bus,
    archive: Archive,
    cache: Cache<String, Arc<Program>>,
    /// Those that the archive has.
    archived: Cache<String, ()>,
}

impl Plans {
    pub(crate) fn new(bus: Bus, archive: Archive) -> Self {
        let cache = Cache::builder()
            .max_capacity(CAPACITY)
            .time_to_idle(IDLE)
            .build();
        Self {
            bus,
            archive,
            cache,
            archived: Cache::new(CAPACITY),
        }
    }

    /// The definition, if it is in memory.
    pub(crate) fn known(&self, hash: &str) -> Option<Arc<Program>> {
        self.cache.get(hash)
    }

    /// Sees that the archive has the definition, before it has an execution of it.
    ///
    /// # Errors
    /// That bucket or archive do not answer.
    pub(crate) async fn archive(&self, hash: &str) -> Result<(), Error> {
        if self.archived.contains_key(hash) {
            return Ok(());
        }
        let stored = self.bus.kv(Bucket::FlowDef).await?.get(hash).await?;
        if let Some(text) = stored
            .as_ref()
            .and_then(|it| str::from_utf8(&it.value).ok())
        {
            self.archive.put_definition(hash, text).await?;
        }
        self.archived.insert(hash.to_owned(), ());
        Ok(())
    }

    /// The definition, from memory, from the bucket or from the archive.
    ///
    /// # Errors
    /// [`Error::NoDefinition`], [`Error::InvalidDefinition`], or that they cannot be read.
    pub(crate) async fn load(&self, hash: &str) -> Result<Arc<Program>, Error> {
        if let Some(plan) = self.known(hash) {
            return Ok(plan);
        }
        let executable = self.executable(hash).await?;
        let plan = Program::new(executable).map_err(|problems| {
            let first = problems.into_iter().next();
            invalid(
                hash,
                first.map_or_else(String::new, |problem| problem.message),
            )
        })?;
        let plan = Arc::new(plan);
        self.cache.insert(hash.to_owned(), plan.clone());
        Ok(plan)
    }

    /// The definition as it was stored, from the bucket or from the archive.
    ///
    /// # Errors
    /// [`Error::NoDefinition`], [`Error::InvalidDefinition`], or that they cannot be read.
    pub(crate) async fn executable(&self, hash: &str) -> Result<Executable, Error> {
        let no_definition = || Error::NoDefinition {
            hash: hash.chars().take(80).collect(),
        };
        // Only what can be a hash is a key: the bucket's keys take no other characters.
        if hash.is_empty() || hash.len() > 128 || !hash.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(no_definition());
        }
        let stored = self.bus.kv(Bucket::FlowDef).await?.get(hash).await?;
        let text = match stored {
            Some(stored) => stored.value,
            None => {
                let archived = self.archive.definition(hash).await?;
                Bytes::from(archived.ok_or_else(no_definition)?)
            }
        };
        serde_json::from_slice(&text).map_err(|error| invalid(hash, error.to_string()))
    }
}

fn invalid(hash: &str, reason: String) -> Error {
    Error::InvalidDefinition {
        hash: hash.to_owned(),
        reason,
    }
}
