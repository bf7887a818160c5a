//! Money that is held back for calls under way, and what becomes of it.
//!
//! **Invariant:** what is spent and what is reserved of a budget together never exceed its limit by a reservation: one
//! statement compares and reserves, under the locks of the counters' rows. Counters are locked in the order of their keys.
//!
//! A call reserves and settles in one round trip each.

use chrono::NaiveDate;
use contracts::{
    id::{BudgetId, CallId, TenantId},
    llm::{BudgetAlert, BudgetSpec},
};
use rust_decimal::Decimal;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, prelude::Uuid};
use serde_json::{Value, json};
use sql::{Call, Prepared};

use super::{
    Store,
    budgets::{shown_period, subject_text},
};
use crate::{Error, domain::budget};

/// Longer than any call is under way, in seconds.
const EXPIRY_SECONDS: i64 = 60 * 60;

/// A transaction begins with it: the counters are there before they are locked.
const OPEN: Prepared = Prepared {
    name: "llm_open_counters",
    types: "(jsonb, numeric)",
    sql: "
INSERT INTO llm_budget_counters (budget_id, subject, period)
SELECT w.budget_id, w.subject, w.period
FROM jsonb_to_recordset($1) AS w(budget_id uuid, subject uuid, period date)
JOIN llm_budgets AS b ON b.id = w.budget_id
WHERE $2 <= b.ceiling ORDER BY w.budget_id, w.subject, w.period
ON CONFLICT DO NOTHING",
};

const RESERVE: Prepared = Prepared {
    name: "llm_reserve",
    types: "(jsonb, numeric, uuid, numeric, bigint)",
    sql: "
WITH wanted AS (
    SELECT w.budget_id, w.subject, w.period, b.ceiling
    FROM jsonb_to_recordset($1) AS w(budget_id uuid, subject uuid, period date)
    JOIN llm_budgets AS b ON b.id = w.budget_id
), locked AS (
    SELECT c.budget_id, c.subject, c.period, c.spent + c.reserved + $2 <= w.ceiling AS fits
    FROM llm_budget_counters AS c
    JOIN wanted AS w ON (w.budget_id, w.subject, w.period) = (c.budget_id, c.subject, c.period)
    ORDER BY c.budget_id, c.subject, c.period FOR UPDATE OF c
), held AS (
    UPDATE llm_budget_counters AS c SET reserved = c.reserved + $2, touched_at = now()
    FROM locked AS l
    WHERE (c.budget_id, c.subject, c.period) = (l.budget_id, l.subject, l.period)
        AND (SELECT count(*) FROM locked WHERE fits) = (SELECT count(*) FROM wanted)
    RETURNING c.budget_id, c.subject, c.period
), kept AS (
    INSERT INTO llm_reservations (call_id, budget_id, subject, period, amount, least, expires_at)
    SELECT $3, budget_id, subject, period, $2, $4, now() + $5 * interval '1 second' FROM held
)
SELECT w.budget_id FROM wanted AS w
WHERE NOT EXISTS (SELECT FROM locked AS l WHERE l.budget_id = w.budget_id AND l.fits)
ORDER BY w.budget_id",
};

const SETTLE: Prepared = Prepared {
    name: "llm_settle",
    types: "(jsonb)",
    sql: "
WITH told AS (
    SELECT * FROM jsonb_to_recordset($1) AS t(call_id uuid, cost numeric)
), over AS (
    DELETE FROM llm_reservations AS r USING told AS t WHERE r.call_id = t.call_id
    RETURNING r.budget_id, r.subject, r.period, r.amount, t.cost
), sums AS (
    SELECT budget_id, subject, period, sum(amount) AS amount, sum(cost) AS cost
    FROM over GROUP BY budget_id, subject, period
), locked AS (
    SELECT c.budget_id, c.subject, c.period FROM llm_budget_counters AS c
    JOIN sums AS s ON (s.budget_id, s.subject, s.period) = (c.budget_id, c.subject, c.period)
    ORDER BY c.budget_id, c.subject, c.period FOR UPDATE OF c
), changed AS (
    UPDATE llm_budget_counters AS c
    SET reserved = c.reserved - s.amount, spent = c.spent + s.cost, touched_at = now()
    FROM sums AS s JOIN locked AS l ON (l.budget_id, l.subject, l.period) = (s.budget_id, s.subject, s.period)
    WHERE (c.budget_id, c.subject, c.period) = (s.budget_id, s.subject, s.period)
    RETURNING c.budget_id, c.subject, c.period, c.spent, c.alerted
)
SELECT c.budget_id, c.subject, c.period, c.spent, c.alerted, b.spec
FROM changed AS c JOIN llm_budgets AS b ON b.id = c.budget_id",
};

