//! What an organization as a whole may ask at a time.

use contracts::{id::TenantId, llm::RateLimits};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sql::Tenant;

use super::Store;
use crate::Error;

impl Store {
    pub(crate) async fn limits(&self, tenant: TenantId) -> Result<Option<RateLimits>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        of(&transaction).await
    }

    pub(crate) async fn set_limits(
        &self,
        tenant: TenantId,
        limits: &RateLimits,
    ) -> Result<(), Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "INSERT INTO llm_limits (limits) VALUES ($1) \
             ON CONFLICT (id) DO UPDATE SET limits = excluded.limits",
            [text(limits).into()],
        );
        let done = transaction.conn().execute_raw(statement).await;
        done.map_err(sql::Error::from)?;
        Ok(transaction.commit().await?)
    }
}

/// Those of the organization, where it has any.
pub(super) async fn of(transaction: &Tenant) -> Result<Option<RateLimits>, Error> {
    let statement = Statement::from_string(DbBackend::Postgres, "SELECT limits FROM llm_limits");
    let row = transaction.conn().query_one_raw(statement).await;
    let Some(row) = row.map_err(sql::Error::from)? else {
        return Ok(None);
    };
    let text: String = row.try_get_by_index(0).map_err(sql::Error::from)?;
    let limits = serde_json::from_str(&text).map_err(|source| Error::Unreadable {
        what: "the organization's limits".to_owned(),
        source,
    })?;
    Ok(Some(limits))
}

pub(super) fn text(limits: &RateLimits) -> String {
    serde_json::to_string(limits).expect("limits can be written as JSON")
}
