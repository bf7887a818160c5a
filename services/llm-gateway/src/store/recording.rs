//! What of the words of questions and answers an organization keeps.

use contracts::{id::TenantId, llm::Recording};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sql::Tenant;

use super::Store;
use crate::Error;

impl Store {
    pub(crate) async fn recording(&self, tenant: TenantId) -> Result<Recording, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        of(&transaction).await
    }

    pub(crate) async fn set_recording(
        &self,
        tenant: TenantId,
        recording: &Recording,
    ) -> Result<(), Error> {
        let text = serde_json::to_string(recording).expect("it can be written as JSON");
        let transaction = self.pool.tenant(tenant).await?;
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "INSERT INTO llm_recording (recording) VALUES ($1) \
             ON CONFLICT (id) DO UPDATE SET recording = excluded.recording",
            [text.into()],
        );
        let done = transaction.conn().execute_raw(statement).await;
        done.map_err(sql::Error::from)?;
        Ok(transaction.commit().await?)
    }
}

pub(super) async fn of(transaction: &Tenant) -> Result<Recording, Error> {
    let query = "SELECT recording FROM llm_recording";
    let statement = Statement::from_string(DbBackend::Postgres, query);
    let row = transaction.conn().query_one_raw(statement).await;
    let Some(row) = row.map_err(sql::Error::from)? else {
        return Ok(Recording::default());
    };
    let text: String = row.try_get_by_index(0).map_err(sql::Error::from)?;
    serde_json::from_str(&text).map_err(|source| Error::Unreadable {
        what: "what is kept of calls".to_owned(),
        source,
    })
}
