//! The routes of each organization.

use chrono::{DateTime, Utc};
use contracts::{
    id::{RouteId, TenantId},
    llm::{Route, RouteSpec},
    page::{Page, Paging},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, EntityTrait, ModelTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use sql::{Cursor, Tenant};

use super::{Store, check_version, entities::route, signed};
use crate::{Error, domain::settings::problem};

/// Routes of one organization at most.
const MAX_ROUTES: u64 = 500;

impl Store {
    /// The oldest first.
    pub(crate) async fn route_page(
        &self,
        tenant: TenantId,
        paging: &Paging,
    ) -> Result<Page<Route>, Error> {
        let after = Cursor::of(paging)?;
        let transaction = self.pool.tenant(tenant).await?;
        let mut rows = route::Entity::find();
        if let Some(cursor) = after {
            rows = rows.filter(cursor.after(route::Column::CreatedAt, route::Column::Id));
        }
        let rows = rows
            .order_by_asc(route::Column::CreatedAt)
            .order_by_asc(route::Column::Id)
            .limit(u64::from(paging.rows()) + 1)
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let cursor = |row: &route::Model| Cursor {
            at: row.created_at,
            id: row.id,
        };
        let page = sql::page(rows, paging, cursor, route::Model::into_contract);
        Ok(Page {
            items: page.items.into_iter().collect::<Result<_, _>>()?,
            next: page.next,
        })
    }

    pub(crate) async fn route(&self, tenant: TenantId, id: RouteId) -> Result<Route, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        find(&transaction, id).await?.into_contract()
    }

    pub(crate) async fn insert_route(
        &self,
        tenant: TenantId,
        route: Route,
    ) -> Result<Route, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let row = route::ActiveModel {
            id: Set(route.id.uuid()),
            name: Set(route.spec.name.clone()),
            spec: Set(text(&route.spec)),
            version: Set(signed(route.version)),
            created_at: Set(route.created_at),
            updated_at: Set(route.updated_at),
        };
        let inserted = route::Entity::insert(row)
            .exec_without_returning(transaction.conn())
            .await
            .map_err(sql::Error::from);
        match inserted {
            Err(error) if error.violates("llm_routes_name") => {
                return Err(Error::RouteExists(route.spec.name));
            }
            outcome => outcome?,
        };
        transaction.commit().await?;
        Ok(route)
    }

    /// Under the same name as before.
    pub(crate) async fn replace_route(
        &self,
        tenant: TenantId,
        id: RouteId,
        (spec, if_version): (RouteSpec, Option<u32>),
        at: DateTime<Utc>,
    ) -> Result<Route, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let present = find(&transaction, id).await?;
        check_version(present.version, if_version, || format!("route `{id}`"))?;
        if present.name != spec.name {
            let text = "the name stays: agents and flows know the route by it";
            return Err(Error::InvalidRoute(vec![problem("/name", text)]));
        }
        let next = present.version.saturating_add(1);
        let mut row: route::ActiveModel = present.into();
        row.version = Set(next);
        row.spec = Set(text(&spec));
        row.updated_at = Set(at);
        let changed = row
            .update(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        transaction.commit().await?;
        changed.into_contract()
    }

    pub(crate) async fn delete_route(&self, tenant: TenantId, id: RouteId) -> Result<(), Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let row = find(&transaction, id).await?;
        row.delete(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(transaction.commit().await?)
    }
}

/// All routes, the oldest first.
pub(super) async fn all(transaction: &Tenant) -> Result<Vec<Route>, Error> {
    let rows = route::Entity::find()
        .order_by_asc(route::Column::CreatedAt)
        .order_by_asc(route::Column::Id)
        .limit(MAX_ROUTES)
        .all(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    rows.into_iter().map(route::Model::into_contract).collect()
}

async fn find(transaction: &Tenant, id: RouteId) -> Result<route::Model, Error> {
    let row = route::Entity::find_by_id(id.uuid())
        .lock_exclusive()
        .one(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    row.ok_or(Error::UnknownRouteId(id))
}

fn text(spec: &RouteSpec) -> String {
    serde_json::to_string(spec).expect("a route can be written as JSON")
}
