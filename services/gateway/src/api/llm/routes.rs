//! `/llm/routes`: names for several models.

use contracts::{
    id::RouteId,
    llm::{CreateRoute, DeleteRoute, GetRoute, ListRoutes, Route, RouteSpec, UpdateRoute},
    page::Page,
};
use poem_openapi::{
    ApiResponse, OpenApi,
    param::{Header, Path, Query},
};

use crate::{
    api::{
        PREFIX, Tag, etag,
        form::{Deleted, paging},
    },
    caller::Bearer,
    payload::Json,
};

pub(crate) struct Api;

#[derive(ApiResponse)]
enum Created {
    #[oai(status = 201)]
    Created(
        Json<Route>,
        #[oai(header = "Location")] String,
        /// The route's version, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum OneRoute {
    #[oai(status = 200)]
    Ok(
        Json<Route>,
        /// The route's version, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[OpenApi(prefix_path = "/llm/routes", tag = "Tag::Llm")]
impl Api {
    /// The routes, the oldest first
    #[oai(path = "/", method = "get", operation_id = "llm.routes")]
    async fn list(
        &self,
        caller: Bearer,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<Route>>> {
        let paging = paging(cursor, limit);
        Ok(Json(caller.ask(&ListRoutes { paging }).await?))
    }

    /// Make a route
    ///
    /// It can be named wherever a model can, as `route/<name>` or by its name.
    #[oai(path = "/", method = "post", operation_id = "llm.create_route")]
    async fn create(&self, caller: Bearer, body: Json<RouteSpec>) -> poem::Result<Created> {
        let route = caller.ask(&CreateRoute { spec: body.0 }).await?;
        let location = format!("{PREFIX}/llm/routes/{}", route.id);
        let tag = etag::of(route.version.into());
        Ok(Created::Created(Json(route), location, tag))
    }

    /// One route
    #[oai(path = "/:route_id", method = "get", operation_id = "llm.get_route")]
    async fn get(&self, caller: Bearer, route_id: Path<RouteId>) -> poem::Result<OneRoute> {
        let request = GetRoute {
            route_id: route_id.0,
        };
        Ok(tagged(caller.ask(&request).await?))
    }

    /// Replace a route; its name stays
    ///
    /// With `If-Match`, only while the route still has that version: 412 otherwise.
    #[oai(path = "/:route_id", method = "put", operation_id = "llm.update_route")]
    async fn update(
        &self,
        caller: Bearer,
        route_id: Path<RouteId>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Json<RouteSpec>,
    ) -> poem::Result<OneRoute> {
        let request = UpdateRoute {
            route_id: route_id.0,
            spec: body.0,
            if_version: etag::parse_small(if_match.0.as_deref())?,
        };
        Ok(tagged(caller.ask(&request).await?))
    }

    /// Remove a route
    ///
    /// Questions that name it fail from then on with `route_not_found` or `model_not_found`.
    #[oai(
        path = "/:route_id",
        method = "delete",
        operation_id = "llm.delete_route"
    )]
    async fn delete(&self, caller: Bearer, route_id: Path<RouteId>) -> poem::Result<Deleted> {
        let request = DeleteRoute {
            route_id: route_id.0,
        };
        caller.ask(&request).await?;
        Ok(Deleted::Done)
    }
}

fn tagged(route: Route) -> OneRoute {
    let tag = etag::of(route.version.into());
    OneRoute::Ok(Json(route), tag)
}
