//! Triggers in the database: what there is, and a trigger that is held while it changes.
//!
//! **Invariant:** a secret is sealed for its organization, its trigger and itself, and leaves this file opened only by
//! [`FlowStore::webhook`].

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use contracts::{
    id::{FlowId, TenantId, TriggerId, UserId},
    page::{Page, Paging},
    subject::Token,
    trigger::{FireOutcome, Trigger, TriggerKind, TriggerSpec},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, ModelTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Set,
    prelude::Uuid,
    sea_query::{Expr, LockType},
};
use secrecy::SecretString;
use sql::Cursor;

use crate::{
    domain::trigger::MAX_TRIGGERS,
    error::Error,
    store::{
        FlowStore, find,
        trigger_entity::{fire, secret, trigger},
    },
};

/// The table of the organization's data key.
const DATA_KEYS: &str = "flow_data_keys";

/// A trigger as it is stored; `next_fires` is for others to say.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) trigger: Trigger,
    pub(crate) version: u64,
    /// The fire times until then are decided.
    pub(crate) done_until: DateTime<Utc>,
}

/// A trigger that nobody else changes until the transaction ends.
pub(crate) struct LockedTrigger {
    pub(super) transaction: sql::Tenant,
    pub(super) held: Held,
    tenant: TenantId,
}

impl FlowStore {
    /// Stores a new trigger, with the secret of a webhook, as soon as it is committed.
    pub(crate) async fn new_trigger(
        &self,
        tenant: TenantId,
        trigger: Trigger,
        secret: Option<&SecretString>,
    ) -> Result<LockedTrigger, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        // Locked, so that the triggers of a flow are counted one after the other.
        find(&transaction, trigger.flow_id, Some(LockType::Update)).await?;
        let count = trigger::Entity::find()
            .filter(trigger::Column::FlowId.eq(trigger.flow_id.uuid()))
            .count(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        if count >= MAX_TRIGGERS {
            return Err(Error::TooManyTriggers(MAX_TRIGGERS));
        }
        let held = Held {
            version: 1,
            done_until: trigger.created_at,
            trigger,
        };
        trigger::Entity::insert(to_row(&held)?.into_active_model())
            .exec_without_returning(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let locked = LockedTrigger {
            transaction,
            held,
            tenant,
        };
        if let Some(secret) = secret {
            let now = locked.held.trigger.created_at;
            self.add_secret(&locked, secret, now).await?;
        }
        Ok(locked)
    }

    pub(crate) async fn trigger(
        &self,
        tenant: TenantId,
        flow: FlowId,
        id: TriggerId,
        now: DateTime<Utc>,
    ) -> Result<Trigger, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        find(&transaction, flow, None).await?;
        let row = trigger::Entity::find_by_id(id.uuid())
            .filter(trigger::Column::FlowId.eq(flow.uuid()))
            .one(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let row = row.ok_or(Error::TriggerNotFound(id))?;
        let ends = ends(&transaction, &[row.id], now).await?;
        Ok(to_held(tenant, row, &ends)?.trigger)
    }

    pub(crate) async fn triggers(
        &self,
        tenant: TenantId,
        flow: FlowId,
        paging: &Paging,
        now: DateTime<Utc>,
    ) -> Result<Page<Trigger>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        find(&transaction, flow, None).await?;
        let mut query = trigger::Entity::find().filter(trigger::Column::FlowId.eq(flow.uuid()));
        if let Some(cursor) = Cursor::of(paging)? {
            query = query.filter(cursor.after(trigger::Column::CreatedAt, trigger::Column::Id));
        }
        let rows = query
            .order_by_asc(trigger::Column::CreatedAt)
            .order_by_asc(trigger::Column::Id)
            .limit(u64::from(paging.rows()) + 1)
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let ends = ends(&transaction, &ids, now).await?;
        let triggers = rows
            .into_iter()
            .map(|row| Ok(to_held(tenant, row, &ends)?.trigger))
            .collect::<Result<Vec<_>, Error>>()?;
        let cursor = |trigger: &Trigger| Cursor {
            at: trigger.created_at,
            id: trigger.id.uuid(),
        };
        Ok(sql::page(triggers, paging, cursor, |trigger| trigger))
    }

