//! Forgets executions that ended longer ago than their organization keeps them.
//!
//! The owner of the first partition sweeps, so that one process does it at a time.

use std::{sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use contracts::id::TenantId;

use crate::{Error, log::owner::Engine};

/// Executions that are forgotten at once.
const BATCH: u32 = 200;
/// Batches of one organization in a sweep: the others have their turn.
const MAX_BATCHES: u32 = 50;

/// Sweeps for as long as its owner owns the partition.
pub(crate) async fn sweep(engine: Arc<Engine>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let tenants = match engine.store.tenants().await {
            Ok(tenants) => tenants,
            Err(error) => {
                tracing::warn!(cause = error.source_text(), "nothing was swept: {error}");
                continue;
            }
        };
        for tenant in tenants {
            match forget(&engine, tenant).await {
                Ok(0) => {}
                Ok(count) => {
                    tracing::info!(tenant.id = %tenant, executions = count, "executions were forgotten");
                }
                // The organization has left since, or is being made.
                Err(Error::Database(
                    sql::Error::UnknownTenant(_) | sql::Error::NotMigrated { .. },
                )) => {}
                Err(error) => {
                    tracing::warn!(tenant.id = %tenant, cause = error.source_text(), "executions were not forgotten: {error}");
                }
            }
        }
    }
}

/// How many executions of an organization were forgotten.
async fn forget(engine: &Engine, tenant: TenantId) -> Result<usize, Error> {
    let Some(days) = engine.store.retention(tenant).await? else {
        return Ok(0);
    };
    let now = Utc::now();
    let before = now - TimeDelta::days(i64::from(days));
    let mut count = 0;
    for _ in 0..MAX_BATCHES {
        let ids = engine.store.ended_before(tenant, before, BATCH).await?;
        if ids.is_empty() {
            break;
        }
        // The rows last: where this is cut short, the next sweep finds them.
        engine.archive.delete_events(tenant, &ids).await?;
        engine.store.delete(tenant, &ids, now).await?;
        count += ids.len();
    }
    engine.store.forget_ids(tenant, now).await?;
    Ok(count)
}
