//! What handlers and tasks share.

use chrono::TimeDelta;
use documents::Archive;

use crate::{Config, Error, store::ChatStore};

/// The two stores: the tree and the queue in PostgreSQL, the texts in MongoDB.
pub struct State {
    pub(crate) store: ChatStore,
    pub(crate) texts: Archive,
    /// How long one process alone is at starting a turn.
    pub(crate) lease: TimeDelta,
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
        })
    }
}
