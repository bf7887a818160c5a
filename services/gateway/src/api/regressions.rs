//! `/flows/{id}/regressions` and `/regressions`: past executions, run once more against a draft.

use contracts::{
    flow::{GetRegression, Regression, RevisionChoice, StartRegression},
    id::{ExecutionId, FlowId, RegressionId},
};
use poem_openapi::{ApiResponse, Object, OpenApi, param::Path};
use serde::Deserialize;

use super::{PREFIX, Tag};
use crate::{caller::Bearer, payload::Json};

pub(crate) struct Api;

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct RegressionBody {
    /// 1 to 50 executions of the flow that have ended.
    execution_ids: Vec<ExecutionId>,
    /// The draft when absent.
    #[serde(default)]
    revision: Option<RevisionChoice>,
}

#[derive(ApiResponse)]
enum Begun {
    /// It is noted, and goes on with each look at it.
    #[oai(status = 202)]
    Accepted(Json<Regression>, #[oai(header = "Location")] String),
}

#[OpenApi(tag = "Tag::Flows")]
impl Api {
    /// Run past executions against the draft
    ///
    /// Each is continued on the draft: steps that did not change are taken over, the others run for real. The answer and each
    /// later look say which are the same, which have changed and which broke, by node.
    #[oai(
        path = "/flows/:flow_id/regressions",
        method = "post",
        operation_id = "flow.regress"
    )]
    async fn start(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        body: Json<RegressionBody>,
    ) -> poem::Result<Begun> {
        let request = StartRegression {
            flow_id: flow_id.0,
            execution_ids: body.0.execution_ids,
            revision: body.0.revision,
        };
        let regression = caller.ask(&request).await?;
        let location = format!("{PREFIX}/regressions/{}", regression.id);
        Ok(Begun::Accepted(Json(regression), location))
    }

    /// How far a regression is
    ///
    /// Each look lets what has not begun begin, and judges what has ended.
    #[oai(
        path = "/regressions/:regression_id",
        method = "get",
        operation_id = "flow.get_regression"
    )]
    async fn get(
        &self,
        caller: Bearer,
        regression_id: Path<RegressionId>,
    ) -> poem::Result<Json<Regression>> {
        let regression_id = regression_id.0;
        Ok(Json(caller.ask(&GetRegression { regression_id }).await?))
    }
}
