//! The questions to the database, one method each.

mod calls;
mod entities;
mod secrets;
mod snapshots;

use chrono::{DateTime, Utc};
use contracts::{
    id::{TenantId, ToolId, UserId},
    page::{Page, Paging},
    subject::Token,
    tool::{Approval, ListTools, Tool, ToolKind, ToolSpec, ToolSummary, ToolVersion, UpdateTool},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Set,
    sea_query::{Expr, LockType},
};
use sql::{Migration, Migrations, Pool, Search};
use vault::Vault;

use crate::error::Error;
use entities::{tool, version};

pub(crate) use secrets::OpenSecret;

/// The tables of this service, in each tenant's schema.
pub const MIGRATIONS: Migrations = Migrations {
    service: "tool",
    platform: &[],
    tenant: &[Migration {
        name: "0001_tools",
        sql: include_str!("../migrations/0001_tools.sql"),
    }],
};

/// Tools, secrets and calls in the database.
pub(crate) struct ToolStore {
    pool: Pool,
    vault: Vault,
}

impl ToolStore {
    pub(crate) fn new(pool: Pool, vault: Vault) -> Self {
        Self { pool, vault }
    }

    /// A new tool at version 1.
    pub(crate) async fn insert(
        &self,
        tenant: TenantId,
        id: ToolId,
        spec: ToolSpec,
        by: UserId,
        now: DateTime<Utc>,
    ) -> Result<Tool, Error> {
        let row = tool::Model {
            id: id.uuid(),
            name: spec.name.clone(),
            kind: spec.kind.as_str().to_owned(),
            version: 1,
            description: spec.description.clone(),
            approval: write(&spec.approval)?,
            created_by: by.uuid(),
            created_at: now,
            updated_at: now,
            deleted_at: None,
        };
        let first = version_of(&row, &spec, by, now)?;
        let transaction = self.pool.tenant(tenant).await?;
        let inserted = tool::Entity::insert(row.clone().into_active_model())
            .exec_without_returning(transaction.conn())
            .await
            .map_err(sql::Error::from);
        match inserted {
            Err(error) if error.violates("tools_name") => return Err(Error::NameTaken(spec.name)),
            outcome => outcome?,
        };
        add_version(&transaction, &first).await?;
        transaction.commit().await?;
        to_tool(row, first)
    }

    /// The newest version when none is asked for.
    pub(crate) async fn get(
        &self,
        tenant: TenantId,
        id: ToolId,
        number: Option<u32>,
    ) -> Result<Tool, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let row = find(&transaction, id, None).await?;
        let asked = number.unwrap_or(row.version.unsigned_abs());
        let missing = || Error::VersionNotFound {
            tool: id,
            version: asked,
        };
        let key = i32::try_from(asked).map_err(|_| missing())?;
        let version = version::Entity::find_by_id((row.id, key))
            .one(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        to_tool(row, version.ok_or_else(missing)?)
    }

    /// By name: the cursor is the last name of the page before.
    pub(crate) async fn list(
        &self,
        tenant: TenantId,
        request: &ListTools,
    ) -> Result<Page<ToolSummary>, Error> {
        let mut query = tool::Entity::find().filter(tool::Column::DeletedAt.is_null());
        if let Some(search) = Search::of(request.search.as_deref()) {
            let places = [tool::Column::Name, tool::Column::Description];
            query = query.filter(search.any_of(places.map(Expr::col)));
        }
        if let Some(kind) = request.kind {
            query = query.filter(tool::Column::Kind.eq(kind.as_str()));
        }
        if let Some(name) = name_after(&request.paging)? {
            query = query.filter(tool::Column::Name.gt(name.as_str()));
        }
        let transaction = self.pool.tenant(tenant).await?;
        let rows = query
            .order_by_asc(tool::Column::Name)
            .limit(u64::from(request.paging.rows()) + 1)
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        page(rows, &request.paging, |row| row.name.clone(), to_summary)
    }