    /// The triggers that have something to do in time: clocks, and those of which the engine is yet to take a fire.
    pub(crate) async fn triggers_at_work(&self, tenant: TenantId) -> Result<Vec<TriggerId>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let clocks: Vec<Uuid> = trigger::Entity::find()
            .select_only()
            .column(trigger::Column::Id)
            .filter(trigger::Column::Kind.eq(TriggerKind::Cron.as_str()))
            .filter(trigger::Column::Enabled.eq(true))
            .into_tuple()
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let pending: Vec<Uuid> = fire::Entity::find()
            .select_only()
            .column(fire::Column::TriggerId)
            .distinct()
            .filter(fire::Column::Outcome.eq(FireOutcome::Pending.as_str()))
            .into_tuple()
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let all: BTreeSet<_> = clocks.into_iter().chain(pending).collect();
        Ok(all.into_iter().map(TriggerId::from_uuid).collect())
    }

    /// The enabled triggers that wait for an event of this name.
    pub(crate) async fn triggers_of_event(
        &self,
        tenant: TenantId,
        name: &Token,
    ) -> Result<Vec<Trigger>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let rows = trigger::Entity::find()
            .filter(trigger::Column::Event.eq(name.as_str()))
            .filter(trigger::Column::Enabled.eq(true))
            .order_by_asc(trigger::Column::Id)
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        rows.into_iter()
            .map(|row| Ok(to_held(tenant, row, &HashMap::new())?.trigger))
            .collect()
    }

    /// A webhook with the secrets that count now; none where there is no such webhook.
    pub(crate) async fn webhook(
        &self,
        tenant: TenantId,
        id: TriggerId,
        now: DateTime<Utc>,
    ) -> Result<Option<(Trigger, Vec<SecretString>)>, Error> {
        let transaction = match self.pool.tenant(tenant).await {
            Err(sql::Error::UnknownTenant(_)) => return Ok(None),
            outcome => outcome?,
        };
        let row = trigger::Entity::find_by_id(id.uuid())
            .filter(trigger::Column::Kind.eq(TriggerKind::Webhook.as_str()))
            .one(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let Some(row) = row else {
            return Ok(None);
        };
        let sealed = secret::Entity::find()
            .filter(secret::Column::TriggerId.eq(row.id))
            .filter(counts(now))
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let key = self.vault.tenant_key(&transaction, DATA_KEYS, tenant);
        let key = key.await?;
        let open = |row: secret::Model| {
            let (tenant, trigger, id) = (tenant.to_string(), id.to_string(), row.id.to_string());
            key.open(&[&tenant, &trigger, "secret", &id], &row.sealed)
        };
        let secrets = sealed.into_iter().map(open).collect::<Result<_, _>>()?;
        let trigger = to_held(tenant, row, &HashMap::new())?.trigger;
        transaction.commit().await?;
        Ok(Some((trigger, secrets)))
    }

    /// Holds a trigger, of that flow where one is named; none where there is none.
    pub(crate) async fn lock_trigger(
        &self,
        tenant: TenantId,
        flow: Option<FlowId>,
        id: TriggerId,
        now: DateTime<Utc>,
    ) -> Result<Option<LockedTrigger>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let mut query = trigger::Entity::find_by_id(id.uuid()).lock_exclusive();
        if let Some(flow) = flow {
            find(&transaction, flow, None).await?;
            query = query.filter(trigger::Column::FlowId.eq(flow.uuid()));
        }
        let row = query
            .one(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let Some(row) = row else {
            return Ok(None);
        };
        let ends = ends(&transaction, &[row.id], now).await?;
        Ok(Some(LockedTrigger {
            held: to_held(tenant, row, &ends)?,
            transaction,
            tenant,
        }))
    }

    /// Gives a webhook a new secret; those before it end then.
    pub(crate) async fn rotate(
        &self,
        locked: &mut LockedTrigger,
        secret: &SecretString,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let id = locked.held.trigger.id.uuid();
        secret::Entity::delete_many()
            .filter(secret::Column::TriggerId.eq(id))
            .filter(secret::Column::ExpiresAt.is_not_null())
            .exec(locked.transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        secret::Entity::update_many()
            .col_expr(secret::Column::ExpiresAt, Expr::value(until))
            .filter(secret::Column::TriggerId.eq(id))
            .exec(locked.transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        self.add_secret(locked, secret, now).await?;
        locked.held.trigger.previous_secret_until = Some(until);
        Ok(())
    }

    async fn add_secret(
        &self,
        locked: &LockedTrigger,
        secret: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let (transaction, trigger) = (&locked.transaction, locked.held.trigger.id);
        let key = self.vault.tenant_key(transaction, DATA_KEYS, locked.tenant);
        let key = key.await?;
        let id = Uuid::now_v7();
        let (tenant, name) = (locked.tenant.to_string(), trigger.to_string());
        let row = secret::Model {
            id,
            trigger_id: trigger.uuid(),
            sealed: key.seal(&[&tenant, &name, "secret", &id.to_string()], secret)?,
            expires_at: None,
            created_at: now,
        };
        secret::Entity::insert(row.into_active_model())
            .exec_without_returning(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(())
    }
}

impl LockedTrigger {
    pub(crate) fn trigger(&self) -> &Trigger {
        &self.held.trigger
    }

    pub(crate) fn held(&self) -> &Held {
        &self.held
    }

    /// What a person decides: from now on, and in their name.
    pub(crate) async fn change(
        &mut self,
        spec: Option<TriggerSpec>,
        enabled: bool,
        by: UserId,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let trigger = &mut self.held.trigger;
        if let Some(spec) = spec {
            trigger.spec = spec;
        }
        trigger.enabled = enabled;
        trigger.disabled_reason = None;
        trigger.runs_as = by;
        trigger.updated_at = now;
        self.held.version += 1;
        self.held.done_until = now;
        self.save().await
    }

    /// What the platform decides.
    pub(crate) async fn give_up(&mut self, reason: &str, now: DateTime<Utc>) -> Result<(), Error> {
        let trigger = &mut self.held.trigger;
        trigger.enabled = false;
        trigger.disabled_reason = Some(reason.to_owned());
        trigger.updated_at = now;
        self.held.version += 1;
        self.save().await
    }

    /// The fire times until then are decided.
    pub(crate) async fn done_until(&mut self, until: DateTime<Utc>) -> Result<(), Error> {
        self.held.done_until = until;
        self.save().await
    }

    pub(crate) async fn delete(self) -> Result<(), Error> {
        to_row(&self.held)?
            .delete(self.transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        self.commit().await
    }

    pub(crate) async fn commit(self) -> Result<(), Error> {
        Ok(self.transaction.commit().await?)
    }

    async fn save(&self) -> Result<(), Error> {
        let row = to_row(&self.held)?;
        let row = trigger::ActiveModel {
            id: sea_orm::Unchanged(row.id),
            spec: Set(row.spec),
            event: Set(row.event),
            enabled: Set(row.enabled),
            disabled_reason: Set(row.disabled_reason),
            version: Set(row.version),
            runs_as: Set(row.runs_as),
            done_until: Set(row.done_until),
            updated_at: Set(row.updated_at),
            ..Default::default()
        };
        row.update(self.transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(())
    }
}

/// The secrets that count.
fn counts(now: DateTime<Utc>) -> sea_orm::Condition {
    sea_orm::Condition::any()
        .add(secret::Column::ExpiresAt.is_null())
        .add(secret::Column::ExpiresAt.gt(now))
}

/// Until when secrets count that were rotated away.
async fn ends(
    transaction: &sql::Tenant,
    triggers: &[Uuid],
    now: DateTime<Utc>,
) -> Result<HashMap<Uuid, DateTime<Utc>>, Error> {
    let rows = secret::Entity::find()
        .filter(secret::Column::TriggerId.is_in(triggers.iter().copied()))
        .filter(secret::Column::ExpiresAt.gt(now))
        .all(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    let end = |row: secret::Model| Some((row.trigger_id, row.expires_at?));
    Ok(rows.into_iter().filter_map(end).collect())
}

fn to_row(held: &Held) -> Result<trigger::Model, Error> {
    let trigger = &held.trigger;
    Ok(trigger::Model {
        id: trigger.id.uuid(),
        flow_id: trigger.flow_id.uuid(),
        kind: trigger.kind.as_str().to_owned(),
        spec: serde_json::to_string(&trigger.spec).map_err(Error::Stored)?,
        event: trigger.spec.event.as_ref().map(|event| event.name.clone()),
        enabled: trigger.enabled,
        disabled_reason: trigger.disabled_reason.clone(),
        version: super::number(held.version),
        runs_as: trigger.runs_as.uuid(),
        done_until: held.done_until,
        created_at: trigger.created_at,
        updated_at: trigger.updated_at,
    })
}

fn to_held(
    tenant: TenantId,
    row: trigger::Model,
    ends: &HashMap<Uuid, DateTime<Utc>>,
) -> Result<Held, Error> {
    let id = TriggerId::from_uuid(row.id);
    let kind = TriggerKind::parse(&row.kind).ok_or(Error::StoredTrigger(id))?;
    let is_webhook = kind == TriggerKind::Webhook;
    let trigger = Trigger {
        id,
        flow_id: FlowId::from_uuid(row.flow_id),
        kind,
        spec: serde_json::from_str(&row.spec).map_err(Error::Stored)?,
        enabled: row.enabled,
        disabled_reason: row.disabled_reason,
        runs_as: UserId::from_uuid(row.runs_as),
        next_fires: Vec::new(),
        hook_path: is_webhook.then(|| format!("/hooks/{tenant}/{id}")),
        previous_secret_until: ends.get(&row.id).copied(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Ok(Held {
        trigger,
        version: row.version.unsigned_abs(),
        done_until: row.done_until,
    })
}
