//! `/node-types`: what flows are made of.

use contracts::{
    flow::{ListNodeTypes, NodeType},
    page::Page,
};
use poem_openapi::OpenApi;

use super::Tag;
use crate::{caller::Bearer, payload::Json};

pub(crate) struct Api;

#[OpenApi(prefix_path = "/node-types", tag = "Tag::Flows")]
impl Api {
    /// Every node type with the JSON Schema of its configuration
    #[oai(path = "/", method = "get", operation_id = "flow.node_types")]
    async fn list(&self, caller: Bearer) -> poem::Result<Json<Page<NodeType>>> {
        Ok(Json(caller.ask(&ListNodeTypes {}).await?))
    }
}
