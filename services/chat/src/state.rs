//! What handlers and tasks share.

use std::sync::Arc;

use chrono::TimeDelta;
use documents::Archive;
use tokio::sync::Semaphore;

use crate::{Config, Error, store::ChatStore};

/// Files whose texts a process reads at the same time.
const READERS: usize = 2;

/// The two stores: the tree and the queue in PostgreSQL, the texts in MongoDB.
pub struct State {
    pub(crate) store: ChatStore,
    pub(crate) texts: Archive,
    /// How long one process alone is at starting a turn.
    pub(crate) lease: TimeDelta,
    pub(crate) readers: Arc<Semaphore>,
}

impl State {
    /// Connects to the stores.
    ///
    /// # Errors
    /// When PostgreSQL is not there or not migrated, or the configuration is not valid.
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        let pool = sql::Pool::connect(&config.sql, &crate::MIGRATIONS).await?;
        Ok(Self {
            store: ChatStore::new(pool),
            texts: Archive::connect(&config.documents).await?,
            lease: config.chat.lease(),
            readers: Arc::new(Semaphore::new(READERS)),
        })
    }
}
