//! The budgets of each organization, and what was spent of them.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use contracts::{
    id::{BudgetId, ExecutionId, FlowId, TenantId, UserId},
    llm::{Budget, BudgetScope, BudgetSpec, BudgetUsage},
    page::{Page, Paging},
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbBackend, EntityTrait, ModelTrait,
    QueryFilter, QueryOrder, QuerySelect, Statement, prelude::Uuid,
};
use serde_json::json;
use sql::{Cursor, Tenant};

use super::{Store, check_version, entities::budget, signed};
use crate::{
    Error,
    domain::{
        budget::{Kept, period_start},
        settings::problem,
    },
};

/// Budgets of one organization at most.
const MAX_BUDGETS: u64 = 200;

impl Store {
    /// The oldest first.
    pub(crate) async fn budget_page(
        &self,
        tenant: TenantId,
        paging: &Paging,
        now: DateTime<Utc>,
    ) -> Result<Page<Budget>, Error> {
        let after = Cursor::of(paging)?;
        let transaction = self.pool.tenant(tenant).await?;
        let mut rows = budget::Entity::find();
        if let Some(cursor) = after {
            rows = rows.filter(cursor.after(budget::Column::CreatedAt, budget::Column::Id));
        }
        let rows = rows
            .order_by_asc(budget::Column::CreatedAt)
            .order_by_asc(budget::Column::Id)
            .limit(u64::from(paging.rows()) + 1)
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let cursor = |row: &budget::Model| Cursor {
            at: row.created_at,
            id: row.id,
        };
        let page = sql::page(rows, paging, cursor, budget::Model::into_kept);
        let kept = page.items.into_iter().collect::<Result<_, _>>()?;
        Ok(Page {
            items: with_figures(&transaction, kept, now).await?,
            next: page.next,
        })
    }

    pub(crate) async fn budget(
        &self,
        tenant: TenantId,
        id: BudgetId,
        now: DateTime<Utc>,
    ) -> Result<Budget, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let kept = find(&transaction, id).await?.into_kept()?;
        one(&transaction, kept, now).await
    }

    pub(crate) async fn insert_budget(
        &self,
        tenant: TenantId,
        kept: Kept,
    ) -> Result<Budget, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let count = budget::Entity::find()
            .select_only()
            .column(budget::Column::Id)
            .limit(MAX_BUDGETS)
            .into_tuple::<Uuid>()
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        if u64::try_from(count.len()).unwrap_or(u64::MAX) >= MAX_BUDGETS {
            let text = "the organization has 200 budgets already";
            return Err(Error::InvalidBudget(vec![problem("/name", text)]));
        }
        let row = budget::ActiveModel {
            id: Set(kept.id.uuid()),
            name: Set(kept.spec.name.clone()),
            ceiling: Set(kept.spec.limit),
            spec: Set(text(&kept.spec)),
            version: Set(signed(kept.version)),
            created_at: Set(kept.created_at),
            updated_at: Set(kept.updated_at),
        };
        let inserted = budget::Entity::insert(row)
            .exec_without_returning(transaction.conn())
            .await
            .map_err(sql::Error::from);
        match inserted {
            Err(error) if error.violates("llm_budgets_name") => {
                return Err(Error::BudgetExists(kept.spec.name));
            }
            outcome => outcome?,
        };
        let now = kept.created_at;
        let budget = one(&transaction, kept, now).await?;
        transaction.commit().await?;
        Ok(budget)
    }

    pub(crate) async fn replace_budget(
        &self,
        tenant: TenantId,
        id: BudgetId,
        (spec, if_version): (BudgetSpec, Option<u32>),
        now: DateTime<Utc>,
    ) -> Result<Budget, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let present = find(&transaction, id).await?;
        check_version(present.version, if_version, || format!("budget `{id}`"))?;
        let before = present.clone().into_kept()?.spec;
        let fixed = [
            ("/scope", before.scope == spec.scope),
            ("/flow_id", before.flow_id == spec.flow_id),
            ("/user_id", before.user_id == spec.user_id),
            ("/period", before.period == spec.period),
        ];
        let changed = fixed.iter().filter(|(_, is_same)| !is_same);
        let stays = "stays: what was spent is counted by it";
        let problems: Vec<_> = changed.map(|(path, _)| problem(path, stays)).collect();
        if !problems.is_empty() {
            return Err(Error::InvalidBudget(problems));
        }
        let next = present.version.saturating_add(1);
        let mut row: budget::ActiveModel = present.into();
        row.version = Set(next);
        row.name = Set(spec.name.clone());
        row.ceiling = Set(spec.limit);
        row.spec = Set(text(&spec));
        row.updated_at = Set(now);
        let changed = row.update(transaction.conn()).await;
        let changed = match changed.map_err(sql::Error::from) {
            Err(error) if error.violates("llm_budgets_name") => {
                return Err(Error::BudgetExists(spec.name));
            }
            outcome => outcome?,
        };
        let budget = one(&transaction, changed.into_kept()?, now).await?;
        transaction.commit().await?;
        Ok(budget)
    }

    pub(crate) async fn delete_budget(&self, tenant: TenantId, id: BudgetId) -> Result<(), Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let row = find(&transaction, id).await?;
        row.delete(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(transaction.commit().await?)
    }
}

