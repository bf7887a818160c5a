//! The places of limited flows, in the database.
//!
//! **Invariant:** places are given and taken away under the lock of their flow's row.

use chrono::{DateTime, Utc};
use contracts::{
    flow::Concurrency,
    id::{ExecutionId, FlowId, TenantId, UserId},
};
use sea_orm::{
    ColumnTrait, EntityTrait, NotSet, QueryFilter, QueryOrder, QuerySelect, Set,
    prelude::Uuid,
    sea_query::{Expr, LockType},
};
use serde_json::Value;

use crate::{
    domain::concurrency::{self, Decision, Place, PlaceState},
    error::Error,
    store::{
        FlowStore, all_variables,
        entity::{flow, place},
    },
};

/// An execution that asks for a place.
pub(crate) struct Claim {
    pub(crate) flow: FlowId,
    pub(crate) execution: ExecutionId,
    pub(crate) by: UserId,
    pub(crate) session: Option<String>,
    pub(crate) priority: Option<i16>,
}

/// A place as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct KeptPlace {
    pub(crate) place: Place,
    pub(crate) scope: String,
    pub(crate) changed_at: DateTime<Utc>,
}

/// What the engine is to be told of a scope.
#[derive(Default)]
pub(crate) struct Orders {
    pub(crate) release: Vec<ExecutionId>,
    pub(crate) stop: Vec<ExecutionId>,
    /// Who came last: what is stopped is stopped for them.
    pub(crate) by: Option<UserId>,
}

impl FlowStore {
    /// What every start of a flow needs: the organization's variables, and how many of the flow may run.
    pub(crate) async fn surroundings(
        &self,
        tenant: TenantId,
        flow: Option<FlowId>,
    ) -> Result<(Value, Concurrency), Error> {
        let tx = self.pool.tenant(tenant).await?;
        let variables = all_variables(&tx).await?.into_iter().collect();
        let rules = match flow {
            Some(flow) => rules_of(&tx, flow, None).await?.unwrap_or_default(),
            None => Concurrency::default(),
        };
        Ok((variables, rules))
    }

    pub(crate) async fn concurrency(
        &self,
        tenant: TenantId,
        flow: FlowId,
    ) -> Result<Concurrency, Error> {
        let tx = self.pool.tenant(tenant).await?;
        super::find(&tx, flow, None).await?;
        Ok(rules_of(&tx, flow, None).await?.unwrap_or_default())
    }

