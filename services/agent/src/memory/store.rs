//! The questions about memories.

use chrono::{DateTime, Utc};
use contracts::{
    agent::{Fact, Memory},
    id::{AgentId, ExecutionId, MemoryId, TenantId, UserId},
    page::{Page, Paging},
};
use sea_orm::{ConnectionTrait, FromQueryResult, prelude::Uuid};
use sql::{Cursor, Pool};

use crate::{
    embedding::{Nearest, Vector},
    error::Error,
    memory::domain::View,
    query::{all, execute, one, statement},
    ranking,
};

/// Memories of an agent that are kept for each user at most; the oldest go.
const KEPT: i64 = 2_000;
/// Models that a query is embedded by at most.
const MAX_MODELS: i64 = 3;

/// What `$1` remembers, as the user `$2` may see it, with what was kept for the organization if `$3`.
const SEEN: &str = "agent_id = $1 AND (user_id = $2 OR ($3 AND scope = 'organization'))";
const COLUMNS: &str = "id, entity, text, user_id, execution_id, created_at";

#[derive(Clone)]
pub(crate) struct MemoryStore {
    pool: Pool,
}

/// What a run wants kept.
pub(crate) struct Lesson {
    pub(crate) agent: AgentId,
    pub(crate) scope: &'static str,
    pub(crate) user: UserId,
    pub(crate) execution: ExecutionId,
    pub(crate) key: String,
    pub(crate) now: DateTime<Utc>,
    pub(crate) model: String,
    pub(crate) facts: Vec<(Fact, Vector)>,
}

#[derive(Clone, FromQueryResult)]
struct Row {
    id: Uuid,
    entity: Option<String>,
    text: String,
    user_id: Uuid,
    execution_id: Uuid,
    created_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Model {
    embedded_by: String,
}

#[derive(FromQueryResult)]
struct Answer {
    yes: bool,
}

impl MemoryStore {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool }
    }

    /// Whether something of this lesson is there already: the rest was known before.
    pub(crate) async fn has_kept(&self, tenant: TenantId, lesson: &Lesson) -> Result<bool, Error> {
        const KNOWN: &str = "
            SELECT EXISTS (SELECT FROM agent_memories
                WHERE agent_id = $1 AND execution_id = $2 AND key = $3) AS yes";
        let values = [
            lesson.agent.uuid().into(),
            lesson.execution.uuid().into(),
            lesson.key.as_str().into(),
        ];
        let transaction = self.pool.tenant(tenant).await?;
        let answer: Option<Answer> = one(transaction.conn(), statement(KNOWN, values)).await?;
        Ok(answer.is_some_and(|answer| answer.yes))
    }

    /// Keeps what is not known yet: nothing that is nearly the same about the same, before the same eyes.
    pub(crate) async fn keep(&self, tenant: TenantId, lesson: &Lesson) -> Result<(), Error> {
        // Two runs that learn the same at the same time keep it once.
        const ALONE: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))";
        const FORGET: &str = "
            DELETE FROM agent_memories WHERE id IN (SELECT id FROM agent_memories
                WHERE agent_id = $1 AND user_id = $2 ORDER BY created_at DESC, id DESC OFFSET $3)";
        let (agent, user) = (lesson.agent.uuid(), lesson.user.uuid());
        let transaction = self.pool.tenant(tenant).await?;
        let conn = transaction.conn();
        execute(conn, statement(ALONE, [agent.into()])).await?;
        for (place, (fact, vector)) in (0..).zip(&lesson.facts) {
            insert(conn, lesson, place, fact, vector).await?;
        }
        let forget = [agent.into(), user.into(), KEPT.into()];
        execute(conn, statement(FORGET, forget)).await?;
        Ok(transaction.commit().await?)
    }

    /// The models that made the embeddings, the one of the newest memory first.
    pub(crate) async fn models(
        &self,
        tenant: TenantId,
        agent: AgentId,
        view: View,
    ) -> Result<Vec<String>, Error> {
        let models = statement(
            format!(
                "SELECT embedded_by FROM agent_memories WHERE {SEEN}
                 GROUP BY embedded_by ORDER BY max(created_at) DESC, embedded_by LIMIT $4"
            ),
            [
                agent.uuid().into(),
                view.user.uuid().into(),
                view.shared.into(),
                MAX_MODELS.into(),
            ],
        );
        let transaction = self.pool.tenant(tenant).await?;
        let rows: Vec<Model> = all(transaction.conn(), models).await?;
        Ok(rows.into_iter().map(|row| row.embedded_by).collect())
    }

    /// The nearest first.
    pub(crate) async fn recall(
        &self,
        tenant: TenantId,
        agent: AgentId,
        view: View,
        nearest: &[Nearest],
        limit: u32,
    ) -> Result<Vec<Memory>, Error> {
        let mut lists = Vec::with_capacity(nearest.len());
        let transaction = self.pool.tenant(tenant).await?;
        for Nearest { model, vector } in nearest {
            let find = statement(
                format!(
                    "SELECT {COLUMNS} FROM agent_memories
                     WHERE {SEEN} AND embedded_by = $4 AND extensions.vector_dims(embedding) = $5
                     ORDER BY embedding OPERATOR(extensions.<=>) $6::text::extensions.vector, id LIMIT $7"
                ),
                [
                    agent.uuid().into(),
                    view.user.uuid().into(),
                    view.shared.into(),
                    model.as_str().into(),
                    vector.dimensions().into(),
                    vector.text().into(),
                    i64::from(limit).into(),
                ],
            );
            let rows: Vec<Row> = all(transaction.conn(), find).await?;
            lists.push(rows);
        }
        Ok(merged(lists, limit))
    }

    /// The newest first.
    pub(crate) async fn list(
        &self,
        tenant: TenantId,
        agent: AgentId,
        view: View,
        paging: &Paging,
    ) -> Result<Page<Memory>, Error> {
        let after = Cursor::of(paging)?;
        let list = statement(
            format!(
                "SELECT {COLUMNS} FROM agent_memories
                 WHERE {SEEN} AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5::uuid))
                 ORDER BY created_at DESC, id DESC LIMIT $6"
            ),
            [
                agent.uuid().into(),
                view.user.uuid().into(),
                view.shared.into(),
                after.map(|cursor| cursor.at).into(),
                after.map(|cursor| cursor.id).into(),
                (i64::from(paging.rows()) + 1).into(),
            ],
        );
        let transaction = self.pool.tenant(tenant).await?;
        let rows: Vec<Row> = all(transaction.conn(), list).await?;
        let cursor = |row: &Row| Cursor {
            at: row.created_at,
            id: row.id,
        };
        Ok(sql::page(rows, paging, cursor, to_memory))
    }

    /// Forgets one memory, or all.
    pub(crate) async fn forget(
        &self,
        tenant: TenantId,
        agent: AgentId,
        view: View,
        memory: Option<MemoryId>,
    ) -> Result<(), Error> {
        let forget = statement(
            format!("DELETE FROM agent_memories WHERE {SEEN} AND ($4::uuid IS NULL OR id = $4)"),
            [
                agent.uuid().into(),
                view.user.uuid().into(),
                view.shared.into(),
                memory.map(MemoryId::uuid).into(),
            ],
        );
        let transaction = self.pool.tenant(tenant).await?;
        let forgotten = execute(transaction.conn(), forget).await?;
        if let Some(memory) = memory.filter(|_| forgotten == 0) {
            return Err(Error::MemoryNotFound(memory));
        }
        Ok(transaction.commit().await?)
    }
}

