//! The questions about documents.

use chrono::{DateTime, Utc};
use contracts::{
    file::{FilePart, place_in_sql},
    id::{BaseId, DocumentId, TenantId, UserId},
    knowledge::{Base, Document, DocumentState, ReadDocument},
    page::{Page, Paging},
};
use sea_orm::{FromQueryResult, prelude::Uuid};

use super::{KnowledgeStore, find, lock};
use crate::{
    error::Error,
    knowledge::{
        cursor::{After, page},
        domain::MAX_DOCUMENTS,
    },
    query::{all, count, execute, one, statement},
};

pub(crate) struct NewDocument {
    pub(crate) id: DocumentId,
    pub(crate) base: BaseId,
    pub(crate) name: String,
    pub(crate) content_type: &'static str,
    pub(crate) content: Vec<u8>,
    pub(crate) by: UserId,
    pub(crate) now: DateTime<Utc>,
}

const COLUMNS: &str =
    "id, base_id, name, content_type, bytes, state, passages, error, created_by, created_at";

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    base_id: Uuid,
    name: String,
    content_type: String,
    bytes: i64,
    state: String,
    passages: i32,
    error: Option<String>,
    created_by: Uuid,
    created_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Piece {
    name: String,
    content_type: String,
    bytes: i64,
    content: Vec<u8>,
}

#[derive(FromQueryResult)]
struct Count {
    count: i64,
}

impl KnowledgeStore {
    /// Keeps a document that is to be indexed.
    pub(crate) async fn insert_document(
        &self,
        tenant: TenantId,
        new: NewDocument,
    ) -> Result<Document, Error> {
        const INSERT: &str = "
            INSERT INTO knowledge_documents
                (id, base_id, name, content_type, bytes, state, due_at, asked_by, created_by, created_at)
            VALUES ($1, $2, $3, $4, $5, 'indexing', $6, $7, $7, $6)";
        const KEEP: &str = "INSERT INTO knowledge_originals (document_id, content) VALUES ($1, $2)";
        let document = Document {
            id: new.id,
            base_id: new.base,
            name: new.name,
            content_type: new.content_type.to_owned(),
            bytes: new
                .content
                .len()
                .try_into()
                .expect("a document has less than 2^64 bytes"),
            state: DocumentState::Indexing,
            passages: 0,
            error: None,
            created_by: new.by,
            created_at: new.now,
        };
        let insert = [
            new.id.uuid().into(),
            new.base.uuid().into(),
            document.name.as_str().into(),
            new.content_type.into(),
            i64::try_from(new.content.len()).unwrap_or(i64::MAX).into(),
            new.now.into(),
            new.by.uuid().into(),
        ];
        let keep = [new.id.uuid().into(), new.content.into()];
        let counted = "SELECT count(*) AS count FROM knowledge_documents WHERE base_id = $1";
        let counted = statement(counted, [new.base.uuid().into()]);
        let transaction = self.pool.tenant(tenant).await?;
        let conn = transaction.conn();
        lock(conn, new.base).await?;
        let count: Option<Count> = one(conn, counted).await?;
        if count.is_some_and(|row| row.count >= MAX_DOCUMENTS) {
            return Err(Error::BaseFull(new.base));
        }
        execute(conn, statement(INSERT, insert)).await?;
        execute(conn, statement(KEEP, keep)).await?;
        transaction.commit().await?;
        Ok(document)
    }

    /// By name.
    pub(crate) async fn documents(
        &self,
        tenant: TenantId,
        base: BaseId,
        paging: &Paging,
    ) -> Result<Page<Document>, Error> {
        let after = After::of(paging)?;
        let list = statement(
            format!(
                "SELECT {COLUMNS} FROM knowledge_documents WHERE base_id = $1 AND (name, id) > ($2, $3)
                 ORDER BY name, id LIMIT $4"
            ),
            [
                base.uuid().into(),
                after.name.into(),
                after.id.into(),
                (i64::from(paging.rows()) + 1).into(),
            ],
        );
        let transaction = self.pool.tenant(tenant).await?;
        find(transaction.conn(), base).await?;
        let rows: Vec<Row> = all(transaction.conn(), list).await?;
        let place = |row: &Row| After {
            name: row.name.clone(),
            id: row.id,
        };
        Ok(page(rows, paging, place, to_document))
    }

