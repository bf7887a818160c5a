//! `/flows/{flow_id}/triggers`: what begins executions of a flow by itself, and its history.

use contracts::{
    id::{FlowId, TriggerId},
    page::Page,
    trigger::{
        CreateTrigger, DeleteTrigger, DisableTrigger, EnableTrigger, Fire, GetTrigger, ListFires,
        ListTriggers, NewSecret, NewTrigger, RotateSecret, Trigger, TriggerSpec, UpdateTrigger,
    },
};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
};
use serde::Deserialize;

use super::{
    PREFIX, Tag,
    form::{Deleted, in_flat_body, paging},
};
use crate::{
    caller::Bearer,
    payload::{Json, MaybeJson},
};

pub(crate) struct Api;

#[derive(Default, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct RotateBody {
    /// How long the secret of before counts as well: 0 to 10,080 (a week), 1,440 (a day) when absent.
    #[serde(default)]
    overlap_minutes: Option<u32>,
}

#[derive(ApiResponse)]
enum Created {
    #[oai(status = 201)]
    Created(Json<NewTrigger>, #[oai(header = "Location")] String),
}

#[OpenApi(prefix_path = "/flows", tag = "Tag::Flows")]
impl Api {
    /// The flow's triggers
    ///
    /// Conversations begin executions too, by the node `chat_trigger`: they are no triggers of this list.
    #[oai(
        path = "/:flow_id/triggers",
        method = "get",
        operation_id = "flow.list_triggers"
    )]
    async fn list(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<Trigger>>> {
        let request = ListTriggers {
            flow_id: flow_id.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Make a trigger
    ///
    /// It executes in the caller's name. The secret of a webhook is shown this once.
    #[oai(
        path = "/:flow_id/triggers",
        method = "post",
        operation_id = "flow.create_trigger"
    )]
    async fn create(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        body: Json<TriggerSpec>,
    ) -> poem::Result<Created> {
        let flow_id = flow_id.0;
        let spec = body.0;
        let request = CreateTrigger { flow_id, spec };
        let new = caller.ask(&request).await.map_err(in_flat_body)?;
        let location = format!("{PREFIX}/flows/{flow_id}/triggers/{}", new.trigger.id);
        Ok(Created::Created(Json(new), location))
    }

    /// One trigger
    #[oai(
        path = "/:flow_id/triggers/:trigger_id",
        method = "get",
        operation_id = "flow.get_trigger"
    )]
    async fn get(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        trigger_id: Path<TriggerId>,
    ) -> poem::Result<Json<Trigger>> {
        let (flow_id, trigger_id) = (flow_id.0, trigger_id.0);
        let request = GetTrigger {
            flow_id,
            trigger_id,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Replace what its author decides
    ///
    /// The kind stays. From then on it executes in the caller's name.
    #[oai(
        path = "/:flow_id/triggers/:trigger_id",
        method = "put",
        operation_id = "flow.update_trigger"
    )]
    async fn update(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        trigger_id: Path<TriggerId>,
        body: Json<TriggerSpec>,
    ) -> poem::Result<Json<Trigger>> {
        let request = UpdateTrigger {
            flow_id: flow_id.0,
            trigger_id: trigger_id.0,
            spec: body.0,
        };
        let trigger = caller.ask(&request).await.map_err(in_flat_body)?;
        Ok(Json(trigger))
    }

    /// Delete a trigger with its history; its executions stay
    #[oai(
        path = "/:flow_id/triggers/:trigger_id",
        method = "delete",
        operation_id = "flow.delete_trigger"
    )]
    async fn delete(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        trigger_id: Path<TriggerId>,
    ) -> poem::Result<Deleted> {
        let (flow_id, trigger_id) = (flow_id.0, trigger_id.0);
        let request = DeleteTrigger {
            flow_id,
            trigger_id,
        };
        caller.ask(&request).await?;
        Ok(Deleted::Done)
    }

    /// Enable a trigger, from now on and in the caller's name
    #[oai(
        path = "/:flow_id/triggers/:trigger_id/enable",
        method = "post",
        operation_id = "flow.enable_trigger"
    )]
    async fn enable(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        trigger_id: Path<TriggerId>,
    ) -> poem::Result<Json<Trigger>> {
        let (flow_id, trigger_id) = (flow_id.0, trigger_id.0);
        let request = EnableTrigger {
            flow_id,
            trigger_id,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Disable a trigger
    #[oai(
        path = "/:flow_id/triggers/:trigger_id/disable",
        method = "post",
        operation_id = "flow.disable_trigger"
    )]
    async fn disable(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        trigger_id: Path<TriggerId>,
    ) -> poem::Result<Json<Trigger>> {
        let (flow_id, trigger_id) = (flow_id.0, trigger_id.0);
        let request = DisableTrigger {
            flow_id,
            trigger_id,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// The times it fired, and what became of each
    ///
    /// The newest first, of the last 30 days.
    #[oai(
        path = "/:flow_id/triggers/:trigger_id/fires",
        method = "get",
        operation_id = "flow.list_fires"
    )]
    async fn fires(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        trigger_id: Path<TriggerId>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<Fire>>> {
        let request = ListFires {
            flow_id: flow_id.0,
            trigger_id: trigger_id.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Give a webhook a new secret
    ///
    /// It is shown this once; the one before it counts as well for a while.
    #[oai(
        path = "/:flow_id/triggers/:trigger_id/rotate-secret",
        method = "post",
        operation_id = "flow.rotate_trigger_secret"
    )]
    async fn rotate(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        trigger_id: Path<TriggerId>,
        body: MaybeJson<RotateBody>,
    ) -> poem::Result<Json<NewSecret>> {
        let request = RotateSecret {
            flow_id: flow_id.0,
            trigger_id: trigger_id.0,
            overlap_minutes: body.0.overlap_minutes,
        };
        Ok(Json(caller.ask(&request).await?))
    }
}
