//! Dead letters, in the schema of their tenant.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::{
    dead_letter::{DeadLetter, DeadReason, ListDeadLetters},
    id::{DeadLetterId, ExecutionId, TenantId, UserId},
    page::Page,
    subject::WorkAddress,
};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use sql::{Cursor, Tenant};

use super::{
    ExecutionStore, count,
    dead_letter_row::{self as row, payload},
};
use crate::Error;

/// How long a dead letter is kept, and how many of an organization are.
const KEPT_FOR: TimeDelta = TimeDelta::days(30);
const KEPT: u64 = 10_000;

/// A dead letter with all that puts it back.
pub(crate) struct Kept {
    pub(crate) letter: DeadLetter,
    pub(crate) address: WorkAddress,
    pub(crate) payload: Vec<u8>,
}

impl ExecutionStore {
    /// Keeps a dead letter; one that is there already stays as it is.
    ///
    /// # Errors
    /// When the database is not available, or the tenant unknown.
    pub(crate) async fn bury(&self, tenant: TenantId, kept: &Kept) -> Result<(), Error> {
        let transaction = self.pool.tenant(tenant).await?;
        row::Entity::insert(to_row(kept).into_active_model())
            .on_conflict(OnConflict::column(row::Column::Id).do_nothing().to_owned())
            .exec_without_returning(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let text = payload::Model {
            id: kept.letter.id.uuid(),
            payload: kept.payload.clone(),
        };
        payload::Entity::insert(text.into_active_model())
            .on_conflict(
                OnConflict::column(payload::Column::Id)
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        forget_old(&transaction, kept.letter.died_at).await?;
        Ok(transaction.commit().await?)
    }

    /// The newest first.
    ///
    /// # Errors
    /// An invalid cursor, or that the database is not available.
    pub(crate) async fn dead_letters(
        &self,
        tenant: TenantId,
        list: &ListDeadLetters,
    ) -> Result<Page<DeadLetter>, Error> {
        let mut query = row::Entity::find()
            .order_by_desc(row::Column::DiedAt)
            .order_by_desc(row::Column::Id)
            .limit(u64::from(list.paging.rows()) + 1);
        if let Some(cursor) = Cursor::of(&list.paging)? {
            query = query.filter(cursor.before(row::Column::DiedAt, row::Column::Id));
        }
        let transaction = self.pool.tenant(tenant).await?;
        let rows = query
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let letters: Vec<_> = rows
            .into_iter()
            .map(|row| from_row(row).map(|(letter, _)| letter))
            .collect::<Result<_, _>>()?;
        let cursor = |letter: &DeadLetter| Cursor {
            at: letter.died_at,
            id: letter.id.uuid(),
        };
        Ok(sql::page(letters, &list.paging, cursor, |letter| letter))
    }

    /// # Errors
    /// When the database is not available.
    pub(crate) async fn dead_letter(
        &self,
        tenant: TenantId,
        id: DeadLetterId,
    ) -> Result<Option<Kept>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let row = row::Entity::find_by_id(id.uuid())
            .one(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let text = payload::Entity::find_by_id(id.uuid())
            .one(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let Some((row, text)) = row.zip(text) else {
            return Ok(None);
        };
        let (letter, address) = from_row(row)?;
        Ok(Some(Kept {
            letter,
            address,
            payload: text.payload,
        }))
    }

    /// Notes who put it back and when; the first word stays.
    ///
    /// # Errors
    /// When the database is not available.
    pub(crate) async fn redriven(
        &self,
        tenant: TenantId,
        id: DeadLetterId,
        by: UserId,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let transaction = self.pool.tenant(tenant).await?;
        row::Entity::update_many()
            .col_expr(row::Column::RedrivenAt, Expr::value(at))
            .col_expr(row::Column::RedrivenBy, Expr::value(by.uuid()))
            .filter(row::Column::Id.eq(id.uuid()))
            .filter(row::Column::RedrivenAt.is_null())
            .exec(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(transaction.commit().await?)
    }
}

/// Deletes what is too old or too much.
async fn forget_old(transaction: &Tenant, now: DateTime<Utc>) -> Result<(), Error> {
    let beyond = row::Entity::find()
        .order_by_desc(row::Column::DiedAt)
        .order_by_desc(row::Column::Id)
        .offset(KEPT)
        .one(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    let oldest = now - KEPT_FOR;
    let until = beyond.map_or(oldest, |row| Ord::max(row.died_at, oldest));
    row::Entity::delete_many()
        .filter(Expr::col(row::Column::DiedAt).lte(until))
        .exec(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    Ok(())
}

fn to_row(kept: &Kept) -> row::Model {
    let letter = &kept.letter;
    row::Model {
        id: letter.id.uuid(),
        class: letter.class.clone(),
        reason: letter.reason.as_str().to_owned(),
        deliveries: count(letter.deliveries),
        died_at: letter.died_at,
        execution_id: letter.execution_id.uuid(),
        step: letter.step.clone(),
        attempt: i64::from(letter.attempt),
        subject: kept.address.subject().to_string(),
        preview: letter.payload.clone(),
        payload_bytes: count(letter.payload_bytes),
        redriven_at: letter.redriven_at,
        redriven_by: letter.redriven_by.map(UserId::uuid),
    }
}

fn from_row(row: row::Model) -> Result<(DeadLetter, WorkAddress), Error> {
    let id = DeadLetterId::from_uuid(row.id);
    let unreadable = || Error::UnreadableDeadLetter(id);
    let address = WorkAddress::parse(&row.subject).ok_or_else(unreadable)?;
    let letter = DeadLetter {
        id,
        class: row.class,
        reason: DeadReason::parse(&row.reason).ok_or_else(unreadable)?,
        deliveries: u64::try_from(row.deliveries).map_err(|_| unreadable())?,
        died_at: row.died_at,
        execution_id: ExecutionId::from_uuid(row.execution_id),
        step: row.step,
        attempt: u32::try_from(row.attempt).map_err(|_| unreadable())?,
        payload: row.preview,
        payload_bytes: u64::try_from(row.payload_bytes).map_err(|_| unreadable())?,
        redriven_at: row.redriven_at,
        redriven_by: row.redriven_by.map(UserId::from_uuid),
    };
    Ok((letter, address))
}
