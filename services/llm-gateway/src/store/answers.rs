//! Answers that are told again to equal questions.

use chrono::{DateTime, Utc};
use contracts::id::TenantId;
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use super::Store;
use crate::Error;

/// Answers of one organization at most; those that end first go first.
const MAX_ANSWERS: i64 = 10_000;

impl Store {
    pub(crate) async fn answer(
        &self,
        tenant: TenantId,
        key: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<String>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let statement = statement(
            "SELECT answer FROM llm_answers WHERE key = $1 AND expires_at > $2",
            [key.to_vec().into(), now.into()],
        );
        let row = transaction.conn().query_one_raw(statement).await;
        let row = row.map_err(sql::Error::from)?;
        let text = row.map(|row| row.try_get_by_index(0)).transpose();
        Ok(text.map_err(sql::Error::from)?)
    }

    pub(crate) async fn keep_answer(
        &self,
        tenant: TenantId,
        key: &[u8],
        answer: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<(), Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let keep = statement(
            "INSERT INTO llm_answers (key, answer, expires_at) VALUES ($1, $2, $3) \
             ON CONFLICT (key) DO UPDATE SET answer = excluded.answer, expires_at = excluded.expires_at",
            [key.to_vec().into(), answer.into(), until.into()],
        );
        let sweep = statement(
            "DELETE FROM llm_answers WHERE expires_at <= $1 OR key IN \
             (SELECT key FROM llm_answers ORDER BY expires_at DESC, key OFFSET $2)",
            [now.into(), MAX_ANSWERS.into()],
        );
        for statement in [keep, sweep] {
            let done = transaction.conn().execute_raw(statement).await;
            done.map_err(sql::Error::from)?;
        }
        Ok(transaction.commit().await?)
    }
}

fn statement(sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}