    pub(crate) async fn document(
        &self,
        tenant: TenantId,
        base: BaseId,
        id: DocumentId,
    ) -> Result<Document, Error> {
        let find =
            format!("SELECT {COLUMNS} FROM knowledge_documents WHERE id = $1 AND base_id = $2");
        let find = statement(find, [id.uuid().into(), base.uuid().into()]);
        let transaction = self.pool.tenant(tenant).await?;
        let row: Option<Row> = one(transaction.conn(), find).await?;
        row.map(to_document).ok_or(Error::DocumentNotFound(id))
    }

    /// A piece of a document as it came.
    pub(crate) async fn document_part(
        &self,
        tenant: TenantId,
        read: &ReadDocument,
    ) -> Result<FilePart, Error> {
        const READ: &str = "
            SELECT d.name, d.content_type, d.bytes, substring(o.content from $3 for $4) AS content
            FROM knowledge_documents d JOIN knowledge_originals o ON o.document_id = d.id
            WHERE d.id = $1 AND d.base_id = $2";
        let length = i32::try_from(FilePart::MAX_BYTES).expect("a piece is small");
        let values = [
            read.document_id.uuid().into(),
            read.base_id.uuid().into(),
            place_in_sql(read.offset).into(),
            length.into(),
        ];
        let transaction = self.pool.tenant(tenant).await?;
        let row: Option<Piece> = one(transaction.conn(), statement(READ, values)).await?;
        let row = row.ok_or(Error::DocumentNotFound(read.document_id))?;
        Ok(FilePart::new(
            row.name,
            row.content_type,
            count(row.bytes),
            &row.content,
        ))
    }

    /// With its passages.
    pub(crate) async fn delete_document(
        &self,
        tenant: TenantId,
        base: BaseId,
        id: DocumentId,
    ) -> Result<(), Error> {
        let delete = "DELETE FROM knowledge_documents WHERE id = $1 AND base_id = $2";
        let delete = statement(delete, [id.uuid().into(), base.uuid().into()]);
        let transaction = self.pool.tenant(tenant).await?;
        // In the order of those who index: the base first.
        lock(transaction.conn(), base).await?;
        if execute(transaction.conn(), delete).await? == 0 {
            return Err(Error::DocumentNotFound(id));
        }
        Ok(transaction.commit().await?)
    }

    /// All documents of the base are to be indexed once more, in the name of `by`.
    pub(crate) async fn reindex(
        &self,
        tenant: TenantId,
        base: BaseId,
        by: UserId,
        now: DateTime<Utc>,
    ) -> Result<Base, Error> {
        const BEGIN: &str = "UPDATE knowledge_bases SET reindex_started_at = $2 WHERE id = $1";
        const WAIT: &str = "
            UPDATE knowledge_documents SET reindex = 'waiting', due_at = $2, asked_by = $3, attempts = 0,
                turn = turn + 1, error = NULL, state = CASE state WHEN 'ready' THEN state ELSE 'indexing' END
            WHERE base_id = $1";
        let transaction = self.pool.tenant(tenant).await?;
        let conn = transaction.conn();
        lock(conn, base).await?;
        execute(conn, statement(BEGIN, [base.uuid().into(), now.into()])).await?;
        let wait = [base.uuid().into(), now.into(), by.uuid().into()];
        execute(conn, statement(WAIT, wait)).await?;
        let base = find(conn, base).await?;
        transaction.commit().await?;
        Ok(base)
    }
}

fn to_document(row: Row) -> Document {
    Document {
        id: DocumentId::from_uuid(row.id),
        base_id: BaseId::from_uuid(row.base_id),
        name: row.name,
        content_type: row.content_type,
        bytes: count(row.bytes),
        // A state that is not known here was written by a newer process: it is not found yet as far as we know.
        state: DocumentState::parse(&row.state).unwrap_or(DocumentState::Indexing),
        passages: count(i64::from(row.passages)),
        error: row.error,
        created_by: UserId::from_uuid(row.created_by),
        created_at: row.created_at,
    }
}
