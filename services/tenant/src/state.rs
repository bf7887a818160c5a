//! What the handlers work with.

use crate::{Config, Error, store::TenantStore};

pub struct State {
    pub(crate) store: TenantStore,
    pub(crate) owner: sql::Owner,
    pub(crate) services: Vec<sql::Migrations>,
}

impl State {
    /// `services` are the migrations of all services: what a new organization's schema is made of.
    ///
    /// # Errors
    /// When the database is not there, not migrated or not set up safely.
    pub async fn connect(config: &Config, services: Vec<sql::Migrations>) -> Result<Self, Error> {
        Ok(Self {
            store: TenantStore::connect(&config.sql).await?,
            owner: sql::Owner::connect(&config.sql).await?,
            services,
        })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        self.store.ping().await
    }
}
