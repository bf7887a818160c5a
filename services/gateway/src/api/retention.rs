//! `/retention` and `DELETE /executions/{id}`: how long executions are kept that have ended.

use contracts::{
    execution::{DeleteExecution, GetRetention, Retention, SetRetention},
    id::ExecutionId,
};
use poem_openapi::{ApiResponse, OpenApi, param::Path};

use super::Tag;
use crate::{caller::Bearer, payload::Json};

pub(crate) struct Api;

#[derive(ApiResponse)]
enum Deleted {
    #[oai(status = 204)]
    Done,
}

#[OpenApi(tag = "Tag::Executions")]
impl Api {
    /// Delete an execution that has ended
    ///
    /// With its history. It cannot be brought back, and an `Idempotency-Key` that began it begins nothing any more.
    #[oai(
        path = "/executions/:execution_id",
        method = "delete",
        operation_id = "execution.delete"
    )]
    async fn delete(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
    ) -> poem::Result<Deleted> {
        let execution_id = execution_id.0;
        caller.ask(&DeleteExecution { execution_id }).await?;
        Ok(Deleted::Done)
    }

    /// How long the organization keeps executions
    #[oai(
        path = "/retention",
        method = "get",
        operation_id = "execution.retention"
    )]
    async fn retention(&self, caller: Bearer) -> poem::Result<Json<Retention>> {
        Ok(Json(caller.ask(&GetRetention {}).await?))
    }

    /// Set how long the organization keeps executions
    ///
    /// Those that ended before are forgotten soon, with their histories.
    #[oai(
        path = "/retention",
        method = "put",
        operation_id = "execution.set_retention"
    )]
    async fn set_retention(
        &self,
        caller: Bearer,
        body: Json<Retention>,
    ) -> poem::Result<Json<Retention>> {
        let days = body.0.days;
        Ok(Json(caller.ask(&SetRetention { days }).await?))
    }
}
