//! The questions of the indexer: what waits, what came of it.
//!
//! **Invariant:** the passages of a document are replaced as a whole, by the attempt of its newest turn alone.

use chrono::{DateTime, Utc};
use contracts::id::{BaseId, DocumentId, TenantId, UserId};
use sea_orm::{DatabaseTransaction, FromQueryResult, prelude::Uuid};

use super::{KnowledgeStore, lock};
use crate::{
    embedding::Vector,
    error::Error,
    knowledge::{
        domain::{ATTEMPTS, MAX_BASE_PASSAGES, pause_after},
        reading::Passage,
    },
    query::{all, execute, one, statement},
};

/// Passages that are written at a time.
const CHUNK: usize = 100;

/// A document that is to be indexed now.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) base: BaseId,
    pub(crate) document: DocumentId,
    pub(crate) asked_by: UserId,
    pub(crate) number: i32,
    turn: i32,
}

/// What is to be indexed, and by which model.
#[derive(FromQueryResult)]
pub(crate) struct Original {
    pub(crate) content: Vec<u8>,
    pub(crate) content_type: String,
    pub(crate) embedding_model: Option<String>,
}

/// What came of an attempt that was not overtaken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Kept,
    /// The base would have too many passages.
    TooMany,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    base_id: Uuid,
    asked_by: Uuid,
    attempts: i32,
    turn: i32,
}

