//! What handlers and tasks share.

use std::sync::Arc;

use egress::Egress;
use kernel::Cancels;
use sandbox::{Sandbox, WorkerCommand};

use crate::{
    Config, Error,
    containers::Containers,
    records::Records,
    slots::Slots,
    store::{MIGRATIONS, ToolStore},
};

/// The store of this service, its way out, and where code runs.
pub struct State {
    pub(crate) store: ToolStore,
    pub(crate) records: Arc<Records>,
    pub(crate) cancels: Arc<Cancels>,
    pub(crate) slots: Arc<Slots>,
    pub(crate) egress: Egress,
    pub(crate) sandbox: Sandbox,
    pub(crate) containers: Containers,
}

impl State {
    /// Connects to the store. `code_worker` starts a process that runs JavaScript.
    ///
    /// # Errors
    /// When PostgreSQL is not there or not migrated, or the configuration is not valid.
    pub async fn connect(config: &Config, code_worker: WorkerCommand) -> Result<Self, Error> {
        let vault = vault::Vault::new(&config.vault)?;
        let pool = sql::Pool::connect(&config.sql, &MIGRATIONS).await?;
        Ok(Self {
            store: ToolStore::new(pool, vault),
            records: Arc::default(),
            cancels: Arc::default(),
            slots: Arc::new(Slots::new(config.tool.tool_calls)),
            egress: Egress::new(&config.egress).map_err(Error::Egress)?,
            sandbox: Sandbox::new(config.sandbox.clone(), code_worker),
            containers: Containers::connect(&config.containers),
        })
    }
}
