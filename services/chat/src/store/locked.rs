//! A session that is being changed: its row is locked, so one change follows the other.

use chrono::{DateTime, Utc};
use contracts::{
    chat::{ChatRole, ChatSession, MessageState},
    id::{AttachmentId, ChatId, ExecutionId, MessageId, TenantId, UserId},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, Set,
    sea_query::{Expr, LockType},
};
use sql::Tenant;

use crate::{
    domain::Node,
    error::Error,
    store::{
        ChatStore,
        entities::{attachment, message, session},
        find_node, messages_of, owned,
        rows::{depth, to_node},
        sessions::to_session,
    },
};

/// Rolled back when dropped.
pub(crate) struct Locked {
    transaction: Tenant,
    row: session::Model,
}

/// What a repeated question began.
pub(crate) struct Repeated {
    pub(crate) body_hash: String,
    pub(crate) question: MessageId,
    pub(crate) answer: MessageId,
}

impl ChatStore {
    /// Locks a session of this owner.
    pub(crate) async fn lock(
        &self,
        tenant: TenantId,
        owner: UserId,
        id: ChatId,
    ) -> Result<Locked, Error> {
        let transaction = self.begin(tenant).await?;
        let row = owned(&transaction, owner, id, Some(LockType::Update)).await?;
        Ok(Locked { transaction, row })
    }

    /// Locks a session, whosever it is, to go on with its answers; none if it was deleted.
    pub(crate) async fn lock_any(
        &self,
        tenant: TenantId,
        id: ChatId,
    ) -> Result<Option<Locked>, Error> {
        let transaction = self.begin(tenant).await?;
        let row =
            sea_orm::QuerySelect::lock(session::Entity::find_by_id(id.uuid()), LockType::Update)
                .one(transaction.conn())
                .await
                .map_err(sql::Error::from)?;
        Ok(row.map(|row| Locked { transaction, row }))
    }
}

impl Locked {
    pub(crate) fn session(&self) -> Result<ChatSession, Error> {
        to_session(self.row.clone())
    }

    fn id(&self) -> ChatId {
        ChatId::from_uuid(self.row.id)
    }

