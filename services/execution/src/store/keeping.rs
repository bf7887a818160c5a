//! How long executions are kept, and which are forgotten.
//!
//! **Invariant:** the id of a forgotten execution is noted with its deletion, so that no row of it comes back.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::id::{ExecutionId, TenantId};
use sea_orm::{EntityTrait, FromQueryResult, entity::prelude::Uuid};
use sql::Tenant;

use super::{
    ExecutionStore,
    events::{all, execute},
};
use crate::{Error, log::slots::Header};

/// How long the ids of forgotten executions are known: longer than an execution may wait and hold the log.
const KNOWN_FOR: Duration = Duration::from_secs(400 * 24 * 60 * 60);

#[derive(FromQueryResult)]
struct Days {
    days: i32,
}

#[derive(FromQueryResult)]
struct At {
    at: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct Id {
    id: Uuid,
}

impl ExecutionStore {
    /// # Errors
    /// When the database is not available.
    pub(crate) async fn tenants(&self) -> Result<Vec<TenantId>, Error> {
        Ok(self.pool.tenants().await?)
    }

    /// How many days executions are kept; none where they are kept for ever.
    ///
    /// # Errors
    /// When the database is not available.
    pub(crate) async fn retention(&self, tenant: TenantId) -> Result<Option<u32>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let rows: Vec<Days> = all(&transaction, "SELECT days FROM execution_retention", []).await?;
        Ok(rows.first().map(|row| row.days.unsigned_abs()))
    }

    /// # Errors
    /// When the database is not available.
    pub(crate) async fn set_retention(
        &self,
        tenant: TenantId,
        days: Option<u32>,
    ) -> Result<(), Error> {
        const SET: &str = "
            INSERT INTO execution_retention (days) VALUES ($1) ON CONFLICT (id) DO UPDATE SET days = excluded.days";
        let transaction = self.pool.tenant(tenant).await?;
        match days {
            Some(days) => {
                let days = i32::try_from(days).unwrap_or(i32::MAX);
                execute(&transaction, SET, [days.into()]).await?;
            }
            None => execute(&transaction, "DELETE FROM execution_retention", []).await?,
        }
        Ok(transaction.commit().await?)
    }

    /// The ids of executions that ended before a moment, the first of them.
    ///
    /// # Errors
    /// When the database is not available.
    pub(crate) async fn ended_before(
        &self,
        tenant: TenantId,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ExecutionId>, Error> {
        const ENDED: &str =
            "SELECT id FROM executions WHERE finished_at < $1 ORDER BY finished_at LIMIT $2";
        let transaction = self.pool.tenant(tenant).await?;
        let values = [before.into(), i64::from(limit).into()];
        let rows: Vec<Id> = all(&transaction, ENDED, values).await?;
        let ids = rows.into_iter().map(|row| ExecutionId::from_uuid(row.id));
        Ok(ids.collect())
    }

    /// The ids of executions whose rows say that they have not ended, those that follow `after`.
    ///
    /// # Errors
    /// When the database is not available.
    pub(crate) async fn open(
        &self,
        tenant: TenantId,
        after: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<ExecutionId>, Error> {
        const OPEN: &str =
            "SELECT id FROM executions WHERE finished_at IS NULL AND id > $1 ORDER BY id LIMIT $2";
        let transaction = self.pool.tenant(tenant).await?;
        let after = after.map_or(Uuid::nil(), |id| id.uuid());
        let values = [after.into(), i64::from(limit).into()];
        let rows: Vec<Id> = all(&transaction, OPEN, values).await?;
        let ids = rows.into_iter().map(|row| ExecutionId::from_uuid(row.id));
        Ok(ids.collect())
    }

    /// When the execution with the newest row began.
    ///
    /// # Errors
    /// When the database is not available.
    pub(crate) async fn latest_start(
        &self,
        tenant: TenantId,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let latest = "SELECT max(created_at) AS at FROM executions";
        let rows: Vec<At> = all(&transaction, latest, []).await?;
        Ok(rows.into_iter().next().and_then(|row| row.at))
    }

    /// Writes a row anew, whatever it says.
    ///
    /// # Errors
    /// When the database is not available.
    pub(crate) async fn replace(&self, header: &Header) -> Result<(), Error> {
        let transaction = self.pool.tenant(header.tenant).await?;
        let old = "DELETE FROM executions WHERE id = $1";
        execute(&transaction, old, [header.id.uuid().into()]).await?;
        super::row::Entity::insert(super::to_row(header))
            .exec_without_returning(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(transaction.commit().await?)
    }

    /// Whether it was forgotten.
    ///
    /// # Errors
    /// When the database is not available.
    pub(crate) async fn is_deleted(
        &self,
        tenant: TenantId,
        id: ExecutionId,
    ) -> Result<bool, Error> {
        const GONE: &str = "SELECT id FROM deleted_executions WHERE id = $1";
        let transaction = self.pool.tenant(tenant).await?;
        let rows: Vec<Id> = all(&transaction, GONE, [id.uuid().into()]).await?;
        Ok(!rows.is_empty())
    }

    /// Forgets executions with all that this database keeps of them. Those that are forgotten already stay so.
    ///
    /// # Errors
    /// When the database is not available.
    pub(crate) async fn delete(
        &self,
        tenant: TenantId,
        ids: &[ExecutionId],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        const NOTE: &str = "
            INSERT INTO deleted_executions (id, until) SELECT unnest($1::uuid[]), $2 ON CONFLICT (id) DO NOTHING";
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let transaction = self.pool.tenant(tenant).await?;
        let until = now + KNOWN_FOR;
        execute(&transaction, NOTE, [ids.clone().into(), until.into()]).await?;
        for text in [
            "DELETE FROM executions WHERE id = ANY($1::uuid[])",
            "DELETE FROM event_waits WHERE execution_id = ANY($1::uuid[])",
            "DELETE FROM dead_letters WHERE execution_id = ANY($1::uuid[])",
        ] {
            execute(&transaction, text, [ids.clone().into()]).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Forgets the ids of those that were forgotten long ago.
    ///
    /// # Errors
    /// When the database is not available.
    pub(crate) async fn forget_ids(
        &self,
        tenant: TenantId,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        const OLD: &str = "DELETE FROM deleted_executions WHERE until < $1";
        let transaction = self.pool.tenant(tenant).await?;
        execute(&transaction, OLD, [now.into()]).await?;
        Ok(transaction.commit().await?)
    }
}

/// A row that was just written of an execution that is forgotten goes again.
pub(super) async fn leave_out_deleted(
    transaction: &Tenant,
    headers: &[Header],
) -> Result<(), Error> {
    const LEAVE_OUT: &str = "
        DELETE FROM executions USING deleted_executions gone WHERE executions.id = gone.id AND gone.id = ANY($1::uuid[])";
    let ended = headers.iter().filter(|header| header.state.is_final());
    let ids: Vec<Uuid> = ended.map(|header| header.id.uuid()).collect();
    match ids.is_empty() {
        true => Ok(()),
        false => execute(transaction, LEAVE_OUT, [ids.into()]).await,
    }
}
