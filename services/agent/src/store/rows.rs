//! Steps within a transaction, and what rows stand for.

use contracts::{
    id::UserId,
    page::{Page, Paging},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::LockType,
};

use crate::{
    domain::item::{Item, Kind, Line, Spec, Stored},
    error::Error,
    store::{
        Change,
        entities::{item, version},
    },
};

/// Bytes of a cursor that is a name: 100 characters.
const MAX_CURSOR: usize = 400;

/// A new item at version 1.
pub(super) async fn insert<S: Spec>(
    transaction: &sql::Tenant,
    change: Change<S>,
) -> Result<Stored<S>, Error> {
    let shown = change.spec.shown();
    let row = item::Model {
        id: change.item.uuid(),
        kind: change.item.kind().as_str().to_owned(),
        name: shown.name.to_owned(),
        version: 1,
        about: shown.about.to_owned(),
        goal: shown.goal.map(str::to_owned),
        mode: shown.mode.to_owned(),
        created_by: change.by.uuid(),
        created_at: change.now,
        updated_at: change.now,
        deleted_at: None,
    };
    let first = version_of(&row, &change)?;
    let inserted = item::Entity::insert(row.clone().into_active_model())
        .exec_without_returning(transaction.conn())
        .await
        .map_err(sql::Error::from);
    inserted.map_err(|error| unless_taken(error, &change))?;
    add_version(transaction, first).await?;
    Ok(made(row, change))
}

/// The next version.
pub(super) async fn update<S: Spec>(
    transaction: &sql::Tenant,
    change: Change<S>,
    if_version: Option<u32>,
) -> Result<Stored<S>, Error> {
    let mut row = find(transaction, change.item, Some(LockType::Update)).await?;
    let actual = row.version.unsigned_abs();
    if let Some(expected) = if_version.filter(|expected| *expected != actual) {
        return Err(Error::VersionMismatch {
            item: change.item,
            expected,
            actual,
        });
    }
    let shown = change.spec.shown();
    row.version += 1;
    row.name = shown.name.to_owned();
    row.about = shown.about.to_owned();
    row.goal = shown.goal.map(str::to_owned);
    row.mode = shown.mode.to_owned();
    row.updated_at = change.now;
    let next = version_of(&row, &change)?;
    let changed = row.clone().into_active_model().reset_all();
    let updated = changed.update(transaction.conn()).await;
    updated.map_err(|error| unless_taken(error.into(), &change))?;
    add_version(transaction, next).await?;
    Ok(made(row, change))
}

pub(super) async fn find(
    transaction: &sql::Tenant,
    item: Item,
    lock: Option<LockType>,
) -> Result<item::Model, Error> {
    let mut query = item::Entity::find_by_id(item.uuid())
        .filter(item::Column::Kind.eq(item.kind().as_str()))
        .filter(item::Column::DeletedAt.is_null());
    if let Some(lock) = lock {
        query = query.lock(lock);
    }
    let row = query
        .one(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    row.ok_or(Error::NotFound(item))
}

async fn add_version(transaction: &sql::Tenant, row: version::Model) -> Result<(), Error> {
    version::Entity::insert(row.into_active_model())
        .exec_without_returning(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    Ok(())
}

fn version_of<S: Spec>(row: &item::Model, change: &Change<S>) -> Result<version::Model, Error> {
    Ok(version::Model {
        id: row.id,
        version: row.version,
        spec: serde_json::to_string(&change.spec).map_err(Error::Stored)?,
        created_by: change.by.uuid(),
        created_at: change.now,
    })
}

fn unless_taken<S: Spec>(error: sql::Error, change: &Change<S>) -> Error {
    if !error.violates("agent_registry_name") {
        return error.into();
    }
    let kind = match change.item.kind() {
        Kind::Agent => "an agent",
        Kind::Crew => "a crew",
    };
    Error::NameTaken {
        kind,
        name: change.spec.shown().name.to_owned(),
    }
}

/// What was just written.
fn made<S>(row: item::Model, change: Change<S>) -> Stored<S> {
    Stored {
        id: row.id,
        version: row.version.unsigned_abs(),
        spec: change.spec,
        created_by: UserId::from_uuid(row.created_by),
        created_at: row.created_at,
        updated_at: change.now,
    }
}

pub(super) fn stored<S: Spec>(
    row: item::Model,
    version: version::Model,
) -> Result<Stored<S>, Error> {
    Ok(Stored {
        id: row.id,
        version: version.version.unsigned_abs(),
        spec: serde_json::from_str(&version.spec).map_err(Error::Stored)?,
        created_by: UserId::from_uuid(row.created_by),
        created_at: row.created_at,
        updated_at: version.created_at,
    })
}

pub(super) fn line(row: item::Model) -> Line {
    Line {
        id: row.id,
        version: row.version.unsigned_abs(),
        name: row.name,
        about: row.about,
        mode: row.mode,
        updated_at: row.updated_at,
    }
}

/// The name that a page by name starts after.
pub(super) fn name_after(paging: &Paging) -> Result<Option<&str>, Error> {
    let is_name = |cursor: &str| cursor.len() <= MAX_CURSOR && !cursor.contains('\0');
    match paging.cursor.as_deref() {
        Some(cursor) if !is_name(cursor) => Err(invalid_cursor(cursor)),
        cursor => Ok(cursor),
    }
}

pub(super) fn invalid_cursor(cursor: &str) -> Error {
    sql::Error::InvalidCursor(cursor.chars().take(64).collect()).into()
}

/// A page of rows that were read with a limit of `paging.rows() + 1`.
pub(super) fn page<Row, Item>(
    mut rows: Vec<Row>,
    paging: &Paging,
    cursor: impl Fn(&Row) -> String,
    item: impl FnMut(Row) -> Item,
) -> Page<Item> {
    let limit = usize::try_from(paging.rows()).expect("a page has at most 200 rows");
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(cursor);
    Page {
        items: rows.into_iter().map(item).collect(),
        next,
    }
}
