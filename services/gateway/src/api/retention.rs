//! `/retention`: how long executions are kept that have ended.

use contracts::execution::{GetRetention, Retention, SetRetention};
use poem_openapi::OpenApi;

use super::Tag;
use crate::{caller::Bearer, payload::Json};

pub(crate) struct Api;

#[OpenApi(prefix_path = "/retention", tag = "Tag::Executions")]
impl Api {
    /// How long the organization keeps executions
    #[oai(path = "/", method = "get", operation_id = "execution.retention")]
    async fn retention(&self, caller: Bearer) -> poem::Result<Json<Retention>> {
        Ok(Json(caller.ask(&GetRetention {}).await?))
    }

    /// Set how long the organization keeps executions
    ///
    /// Those that ended before are forgotten soon, with their histories.
    #[oai(path = "/", method = "put", operation_id = "execution.set_retention")]
    async fn set_retention(
        &self,
        caller: Bearer,
        body: Json<Retention>,
    ) -> poem::Result<Json<Retention>> {
        let days = body.0.days;
        Ok(Json(caller.ask(&SetRetention { days }).await?))
    }
}
