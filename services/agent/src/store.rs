//! The questions to the database, one method each.

mod crews;
mod entities;
mod pins;
mod rows;

use chrono::{DateTime, Utc};
use contracts::{
    agent::{AgentSpec, AgentVersion},
    id::{AgentId, TenantId, UserId},
    page::{Page, Paging},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Set,
    sea_query::{Expr, LockType},
};
use sql::{Migration, Migrations, Pool, Search};

use crate::{
    domain::item::{Item, Kind, Line, Spec, Stored},
    error::Error,
    memory,
};
use entities::{item, member, version};

/// The tables of this service: in each tenant's schema, and the queue of its indexer among the shared ones.
pub const MIGRATIONS: Migrations = Migrations {
    service: "agent",
    platform: &[Migration {
        name: "0001_knowledge_queue",
        sql: include_str!("../migrations/platform/0001_knowledge_queue.sql"),
    }],
    tenant: &[
        Migration {
            name: "0001_agents",
            sql: include_str!("../migrations/0001_agents.sql"),
        },
        Migration {
            name: "0002_knowledge",
            sql: include_str!("../migrations/0002_knowledge.sql"),
        },
        Migration {
            name: "0003_memories",
            sql: include_str!("../migrations/0003_memories.sql"),
        },
    ],
};

/// The first or the next version of an item.
pub(crate) struct Change<S> {
    pub(crate) item: Item,
    pub(crate) spec: S,
    by: UserId,
    now: DateTime<Utc>,
}

impl<S> Change<S> {
    pub(crate) const fn new(item: Item, spec: S, by: UserId, now: DateTime<Utc>) -> Self {
        Self {
            item,
            spec,
            by,
            now,
        }
    }
}

/// A wish for a page of items.
pub(crate) struct Listing {
    pub(crate) kind: Kind,
    pub(crate) search: Option<String>,
    pub(crate) paging: Paging,
}

/// Agents and crews in the database.
pub(crate) struct AgentStore {
    pool: Pool,
}

impl AgentStore {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool }
    }

    /// A new item at version 1.
    pub(crate) async fn insert<S: Spec>(
        &self,
        tenant: TenantId,
        change: Change<S>,
    ) -> Result<Stored<S>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let stored = rows::insert(&transaction, change).await?;
        transaction.commit().await?;
        Ok(stored)
    }

    /// The newest version when none is asked for.
    pub(crate) async fn get<S: Spec>(
        &self,
        tenant: TenantId,
        item: Item,
        number: Option<u32>,
    ) -> Result<Stored<S>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let row = rows::find(&transaction, item, None).await?;
        let asked = number.unwrap_or(row.version.unsigned_abs());
        let missing = || Error::VersionNotFound {
            item,
            version: asked,
        };
        let key = i32::try_from(asked).map_err(|_| missing())?;
        let version = version::Entity::find_by_id((row.id, key))
            .one(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        rows::stored(row, version.ok_or_else(missing)?)
    }

    pub(crate) async fn agent(
        &self,
        tenant: TenantId,
        id: AgentId,
        number: Option<u32>,
    ) -> Result<Stored<AgentSpec>, Error> {
        self.get(tenant, Item::Agent(id), number).await
    }

    /// By name: the cursor is the last name of the page before.
    pub(crate) async fn list(
        &self,
        tenant: TenantId,
        listing: &Listing,
    ) -> Result<Page<Line>, Error> {
        let mut query = item::Entity::find()
            .filter(item::Column::Kind.eq(listing.kind.as_str()))
            .filter(item::Column::DeletedAt.is_null());
        if let Some(search) = Search::of(listing.search.as_deref()) {
            let places = [item::Column::Name, item::Column::About, item::Column::Goal];
            query = query.filter(search.any_of(places.map(Expr::col)));
        }
        if let Some(name) = rows::name_after(&listing.paging)? {
            query = query.filter(item::Column::Name.gt(name));
        }
        let transaction = self.pool.tenant(tenant).await?;
        let found = query
            .order_by_asc(item::Column::Name)
            .limit(u64::from(listing.paging.rows()) + 1)
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let name = |row: &item::Model| row.name.clone();
        Ok(rows::page(found, &listing.paging, name, rows::line))
    }

    /// The next version.
    pub(crate) async fn update<S: Spec>(
        &self,
        tenant: TenantId,
        change: Change<S>,
        if_version: Option<u32>,
    ) -> Result<Stored<S>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let stored = rows::update(&transaction, change, if_version).await?;
        transaction.commit().await?;
        Ok(stored)
    }

    /// With all that it remembers. An agent that works in a crew stays.
    pub(crate) async fn delete_agent(
        &self,
        tenant: TenantId,
        id: AgentId,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let row = rows::find(&transaction, Item::Agent(id), Some(LockType::Update)).await?;
        // Whoever makes it a member locks its row as well: from here on nobody does.
        let membership = member::Entity::find()
            .filter(member::Column::AgentId.eq(row.id))
            .one(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        if let Some(membership) = membership {
            let crew = item::Entity::find_by_id(membership.crew_id)
                .one(transaction.conn())
                .await
                .map_err(sql::Error::from)?;
            let crew = crew.map_or_else(|| membership.crew_id.to_string(), |crew| crew.name);
            return Err(Error::AgentInUse { agent: id, crew });
        }
        memory::forget_agent(&transaction, id).await?;
        hide(&transaction, row, now).await?;
        Ok(transaction.commit().await?)
    }

    /// The newest first: the cursor is the last number of the page before.
    pub(crate) async fn versions(
        &self,
        tenant: TenantId,
        item: Item,
        paging: &Paging,
    ) -> Result<Page<AgentVersion>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let row = rows::find(&transaction, item, None).await?;
        let mut query = version::Entity::find().filter(version::Column::Id.eq(row.id));
        if let Some(cursor) = &paging.cursor {
            let number: i32 = cursor.parse().map_err(|_| rows::invalid_cursor(cursor))?;
            query = query.filter(version::Column::Version.lt(number));
        }
        let found = query
            .order_by_desc(version::Column::Version)
            .limit(u64::from(paging.rows()) + 1)
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let number = |row: &version::Model| row.version.to_string();
        Ok(rows::page(found, paging, number, |row| AgentVersion {
            version: row.version.unsigned_abs(),
            created_by: UserId::from_uuid(row.created_by),
            created_at: row.created_at,
        }))
    }
}

/// A deleted item is gone for everyone, and its name is free.
async fn hide(
    transaction: &sql::Tenant,
    row: item::Model,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let mut row = row.into_active_model();
    row.deleted_at = Set(Some(now));
    row.update(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    Ok(())
}
