//! What handlers and tasks share.

use std::sync::Arc;

use documents::Archive;
use egress::Egress;
use sandbox::{Sandbox, WorkerCommand};

use crate::{
    Config, Error,
    config::EngineConfig,
    handlers::payloads::Readings,
    store::{ExecutionStore, MIGRATIONS},
    workers::hands::Hands,
};

/// The stores of this service, its way out, and where code runs.
pub struct State {
    pub(crate) store: ExecutionStore,
    pub(crate) archive: Archive,
    pub(crate) egress: Egress,
    pub(crate) sandbox: Sandbox,
    /// Code steps that the sandbox does at the same time.
    pub(crate) code_slots: u16,
    pub(crate) config: EngineConfig,
    /// From the owners of this process to its workers.
    pub(crate) hands: Arc<Hands>,
    /// Large values that are given away piece by piece.
    pub(crate) readings: Readings,
}

impl State {
    /// Connects to the stores. `code_worker` starts a process that runs code nodes.
    ///
    /// # Errors
    /// When PostgreSQL is not there or not migrated, or a URL is wrong.
    pub async fn connect(config: &Config, code_worker: WorkerCommand) -> Result<Self, Error> {
        let pool = sql::Pool::connect(&config.sql, &MIGRATIONS).await?;
        Ok(Self {
            store: ExecutionStore::new(pool),
            archive: Archive::connect(&config.documents).await?,
            egress: Egress::new(&config.egress)?,
            code_slots: config.sandbox.code_workers,
            sandbox: Sandbox::new(config.sandbox.clone(), code_worker),
            config: config.engine.clone(),
            hands: Arc::default(),
            readings: Readings::default(),
        })
    }

    /// Asks PostgreSQL for a sign of life.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ping(&self) -> Result<(), Error> {
        self.store.ping().await
    }

    /// Asks the archive for a sign of life. Executions run without it.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ping_archive(&self) -> Result<(), Error> {
        Ok(self.archive.ping().await?)
    }
}