/// Calls whose process died: their question is taken as paid for, all else is free again.
const SWEEP: &str = "
WITH dead AS (
    DELETE FROM llm_reservations WHERE expires_at < now()
    RETURNING budget_id, subject, period, amount, least
), sums AS (
    SELECT budget_id, subject, period, sum(amount) AS amount, sum(least) AS least
    FROM dead GROUP BY budget_id, subject, period
), forgotten AS (
    -- Executions of long ago.
    DELETE FROM llm_budget_counters AS c USING llm_budgets AS b
    WHERE b.id = c.budget_id AND b.spec::jsonb ->> 'scope' = 'execution'
        AND c.touched_at < now() - interval '400 days' AND c.reserved = 0
)
UPDATE llm_budget_counters AS c
SET reserved = c.reserved - s.amount, spent = c.spent + s.least
FROM sums AS s
WHERE (c.budget_id, c.subject, c.period) = (s.budget_id, s.subject, s.period)";

/// Said once, however often a question is refused.
const REFUSED: &str = "
UPDATE llm_budget_counters AS c SET alerted = 100 FROM llm_budgets AS b
WHERE (c.budget_id, c.subject, c.period) = ($1, $2, $3) AND c.alerted < 100 AND b.id = c.budget_id
RETURNING c.budget_id, c.subject, c.period, c.spent, c.alerted, b.spec";

const TOLD: &str = "
UPDATE llm_budget_counters SET alerted = $4
WHERE (budget_id, subject, period) = ($1, $2, $3) AND alerted < $4";

/// A counter that a call counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Counter {
    pub(crate) budget: BudgetId,
    /// Zeros for the organization.
    pub(crate) subject: Uuid,
    /// 1970-01-01 for ever.
    pub(crate) period: NaiveDate,
}

/// What a call holds back.
#[derive(Clone, Debug)]
pub(crate) struct Reservation {
    pub(crate) call: CallId,
    pub(crate) counters: Vec<Counter>,
    pub(crate) amount: Decimal,
    /// What it takes if nobody ends it.
    pub(crate) least: Decimal,
}

/// What a call took in the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled {
    pub(crate) call: CallId,
    pub(crate) cost: Decimal,
}

/// A row of a counter and its budget.
struct Row {
    counter: Counter,
    spent: Decimal,
    alerted: i16,
    spec: BudgetSpec,
}

impl Store {
    /// Holds the amount back in each of the counters, or in none: then the first budget that has not so much left.
    pub(crate) async fn reserve(
        &self,
        tenant: TenantId,
        reservation: &Reservation,
    ) -> Result<Option<BudgetId>, Error> {
        let rows = match self.pool.once(tenant, &reserving(reservation)).await {
            // Its connection died after it was carried out: it holds already.
            Err(error) if error.violates("llm_reservations_pkey") => return Ok(None),
            rows => rows?,
        };
        let budget = rows.first().map(|row| row.try_get_by_index::<Uuid>(0));
        let budget = budget.transpose().map_err(sql::Error::from)?;
        Ok(budget.map(BudgetId::from_uuid))
    }

