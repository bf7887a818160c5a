//! The questions about bases; documents, attempts and searches have files of their own.

mod attempts;
mod documents;
mod search;

use chrono::{DateTime, Utc};
use contracts::{
    agent::KnowledgeSnapshot,
    id::{BaseId, TenantId, UserId},
    knowledge::{Base, CreateBase, ListBases, Reindex, UpdateBase},
    page::Page,
};
use sea_orm::{DatabaseTransaction, FromQueryResult, prelude::Uuid};
use sql::Pool;

use crate::{
    error::Error,
    knowledge::cursor::{After, page},
    query::{all, count, execute, one, statement},
};

pub(crate) use attempts::{Attempt, Original, Outcome};
pub(crate) use documents::NewDocument;

/// Bases, documents and passages in the database.
#[derive(Clone)]
pub(crate) struct KnowledgeStore {
    pool: Pool,
}

pub(crate) struct NewBase {
    pub(crate) id: BaseId,
    pub(crate) request: CreateBase,
    pub(crate) by: UserId,
    pub(crate) now: DateTime<Utc>,
}

/// Bases with what is counted over their documents.
const BASES: &str = "
    SELECT b.*, d.* FROM knowledge_bases b, LATERAL (
        SELECT count(*) AS documents, coalesce(sum(passages), 0)::bigint AS passages, count(reindex) AS reindexed,
            count(*) FILTER (WHERE reindex = 'waiting') AS waiting, count(*) FILTER (WHERE reindex = 'failed') AS failed
        FROM knowledge_documents WHERE base_id = b.id) d ";

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    name: String,
    description: String,
    embedding_model: Option<String>,
    reindex_started_at: Option<DateTime<Utc>>,
    created_by: Uuid,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    documents: i64,
    passages: i64,
    reindexed: i64,
    waiting: i64,
    failed: i64,
}

#[derive(FromQueryResult)]
struct Seen {
    id: Uuid,
    name: String,
    description: String,
}

