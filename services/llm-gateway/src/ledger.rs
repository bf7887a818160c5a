//! What calls may take of budgets: held back before, booked after, beside the path of the answer.
//!
//! **Invariant:** a call that budgets apply to is put to nobody before its money is held back; what is held back is freed
//! only with what the call took, or an hour after its process died.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::Utc;
use contracts::{
    id::{BudgetId, CallId, TenantId},
    llm::{BudgetAlert, Unpriced},
};
use kernel::TaskCtx;
use moka::sync::Cache;
use rust_decimal::Decimal;
use sea_orm::prelude::Uuid;
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};
use tracing::Instrument;

use crate::{
    Error, State,
    domain::{
        budget::{Bound, Kept, Payer, Subject, period_start},
        catalog::Plan,
    },
    store::{Counter, Reservation, Settled, Store},
};

/// Calls that wait to be booked, at most.
const WAITING: usize = 100_000;
/// Calls that are booked at once, at most.
const BATCH: usize = 500;
/// Reservations that one process makes at the same time: they wait for each other in the database anyway.
const TURNS: usize = 4;
/// After a refusal, dead calls are looked for once in this time.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const LOOKED: u64 = 10_000;
/// The pause before the database is tried again.
const RETRY: Duration = Duration::from_secs(1);

pub(crate) struct Ledger {
    to: mpsc::Sender<(TenantId, Entry)>,
    from: Mutex<mpsc::Receiver<(TenantId, Entry)>>,
    open: TaskTracker,
    /// Reservations that are made at the same time.
    turns: Semaphore,
    /// Counters that refused a moment ago.
    looked: Cache<(TenantId, Counter), ()>,
}

enum Entry {
    Settled(Settled),
    Alert(BudgetAlert),
}

/// A call that money is held back for.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) call: CallId,
    pub(crate) tenant: TenantId,
    pub(crate) payer: Payer,
    /// What it takes at most.
    pub(crate) bound: Bound,
}

/// Money that is held back for a call; freed when it is dropped.
pub(crate) struct Hold {
    ledger: Arc<Ledger>,
    tenant: TenantId,
    call: CallId,
    /// Nothing is held back any more, or nothing was.
    is_over: bool,
    /// The ledger waits for the holds that are not settled.
    _open: TaskTrackerToken,
}

impl Default for Ledger {
    fn default() -> Self {
        let (to, from) = mpsc::channel(WAITING);
        Self {
            to,
            from: Mutex::new(from),
            open: TaskTracker::new(),
            turns: Semaphore::new(TURNS),
            looked: Cache::builder()
                .max_capacity(LOOKED)
                .time_to_live(LOOK_AGAIN)
                .build(),
        }
    }
}

impl Hold {
    /// The call is over and took this.
    pub(crate) fn settle(mut self, cost: Decimal) {
        self.tell(cost);
    }

    /// Nothing was held back.
    fn forget(mut self) {
        self.is_over = true;
    }

    fn tell(&mut self, cost: Decimal) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let settled = Settled {
            call: self.call,
            cost,
        };
        self.ledger.tell(self.tenant, Entry::Settled(settled));
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.tell(Decimal::ZERO);
    }
}

impl Ledger {
    fn tell(&self, tenant: TenantId, entry: Entry) {
        if let Err(error) = self.to.try_send((tenant, entry)) {
            tracing::warn!(%error, "a call is not booked to its budgets");
        }
    }
}

