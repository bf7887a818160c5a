//! Messages: branches, versions, and how far the answers are.

use chrono::{DateTime, Utc};
use contracts::{
    chat::MessageState,
    id::{ChatId, ExecutionId, MessageId, TenantId, UserId},
};
use sea_orm::{
    ColumnTrait, DbBackend, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement,
    prelude::Uuid,
    sea_query::{Expr, ExprTrait},
};
use sql::Tenant;

use crate::{
    domain::Node,
    error::Error,
    store::{ChatStore, entities::message, find_node, messages_of, owned, rows::to_node},
};

/// A stretch of a branch.
pub(crate) struct Stretch {
    pub(crate) head: MessageId,
    /// Only what follows this message.
    pub(crate) after: Option<MessageId>,
    pub(crate) limit: u32,
}

impl ChatStore {
    pub(crate) async fn node(
        &self,
        tenant: TenantId,
        owner: UserId,
        session: ChatId,
        id: MessageId,
    ) -> Result<Node, Error> {
        let transaction = self.begin(tenant).await?;
        owned(&transaction, owner, session, None).await?;
        find_node(&transaction, session, id).await
    }

    /// A branch from its beginning, without its ends that were not asked for.
    pub(crate) async fn branch(
        &self,
        tenant: TenantId,
        session: ChatId,
        stretch: &Stretch,
    ) -> Result<Vec<Node>, Error> {
        let transaction = self.begin(tenant).await?;
        // A head of another session is no message of this one.
        find_node(&transaction, session, stretch.head).await?;
        let after = match stretch.after {
            Some(after) => i64::from(find_node(&transaction, session, after).await?.depth),
            None => -1,
        };
        let order = "WHERE depth > $3 ORDER BY depth LIMIT $4";
        let values = [after.into(), i64::from(stretch.limit).into()];
        upwards(&transaction, session, stretch.head, order, values).await
    }

    /// A message and those before it in its branch, the newest first.
    pub(crate) async fn newest(
        &self,
        tenant: TenantId,
        session: ChatId,
        from: MessageId,
        limit: u32,
    ) -> Result<Vec<Node>, Error> {
        let transaction = self.begin(tenant).await?;
        let order = "WHERE depth > $3 ORDER BY depth DESC LIMIT $4";
        let values = [(-1i64).into(), i64::from(limit).into()];
        upwards(&transaction, session, from, order, values).await
    }

    /// The versions of these messages: all that stand in the same places, each with its place.
    pub(crate) async fn versions(
        &self,
        tenant: TenantId,
        session: ChatId,
        nodes: &[Node],
    ) -> Result<Vec<(Option<MessageId>, MessageId)>, Error> {
        let parents = nodes.iter().filter_map(|node| node.parent);
        let mut place = message::Column::ParentId.is_in(parents.map(MessageId::uuid));
        if nodes.iter().any(|node| node.parent.is_none()) {
            place = place.or(message::Column::ParentId.is_null());
        }
        let transaction = self.begin(tenant).await?;
        let found: Vec<(Option<Uuid>, Uuid)> = messages_of(session)
            .select_only()
            .columns([message::Column::ParentId, message::Column::Id])
            .filter(place)
            .order_by_asc(message::Column::Id)
            .into_tuple()
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let ids = found
            .into_iter()
            .map(|(parent, id)| (parent.map(MessageId::from_uuid), MessageId::from_uuid(id)));
        Ok(ids.collect())
    }

    /// Whether the message is stored.
    pub(crate) async fn knows(&self, tenant: TenantId, id: MessageId) -> Result<bool, Error> {
        let transaction = self.begin(tenant).await?;
        let found = message::Entity::find_by_id(id.uuid())
            .count(transaction.conn())
            .await;
        Ok(found.map_err(sql::Error::from)? > 0)
    }

    /// The answer that this run makes; none for runs of other origin.
    pub(crate) async fn answer_of(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
    ) -> Result<Option<Node>, Error> {
        let transaction = self.begin(tenant).await?;
        let row = message::Entity::find()
            .filter(message::Column::ExecutionId.eq(execution.uuid()))
            .one(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        row.map(to_node).transpose()
    }

    /// The engine took the run; without effect when the answer is over meanwhile. Returns whether it still runs.
    pub(crate) async fn started(
        &self,
        tenant: TenantId,
        answer: MessageId,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let started = Expr::col(message::Column::StartedAt).if_null(now);
        self.of_running(tenant, answer, message::Column::StartedAt, started)
            .await
    }

    /// Leaves the start to whoever comes after this time.
    pub(crate) async fn postpone(
        &self,
        tenant: TenantId,
        answer: MessageId,
        until: DateTime<Utc>,
    ) -> Result<bool, Error> {
        self.of_running(
            tenant,
            answer,
            message::Column::LeaseUntil,
            Expr::value(until),
        )
        .await
    }

    async fn of_running(
        &self,
        tenant: TenantId,
        answer: MessageId,
        column: message::Column,
        value: Expr,
    ) -> Result<bool, Error> {
        let transaction = self.begin(tenant).await?;
        let changed = message::Entity::update_many()
            .col_expr(column, value)
            .filter(message::Column::Id.eq(answer.uuid()))
            .filter(message::Column::State.eq(MessageState::Running.as_str()))
            .exec(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        transaction.commit().await?;
        Ok(changed.rows_affected > 0)
    }
}

/// Reads a branch from a message up to its beginning.
async fn upwards(
    transaction: &Tenant,
    session: ChatId,
    from: MessageId,
    order: &str,
    [after, limit]: [sea_orm::Value; 2],
) -> Result<Vec<Node>, Error> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        format!(
            "WITH RECURSIVE branch AS (
                 SELECT * FROM chat_messages WHERE session_id = $1 AND id = $2
                 UNION ALL
                 SELECT m.* FROM branch JOIN chat_messages m ON m.id = branch.parent_id
             )
             SELECT * FROM branch {order}"
        ),
        [session.uuid().into(), from.uuid().into(), after, limit],
    );
    let rows = message::Model::find_by_statement(statement)
        .all(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    rows.into_iter().map(to_node).collect()
}
