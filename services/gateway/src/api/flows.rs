//! `/flows`: drafts, revisions, starting executions.

use std::collections::BTreeMap;

use contracts::{
    execution::{Accepted, Pin},
    flow::{
        CreateFlow, Definition, DeleteFlow, ExecuteFlow, Flow, FlowSummary, GetFlow, GetRevision,
        ListFlows, ListRevisions, PublishFlow, RestoreRevision, Revision, RevisionChoice,
        RevisionSummary, TestFlow, UpdateFlow, ValidateFlow, Validation,
    },
    id::FlowId,
    page::Page,
};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Header, Path, Query},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    PREFIX, Tag, etag,
    form::{Deleted, paging},
};
use crate::{
    caller::Bearer,
    payload::{Json, MaybeJson},
};

pub(crate) struct Api;

/// The whole of what a flow's author decides: it replaces what was there.
#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub(super) struct FlowBody {
    /// 1 to 200 characters.
    name: String,
    #[serde(default)]
    #[oai(default)]
    description: String,
    definition: Definition,
}

#[derive(Default, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct PublishBody {
    /// What is new in this revision.
    #[serde(default)]
    #[oai(default)]
    notes: String,
}

#[derive(Default, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub(super) struct ExecuteBody {
    /// What expressions see as `input`; checked against the flow's `input_schema`.
    #[serde(default)]
    #[oai(default)]
    input: Value,
    /// The latest revision when absent.
    #[serde(default)]
    revision: Option<RevisionChoice>,
    /// What the execution belongs to, where the flow's concurrency counts by session: 1 to 200 characters.
    #[serde(default)]
    session: Option<String>,
    /// Where the execution has to wait: -100 to 100, the highest first. As the flow's concurrency says when absent.
    #[serde(default)]
    priority: Option<i16>,
}

#[derive(Default, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct TestFlowBody {
    /// What expressions see as `input`.
    #[serde(default)]
    #[oai(default)]
    input: Value,
    /// The draft when absent.
    #[serde(default)]
    revision: Option<RevisionChoice>,
    /// The last node that runs, with all that it needs; to the end when absent.
    #[serde(default)]
    until: Option<String>,
    /// By node, what it gives without being run, for example what it gave in an earlier execution.
    #[serde(default)]
    #[oai(default)]
    pins: BTreeMap<String, Pin>,
}