/// All budgets, the oldest first.
pub(super) async fn all(transaction: &Tenant) -> Result<Vec<Kept>, Error> {
    let rows = budget::Entity::find()
        .order_by_asc(budget::Column::CreatedAt)
        .order_by_asc(budget::Column::Id)
        .all(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    rows.into_iter().map(budget::Model::into_kept).collect()
}

async fn find(transaction: &Tenant, id: BudgetId) -> Result<budget::Model, Error> {
    let row = budget::Entity::find_by_id(id.uuid())
        .lock_exclusive()
        .one(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    row.ok_or(Error::UnknownBudget(id))
}

async fn one(transaction: &Tenant, kept: Kept, now: DateTime<Utc>) -> Result<Budget, Error> {
    let mut budgets = with_figures(transaction, vec![kept], now).await?;
    Ok(budgets.remove(0))
}

async fn with_figures(
    transaction: &Tenant,
    kept: Vec<Kept>,
    now: DateTime<Utc>,
) -> Result<Vec<Budget>, Error> {
    let periods: Vec<_> = kept
        .iter()
        .map(|it| {
            let period = period_start(it.spec.period, now).unwrap_or_default();
            json!({"budget_id": it.id.uuid(), "period": period})
        })
        .collect();
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT w.budget_id, c.subject, c.spent, c.reserved \
         FROM jsonb_to_recordset($1::jsonb) AS w(budget_id uuid, period date) \
         CROSS JOIN LATERAL ( \
             SELECT subject, spent, reserved FROM llm_budget_counters AS c \
             WHERE c.budget_id = w.budget_id AND c.period = w.period \
             ORDER BY spent + reserved DESC, subject LIMIT 20) AS c",
        [json!(periods).to_string().into()],
    );
    let rows = transaction.conn().query_all_raw(statement).await;
    let mut figures: HashMap<Uuid, Vec<(Uuid, Decimal, Decimal)>> = HashMap::new();
    for row in rows.map_err(sql::Error::from)? {
        let read = || {
            let budget: Uuid = row.try_get_by_index(0)?;
            let figure = (
                row.try_get_by_index(1)?,
                row.try_get_by_index(2)?,
                row.try_get_by_index(3)?,
            );
            Ok::<_, sea_orm::DbErr>((budget, figure))
        };
        let (budget, figure) = read().map_err(sql::Error::from)?;
        figures.entry(budget).or_default().push(figure);
    }
    let budget = |kept: Kept| {
        let usage = figures.remove(&kept.id.uuid()).unwrap_or_default();
        let usage = usage
            .into_iter()
            .map(|(subject, spent, reserved)| BudgetUsage {
                subject: subject_text(kept.spec.scope, subject),
                spent: spent.normalize(),
                reserved: reserved.normalize(),
            });
        Budget {
            id: kept.id,
            period_start: period_start(kept.spec.period, now),
            usage: usage.collect(),
            spec: kept.spec,
            version: kept.version,
            created_at: kept.created_at,
            updated_at: kept.updated_at,
        }
    };
    Ok(kept.into_iter().map(budget).collect())
}

/// The id that the counter of a budget is for.
pub(super) fn subject_text(scope: BudgetScope, subject: Uuid) -> Option<String> {
    match scope {
        BudgetScope::Organization => None,
        BudgetScope::Flow => Some(FlowId::from_uuid(subject).to_string()),
        BudgetScope::Execution => Some(ExecutionId::from_uuid(subject).to_string()),
        BudgetScope::User => Some(UserId::from_uuid(subject).to_string()),
    }
}

/// The period's first day, as the contract shows it.
pub(super) fn shown_period(period: NaiveDate) -> Option<NaiveDate> {
    (period != NaiveDate::default()).then_some(period)
}

fn text(spec: &BudgetSpec) -> String {
    serde_json::to_string(spec).expect("a budget can be written as JSON")
}
