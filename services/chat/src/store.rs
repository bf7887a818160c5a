//! The questions to the database, one method each.
//!
//! **Invariant:** whatever changes the messages of a session holds the lock of the session's row.

mod attachments;
mod entities;
mod locked;
mod messages;
mod rows;
mod sessions;

use contracts::id::{ChatId, MessageId, TenantId, UserId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select, sea_query::LockType};
use sql::{Migration, Migrations, Pool, Tenant};

use crate::{domain::Node, error::Error};
use entities::{message, session};

pub(crate) use attachments::NewFile;
pub(crate) use locked::Locked;
pub(crate) use messages::Stretch;

/// The tables of this service, in each tenant's schema.
pub const MIGRATIONS: Migrations = Migrations {
    service: "chat",
    platform: &[],
    tenant: &[Migration {
        name: "0001_chat",
        sql: include_str!("../migrations/0001_chat.sql"),
    }],
};

/// Sessions, messages and attachments in the database.
pub(crate) struct ChatStore {
    pool: Pool,
}

impl ChatStore {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn begin(&self, tenant: TenantId) -> Result<Tenant, Error> {
        Ok(self.pool.tenant(tenant).await?)
    }
}

/// The session of this owner; another user's is not found.
async fn owned(
    transaction: &Tenant,
    owner: UserId,
    id: ChatId,
    lock: Option<LockType>,
) -> Result<session::Model, Error> {
    let mut query =
        session::Entity::find_by_id(id.uuid()).filter(session::Column::CreatedBy.eq(owner.uuid()));
    if let Some(lock) = lock {
        query = query.lock(lock);
    }
    let row = query
        .one(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    row.ok_or(Error::SessionNotFound(id))
}

fn messages_of(session: ChatId) -> Select<message::Entity> {
    message::Entity::find().filter(message::Column::SessionId.eq(session.uuid()))
}

async fn find_node(transaction: &Tenant, session: ChatId, id: MessageId) -> Result<Node, Error> {
    let row = messages_of(session)
        .filter(message::Column::Id.eq(id.uuid()))
        .one(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    rows::to_node(row.ok_or(Error::MessageNotFound(id))?)
}
