//! Header rows on their way to PostgreSQL: the latest of each execution, in batches.
//!
//! **Invariant:** a row that could not be written is kept and tried again; a database that is down stops no execution.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use contracts::id::{ExecutionId, TenantId};
use tokio::sync::{Notify, mpsc};

use crate::{
    Error, failpoint,
    log::{owner::Note, slots::Header},
    store::ExecutionStore,
};

/// How long rows gather before they are written.
const GATHER: Duration = Duration::from_millis(100);
/// The pause after a failure.
const RETRY: Duration = Duration::from_secs(1);
/// Rows of one statement.
const BATCH: usize = 500;

/// Rows that are to be written.
#[derive(Default)]
pub(crate) struct HeaderQueue {
    rows: Mutex<HashMap<ExecutionId, Header>>,
    wake: Notify,
}

impl HeaderQueue {
    pub(crate) fn put(&self, header: Header) {
        self.rows().insert(header.id, header);
        self.wake.notify_one();
    }

    /// Puts a row back that could not be written, unless a newer one came in the meantime.
    fn put_back(&self, header: Header) {
        self.rows().entry(header.id).or_insert(header);
    }

    fn take(&self) -> BTreeMap<TenantId, Vec<Header>> {
        let rows = std::mem::take(&mut *self.rows());
        let mut by_tenant: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for header in rows.into_values() {
            by_tenant.entry(header.tenant).or_default().push(header);
        }
        by_tenant
    }

    fn rows(&self) -> std::sync::MutexGuard<'_, HashMap<ExecutionId, Header>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what comes, for ever.
    pub(crate) async fn write(&self, store: &ExecutionStore, notes: &mpsc::Sender<Note>) {
        loop {
            self.wake.notified().await;
            tokio::time::sleep(GATHER).await;
            for (tenant, rows) in self.take() {
                for batch in rows.chunks(BATCH) {
                    self.write_batch(store, notes, tenant, batch).await;
                }
            }
        }
    }

    async fn write_batch(
        &self,
        store: &ExecutionStore,
        notes: &mpsc::Sender<Note>,
        tenant: TenantId,
        batch: &[Header],
    ) {
        match store.put(tenant, batch).await {
            Ok(()) => {}
            Err(Error::Database(sql::Error::UnknownTenant(_))) => {
                // The organization is gone, and with it whoever could read these rows; their history is in the archive.
                tracing::error!(tenant.id = %tenant, rows = batch.len(), "executions of an unknown organization");
            }
            // One that the database does not take keeps no other one back.
            Err(Error::Database(sql::Error::Database(_))) if batch.len() > 1 => {
                for row in batch {
                    Box::pin(self.write_batch(store, notes, tenant, std::slice::from_ref(row)))
                        .await;
                }
                return;
            }
            Err(error) => {
                tracing::warn!(tenant.id = %tenant, error = &error as &dyn std::error::Error, "header rows wait for the database");
                batch.iter().cloned().for_each(|row| self.put_back(row));
                self.wake.notify_one();
                return tokio::time::sleep(RETRY).await;
            }
        }
        failpoint::pass(failpoint::HEADED);
        let written = batch.iter().map(|row| (row.id, row.last_event)).collect();
        // Without an owner nobody needs to know.
        notes.send(Note::Written(written)).await.unwrap_or_default();
    }
}
