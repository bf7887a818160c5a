//! Answers that are told again to equal questions.

use chrono::{DateTime, Utc};
use contracts::id::TenantId;
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use super::Store;
use crate::Error;

/// Answers of one organization at most; those that end first go first.
const MAX_ANSWERS: i64 = 10_000;

/// What a question means, and where that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Meaning {
    /// The route's name.
    pub(crate) route: String,
    /// The hash of all that has to be equal.
    pub(crate) scope: Vec<u8>,
    /// The direction of its vector.
    pub(crate) vector: Vec<u8>,
    /// Answers of the route that are compared at most.
    pub(crate) max_entries: u32,
}

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

    /// The keys of answers to questions with which all but the meaning is shared, with their vectors, the newest first.
    pub(crate) async fn meanings(
        &self,
        tenant: TenantId,
        meaning: &Meaning,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let statement = statement(
            "SELECT v.key, v.vector FROM llm_answer_vectors AS v JOIN llm_answers AS a ON a.key = v.key \
             WHERE v.scope = $1 AND a.expires_at > $2 ORDER BY v.kept_at DESC LIMIT $3",
            [
                meaning.scope.clone().into(),
                now.into(),
                i64::from(meaning.max_entries).into(),
            ],
        );
        let rows = transaction.conn().query_all_raw(statement).await;
        let rows = rows.map_err(sql::Error::from)?;
        let read =
            |row: &sea_orm::QueryResult| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        let rows: Result<_, sea_orm::DbErr> = rows.iter().map(read).collect();
        Ok(rows.map_err(sql::Error::from)?)
    }

    pub(crate) async fn keep_answer(
        &self,
        tenant: TenantId,
        key: &[u8],
        answer: &str,
        meaning: Option<&Meaning>,
        (now, until): (DateTime<Utc>, DateTime<Utc>),
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
        let meant = meaning.map(|meaning| meant(key, meaning, now));
        for statement in [keep]
            .into_iter()
            .chain(meant.into_iter().flatten())
            .chain([sweep])
        {
            let done = transaction.conn().execute_raw(statement).await;
            done.map_err(sql::Error::from)?;
        }
        Ok(transaction.commit().await?)
    }
}

/// Keeps what a question means beside its answer, and forgets what is over the bound of its route.
fn meant(key: &[u8], meaning: &Meaning, now: DateTime<Utc>) -> [Statement; 2] {
    let Meaning {
        route,
        scope,
        vector,
        max_entries,
    } = meaning;
    [
        statement(
            "INSERT INTO llm_answer_vectors (key, route, scope, vector, kept_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (key) DO UPDATE SET vector = excluded.vector, kept_at = excluded.kept_at",
            [
                key.to_vec().into(),
                route.as_str().into(),
                scope.clone().into(),
                vector.clone().into(),
                now.into(),
            ],
        ),
        statement(
            "DELETE FROM llm_answer_vectors WHERE key IN \
             (SELECT key FROM llm_answer_vectors WHERE route = $1 ORDER BY kept_at DESC, key OFFSET $2)",
            [route.as_str().into(), i64::from(*max_entries).into()],
        ),
    ]
}

fn statement(sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}
