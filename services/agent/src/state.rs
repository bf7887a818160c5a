//! What handlers and tasks share.

use crate::{
    Config, Error,
    store::{AgentStore, MIGRATIONS},
};

/// The store of this service.
pub struct State {
    pub(crate) store: AgentStore,
}

impl State {
    /// # Errors
    /// When PostgreSQL is not there or not migrated.
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        let pool = sql::Pool::connect(&config.sql, &MIGRATIONS).await?;
        Ok(Self {
            store: AgentStore::new(pool),
        })
    }
}