/// Holds back what a call may take, where budgets apply to it. Models without a price are taken out of the plan where a
/// budget does not allow them.
pub(crate) async fn hold(
    state: &State,
    wanted: Wanted,
    budgets: &[Kept],
    plan: &mut Plan,
) -> Result<Option<Hold>, Error> {
    let Wanted {
        call,
        tenant,
        payer,
        bound,
    } = wanted;
    let applying = applying(budgets, payer);
    if applying.is_empty() {
        return Ok(None);
    }
    let strict = applying
        .iter()
        .find(|(kept, _)| kept.spec.unpriced == Unpriced::Refuse);
    if let Some((kept, _)) = strict {
        let first = plan.choices[0].target.id();
        plan.choices.retain(|it| it.target.tariff.is_some());
        if plan.choices.is_empty() {
            return Err(Error::PriceUnknown {
                model: first,
                budget: kept.spec.name.clone(),
            });
        }
    }
    let tariffs = || {
        plan.choices
            .iter()
            .filter_map(|it| it.target.tariff.as_deref())
    };
    let amount = bound.cost(tariffs());
    if amount.is_zero() {
        return Ok(None);
    }
    let question = Bound {
        completion: 0,
        ..bound
    };
    let least = question.cost(tariffs());
    reserved(state, (tenant, call), &applying, amount, least).await
}

/// Holds this back beside what is held back for the same call already: an attempt took it, and another is to come.
pub(crate) async fn hold_more(
    state: &State,
    tenant: TenantId,
    payer: Payer,
    budgets: &[Kept],
    amount: Decimal,
) -> Result<Option<Hold>, Error> {
    let applying = applying(budgets, payer);
    let id = (tenant, CallId::generate());
    reserved(state, id, &applying, amount, amount).await
}

type Applying<'a> = [(&'a Kept, Subject)];

fn applying(budgets: &[Kept], payer: Payer) -> Vec<(&Kept, Subject)> {
    let budgets = budgets.iter();
    budgets
        .filter_map(|kept| Some((kept, Subject::of(&kept.spec, payer)?)))
        .collect()
}

async fn reserved(
    state: &State,
    (tenant, call): (TenantId, CallId),
    applying: &Applying<'_>,
    amount: Decimal,
    least: Decimal,
) -> Result<Option<Hold>, Error> {
    let now = Utc::now();
    let counter = |(kept, subject): &(&Kept, Subject)| Counter {
        budget: kept.id,
        subject: key(*subject),
        period: period_start(kept.spec.period, now).unwrap_or_default(),
    };
    let reservation = Reservation {
        call,
        counters: applying.iter().map(counter).collect(),
        amount,
        least,
    };
    match held(state, tenant, reservation).await? {
        Ok(hold) => Ok(Some(hold)),
        Err(refused) => Err(refused_by(applying, refused, amount)),
    }
}

/// Money that is held back, or the counter that refuses.
async fn held(
    state: &State,
    tenant: TenantId,
    reservation: Reservation,
) -> Result<Result<Hold, Counter>, Error> {
    let (store, ledger) = (state.store.clone(), state.ledger.clone());
    let hold = Hold {
        ledger: ledger.clone(),
        tenant,
        call: reservation.call,
        is_over: false,
        _open: ledger.open.token(),
    };
    let (tell, told) = oneshot::channel();
    let reserving = async move {
        let outcome = match reserve(&store, &ledger, tenant, reservation).await {
            Ok(None) => Ok(Ok(hold)),
            Ok(Some(refusing)) => {
                hold.forget();
                Ok(Err(refusing))
            }
            Err(error) => Err(error),
        };
        // A caller that left in between gives its hold back, now that there is one.
        drop(tell.send(outcome));
    };
    // It ends also without its caller: nobody could tell else whether the money is held back.
    state.ledger.open.spawn(reserving.in_current_span());
    told.await.unwrap_or(Err(Error::Gone))
}