    /// Ends reservations whose time is over; whether there were any.
    pub(crate) async fn sweep(&self, tenant: TenantId) -> Result<bool, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let swept = transaction.conn().execute_unprepared(SWEEP).await;
        let swept = swept.map_err(sql::Error::from)?.rows_affected();
        transaction.commit().await?;
        Ok(swept > 0)
    }

    /// Notes that a question was refused: what is to be told, once in a period.
    pub(crate) async fn refused(
        &self,
        tenant: TenantId,
        counter: Counter,
    ) -> Result<Option<BudgetAlert>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let rows = transaction
            .conn()
            .query_all_raw(statement(REFUSED, counter.values()))
            .await
            .map_err(sql::Error::from)?;
        let row = rows.first().map(read).transpose()?;
        transaction.commit().await?;
        Ok(row.map(|row| row.alert(100, true)))
    }

    /// Books what calls took and frees what they held back; returns what is to be told.
    pub(crate) async fn settle(
        &self,
        tenant: TenantId,
        settled: &[Settled],
    ) -> Result<Vec<BudgetAlert>, Error> {
        let told = settled
            .iter()
            .map(|it| json!({"call_id": it.call.uuid(), "cost": it.cost}));
        let told = Value::Array(told.collect());
        let call = Call {
            statement: &SETTLE,
            values: format!("('{told}')"),
        };
        let rows = self.pool.once(tenant, &[call]).await?;
        let mut alerts = Vec::new();
        for row in &rows {
            let row = read(row)?;
            let told = u8::try_from(row.alerted).unwrap_or(100);
            let Some(step) = budget::alert(row.spent, row.spec.limit, told) else {
                continue;
            };
            if self.note(tenant, row.counter, step).await? {
                alerts.push(row.alert(step, false));
            }
        }
        Ok(alerts)
    }

    /// Whether it was not told before.
    async fn note(&self, tenant: TenantId, counter: Counter, step: u8) -> Result<bool, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let [budget, subject, period] = counter.values();
        let values = [budget, subject, period, i16::from(step).into()];
        let told = transaction
            .conn()
            .execute_raw(statement(TOLD, values))
            .await;
        let told = told.map_err(sql::Error::from)?.rows_affected();
        transaction.commit().await?;
        Ok(told > 0)
    }
}

impl Counter {
    fn values(self) -> [sea_orm::Value; 3] {
        [
            self.budget.uuid().into(),
            self.subject.into(),
            self.period.into(),
        ]
    }
}

impl Row {
    fn alert(self, percent: u8, refused: bool) -> BudgetAlert {
        BudgetAlert {
            budget_id: self.counter.budget,
            subject: subject_text(self.spec.scope, self.counter.subject),
            period_start: shown_period(self.counter.period),
            percent,
            spent: self.spent.normalize(),
            limit: self.spec.limit,
            name: self.spec.name,
            refused,
        }
    }
}

fn reserving(reservation: &Reservation) -> [Call<'static>; 2] {
    let Reservation {
        call,
        counters,
        amount,
        least,
    } = reservation;
    let counters = counters.iter().map(|counter| {
        json!({"budget_id": counter.budget.uuid(), "subject": counter.subject, "period": counter.period})
    });
    let counters = Value::Array(counters.collect());
    let call = call.uuid();
    [
        Call {
            statement: &OPEN,
            values: format!("('{counters}', {amount})"),
        },
        Call {
            statement: &RESERVE,
            values: format!("('{counters}', {amount}, '{call}', {least}, {EXPIRY_SECONDS})"),
        },
    ]
}

fn read(row: &QueryResult) -> Result<Row, Error> {
    let columns = || {
        let spec: String = row.try_get_by_index(5)?;
        let budget: Uuid = row.try_get_by_index(0)?;
        let counter = Counter {
            budget: BudgetId::from_uuid(budget),
            subject: row.try_get_by_index(1)?,
            period: row.try_get_by_index(2)?,
        };
        let spent: Decimal = row.try_get_by_index(3)?;
        let alerted: i16 = row.try_get_by_index(4)?;
        Ok::<_, sea_orm::DbErr>((counter, spent, alerted, spec))
    };
    let (counter, spent, alerted, spec) = columns().map_err(sql::Error::from)?;
    let unreadable = |source| Error::Unreadable {
        what: format!("budget `{}`", counter.budget),
        source,
    };
    Ok(Row {
        counter,
        spent,
        alerted,
        spec: serde_json::from_str(&spec).map_err(unreadable)?,
    })
}

fn statement(sql: &str, values: impl IntoIterator<Item = sea_orm::Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}