#[derive(FromQueryResult)]
struct Due {
    due_at: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct Sum {
    sum: i64,
}

impl KnowledgeStore {
    /// Takes documents that are due. Each is due again after a pause: should the attempt break down, another follows.
    pub(crate) async fn take(
        &self,
        tenant: TenantId,
        limit: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<Attempt>, Error> {
        const TAKE: &str = "
            UPDATE knowledge_documents SET attempts = attempts + 1, turn = turn + 1
            WHERE id IN (SELECT id FROM knowledge_documents WHERE due_at <= $1
                ORDER BY due_at, id LIMIT $2 FOR UPDATE SKIP LOCKED)
            RETURNING id, base_id, asked_by, attempts, turn";
        const POSTPONE: &str = "UPDATE knowledge_documents SET due_at = $2 WHERE id = $1";
        let transaction = self.pool.tenant(tenant).await?;
        let conn = transaction.conn();
        let rows: Vec<Row> = all(conn, statement(TAKE, [now.into(), limit.into()])).await?;
        for row in &rows {
            let again = now + pause_after(row.attempts);
            execute(conn, statement(POSTPONE, [row.id.into(), again.into()])).await?;
        }
        transaction.commit().await?;
        Ok(rows.into_iter().map(to_attempt).collect())
    }

    /// When the next document is due; none when nothing waits.
    pub(crate) async fn next_due(&self, tenant: TenantId) -> Result<Option<DateTime<Utc>>, Error> {
        let next = "SELECT min(due_at) AS due_at FROM knowledge_documents WHERE due_at IS NOT NULL";
        let transaction = self.pool.tenant(tenant).await?;
        let row: Option<Due> = one(transaction.conn(), statement(next, [])).await?;
        Ok(row.and_then(|row| row.due_at))
    }

    /// Nothing when the document is gone.
    pub(crate) async fn original(
        &self,
        tenant: TenantId,
        document: DocumentId,
    ) -> Result<Option<Original>, Error> {
        const READ: &str = "
            SELECT o.content, d.content_type, b.embedding_model
            FROM knowledge_originals o
            JOIN knowledge_documents d ON d.id = o.document_id
            JOIN knowledge_bases b ON b.id = d.base_id
            WHERE o.document_id = $1";
        let read = statement(READ, [document.uuid().into()]);
        let transaction = self.pool.tenant(tenant).await?;
        Ok(one(transaction.conn(), read).await?)
    }

    /// Puts new passages in the place of the old ones. Does nothing when the attempt was overtaken.
    pub(crate) async fn finish(
        &self,
        tenant: TenantId,
        attempt: &Attempt,
        model: &str,
        passages: &[(Passage, Vector)],
    ) -> Result<Outcome, Error> {
        const OTHERS: &str = "
            SELECT coalesce(sum(passages), 0)::bigint AS sum FROM knowledge_documents
            WHERE base_id = $1 AND id <> $2";
        const READY: &str = "
            UPDATE knowledge_documents SET state = 'ready', passages = $3, embedded_by = $4, error = NULL,
                due_at = NULL, attempts = 0,
                reindex = CASE reindex WHEN 'waiting' THEN 'done' ELSE reindex END
            WHERE id = $1 AND turn = $2";
        const CLEAR: &str = "DELETE FROM knowledge_passages WHERE document_id = $1";
        let (id, base) = (attempt.document.uuid(), attempt.base.uuid());
        let number = i64::try_from(passages.len()).unwrap_or(i64::MAX);
        let transaction = self.pool.tenant(tenant).await?;
        let conn = transaction.conn();
        match lock(conn, attempt.base).await {
            // It was deleted meanwhile.
            Err(Error::BaseNotFound(_)) => return Ok(Outcome::Kept),
            locked => locked?,
        }
        let others: Option<Sum> = one(conn, statement(OTHERS, [base.into(), id.into()])).await?;
        if others.map_or(0, |row| row.sum).saturating_add(number) > MAX_BASE_PASSAGES {
            return Ok(Outcome::TooMany);
        }
        let ready = [id.into(), attempt.turn.into(), number.into(), model.into()];
        if execute(conn, statement(READY, ready)).await? == 0 {
            return Ok(Outcome::Kept);
        }
        execute(conn, statement(CLEAR, [id.into()])).await?;
        let mut place = 0;
        for chunk in passages.chunks(CHUNK) {
            place = insert(conn, attempt, place, chunk).await?;
        }
        transaction.commit().await?;
        Ok(Outcome::Kept)
    }

    /// Says why an attempt failed. The last one settles it; before, another is due already.
    pub(crate) async fn fail(
        &self,
        tenant: TenantId,
        attempt: &Attempt,
        reason: &str,
        passing: bool,
    ) -> Result<(), Error> {
        const AGAIN: &str = "UPDATE knowledge_documents SET error = $3 WHERE id = $1 AND turn = $2";
        // What was found before is found still.
        const SETTLE: &str = "
            UPDATE knowledge_documents SET error = $3, due_at = NULL,
                state = CASE state WHEN 'ready' THEN state ELSE 'failed' END,
                reindex = CASE reindex WHEN 'waiting' THEN 'failed' ELSE reindex END
            WHERE id = $1 AND turn = $2";
        let text = if passing && attempt.number < ATTEMPTS {
            AGAIN
        } else {
            SETTLE
        };
        let values = [
            attempt.document.uuid().into(),
            attempt.turn.into(),
            reason.replace('\0', "").into(),
        ];
        let transaction = self.pool.tenant(tenant).await?;
        execute(transaction.conn(), statement(text, values)).await?;
        Ok(transaction.commit().await?)
    }
}

/// Gives the place after the last passage.
async fn insert(
    conn: &DatabaseTransaction,
    attempt: &Attempt,
    first: i32,
    passages: &[(Passage, Vector)],
) -> Result<i32, Error> {
    const INSERT: &str = "
        INSERT INTO knowledge_passages (document_id, base_id, place, heading, text, embedding)
        SELECT $1, $2, p.place, nullif(p.heading, ''), p.text, p.embedding::extensions.vector
        FROM unnest($3::integer[], $4::text[], $5::text[], $6::text[]) AS p (place, heading, text, embedding)";
    let next = first.saturating_add(i32::try_from(passages.len()).unwrap_or(i32::MAX));
    let places: Vec<i32> = (first..next).collect();
    // No heading is empty, so an empty text stands for none.
    let heading = |passage: &Passage| passage.heading.clone().unwrap_or_default();
    let headings: Vec<String> = passages
        .iter()
        .map(|(passage, _)| heading(passage))
        .collect();
    let texts: Vec<String> = passages
        .iter()
        .map(|(passage, _)| passage.text.clone())
        .collect();
    let embeddings: Vec<String> = passages.iter().map(|(_, vector)| vector.text()).collect();
    let values = [
        attempt.document.uuid().into(),
        attempt.base.uuid().into(),
        places.into(),
        headings.into(),
        texts.into(),
        embeddings.into(),
    ];
    execute(conn, statement(INSERT, values)).await?;
    Ok(next)
}

fn to_attempt(row: Row) -> Attempt {
    Attempt {
        base: BaseId::from_uuid(row.base_id),
        document: DocumentId::from_uuid(row.id),
        asked_by: UserId::from_uuid(row.asked_by),
        number: row.attempts,
        turn: row.turn,
    }
}
