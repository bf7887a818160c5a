//! `/variables`: what expressions see as `vars`.

use contracts::flow::{GetVariables, SetVariables, Variables};
use poem_openapi::OpenApi;

use super::Tag;
use crate::{caller::Bearer, payload::Json};

pub(crate) struct Api;

#[OpenApi(prefix_path = "/variables", tag = "Tag::Flows")]
impl Api {
    /// The organization's variables
    #[oai(path = "/", method = "get", operation_id = "flow.variables")]
    async fn get(&self, caller: Bearer) -> poem::Result<Json<Variables>> {
        Ok(Json(caller.ask(&GetVariables {}).await?))
    }

    /// Replace all variables
    ///
    /// Executions that run keep those they began with.
    #[oai(path = "/", method = "put", operation_id = "flow.set_variables")]
    async fn set(&self, caller: Bearer, body: Json<Variables>) -> poem::Result<Json<Variables>> {
        let Variables { variables } = body.0;
        Ok(Json(caller.ask(&SetVariables { variables }).await?))
    }
}
