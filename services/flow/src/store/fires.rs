//! The times that triggers fired, in the database.
//!
//! **Invariant:** of all rows with one key of a trigger there is one, and one that is settled stays as it is.

use chrono::TimeDelta;
use contracts::{
    id::{ExecutionId, FireId, FlowId, TenantId, TriggerId},
    page::{Page, Paging},
    trigger::{Fire, FireOutcome},
};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde_json::Value;
use sql::Cursor;

use crate::{
    error::Error,
    store::{
        FlowStore, find,
        trigger_entity::{fire, trigger},
        triggers::LockedTrigger,
    },
};

/// How long the history is kept.
const KEPT: TimeDelta = TimeDelta::days(30);

/// One fire that the engine may not have taken yet.
#[derive(Clone, Debug)]
pub(crate) struct PendingFire {
    pub(crate) fire: Fire,
    pub(crate) input: Value,
}

/// Why a trigger began nothing.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) outcome: FireOutcome,
    pub(crate) reason: String,
    pub(crate) detail: String,
}

impl LockedTrigger {
    /// Notes a fire, unless there is one with this key; gives the one that counts, and whether it is new. Forgets what is
    /// older than the history.
    pub(crate) async fn note(
        &self,
        fire: Fire,
        input: Option<&Value>,
    ) -> Result<(PendingFire, bool), Error> {
        let conn = self.transaction.conn();
        let trigger = self.held.trigger.id.uuid();
        fire::Entity::delete_many()
            .filter(fire::Column::TriggerId.eq(trigger))
            .filter(fire::Column::At.lt(fire.at - KEPT))
            .exec(conn)
            .await
            .map_err(sql::Error::from)?;
        let row = fire::Model {
            id: fire.id.uuid(),
            trigger_id: trigger,
            key: fire.key.clone(),
            at: fire.at,
            outcome: fire.outcome.as_str().to_owned(),
            reason: fire.reason,
            detail: fire.detail,
            execution_id: fire.execution_id.map(ExecutionId::uuid),
            input: input.map(Value::to_string),
        };
        let inserted = fire::Entity::insert(row.into_active_model())
            .on_conflict(
                OnConflict::columns([fire::Column::TriggerId, fire::Column::Key])
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(conn)
            .await
            .map_err(sql::Error::from)?;
        let row = fire::Entity::find()
            .filter(fire::Column::TriggerId.eq(trigger))
            .filter(fire::Column::Key.eq(fire.key))
            .one(conn)
            .await
            .map_err(sql::Error::from)?;
        let row = row.ok_or(Error::StoredTrigger(self.held.trigger.id))?;
        Ok((to_pending(row)?, inserted > 0))
    }
}

impl FlowStore {
    /// The oldest fires of a trigger that the engine may not have taken yet.
    pub(crate) async fn pending(
        &self,
        tenant: TenantId,
        trigger: TriggerId,
        limit: u64,
    ) -> Result<Vec<PendingFire>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let rows = fire::Entity::find()
            .filter(fire::Column::TriggerId.eq(trigger.uuid()))
            .filter(fire::Column::Outcome.eq(FireOutcome::Pending.as_str()))
            .order_by_asc(fire::Column::At)
            .order_by_asc(fire::Column::Id)
            .limit(limit)
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        rows.into_iter().map(to_pending).collect()
    }

    /// Says what became of a fire, once.
    pub(crate) async fn settle(
        &self,
        tenant: TenantId,
        fire: FireId,
        refusal: Option<&Refusal>,
    ) -> Result<(), Error> {
        let outcome = refusal.map_or(FireOutcome::Started, |refusal| refusal.outcome);
        let mut update = fire::Entity::update_many()
            .col_expr(fire::Column::Outcome, Expr::value(outcome.as_str()))
            .col_expr(fire::Column::Input, Expr::value(None::<String>));
        if let Some(refusal) = refusal {
            update = update
                .col_expr(fire::Column::Reason, Expr::value(refusal.reason.as_str()))
                .col_expr(fire::Column::Detail, Expr::value(refusal.detail.as_str()))
                .col_expr(
                    fire::Column::ExecutionId,
                    Expr::value(None::<sea_orm::prelude::Uuid>),
                );
        }
        let transaction = self.pool.tenant(tenant).await?;
        update
            .filter(fire::Column::Id.eq(fire.uuid()))
            .filter(fire::Column::Outcome.eq(FireOutcome::Pending.as_str()))
            .exec(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(transaction.commit().await?)
    }

    /// The newest first.
    pub(crate) async fn fires(
        &self,
        tenant: TenantId,
        flow: FlowId,
        id: TriggerId,
        paging: &Paging,
    ) -> Result<Page<Fire>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        find(&transaction, flow, None).await?;
        let known = trigger::Entity::find_by_id(id.uuid())
            .filter(trigger::Column::FlowId.eq(flow.uuid()))
            .one(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        known.ok_or(Error::TriggerNotFound(id))?;
        let mut query = fire::Entity::find().filter(fire::Column::TriggerId.eq(id.uuid()));
        if let Some(cursor) = Cursor::of(paging)? {
            query = query.filter(cursor.before(fire::Column::At, fire::Column::Id));
        }
        let rows = query
            .order_by_desc(fire::Column::At)
            .order_by_desc(fire::Column::Id)
            .limit(u64::from(paging.rows()) + 1)
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let fires = rows
            .into_iter()
            .map(|row| Ok(to_pending(row)?.fire))
            .collect::<Result<Vec<_>, Error>>()?;
        let cursor = |fire: &Fire| Cursor {
            at: fire.at,
            id: fire.id.uuid(),
        };
        Ok(sql::page(fires, paging, cursor, |fire| fire))
    }
}

fn to_pending(row: fire::Model) -> Result<PendingFire, Error> {
    let trigger = TriggerId::from_uuid(row.trigger_id);
    let outcome = FireOutcome::parse(&row.outcome).ok_or(Error::StoredTrigger(trigger))?;
    let input = row.input.as_deref().unwrap_or("null");
    let input = serde_json::from_str(input).map_err(Error::Stored)?;
    let fire = Fire {
        id: FireId::from_uuid(row.id),
        at: row.at,
        key: row.key,
        outcome,
        reason: row.reason,
        detail: row.detail,
        execution_id: row.execution_id.map(ExecutionId::from_uuid),
    };
    Ok(PendingFire { fire, input })
}
