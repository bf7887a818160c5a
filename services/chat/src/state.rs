//! What handlers and tasks share.

use crate::{Config, Error, store::ChatStore};

/// The tree of messages and the queue of answers in PostgreSQL.
pub struct State {
    pub(crate) store: ChatStore,
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
        })
    }
}
