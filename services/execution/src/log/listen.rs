//! Finding the events that nodes wait for: noted in the database of the tenant, where they are matched.

use std::time::Duration;

use chrono::Utc;
use contracts::id::{ExecutionId, TenantId};
use tokio::sync::mpsc;

use super::owner::Note;
use crate::{
    Error,
    domain::inline::Wanted,
    store::{ExecutionStore, Waiting},
};

/// The pause before the database is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// A wait to be noted.
pub(crate) struct Listen {
    pub(crate) tenant: TenantId,
    pub(crate) execution: ExecutionId,
    pub(crate) node: String,
    pub(crate) wanted: Wanted,
}

impl Listen {
    /// Tries until it is noted: only then does anyone find it.
    pub(super) async fn run(self, store: &ExecutionStore, notes: &mpsc::Sender<Note>) {
        let waiting = Waiting {
            execution: self.execution,
            node: self.node,
        };
        let heard = loop {
            match store
                .listen(self.tenant, &waiting, &self.wanted, Utc::now())
                .await
            {
                Ok(heard) => break heard,
                // The organization is gone, and its events with it.
                Err(Error::Database(sql::Error::UnknownTenant(_))) => return,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, execution.id = %waiting.execution, "a wait for an event was not noted");
                }
            }
            tokio::time::sleep(RETRY).await;
        };
        if let Some(output) = heard {
            let Waiting { execution, node } = waiting;
            let heard = Note::Heard {
                execution,
                node,
                output,
            };
            // Without an owner nobody needs to know.
            notes.send(heard).await.unwrap_or_default();
        }
    }
}