/// Reserves; the counter that refuses, otherwise.
async fn reserve(
    store: &Store,
    ledger: &Ledger,
    tenant: TenantId,
    reservation: Reservation,
) -> Result<Option<Counter>, Error> {
    // A crowd waits here, and not for the connections that others need too.
    let turn = ledger.turns.acquire().await;
    let _turn = turn.expect("nobody closes it");
    let Some(first) = store.reserve(tenant, &reservation).await? else {
        return Ok(None);
    };
    let counter = |budget: BudgetId| {
        let counter = reservation.counters.iter().find(|it| it.budget == budget);
        *counter.expect("only a budget that was asked refuses")
    };
    let mut refusing = counter(first);
    // A crowd that is refused is no reason to look for dead calls, and to tell of it, each time.
    if !ledger.looked.contains_key(&(tenant, refusing)) {
        ledger.looked.insert((tenant, refusing), ());
        // Calls that died may hold what this one needs.
        if store.sweep(tenant).await? {
            match store.reserve(tenant, &reservation).await? {
                None => return Ok(None),
                Some(again) => refusing = counter(again),
            }
        }
        if let Some(alert) = store.refused(tenant, refusing).await? {
            ledger.tell(tenant, Entry::Alert(alert));
        }
    }
    Ok(Some(refusing))
}

fn refused_by(applying: &Applying<'_>, counter: Counter, needed: Decimal) -> Error {
    let budget = applying.iter().find(|(kept, _)| kept.id == counter.budget);
    Error::BudgetExceeded {
        budget: budget.map_or_else(String::new, |(kept, _)| kept.spec.name.clone()),
        needed: needed.normalize(),
    }
}

fn key(subject: Subject) -> Uuid {
    match subject {
        Subject::Organization => Uuid::nil(),
        Subject::Flow(id) => id.uuid(),
        Subject::Execution(id) => id.uuid(),
        Subject::User(id) => id.uuid(),
    }
}

/// Books calls until the service stops, then those that were still under way.
pub(crate) async fn book(task: TaskCtx<State>) {
    let ledger = &task.state.ledger;
    let mut from = ledger.from.lock().await;
    let mut waiting = Vec::new();
    while !task.stop.is_cancelled() {
        tokio::select! {
            () = task.stop.cancelled() => {}
            _ = from.recv_many(&mut waiting, BATCH), if waiting.is_empty() => {}
        }
        write(&task, &mut waiting).await;
        if !waiting.is_empty() {
            // A pause that ends early only ends in another try.
            tokio::time::timeout(RETRY, task.stop.cancelled())
                .await
                .ok();
        }
    }
    ledger.open.close();
    loop {
        tokio::select! {
            () = ledger.open.wait() => break,
            _ = from.recv_many(&mut waiting, BATCH) => {}
        }
    }
    while let Ok(entry) = from.try_recv() {
        waiting.push(entry);
    }
    write(&task, &mut waiting).await;
    if !waiting.is_empty() {
        tracing::warn!("{} calls are not booked to their budgets", waiting.len());
    }
}

/// Writes what can be written; the rest stays.
async fn write(task: &TaskCtx<State>, waiting: &mut Vec<(TenantId, Entry)>) {
    let mut by_tenant: HashMap<TenantId, Vec<Settled>> = HashMap::new();
    let mut alerts = Vec::new();
    for (tenant, entry) in waiting.drain(..) {
        match entry {
            Entry::Settled(settled) => by_tenant.entry(tenant).or_default().push(settled),
            Entry::Alert(alert) => alerts.push((tenant, alert)),
        }
    }
    for (tenant, settled) in by_tenant {
        match task.state.store.settle(tenant, &settled).await {
            Ok(told) => alerts.extend(told.into_iter().map(|alert| (tenant, alert))),
            // An organization that is gone has no budgets.
            Err(Error::Database(sql::Error::UnknownTenant(_))) => {}
            Err(error) => {
                tracing::warn!(%error, "calls cannot be booked to their budgets at present");
                let again = settled.into_iter().map(|it| (tenant, Entry::Settled(it)));
                waiting.extend(again);
            }
        }
    }
    for (tenant, alert) in alerts {
        // Whoever misses one finds the figures in the budget itself.
        if let Err(error) = task.bus.emit(tenant, &alert).await {
            tracing::warn!(%error, budget = %alert.budget_id, "a budget's alert was not told");
        }
    }
}
