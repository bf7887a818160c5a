//! Sessions.

use chrono::{DateTime, Utc};
use contracts::{
    chat::{ChatSession, Concurrency, ListSessions, UpdateSession},
    id::{AgentId, ChatId, CrewId, FlowId, MessageId, TenantId, UserId},
    page::Page,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbBackend, EntityTrait, FromQueryResult, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, Set, Statement,
    sea_query::{Expr, LockType},
};
use sql::{Cursor, Search, Tenant};

use crate::{
    error::Error,
    store::{
        ChatStore,
        entities::{message, session},
        owned,
    },
};

impl ChatStore {
    pub(crate) async fn insert_session(
        &self,
        tenant: TenantId,
        session: &ChatSession,
    ) -> Result<(), Error> {
        let row = session::Model {
            id: session.id.uuid(),
            title: session.title.clone(),
            agent_id: session.agent_id.map(AgentId::uuid),
            crew_id: session.crew_id.map(CrewId::uuid),
            flow_id: session.flow_id.map(FlowId::uuid),
            concurrency: session.concurrency.as_str().to_owned(),
            head: session.head.map(MessageId::uuid),
            created_by: session.created_by.uuid(),
            created_at: session.created_at,
            updated_at: session.updated_at,
        };
        let transaction = self.begin(tenant).await?;
        session::Entity::insert(row.into_active_model())
            .exec_without_returning(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(transaction.commit().await?)
    }

    pub(crate) async fn session(
        &self,
        tenant: TenantId,
        owner: UserId,
        id: ChatId,
    ) -> Result<ChatSession, Error> {
        let transaction = self.begin(tenant).await?;
        to_session(owned(&transaction, owner, id, None).await?)
    }

    pub(crate) async fn sessions(
        &self,
        tenant: TenantId,
        owner: UserId,
        request: &ListSessions,
    ) -> Result<Page<ChatSession>, Error> {
        let mut query = session::Entity::find().filter(session::Column::CreatedBy.eq(owner.uuid()));
        if let Some(search) = Search::of(request.search.as_deref()) {
            query = query.filter(search.any_of([Expr::col(session::Column::Title)]));
        }
        if let Some(cursor) = Cursor::of(&request.paging)? {
            query = query.filter(cursor.before(session::Column::UpdatedAt, session::Column::Id));
        }
        let transaction = self.begin(tenant).await?;
        let rows = query
            .order_by_desc(session::Column::UpdatedAt)
            .order_by_desc(session::Column::Id)
            .limit(u64::from(request.paging.rows()) + 1)
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let page = sql::page(
            rows,
            &request.paging,
            |row| Cursor {
                at: row.updated_at,
                id: row.id,
            },
            to_session,
        );
        Ok(Page {
            items: page.items.into_iter().collect::<Result<_, _>>()?,
            next: page.next,
        })
    }

    pub(crate) async fn update_session(
        &self,
        tenant: TenantId,
        owner: UserId,
        change: UpdateSession,
        now: DateTime<Utc>,
    ) -> Result<ChatSession, Error> {
        let transaction = self.begin(tenant).await?;
        let lock = Some(LockType::Update);
        let row = owned(&transaction, owner, change.session_id, lock).await?;
        let mut row = row.into_active_model();
        if let Some(title) = change.title {
            row.title = Set(title);
        }
        if let Some(concurrency) = change.concurrency {
            row.concurrency = Set(concurrency.as_str().to_owned());
        }
        if let Some(head) = change.head {
            let leaf = newest_leaf(&transaction, change.session_id, head).await?;
            row.head = Set(Some(leaf.id));
        }
        row.updated_at = Set(now);
        let row = row
            .update(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        transaction.commit().await?;
        to_session(row)
    }
}

/// The end of the newest branch that goes through this message.
async fn newest_leaf(
    transaction: &Tenant,
    session: ChatId,
    through: MessageId,
) -> Result<message::Model, Error> {
    // At each place the newest version goes on: ids are ordered by time.
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "WITH RECURSIVE branch AS (
             SELECT * FROM chat_messages WHERE session_id = $1 AND id = $2
             UNION ALL
             SELECT next.* FROM branch, LATERAL (
                 SELECT m.* FROM chat_messages m
                 WHERE m.session_id = $1 AND m.parent_id = branch.id ORDER BY m.id DESC LIMIT 1
             ) next
         )
         SELECT * FROM branch ORDER BY depth DESC LIMIT 1",
        [session.uuid().into(), through.uuid().into()],
    );
    let found = message::Model::find_by_statement(statement)
        .one(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    found.ok_or(Error::MessageNotFound(through))
}

pub(super) fn to_session(row: session::Model) -> Result<ChatSession, Error> {
    Ok(ChatSession {
        id: ChatId::from_uuid(row.id),
        title: row.title,
        agent_id: row.agent_id.map(AgentId::from_uuid),
        crew_id: row.crew_id.map(CrewId::from_uuid),
        flow_id: row.flow_id.map(FlowId::from_uuid),
        concurrency: Concurrency::parse(&row.concurrency)
            .ok_or(Error::Stored("an unknown `concurrency`"))?,
        head: row.head.map(MessageId::from_uuid),
        created_by: UserId::from_uuid(row.created_by),
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}