/// Forgets all that an agent remembers, in the transaction that deletes it.
pub(crate) async fn forget_agent(transaction: &sql::Tenant, agent: AgentId) -> Result<(), Error> {
    let forget = "DELETE FROM agent_memories WHERE agent_id = $1";
    execute(transaction.conn(), statement(forget, [agent.uuid().into()])).await?;
    Ok(())
}

async fn insert(
    conn: &impl ConnectionTrait,
    lesson: &Lesson,
    place: i32,
    fact: &Fact,
    vector: &Vector,
) -> Result<(), Error> {
    // Vectors are compared only where they have the same length, whatever the planner does first.
    const INSERT: &str = "
        INSERT INTO agent_memories (id, agent_id, scope, user_id, execution_id, key, place, entity, text,
            embedded_by, embedding, created_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::text::extensions.vector, $12
        WHERE NOT EXISTS (SELECT FROM agent_memories
            WHERE agent_id = $2 AND scope = $3 AND (scope = 'organization' OR user_id = $4)
            AND lower(entity) IS NOT DISTINCT FROM lower($8) AND embedded_by = $10
            AND CASE WHEN extensions.vector_dims(embedding) = $13
                THEN embedding OPERATOR(extensions.<=>) $11::text::extensions.vector < 0.03 ELSE false END)
        ON CONFLICT DO NOTHING";
    let values = [
        MemoryId::generate().uuid().into(),
        lesson.agent.uuid().into(),
        lesson.scope.into(),
        lesson.user.uuid().into(),
        lesson.execution.uuid().into(),
        lesson.key.as_str().into(),
        place.into(),
        fact.entity.clone().into(),
        fact.text.as_str().into(),
        lesson.model.as_str().into(),
        vector.text().into(),
        lesson.now.into(),
        vector.dimensions().into(),
    ];
    execute(conn, statement(INSERT, values)).await?;
    Ok(())
}

fn merged(lists: Vec<Vec<Row>>, limit: u32) -> Vec<Memory> {
    let keys = |list: &Vec<Row>| list.iter().map(|row| row.id).collect();
    let order = ranking::merge(
        lists.iter().map(keys).collect(),
        usize::try_from(limit).expect("20 memories are recalled at most"),
    );
    let rows: Vec<Row> = lists.into_iter().flatten().collect();
    let memory = |id: Uuid| rows.iter().find(|row| row.id == id).cloned();
    order
        .into_iter()
        .filter_map(|(id, _)| memory(id).map(to_memory))
        .collect()
}

fn to_memory(row: Row) -> Memory {
    Memory {
        id: MemoryId::from_uuid(row.id),
        entity: row.entity,
        text: row.text,
        user_id: UserId::from_uuid(row.user_id),
        execution_id: ExecutionId::from_uuid(row.execution_id),
        created_at: row.created_at,
    }
}
