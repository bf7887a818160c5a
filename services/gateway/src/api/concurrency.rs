//! `/flows/{flow_id}/concurrency`: how many executions of a flow run at the same time.

use contracts::{
    flow::{Concurrency, GetConcurrency, SetConcurrency},
    id::FlowId,
};
use poem_openapi::{OpenApi, param::Path};

use super::Tag;
use crate::{caller::Bearer, payload::Json};

pub(crate) struct Api;

#[OpenApi(prefix_path = "/flows", tag = "Tag::Flows")]
impl Api {
    /// How many executions run at the same time
    ///
    /// Those that wait are executions whose state is `queued`.
    #[oai(
        path = "/:flow_id/concurrency",
        method = "get",
        operation_id = "flow.concurrency"
    )]
    async fn get(&self, caller: Bearer, flow_id: Path<FlowId>) -> poem::Result<Json<Concurrency>> {
        let flow_id = flow_id.0;
        Ok(Json(caller.ask(&GetConcurrency { flow_id }).await?))
    }

    /// Say how many executions run at the same time, and what becomes of those beyond
    ///
    /// It counts for every revision, from the next start on. What runs keeps running; what waits gets a place by the new rules.
    #[oai(
        path = "/:flow_id/concurrency",
        method = "put",
        operation_id = "flow.set_concurrency"
    )]
    async fn set(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        body: Json<Concurrency>,
    ) -> poem::Result<Json<Concurrency>> {
        let request = SetConcurrency {
            flow_id: flow_id.0,
            concurrency: body.0,
        };
        Ok(Json(caller.ask(&request).await?))
    }
}
