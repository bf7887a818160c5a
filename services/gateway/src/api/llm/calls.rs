//! `/llm/calls`: what was asked of models, and the words where they were kept.

use contracts::{
    id::{CallId, ExecutionId},
    llm::{CallBodies, CallRecord, GetCall, GetCallBodies, ListCalls},
    page::Page,
};
use poem_openapi::{
    OpenApi,
    param::{Path, Query},
};

use crate::{
    api::{Tag, form::paging},
    caller::Bearer,
    payload::Json,
};

pub(crate) struct Api;

#[OpenApi(prefix_path = "/llm/calls", tag = "Tag::Llm")]
#[allow(
    clippy::too_many_arguments,
    reason = "each is a parameter of the query, and stands so in the document"
)]
impl Api {
    /// The calls to models, the newest first
    ///
    /// A call is there within seconds of its end, and as long as the archive keeps it.
    #[oai(path = "/", method = "get", operation_id = "llm.calls")]
    async fn list(
        &self,
        caller: Bearer,
        provider: Query<Option<String>>,
        model: Query<Option<String>>,
        route: Query<Option<String>>,
        /// Only what this execution asked.
        execution_id: Query<Option<ExecutionId>>,
        /// Only calls that failed, or only calls that did not.
        failed: Query<Option<bool>>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<CallRecord>>> {
        let request = ListCalls {
            provider: provider.0,
            model: model.0,
            route: route.0,
            execution_id: execution_id.0,
            failed: failed.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// The words of one call
    ///
    /// 404 `not_recorded` where they were not kept. Whoever may change providers may read them.
    #[oai(
        path = "/:call_id/bodies",
        method = "get",
        operation_id = "llm.call_bodies"
    )]
    async fn bodies(
        &self,
        caller: Bearer,
        call_id: Path<CallId>,
    ) -> poem::Result<Json<CallBodies>> {
        let request = GetCallBodies { call_id: call_id.0 };
        Ok(Json(caller.ask(&request).await?))
    }

    /// One call, with everybody who was asked
    #[oai(path = "/:call_id", method = "get", operation_id = "llm.get_call")]
    async fn get(&self, caller: Bearer, call_id: Path<CallId>) -> poem::Result<Json<CallRecord>> {
        let request = GetCall { call_id: call_id.0 };
        Ok(Json(caller.ask(&request).await?))
    }
}