    /// What this key began before.
    pub(crate) async fn repeated(&self, key: &str) -> Result<Option<Repeated>, Error> {
        let question = messages_of(self.id())
            .filter(message::Column::IdempotencyKey.eq(key))
            .one(self.transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let Some(question) = question else {
            return Ok(None);
        };
        let answer = messages_of(self.id())
            .filter(message::Column::ParentId.eq(question.id))
            .order_by_asc(message::Column::Id)
            .one(self.transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let answer = answer.ok_or(Error::Stored("a question without an answer"))?;
        Ok(Some(Repeated {
            body_hash: question.body_hash.unwrap_or_default(),
            question: MessageId::from_uuid(question.id),
            answer: MessageId::from_uuid(answer.id),
        }))
    }

    pub(crate) async fn node(&self, id: MessageId) -> Result<Node, Error> {
        find_node(&self.transaction, self.id(), id).await
    }

    /// The answers that run or wait.
    pub(crate) async fn active(&self) -> Result<Vec<Node>, Error> {
        let running = MessageState::Running.as_str();
        let queued = MessageState::Queued.as_str();
        let rows = messages_of(self.id())
            .filter(message::Column::State.is_in([running, queued]))
            .order_by_asc(message::Column::Id)
            .all(self.transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        rows.into_iter().map(to_node).collect()
    }

    pub(crate) async fn count(&self) -> Result<u64, Error> {
        let count = messages_of(self.id()).count(self.transaction.conn()).await;
        Ok(count.map_err(sql::Error::from)?)
    }

    /// The attachments of the session that belong to no message yet, of those named.
    pub(crate) async fn free(&self, ids: &[AttachmentId]) -> Result<Vec<AttachmentId>, Error> {
        use sea_orm::QuerySelect;
        let found: Vec<sea_orm::prelude::Uuid> = attachment::Entity::find()
            .select_only()
            .column(attachment::Column::Id)
            .filter(attachment::Column::SessionId.eq(self.row.id))
            .filter(attachment::Column::MessageId.is_null())
            .filter(attachment::Column::Id.is_in(ids.iter().map(|id| id.uuid())))
            .into_tuple()
            .all(self.transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(found.into_iter().map(AttachmentId::from_uuid).collect())
    }

    pub(crate) async fn attach(
        &self,
        ids: &[AttachmentId],
        question: MessageId,
    ) -> Result<(), Error> {
        attachment::Entity::update_many()
            .col_expr(attachment::Column::MessageId, Expr::value(question.uuid()))
            .filter(attachment::Column::SessionId.eq(self.row.id))
            .filter(attachment::Column::Id.is_in(ids.iter().map(|id| id.uuid())))
            .exec(self.transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(())
    }

    /// A question; `key` is its idempotency key with the hash of its body.
    pub(crate) async fn insert_question(
        &self,
        node: &Node,
        key: Option<(String, String)>,
    ) -> Result<(), Error> {
        let (idempotency_key, body_hash) = key.unzip();
        let row = message::Model {
            idempotency_key,
            body_hash,
            ..row(node)
        };
        self.insert(row).await
    }

    /// An answer that will be made in the name of `principal`, which is JSON.
    pub(crate) async fn insert_answer(&self, node: &Node, principal: String) -> Result<(), Error> {
        let row = message::Model {
            principal: Some(principal),
            ..row(node)
        };
        self.insert(row).await
    }

    async fn insert(&self, row: message::Model) -> Result<(), Error> {
        message::Entity::insert(row.into_active_model())
            .exec_without_returning(self.transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(())
    }

    /// Stops all that wait.
    pub(crate) async fn drop_queued(&self, now: DateTime<Utc>) -> Result<(), Error> {
        message::Entity::update_many()
            .col_expr(
                message::Column::State,
                Expr::value(MessageState::Stopped.as_str()),
            )
            .col_expr(message::Column::FinishedAt, Expr::value(now))
            .filter(message::Column::SessionId.eq(self.row.id))
            .filter(message::Column::State.eq(MessageState::Queued.as_str()))
            .exec(self.transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(())
    }

    /// Its turn has come: it runs, and until `lease` this process alone starts its run. Returns in whose name.
    pub(crate) async fn take_turn(
        &self,
        answer: MessageId,
        lease: DateTime<Utc>,
    ) -> Result<(Node, String), Error> {
        let row = messages_of(self.id())
            .filter(message::Column::Id.eq(answer.uuid()))
            .one(self.transaction.conn())
            .await
            .map_err(sql::Error::from)?
            .ok_or(Error::MessageNotFound(answer))?;
        let attempts = row.start_attempts + 1;
        let mut row = row.into_active_model();
        row.state = Set(MessageState::Running.as_str().to_owned());
        row.lease_until = Set(Some(lease));
        row.start_attempts = Set(attempts);
        let row = row
            .update(self.transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let principal = row
            .principal
            .clone()
            .ok_or(Error::Stored("an answer in nobody's name"))?;
        Ok((to_node(row)?, principal))
    }

    /// The answer that runs is over; without effect when it was already. Returns whether it was this call.
    pub(crate) async fn finish(
        &mut self,
        answer: MessageId,
        state: MessageState,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let changed = message::Entity::update_many()
            .col_expr(message::Column::State, Expr::value(state.as_str()))
            .col_expr(message::Column::FinishedAt, Expr::value(now))
            .filter(message::Column::SessionId.eq(self.row.id))
            .filter(message::Column::Id.eq(answer.uuid()))
            .filter(message::Column::State.eq(MessageState::Running.as_str()))
            .exec(self.transaction.conn())
            .await
            .map_err(sql::Error::from)?
            .rows_affected
            > 0;
        if changed {
            self.change(None, None, now).await?;
        }
        Ok(changed)
    }

    /// Shows another branch, gives a title, and marks the session as used.
    pub(crate) async fn change(
        &mut self,
        head: Option<MessageId>,
        title: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mut row = self.row.clone().into_active_model();
        if let Some(head) = head {
            row.head = Set(Some(head.uuid()));
        }
        if let Some(title) = title {
            row.title = Set(title);
        }
        row.updated_at = Set(now);
        self.row = row
            .update(self.transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(())
    }

    /// Deletes the session with its messages and attachments.
    pub(crate) async fn delete(self) -> Result<(), Error> {
        session::Entity::delete_by_id(self.row.id)
            .exec(self.transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        self.commit().await
    }

    pub(crate) async fn commit(self) -> Result<(), Error> {
        Ok(self.transaction.commit().await?)
    }
}

fn row(node: &Node) -> message::Model {
    let role = match node.role {
        ChatRole::User => "user",
        ChatRole::Assistant => "assistant",
    };
    message::Model {
        id: node.id.uuid(),
        session_id: node.session.uuid(),
        parent_id: node.parent.map(MessageId::uuid),
        depth: depth(node.depth),
        role: role.to_owned(),
        state: node.state.as_str().to_owned(),
        created_at: node.created_at,
        finished_at: node.finished_at,
        idempotency_key: None,
        body_hash: None,
        execution_id: node.execution.map(ExecutionId::uuid),
        principal: None,
        start_attempts: 0,
        lease_until: node.lease_until,
        started_at: node.started_at,
    }
}