impl KnowledgeStore {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool }
    }

    pub(crate) async fn insert_base(&self, tenant: TenantId, new: NewBase) -> Result<Base, Error> {
        const INSERT: &str = "
            INSERT INTO knowledge_bases (id, name, description, embedding_model, created_by, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $6)";
        let (id, name) = (new.id, new.request.name);
        let insert = statement(
            INSERT,
            [
                id.uuid().into(),
                name.as_str().into(),
                new.request.description.into(),
                new.request.embedding_model.into(),
                new.by.uuid().into(),
                new.now.into(),
            ],
        );
        let transaction = self.pool.tenant(tenant).await?;
        let inserted = execute(transaction.conn(), insert).await;
        inserted.map_err(|error| name_taken(error, &name))?;
        let base = find(transaction.conn(), id).await?;
        transaction.commit().await?;
        Ok(base)
    }

    pub(crate) async fn base(&self, tenant: TenantId, id: BaseId) -> Result<Base, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        find(transaction.conn(), id).await
    }

    /// By name.
    pub(crate) async fn bases(
        &self,
        tenant: TenantId,
        request: &ListBases,
    ) -> Result<Page<Base>, Error> {
        let after = After::of(&request.paging)?;
        let search = request.search.as_deref().unwrap_or_default();
        // `strpos` knows no patterns: every character of a user's text means itself.
        let list = statement(
            format!(
                "{BASES} WHERE b.name > $1
                 AND (strpos(lower(b.name), lower($2)) > 0 OR strpos(lower(b.description), lower($2)) > 0)
                 ORDER BY b.name LIMIT $3"
            ),
            [
                after.name.into(),
                search.replace('\0', "").into(),
                (i64::from(request.paging.rows()) + 1).into(),
            ],
        );
        let transaction = self.pool.tenant(tenant).await?;
        let rows: Vec<Row> = all(transaction.conn(), list).await?;
        let place = |row: &Row| After {
            name: row.name.clone(),
            id: row.id,
        };
        Ok(page(rows, &request.paging, place, to_base))
    }

    pub(crate) async fn update_base(
        &self,
        tenant: TenantId,
        change: UpdateBase,
        now: DateTime<Utc>,
    ) -> Result<Base, Error> {
        const UPDATE: &str = "
            UPDATE knowledge_bases SET name = coalesce($2, name), description = coalesce($3, description),
                embedding_model = coalesce($4, embedding_model), updated_at = $5
            WHERE id = $1";
        let id = change.base_id;
        let name = change.name.clone().unwrap_or_default();
        let update = statement(
            UPDATE,
            [
                id.uuid().into(),
                change.name.into(),
                change.description.into(),
                change.embedding_model.into(),
                now.into(),
            ],
        );
        let transaction = self.pool.tenant(tenant).await?;
        let updated = execute(transaction.conn(), update).await;
        updated.map_err(|error| name_taken(error, &name))?;
        let base = find(transaction.conn(), id).await?;
        transaction.commit().await?;
        Ok(base)
    }

    /// With all that belongs to it.
    pub(crate) async fn delete_base(&self, tenant: TenantId, id: BaseId) -> Result<(), Error> {
        let delete = "DELETE FROM knowledge_bases WHERE id = $1";
        let transaction = self.pool.tenant(tenant).await?;
        let deleted = execute(transaction.conn(), statement(delete, [id.uuid().into()])).await?;
        if deleted == 0 {
            return Err(Error::BaseNotFound(id));
        }
        Ok(transaction.commit().await?)
    }

    /// Those of the bases that exist, as a model sees them.
    pub(crate) async fn snapshots(
        &self,
        tenant: TenantId,
        ids: &[BaseId],
    ) -> Result<Vec<KnowledgeSnapshot>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let find =
            "SELECT id, name, description FROM knowledge_bases WHERE id = ANY($1) ORDER BY name";
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let transaction = self.pool.tenant(tenant).await?;
        let rows: Vec<Seen> = all(transaction.conn(), statement(find, [ids.into()])).await?;
        let snapshot = |row: Seen| KnowledgeSnapshot {
            id: BaseId::from_uuid(row.id),
            name: row.name,
            description: row.description,
        };
        Ok(rows.into_iter().map(snapshot).collect())
    }
}

async fn find(conn: &DatabaseTransaction, id: BaseId) -> Result<Base, Error> {
    let find = statement(format!("{BASES} WHERE b.id = $1"), [id.uuid().into()]);
    let row: Option<Row> = one(conn, find).await?;
    row.map(to_base).ok_or(Error::BaseNotFound(id))
}

/// Held until the transaction ends: who counts the documents or passages of a base, or replaces some, does it alone.
async fn lock(conn: &DatabaseTransaction, id: BaseId) -> Result<(), Error> {
    let lock = "SELECT id FROM knowledge_bases WHERE id = $1 FOR NO KEY UPDATE";
    if execute(conn, statement(lock, [id.uuid().into()])).await? == 0 {
        return Err(Error::BaseNotFound(id));
    }
    Ok(())
}

fn name_taken(error: sql::Error, name: &str) -> Error {
    if error.violates("knowledge_bases_name") {
        return Error::BaseExists(name.to_owned());
    }
    error.into()
}

fn to_base(row: Row) -> Base {
    let reindex = |started_at| Reindex {
        done: count(row.reindexed - row.waiting - row.failed),
        of: count(row.reindexed),
        failed: count(row.failed),
        started_at,
    };
    Base {
        id: BaseId::from_uuid(row.id),
        name: row.name,
        description: row.description,
        embedding_model: row.embedding_model,
        documents: count(row.documents),
        passages: count(row.passages),
        reindex: row
            .reindex_started_at
            .filter(|_| row.waiting > 0)
            .map(reindex),
        created_by: UserId::from_uuid(row.created_by),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}
