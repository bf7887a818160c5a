//! The routes of an organization.

use chrono::Utc;
use contracts::{
    id::{RouteId, TenantId},
    llm::{CreateRoute, DeleteRoute, GetRoute, ListRoutes, Route, RouteSpec, UpdateRoute},
    page::Page,
};
use kernel::Ctx;

use crate::{Error, State, domain::routing};

pub(crate) async fn create_route(ctx: Ctx<State>, request: CreateRoute) -> Result<Route, Error> {
    check(&ctx.state, ctx.tenant, &request.spec).await?;
    let now = Utc::now();
    let route = Route {
        id: RouteId::generate(),
        spec: request.spec,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let route = ctx.state.store.insert_route(ctx.tenant, route).await?;
    ctx.state.forget(ctx.tenant).await;
    Ok(route)
}

pub(crate) async fn routes(ctx: Ctx<State>, request: ListRoutes) -> Result<Page<Route>, Error> {
    let store = &ctx.state.store;
    store.route_page(ctx.tenant, &request.paging).await
}

pub(crate) async fn get_route(ctx: Ctx<State>, request: GetRoute) -> Result<Route, Error> {
    ctx.state.store.route(ctx.tenant, request.route_id).await
}

pub(crate) async fn update_route(ctx: Ctx<State>, request: UpdateRoute) -> Result<Route, Error> {
    let UpdateRoute {
        route_id,
        spec,
        if_version,
    } = request;
    let store = &ctx.state.store;
    // Another organization's route is not there, whatever is said about it.
    store.route(ctx.tenant, route_id).await?;
    check(&ctx.state, ctx.tenant, &spec).await?;
    let route = store
        .replace_route(ctx.tenant, route_id, (spec, if_version), Utc::now())
        .await?;
    ctx.state.forget(ctx.tenant).await;
    Ok(route)
}

pub(crate) async fn delete_route(ctx: Ctx<State>, request: DeleteRoute) -> Result<(), Error> {
    let store = &ctx.state.store;
    store.delete_route(ctx.tenant, request.route_id).await?;
    ctx.state.forget(ctx.tenant).await;
    Ok(())
}

async fn check(state: &State, tenant: TenantId, spec: &RouteSpec) -> Result<(), Error> {
    // A provider that was made on another replica a moment ago counts.
    state.forget(tenant).await;
    let known = state.known(tenant).await?;
    let problems = routing::check(spec, known.catalog());
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::InvalidRoute(problems)),
    }
}