#[derive(ApiResponse)]
pub(super) enum OneFlow {
    #[oai(status = 200)]
    Ok(
        Json<Flow>,
        /// The flow's version, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
pub(super) enum Created {
    #[oai(status = 201)]
    Created(
        Json<Flow>,
        #[oai(header = "Location")] String,
        /// The flow's version, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Published {
    #[oai(status = 201)]
    Created(Json<Revision>, #[oai(header = "Location")] String),
}

#[derive(ApiResponse)]
pub(super) enum Started {
    /// The execution is durable from this moment on.
    #[oai(status = 202)]
    Accepted(Json<Accepted>, #[oai(header = "Location")] String),
}

#[OpenApi(prefix_path = "/flows", tag = "Tag::Flows")]
impl Api {
    /// The organization's flows
    #[oai(path = "/", method = "get", operation_id = "flow.list")]
    async fn list(
        &self,
        caller: Bearer,
        /// Only flows whose name or description contains this text, whatever the case.
        search: Query<Option<String>>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<FlowSummary>>> {
        let request = ListFlows {
            search: search.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Create a flow
    ///
    /// The draft may be stored invalid; publishing checks it.
    #[oai(path = "/", method = "post", operation_id = "flow.create")]
    async fn create(&self, caller: Bearer, body: Json<CreateFlow>) -> poem::Result<Created> {
        Ok(created(caller.ask(&body.0).await?))
    }

    /// One flow with its draft
    #[oai(path = "/:flow_id", method = "get", operation_id = "flow.get")]
    async fn get(&self, caller: Bearer, flow_id: Path<FlowId>) -> poem::Result<OneFlow> {
        get(&caller, flow_id.0).await
    }

    /// Replace name, description and draft
    ///
    /// With `If-Match`, only while the flow still has that version: 412 otherwise.
    #[oai(path = "/:flow_id", method = "put", operation_id = "flow.update")]
    async fn update(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Json<FlowBody>,
    ) -> poem::Result<OneFlow> {
        update(&caller, flow_id.0, if_match.0.as_deref(), body.0).await
    }

    /// Hide a flow; its executions stay readable
    #[oai(path = "/:flow_id", method = "delete", operation_id = "flow.delete")]
    async fn delete(&self, caller: Bearer, flow_id: Path<FlowId>) -> poem::Result<Deleted> {
        let flow_id = flow_id.0;
        caller.ask(&DeleteFlow { flow_id }).await?;
        Ok(Deleted::Done)
    }

    /// Check the draft
    #[oai(
        path = "/:flow_id/validate",
        method = "post",
        operation_id = "flow.validate"
    )]
    async fn validate(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
    ) -> poem::Result<Json<Validation>> {
        let flow_id = flow_id.0;
        Ok(Json(caller.ask(&ValidateFlow { flow_id }).await?))
    }

    /// Make the draft the next revision
    #[oai(
        path = "/:flow_id/publish",
        method = "post",
        operation_id = "flow.publish"
    )]
    async fn publish(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        body: MaybeJson<PublishBody>,
    ) -> poem::Result<Published> {
        let request = PublishFlow {
            flow_id: flow_id.0,
            notes: body.0.notes,
        };
        let revision = caller.ask(&request).await?;
        let number = revision.revision;
        let location = format!("{}/revisions/{number}", location_of(flow_id.0));
        Ok(Published::Created(Json(revision), location))
    }

    /// The published revisions
    #[oai(
        path = "/:flow_id/revisions",
        method = "get",
        operation_id = "flow.list_revisions"
    )]
    async fn revisions(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<RevisionSummary>>> {
        let request = ListRevisions {
            flow_id: flow_id.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// One revision
    #[oai(
        path = "/:flow_id/revisions/:revision",
        method = "get",
        operation_id = "flow.get_revision"
    )]
    async fn revision(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        revision: Path<u32>,
    ) -> poem::Result<Json<Revision>> {
        let request = GetRevision {
            flow_id: flow_id.0,
            revision: revision.0,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Make a revision's definition the draft again
    #[oai(
        path = "/:flow_id/revisions/:revision/restore",
        method = "post",
        operation_id = "flow.restore_revision"
    )]
    async fn restore(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        revision: Path<u32>,
    ) -> poem::Result<OneFlow> {
        let request = RestoreRevision {
            flow_id: flow_id.0,
            revision: revision.0,
        };
        let flow = caller.ask(&request).await?;
        let tag = etag::of(flow.version);
        Ok(OneFlow::Ok(Json(flow), tag))
    }

    /// Start an execution
    #[oai(
        path = "/:flow_id/execute",
        method = "post",
        operation_id = "flow.execute"
    )]
    async fn execute(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        /// The same key and body give the same execution; the same key with another body is refused.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        body: MaybeJson<ExecuteBody>,
    ) -> poem::Result<Started> {
        execute(&caller, flow_id.0, idempotency_key.0, body.0).await
    }

    /// Try a flow, or a part of it, with outputs that are given
    ///
    /// Begins an execution of the draft in which the nodes in `pins` are not run, nor is what only they need.
    #[oai(path = "/:flow_id/test", method = "post", operation_id = "flow.test")]
    async fn test(
        &self,
        caller: Bearer,
        flow_id: Path<FlowId>,
        /// The same key and body give the same execution; the same key with another body is refused.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        body: MaybeJson<TestFlowBody>,
    ) -> poem::Result<Started> {
        let request = TestFlow {
            flow_id: flow_id.0,
            input: body.0.input,
            revision: body.0.revision,
            until: body.0.until,
            pins: body.0.pins,
            idempotency_key: idempotency_key.0,
        };
        Ok(started(caller.ask(&request).await?))
    }
}

pub(super) fn created(flow: Flow) -> Created {
    let (location, tag) = (location_of(flow.id), etag::of(flow.version));
    Created::Created(Json(flow), location, tag)
}

pub(super) async fn get(caller: &Bearer, flow_id: FlowId) -> poem::Result<OneFlow> {
    let flow = caller.ask(&GetFlow { flow_id }).await?;
    let tag = etag::of(flow.version);
    Ok(OneFlow::Ok(Json(flow), tag))
}

pub(super) async fn update(
    caller: &Bearer,
    flow_id: FlowId,
    if_match: Option<&str>,
    body: FlowBody,
) -> poem::Result<OneFlow> {
    let if_version = etag::parse(if_match)?;
    let request = UpdateFlow {
        flow_id,
        name: Some(body.name),
        description: Some(body.description),
        definition: Some(body.definition),
        if_version,
    };
    let flow = caller.ask(&request).await?;
    let tag = etag::of(flow.version);
    Ok(OneFlow::Ok(Json(flow), tag))
}

pub(super) async fn execute(
    caller: &Bearer,
    flow_id: FlowId,
    idempotency_key: Option<String>,
    body: ExecuteBody,
) -> poem::Result<Started> {
    let request = ExecuteFlow {
        flow_id,
        input: body.input,
        revision: body.revision,
        session: body.session,
        priority: body.priority,
        idempotency_key,
    };
    Ok(started(caller.ask(&request).await?))
}

pub(super) fn started(accepted: Accepted) -> Started {
    let location = format!("{PREFIX}/executions/{}", accepted.id);
    Started::Accepted(Json(accepted), location)
}

fn location_of(flow_id: FlowId) -> String {
    format!("{PREFIX}/flows/{flow_id}")
}