    /// The next version.
    pub(crate) async fn update(
        &self,
        tenant: TenantId,
        change: UpdateTool,
        by: UserId,
        now: DateTime<Utc>,
    ) -> Result<Tool, Error> {
        let (id, spec) = (change.tool_id, change.spec);
        let transaction = self.pool.tenant(tenant).await?;
        let mut row = find(&transaction, id, Some(LockType::Update)).await?;
        let actual = row.version.unsigned_abs();
        if let Some(expected) = change.if_version.filter(|expected| *expected != actual) {
            return Err(Error::VersionMismatch {
                tool: id,
                expected,
                actual,
            });
        }
        if spec.name != row.name {
            return Err(Error::OtherName(row.name));
        }
        if let Some(kind) = ToolKind::parse(&row.kind).filter(|kind| *kind != spec.kind) {
            return Err(Error::OtherKind(kind));
        }
        row.version += 1;
        row.description.clone_from(&spec.description);
        row.approval = write(&spec.approval)?;
        row.updated_at = now;
        let next = version_of(&row, &spec, by, now)?;
        add_version(&transaction, &next).await?;
        let changed = row.clone().into_active_model().reset_all();
        changed
            .update(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        transaction.commit().await?;
        to_tool(row, next)
    }

    pub(crate) async fn delete(
        &self,
        tenant: TenantId,
        id: ToolId,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let row = find(&transaction, id, Some(LockType::Update)).await?;
        let mut row = row.into_active_model();
        row.deleted_at = Set(Some(now));
        row.update(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(transaction.commit().await?)
    }

    /// The newest first: the cursor is the last number of the page before.
    pub(crate) async fn versions(
        &self,
        tenant: TenantId,
        id: ToolId,
        paging: &Paging,
    ) -> Result<Page<ToolVersion>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let row = find(&transaction, id, None).await?;
        let mut query = version::Entity::find().filter(version::Column::ToolId.eq(row.id));
        if let Some(cursor) = &paging.cursor {
            let number: i32 = cursor.parse().map_err(|_| invalid_cursor(cursor))?;
            query = query.filter(version::Column::Version.lt(number));
        }
        let rows = query
            .order_by_desc(version::Column::Version)
            .limit(u64::from(paging.rows()) + 1)
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        page(
            rows,
            paging,
            |row| row.version.to_string(),
            |row| {
                Ok(ToolVersion {
                    version: row.version.unsigned_abs(),
                    created_by: UserId::from_uuid(row.created_by),
                    created_at: row.created_at,
                })
            },
        )
    }
}

async fn find(
    transaction: &sql::Tenant,
    id: ToolId,
    lock: Option<LockType>,
) -> Result<tool::Model, Error> {
    let mut query = tool::Entity::find_by_id(id.uuid()).filter(tool::Column::DeletedAt.is_null());
    if let Some(lock) = lock {
        query = query.lock(lock);
    }
    let row = query
        .one(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    row.ok_or(Error::ToolNotFound(id))
}

async fn add_version(transaction: &sql::Tenant, row: &version::Model) -> Result<(), Error> {
    version::Entity::insert(row.clone().into_active_model())
        .exec_without_returning(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    Ok(())
}

fn version_of(
    row: &tool::Model,
    spec: &ToolSpec,
    by: UserId,
    now: DateTime<Utc>,
) -> Result<version::Model, Error> {
    Ok(version::Model {
        tool_id: row.id,
        version: row.version,
        spec: write(spec)?,
        created_by: by.uuid(),
        created_at: now,
    })
}

fn to_tool(row: tool::Model, version: version::Model) -> Result<Tool, Error> {
    let spec: ToolSpec = read(&version.spec)?;
    let timeout_ms = spec.timeout_ms();
    Ok(Tool {
        id: ToolId::from_uuid(row.id),
        version: version.version.unsigned_abs(),
        name: spec.name,
        kind: spec.kind,
        description: spec.description,
        input_schema: spec.input_schema,
        output_schema: spec.output_schema,
        config: spec.config,
        approval: spec.approval,
        timeout_ms,
        least_role: spec.least_role,
        created_by: UserId::from_uuid(row.created_by),
        created_at: row.created_at,
        updated_at: version.created_at,
    })
}

fn to_summary(row: tool::Model) -> Result<ToolSummary, Error> {
    let approval: Approval = read(&row.approval)?;
    let kind: ToolKind = read(&format!("\"{}\"", row.kind))?;
    Ok(ToolSummary {
        id: ToolId::from_uuid(row.id),
        version: row.version.unsigned_abs(),
        name: row.name,
        kind,
        description: row.description,
        approval,
        updated_at: row.updated_at,
    })
}

fn write<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(Error::Stored)
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(Error::Stored)
}

/// The name that a page by name starts after.
fn name_after(paging: &Paging) -> Result<Option<Token>, Error> {
    let name = |cursor: &String| Token::new(cursor).ok_or_else(|| invalid_cursor(cursor));
    paging.cursor.as_ref().map(name).transpose()
}

fn invalid_cursor(cursor: &str) -> Error {
    sql::Error::InvalidCursor(cursor.chars().take(64).collect()).into()
}

/// A page of rows that were read with a limit of `paging.rows() + 1`.
fn page<Row, Item>(
    mut rows: Vec<Row>,
    paging: &Paging,
    cursor: impl Fn(&Row) -> String,
    item: impl FnMut(Row) -> Result<Item, Error>,
) -> Result<Page<Item>, Error> {
    let limit = usize::try_from(paging.rows()).expect("a page has at most 200 rows");
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(cursor);
    Ok(Page {
        items: rows.into_iter().map(item).collect::<Result<_, _>>()?,
        next,
    })
}
