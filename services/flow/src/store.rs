//! The questions to the database, one method each.

mod agents;
mod entity;
mod fires;
mod places;
mod regressions;
mod trigger_entity;
mod triggers;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contracts::{
    flow::{Definition, Executable, Flow, FlowSummary, Revision, RevisionSummary, UpdateFlow},
    id::{ExecutionId, FlowId, TenantId, UserId},
    page::{Page, Paging},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Set,
    sea_query::{Expr, LockType},
};
use serde_json::Value;
use sql::{Cursor, Migration, Migrations, Pool, Search};
use vault::Vault;

use crate::{
    domain,
    error::Error,
    store::entity::{flow, revision, start, variable},
};

/// The tables of this service, in each tenant's schema.
pub const MIGRATIONS: Migrations = Migrations {
    service: "flow",
    platform: &[],
    tenant: &[
        Migration {
            name: "0001_flows",
            sql: include_str!("../migrations/0001_flows.sql"),
        },
        Migration {
            name: "0002_executables",
            sql: include_str!("../migrations/0002_executables.sql"),
        },
        Migration {
            name: "0003_agents_of_flows",
            sql: include_str!("../migrations/0003_agents_of_flows.sql"),
        },
        Migration {
            name: "0004_triggers",
            sql: include_str!("../migrations/0004_triggers.sql"),
        },
        Migration {
            name: "0005_regressions",
            sql: include_str!("../migrations/0005_regressions.sql"),
        },
        Migration {
            name: "0006_places",
            sql: include_str!("../migrations/0006_places.sql"),
        },
    ],
};

pub(crate) use fires::{PendingFire, Refusal};
pub(crate) use places::{Claim, KeptPlace};
pub(crate) use regressions::KeptRegression;
pub(crate) use triggers::LockedTrigger;

/// Flows in the database.
pub struct FlowStore {
    pool: Pool,
    vault: Vault,
}

/// What a request to execute began.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    pub(crate) execution_id: ExecutionId,
    pub(crate) revision: Option<u32>,
    pub(crate) definition_hash: String,
    /// Whether nobody has asked for it before.
    pub(crate) is_new: bool,
}

/// What is to become the next revision.
pub(crate) struct Published {
    pub(crate) flow_id: FlowId,
    /// The draft of which the executable was made.
    pub(crate) definition: Definition,
    pub(crate) executable: Executable,
    pub(crate) notes: String,
    pub(crate) by: UserId,
}

impl FlowStore {
    pub(crate) fn new(pool: Pool, vault: Vault) -> Self {
        Self { pool, vault }
    }

    pub(crate) async fn tenants(&self) -> Result<Vec<TenantId>, Error> {
        Ok(self.pool.tenants().await?)
    }

