//! The organizations that wait for the indexer, each held by one worker at a time.
//!
//! **Invariant:** an organization leaves the queue only when its holder found nothing to do and nobody asked meanwhile.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::id::TenantId;
use sea_orm::{FromQueryResult, prelude::Uuid};
use sql::Pool;

use crate::{
    error::Error,
    query::{execute, one, statement},
};

/// How long an organization is held without a sign of life.
const HELD: TimeDelta = TimeDelta::seconds(15);

#[derive(Clone)]
pub(crate) struct Queue {
    pool: Pool,
}

/// An organization in hand.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) tenant: TenantId,
    by: Uuid,
    wanted: i64,
}

#[derive(FromQueryResult)]
struct Row {
    tenant_id: Uuid,
    wanted: i64,
}

impl Queue {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool }
    }

    /// Says that the organization has documents that are due at a time.
    pub(crate) async fn announce(&self, tenant: TenantId, due: DateTime<Utc>) -> Result<(), Error> {
        const ANNOUNCE: &str = "
            INSERT INTO knowledge_queue AS q (tenant_id, due_at) VALUES ($1, $2)
            ON CONFLICT (tenant_id) DO UPDATE
            SET wanted = q.wanted + 1, due_at = least(q.due_at, excluded.due_at)";
        let transaction = self.pool.platform(Some(tenant), None).await?;
        let announce = statement(ANNOUNCE, [tenant.uuid().into(), due.into()]);
        execute(transaction.conn(), announce).await?;
        Ok(transaction.commit().await?)
    }

    /// The organization that waits longest.
    pub(crate) async fn claim(&self, now: DateTime<Utc>) -> Result<Option<Claim>, Error> {
        const CLAIM: &str = "
            UPDATE knowledge_queue SET held_by = $2, held_until = $3
            WHERE tenant_id = (SELECT tenant_id FROM knowledge_queue
                WHERE due_at <= $1 AND (held_until IS NULL OR held_until <= $1)
                ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING tenant_id, wanted";
        let by = Uuid::now_v7();
        let claim = statement(CLAIM, [now.into(), by.into(), (now + HELD).into()]);
        let transaction = self.pool.platform(None, None).await?;
        let row: Option<Row> = one(transaction.conn(), claim).await?;
        transaction.commit().await?;
        Ok(row.map(|row| Claim {
            tenant: TenantId::from_uuid(row.tenant_id),
            by,
            wanted: row.wanted,
        }))
    }

    /// A sign of life. False when the organization has another holder by now.
    pub(crate) async fn keep(&self, claim: &Claim, now: DateTime<Utc>) -> Result<bool, Error> {
        let keep =
            "UPDATE knowledge_queue SET held_until = $3 WHERE tenant_id = $1 AND held_by = $2";
        let values = [
            claim.tenant.uuid().into(),
            claim.by.into(),
            (now + HELD).into(),
        ];
        let transaction = self.pool.platform(Some(claim.tenant), None).await?;
        let kept = execute(transaction.conn(), statement(keep, values)).await?;
        transaction.commit().await?;
        Ok(kept > 0)
    }

    /// Lets go of an organization whose next document is due at `next`, or that has none.
    pub(crate) async fn release(
        &self,
        claim: &Claim,
        next: Option<DateTime<Utc>>,
    ) -> Result<(), Error> {
        const DONE: &str = "
            DELETE FROM knowledge_queue
            WHERE tenant_id = $1 AND held_by = $2 AND wanted = $3 AND $4::timestamptz IS NULL";
        const LATER: &str = "
            UPDATE knowledge_queue SET held_by = NULL, held_until = NULL,
                due_at = CASE WHEN wanted = $3 THEN coalesce($4, due_at) ELSE least(due_at, $4) END
            WHERE tenant_id = $1 AND held_by = $2";
        let transaction = self.pool.platform(Some(claim.tenant), None).await?;
        for text in [DONE, LATER] {
            let values = [
                claim.tenant.uuid().into(),
                claim.by.into(),
                claim.wanted.into(),
                next.into(),
            ];
            execute(transaction.conn(), statement(text, values)).await?;
        }
        Ok(transaction.commit().await?)
    }
}
