//! `/workflows`: flows under their other name.

use contracts::id::FlowId;
use poem_openapi::{
    OpenApi,
    param::{Header, Path},
};

use super::{
    Tag,
    flows::{self, ExecuteBody, FlowBody, OneFlow, Started},
};
use crate::{
    caller::Bearer,
    payload::{Json, MaybeJson},
};

pub(crate) struct Api;

#[OpenApi(prefix_path = "/workflows", tag = "Tag::Flows")]
impl Api {
    /// One flow with its draft; as `GET /flows/{flow_id}`
    #[oai(path = "/:flow_id", method = "get", operation_id = "flow.get:workflow")]
    async fn get(&self, caller: Bearer, flow_id: Path<FlowId>) -> poem::Result<OneFlow> {
        flows::get(&caller, flow_id.0).await
    }

    /// Replace name, description and draft; as `PUT /flows/{flow_id}`
    #[oai(
        path = "/:flow_id",
        method = "put",
        operation_id = "flow.update:workflow"
    )]
    async fn update(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Json<FlowBody>,
    ) -> poem::Result<OneFlow> {
        flows::update(&caller, flow_id.0, if_match.0.as_deref(), body.0).await
    }

    /// Start an execution; as `POST /flows/{flow_id}/execute`
    #[oai(
        path = "/:flow_id/execute",
        method = "post",
        operation_id = "flow.execute:workflow"
    )]
    async fn execute(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: MaybeJson<ExecuteBody>,
    ) -> poem::Result<Started> {
        flows::execute(&caller, flow_id.0, idempotency_key.0, body.0).await
    }
}
