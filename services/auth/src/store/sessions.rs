//! Sessions and the refresh tokens they have had.

use chrono::{DateTime, Utc};
use contracts::id::{SessionId, TenantId, UserId};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value, prelude::Uuid};

use super::AuthStore;
use crate::{domain::SessionTimes, opaque::TokenHash};

/// A signed-in device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionRow {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) organization: TenantId,
    pub(crate) times: SessionTimes,
}

/// A refresh token with its session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefreshRow {
    pub(crate) used: bool,
    pub(crate) session: SessionRow,
}

/// What became of an attempt to trade a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rotated {
    Yes,
    /// Someone traded it before.
    Reused,
    /// The session has ended meanwhile.
    Ended,
}

impl AuthStore {
    /// Opens a session with its first refresh token.
    pub(crate) async fn open_session(
        &self,
        session: SessionRow,
        token: TokenHash,
    ) -> Result<(), sql::Error> {
        let transaction = self.begin().await?;
        let insert = statement(
            "INSERT INTO sessions (id, user_id, organization_id, created_at, refreshed_at) VALUES ($1, $2, $3, $4, $4)",
            [
                session.id.uuid().into(),
                session.user.uuid().into(),
                session.organization.uuid().into(),
                session.times.created_at.into(),
            ],
        );
        transaction.conn().execute_raw(insert).await?;
        transaction
            .conn()
            .execute_raw(add_token(session.id, token))
            .await?;
        transaction.commit().await
    }

    pub(crate) async fn refresh_token(
        &self,
        token: TokenHash,
    ) -> Result<Option<RefreshRow>, sql::Error> {
        let transaction = self.begin().await?;
        let query = statement(
            "SELECT s.id, s.user_id, s.organization_id, s.created_at, s.refreshed_at, s.ended_at, t.used_at IS NOT NULL AS used
             FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE t.hash = $1",
            [bytes(token)],
        );
        let row = transaction.conn().query_one_raw(query).await?;
        Ok(row.map(|row| read(&row)).transpose()?)
    }

    /// Trades a refresh token for the next one of its session. Of many at a time, one gets [`Rotated::Yes`].
    pub(crate) async fn rotate(
        &self,
        session: SessionId,
        old: TokenHash,
        new: TokenHash,
        now: DateTime<Utc>,
    ) -> Result<Rotated, sql::Error> {
        let transaction = self.begin().await?;
        // The session's row is locked first: an end of the session comes before or after, never between.
        let refresh = statement(
            "UPDATE sessions SET refreshed_at = $2 WHERE id = $1 AND ended_at IS NULL",
            [session.uuid().into(), now.into()],
        );
        if transaction
            .conn()
            .execute_raw(refresh)
            .await?
            .rows_affected()
            == 0
        {
            return Ok(Rotated::Ended);
        }
        let use_up = statement(
            "UPDATE refresh_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL",
            [bytes(old), now.into()],
        );
        if transaction
            .conn()
            .execute_raw(use_up)
            .await?
            .rows_affected()
            == 0
        {
            return Ok(Rotated::Reused);
        }
        transaction
            .conn()
            .execute_raw(add_token(session, new))
            .await?;
        transaction.commit().await?;
        Ok(Rotated::Yes)
    }

    /// Ends a session; none of its refresh tokens is good for anything after.
    pub(crate) async fn end_session(
        &self,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Result<(), sql::Error> {
        let transaction = self.begin().await?;
        let end = statement(
            "UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL",
            [session.uuid().into(), now.into()],
        );
        transaction.conn().execute_raw(end).await?;
        transaction.commit().await
    }

    /// Removes what was created before `horizon`: nothing of it can be refreshed any more.
    pub(crate) async fn forget_sessions(&self, horizon: DateTime<Utc>) -> Result<u64, sql::Error> {
        let transaction = self.begin().await?;
        let delete = statement(
            "DELETE FROM sessions WHERE created_at < $1",
            [horizon.into()],
        );
        let deleted = transaction
            .conn()
            .execute_raw(delete)
            .await?
            .rows_affected();
        transaction.commit().await?;
        Ok(deleted)
    }
}

fn read(row: &QueryResult) -> Result<RefreshRow, sea_orm::DbErr> {
    Ok(RefreshRow {
        used: row.try_get("", "used")?,
        session: SessionRow {
            id: SessionId::from_uuid(row.try_get::<Uuid>("", "id")?),
            user: UserId::from_uuid(row.try_get::<Uuid>("", "user_id")?),
            organization: TenantId::from_uuid(row.try_get::<Uuid>("", "organization_id")?),
            times: SessionTimes {
                created_at: row.try_get("", "created_at")?,
                refreshed_at: row.try_get("", "refreshed_at")?,
                ended_at: row.try_get("", "ended_at")?,
            },
        },
    })
}

fn add_token(session: SessionId, token: TokenHash) -> Statement {
    statement(
        "INSERT INTO refresh_tokens (hash, session_id) VALUES ($1, $2)",
        [bytes(token), session.uuid().into()],
    )
}

fn bytes(token: TokenHash) -> Value {
    token.0.to_vec().into()
}

pub(super) fn statement<const N: usize>(text: &'static str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, text, values)
}
