//! `/flows/{flow_id}/draft/upgrade`: nodes of the draft go to the current versions of their types.

use contracts::{
    flow::{FlowUpgrade, UpgradeFlow},
    id::FlowId,
};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Header, Path},
};
use serde::Deserialize;

use super::{Tag, etag};
use crate::{
    caller::Bearer,
    payload::{Json, MaybeJson},
};

pub(crate) struct Api;

#[derive(Default, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct UpgradeBody {
    /// Ids of nodes; all when absent.
    #[serde(default)]
    nodes: Option<Vec<String>>,
    /// Whether the draft is changed; otherwise the answer only says what would change.
    #[serde(default)]
    #[oai(default)]
    apply: bool,
}

#[derive(ApiResponse)]
enum Upgraded {
    #[oai(status = 200)]
    Ok(
        Json<FlowUpgrade>,
        /// The flow's version, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[OpenApi(prefix_path = "/flows", tag = "Tag::Flows")]
impl Api {
    /// Bring nodes of the draft to the current versions of their types
    ///
    /// All edges are kept: those at a port that gets another name follow it, and a node whose port would vanish under an edge
    /// stays as it is and stands in `left`. With `If-Match`, only while the flow still has that version: 412 otherwise.
    #[oai(
        path = "/:flow_id/draft/upgrade",
        method = "post",
        operation_id = "flow.upgrade"
    )]
    async fn upgrade(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: MaybeJson<UpgradeBody>,
    ) -> poem::Result<Upgraded> {
        let request = UpgradeFlow {
            flow_id: flow_id.0,
            nodes: body.0.nodes,
            apply: body.0.apply,
            if_version: etag::parse(if_match.0.as_deref())?,
        };
        let upgrade = caller.ask(&request).await?;
        let tag = etag::of(upgrade.version);
        Ok(Upgraded::Ok(Json(upgrade), tag))
    }
}