    pub(crate) async fn set_concurrency(
        &self,
        tenant: TenantId,
        flow: FlowId,
        rules: &Concurrency,
    ) -> Result<(), Error> {
        let text = serde_json::to_string(rules).map_err(Error::Stored)?;
        let tx = self.pool.tenant(tenant).await?;
        super::find(&tx, flow, Some(LockType::NoKeyUpdate)).await?;
        flow::Entity::update_many()
            .col_expr(flow::Column::Concurrency, Expr::value(text))
            .filter(flow::Column::Id.eq(flow.uuid()))
            .exec(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(tx.commit().await?)
    }

    /// Gives a place, or lets it wait; the same execution once more is told what it was told. None where the flow has no
    /// limit.
    ///
    /// # Errors
    /// [`Error::Busy`] and [`Error::QueueFull`].
    pub(crate) async fn take_place(
        &self,
        tenant: TenantId,
        claim: &Claim,
        now: DateTime<Utc>,
    ) -> Result<Option<KeptPlace>, Error> {
        let tx = self.pool.tenant(tenant).await?;
        let rules = rules_of(&tx, claim.flow, Some(LockType::NoKeyUpdate)).await?;
        if let Some(known) = find(&tx, claim.execution).await? {
            return Ok(Some(known));
        }
        let rules = rules.unwrap_or_default();
        let Some(limit) = rules.limit() else {
            return Ok(None);
        };
        let scope = concurrency::scope(&rules, claim.session.as_deref());
        let (places, _) = places_of(&tx, claim.flow, &scope).await?;
        let flow = claim.flow;
        let state = match concurrency::decide(&rules, &places) {
            Decision::Run => PlaceState::Running,
            Decision::Wait => PlaceState::Waiting,
            Decision::Busy => {
                let running = places.iter().map(|place| place.execution).collect();
                return Err(Error::Busy {
                    flow,
                    limit,
                    running,
                });
            }
            Decision::Full => {
                let room = rules.room();
                return Err(Error::QueueFull { flow, room });
            }
        };
        let priority = claim.priority.unwrap_or(rules.priority);
        let row = place::ActiveModel {
            execution_id: Set(claim.execution.uuid()),
            flow_id: Set(flow.uuid()),
            scope: Set(scope.clone()),
            priority: Set(priority),
            turn: NotSet,
            state: Set(state.as_str().to_owned()),
            started_by: Set(claim.by.uuid()),
            changed_at: Set(now),
        };
        place::Entity::insert(row)
            .exec_without_returning(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        tx.commit().await?;
        let place = Place {
            execution: claim.execution,
            state,
            priority,
            turn: i64::MAX,
        };
        Ok(Some(KeptPlace {
            place,
            scope,
            changed_at: now,
        }))
    }

    pub(crate) async fn place(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
    ) -> Result<Option<KeptPlace>, Error> {
        let tx = self.pool.tenant(tenant).await?;
        find(&tx, execution).await
    }

    /// Takes the places of those that are over, gives them to who waits, and says what the engine is to be told.
    pub(crate) async fn settle_places(
        &self,
        tenant: TenantId,
        (flow, scope): (FlowId, &str),
        over: &[ExecutionId],
        now: DateTime<Utc>,
    ) -> Result<Orders, Error> {
        let tx = self.pool.tenant(tenant).await?;
        let rules = rules_of(&tx, flow, Some(LockType::NoKeyUpdate)).await?;
        if !over.is_empty() {
            place::Entity::delete_many()
                .filter(place::Column::ExecutionId.is_in(uuids(over)))
                .exec(tx.conn())
                .await
                .map_err(sql::Error::from)?;
        }
        let (mut places, by) = places_of(&tx, flow, scope).await?;
        let moves = concurrency::moves(&rules.unwrap_or_default(), &places);
        for (ids, state) in [
            (&moves.admit, PlaceState::Admitted),
            (&moves.stop, PlaceState::Stopping),
        ] {
            set(&tx, ids, state, now).await?;
            let moved = places.iter_mut().filter(|it| ids.contains(&it.execution));
            moved.for_each(|place| place.state = state);
        }
        tx.commit().await?;
        let of = |state| {
            let those = places.iter().filter(move |place| place.state == state);
            those.map(|place| place.execution)
        };
        // Those that were just admitted in their order, after those that were admitted before.
        let before = of(PlaceState::Admitted).filter(|id| !moves.admit.contains(id));
        Ok(Orders {
            release: before.chain(moves.admit.iter().copied()).collect(),
            stop: of(PlaceState::Stopping).collect(),
            by,
        })
    }

    /// Changes those that are as they are thought to be.
    pub(crate) async fn change_places(
        &self,
        tenant: TenantId,
        executions: &[ExecutionId],
        (from, to): (PlaceState, PlaceState),
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        if executions.is_empty() {
            return Ok(());
        }
        let tx = self.pool.tenant(tenant).await?;
        place::Entity::update_many()
            .col_expr(place::Column::State, Expr::value(to.as_str()))
            .col_expr(place::Column::ChangedAt, Expr::value(now))
            .filter(place::Column::ExecutionId.is_in(uuids(executions)))
            .filter(place::Column::State.eq(from.as_str()))
            .exec(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(tx.commit().await?)
    }

    /// The scopes of a flow that have places; only those of which the engine is yet to be told, or all.
    pub(crate) async fn scopes(
        &self,
        tenant: TenantId,
        flow: FlowId,
        untold: bool,
    ) -> Result<Vec<String>, Error> {
        let states = PlaceState::ALL.into_iter().filter(|state| {
            !untold || matches!(state, PlaceState::Admitted | PlaceState::Stopping)
        });
        let tx = self.pool.tenant(tenant).await?;
        let scopes = place::Entity::find()
            .select_only()
            .column(place::Column::Scope)
            .distinct()
            .filter(place::Column::FlowId.eq(flow.uuid()))
            .filter(place::Column::State.is_in(states.map(PlaceState::as_str)))
            .into_tuple()
            .all(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(scopes)
    }

    /// The flows that have places.
    pub(crate) async fn flows_with_places(&self, tenant: TenantId) -> Result<Vec<FlowId>, Error> {
        let tx = self.pool.tenant(tenant).await?;
        let flows: Vec<Uuid> = place::Entity::find()
            .select_only()
            .column(place::Column::FlowId)
            .distinct()
            .into_tuple()
            .all(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(flows.into_iter().map(FlowId::from_uuid).collect())
    }

    /// Some places of a flow; others at another time, where there are more.
    pub(crate) async fn some_places(
        &self,
        tenant: TenantId,
        flow: FlowId,
        limit: u64,
    ) -> Result<Vec<KeptPlace>, Error> {
        let tx = self.pool.tenant(tenant).await?;
        let rows = place::Entity::find()
            .filter(place::Column::FlowId.eq(flow.uuid()))
            .order_by_asc(Expr::cust("random()"))
            .limit(limit)
            .all(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        rows.into_iter().map(to_place).collect()
    }
}

/// What a flow allows, deleted flows too: their executions can be retried. None where it says nothing.
async fn rules_of(
    tx: &sql::Tenant,
    flow: FlowId,
    lock: Option<LockType>,
) -> Result<Option<Concurrency>, Error> {
    let mut query = flow::Entity::find_by_id(flow.uuid())
        .select_only()
        .column(flow::Column::Concurrency);
    if let Some(lock) = lock {
        query = query.lock(lock);
    }
    let text: Option<Option<String>> = query
        .into_tuple()
        .one(tx.conn())
        .await
        .map_err(sql::Error::from)?;
    let parse = |text: String| serde_json::from_str(&text).map_err(Error::Stored);
    text.flatten().map(parse).transpose()
}

async fn find(tx: &sql::Tenant, execution: ExecutionId) -> Result<Option<KeptPlace>, Error> {
    let row = place::Entity::find_by_id(execution.uuid())
        .one(tx.conn())
        .await
        .map_err(sql::Error::from)?;
    row.map(to_place).transpose()
}

/// All places of a scope in their order, and who came last.
async fn places_of(
    tx: &sql::Tenant,
    flow: FlowId,
    scope: &str,
) -> Result<(Vec<Place>, Option<UserId>), Error> {
    let rows = place::Entity::find()
        .filter(place::Column::FlowId.eq(flow.uuid()))
        .filter(place::Column::Scope.eq(scope))
        .order_by_asc(place::Column::Turn)
        .all(tx.conn())
        .await
        .map_err(sql::Error::from)?;
    let last = rows.last().map(|row| UserId::from_uuid(row.started_by));
    let places = rows.into_iter().map(|row| Ok(to_place(row)?.place));
    Ok((places.collect::<Result<_, Error>>()?, last))
}

async fn set(
    tx: &sql::Tenant,
    executions: &[ExecutionId],
    state: PlaceState,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if executions.is_empty() {
        return Ok(());
    }
    place::Entity::update_many()
        .col_expr(place::Column::State, Expr::value(state.as_str()))
        .col_expr(place::Column::ChangedAt, Expr::value(now))
        .filter(place::Column::ExecutionId.is_in(uuids(executions)))
        .exec(tx.conn())
        .await
        .map_err(sql::Error::from)?;
    Ok(())
}

fn uuids(executions: &[ExecutionId]) -> impl Iterator<Item = Uuid> + '_ {
    executions.iter().map(|id| id.uuid())
}

fn to_place(row: place::Model) -> Result<KeptPlace, Error> {
    let execution = ExecutionId::from_uuid(row.execution_id);
    let state = PlaceState::parse(&row.state).ok_or(Error::StoredPlace(execution))?;
    Ok(KeptPlace {
        place: Place {
            execution,
            state,
            priority: row.priority,
            turn: row.turn,
        },
        scope: row.scope,
        changed_at: row.changed_at,
    })
}