    pub(crate) async fn insert(&self, tenant: TenantId, flow: &Flow) -> Result<(), Error> {
        let row = flow::Model {
            id: flow.id.uuid(),
            name: flow.name.clone(),
            description: flow.description.clone(),
            definition: domain::write(&flow.definition)?,
            version: number(flow.version),
            revision: flow.revision.map(small),
            created_by: flow.created_by.uuid(),
            created_at: flow.created_at,
            updated_at: flow.updated_at,
            deleted_at: None,
            concurrency: None,
        };
        let tx = self.pool.tenant(tenant).await?;
        flow::Entity::insert(row.into_active_model())
            .exec_without_returning(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        agents::of_draft(&tx, flow.id, &flow.definition).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn get(&self, tenant: TenantId, id: FlowId) -> Result<Flow, Error> {
        let tx = self.pool.tenant(tenant).await?;
        to_flow(find(&tx, id, None).await?)
    }

    pub(crate) async fn list(
        &self,
        tenant: TenantId,
        search: Option<&str>,
        paging: &Paging,
    ) -> Result<Page<FlowSummary>, Error> {
        let mut query = flow::Entity::find().filter(flow::Column::DeletedAt.is_null());
        if let Some(search) = Search::of(search) {
            let places = [flow::Column::Name, flow::Column::Description];
            query = query.filter(search.any_of(places.map(Expr::col)));
        }
        if let Some(cursor) = Cursor::of(paging)? {
            query = query.filter(cursor.before(flow::Column::UpdatedAt, flow::Column::Id));
        }
        let tx = self.pool.tenant(tenant).await?;
        let rows = query
            .order_by_desc(flow::Column::UpdatedAt)
            .order_by_desc(flow::Column::Id)
            .limit(u64::from(paging.rows()) + 1)
            .all(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(sql::page(
            rows,
            paging,
            |row| Cursor {
                at: row.updated_at,
                id: row.id,
            },
            to_summary,
        ))
    }

    pub(crate) async fn update(
        &self,
        tenant: TenantId,
        change: UpdateFlow,
        now: DateTime<Utc>,
    ) -> Result<Flow, Error> {
        let tx = self.pool.tenant(tenant).await?;
        let row = find(&tx, change.flow_id, Some(LockType::Update)).await?;
        let actual = row.version.unsigned_abs();
        if let Some(expected) = change.if_version.filter(|expected| *expected != actual) {
            return Err(Error::VersionMismatch {
                flow: change.flow_id,
                expected,
                actual,
            });
        }
        let stored = row.definition.clone();
        let mut row = row.into_active_model();
        if let Some(name) = change.name {
            row.name = Set(name);
        }
        if let Some(description) = change.description {
            row.description = Set(description);
        }
        if let Some(mut definition) = change.definition {
            graph::pin_versions(&mut definition, Some(&domain::read(&stored)?));
            row.definition = Set(domain::write(&definition)?);
            agents::of_draft(&tx, change.flow_id, &definition).await?;
        }
        row.version = Set(number(actual + 1));
        row.updated_at = Set(now);
        let row = row.update(tx.conn()).await.map_err(sql::Error::from)?;
        tx.commit().await?;
        to_flow(row)
    }

    pub(crate) async fn delete(
        &self,
        tenant: TenantId,
        id: FlowId,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let tx = self.pool.tenant(tenant).await?;
        let mut row = find(&tx, id, Some(LockType::Update))
            .await?
            .into_active_model();
        row.deleted_at = Set(Some(now));
        row.update(tx.conn()).await.map_err(sql::Error::from)?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn publish(
        &self,
        tenant: TenantId,
        published: Published,
        now: DateTime<Utc>,
    ) -> Result<Revision, Error> {
        let id = published.flow_id;
        let tx = self.pool.tenant(tenant).await?;
        let row = find(&tx, id, Some(LockType::Update)).await?;
        // Checked under the lock: what is published is what was validated and pinned.
        if domain::read(&row.definition)? != published.definition {
            return Err(Error::DraftChanged);
        }
        let next = row.revision.unwrap_or(0) + 1;
        agents::of_revision(&tx, id, &published.executable.definition).await?;
        let published = revision::Model {
            flow_id: row.id,
            revision: next,
            hash: domain::hash(&row.definition),
            definition: row.definition.clone(),
            executable: Some(domain::write_executable(&published.executable)?),
            notes: published.notes,
            published_by: published.by.uuid(),
            published_at: now,
        };
        let insert = revision::Entity::insert(published.clone().into_active_model());
        insert
            .exec_without_returning(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        let mut row = row.into_active_model();
        row.revision = Set(Some(next));
        row.updated_at = Set(now);
        row.update(tx.conn()).await.map_err(sql::Error::from)?;
        tx.commit().await?;
        to_revision(published)
    }

    pub(crate) async fn revisions(
        &self,
        tenant: TenantId,
        id: FlowId,
        paging: &Paging,
    ) -> Result<Page<RevisionSummary>, Error> {
        let tx = self.pool.tenant(tenant).await?;
        find(&tx, id, None).await?;
        let mut query = revision::Entity::find().filter(revision::Column::FlowId.eq(id.uuid()));
        if let Some(cursor) = Cursor::of(paging)? {
            query = query
                .filter(cursor.before(revision::Column::PublishedAt, revision::Column::FlowId));
        }
        let rows = query
            .order_by_desc(revision::Column::PublishedAt)
            .limit(u64::from(paging.rows()) + 1)
            .all(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(sql::page(
            rows,
            paging,
            |row| Cursor {
                at: row.published_at,
                id: row.flow_id,
            },
            |row| RevisionSummary {
                revision: row.revision.unsigned_abs(),
                hash: row.hash,
                notes: row.notes,
                published_by: UserId::from_uuid(row.published_by),
                published_at: row.published_at,
            },
        ))
    }

    pub(crate) async fn revision(
        &self,
        tenant: TenantId,
        id: FlowId,
        number: u32,
    ) -> Result<Revision, Error> {
        to_revision(self.revision_row(tenant, id, number).await?)
    }

    /// What a revision executes.
    pub(crate) async fn executable(
        &self,
        tenant: TenantId,
        id: FlowId,
        number: u32,
    ) -> Result<Executable, Error> {
        let row = self.revision_row(tenant, id, number).await?;
        match row.executable {
            Some(text) => serde_json::from_str(&text).map_err(Error::Stored),
            None => Ok(Executable {
                definition: domain::read(&row.definition)?,
                ..Executable::default()
            }),
        }
    }

    async fn revision_row(
        &self,
        tenant: TenantId,
        id: FlowId,
        number: u32,
    ) -> Result<revision::Model, Error> {
        let tx = self.pool.tenant(tenant).await?;
        find(&tx, id, None).await?;
        let missing = Error::RevisionNotFound {
            flow: id,
            revision: number,
        };
        let Ok(key) = i32::try_from(number) else {
            return Err(missing);
        };
        let row = revision::Entity::find_by_id((id.uuid(), key))
            .one(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        row.ok_or(missing)
    }

    /// What a key began, with the hash of the request's body.
    pub(crate) async fn begun(
        &self,
        tenant: TenantId,
        key: &str,
    ) -> Result<Option<(String, Begun)>, Error> {
        let tx = self.pool.tenant(tenant).await?;
        let row = start::Entity::find_by_id(key)
            .one(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(row.map(to_begun))
    }

    /// Records what a key begins, unless it began something already; returns what counts.
    pub(crate) async fn record_start(
        &self,
        tenant: TenantId,
        key: &str,
        body_hash: &str,
        begun: Begun,
        now: DateTime<Utc>,
    ) -> Result<(String, Begun), Error> {
        let row = start::Model {
            key: key.to_owned(),
            body_hash: body_hash.to_owned(),
            execution_id: begun.execution_id.uuid(),
            revision: begun.revision.map(small),
            definition_hash: begun.definition_hash.clone(),
            created_at: now,
        };
        let tx = self.pool.tenant(tenant).await?;
        start::Entity::insert(row.clone().into_active_model())
            .on_conflict_do_nothing_on([start::Column::Key])
            .exec_without_returning(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        let counted = start::Entity::find_by_id(key)
            .one(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        tx.commit().await?;
        Ok(to_begun(counted.unwrap_or(row)))
    }

    pub(crate) async fn variables(
        &self,
        tenant: TenantId,
    ) -> Result<BTreeMap<String, Value>, Error> {
        let tx = self.pool.tenant(tenant).await?;
        all_variables(&tx).await
    }

    pub(crate) async fn set_variables(
        &self,
        tenant: TenantId,
        variables: &BTreeMap<String, Value>,
    ) -> Result<(), Error> {
        let rows: Vec<_> = variables
            .iter()
            .map(|(name, value)| {
                variable::Model {
                    name: name.clone(),
                    value: value.to_string(),
                }
                .into_active_model()
            })
            .collect();
        let tx = self.pool.tenant(tenant).await?;
        variable::Entity::delete_many()
            .exec(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        if !rows.is_empty() {
            variable::Entity::insert_many(rows)
                .exec_without_returning(tx.conn())
                .await
                .map_err(sql::Error::from)?;
        }
        Ok(tx.commit().await?)
    }
}

async fn all_variables(tx: &sql::Tenant) -> Result<BTreeMap<String, Value>, Error> {
    let rows = variable::Entity::find()
        .all(tx.conn())
        .await
        .map_err(sql::Error::from)?;
    let parse = |row: variable::Model| {
        Ok((
            row.name,
            serde_json::from_str(&row.value).map_err(Error::Stored)?,
        ))
    };
    rows.into_iter().map(parse).collect()
}

async fn find(tx: &sql::Tenant, id: FlowId, lock: Option<LockType>) -> Result<flow::Model, Error> {
    let mut query = flow::Entity::find_by_id(id.uuid()).filter(flow::Column::DeletedAt.is_null());
    if let Some(lock) = lock {
        query = query.lock(lock);
    }
    let row = query.one(tx.conn()).await.map_err(sql::Error::from)?;
    row.ok_or(Error::FlowNotFound(id))
}

fn to_flow(row: flow::Model) -> Result<Flow, Error> {
    Ok(Flow {
        id: FlowId::from_uuid(row.id),
        name: row.name,
        description: row.description,
        definition: domain::read(&row.definition)?,
        version: row.version.unsigned_abs(),
        revision: row.revision.map(i32::unsigned_abs),
        created_by: UserId::from_uuid(row.created_by),
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn to_summary(row: flow::Model) -> FlowSummary {
    FlowSummary {
        id: FlowId::from_uuid(row.id),
        name: row.name,
        description: row.description,
        version: row.version.unsigned_abs(),
        revision: row.revision.map(i32::unsigned_abs),
        created_by: UserId::from_uuid(row.created_by),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn to_revision(row: revision::Model) -> Result<Revision, Error> {
    Ok(Revision {
        flow_id: FlowId::from_uuid(row.flow_id),
        revision: row.revision.unsigned_abs(),
        definition: domain::read(&row.definition)?,
        hash: row.hash,
        notes: row.notes,
        published_by: UserId::from_uuid(row.published_by),
        published_at: row.published_at,
    })
}

fn to_begun(row: start::Model) -> (String, Begun) {
    let begun = Begun {
        execution_id: ExecutionId::from_uuid(row.execution_id),
        revision: row.revision.map(i32::unsigned_abs),
        definition_hash: row.definition_hash,
        is_new: false,
    };
    (row.body_hash, begun)
}

fn number(version: u64) -> i64 {
    i64::try_from(version).expect("a version counts single changes")
}

fn small(revision: u32) -> i32 {
    i32::try_from(revision).expect("a revision was read from this column")
}
