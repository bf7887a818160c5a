//! Published revisions.

use contracts::{
    flow::{
        Flow, GetRevision, ListRevisions, PublishFlow, RestoreRevision, Revision, RevisionSummary,
        UpdateFlow,
    },
    page::Page,
};

use crate::{
    domain,
    error::Error,
    handlers::{Ctx, now, pins},
    store::Published,
};

pub(crate) async fn publish(ctx: Ctx, request: PublishFlow) -> Result<Revision, Error> {
    domain::check_notes(&request.notes)?;
    let flow = ctx.state.get(ctx.tenant, request.flow_id).await?;
    let problems = graph::validate(&flow.definition);
    if !problems.is_empty() {
        return Err(Error::InvalidFlow(problems));
    }
    let published = Published {
        flow_id: flow.id,
        executable: pins::pin(&ctx, flow.definition.clone()).await?,
        definition: flow.definition,
        notes: request.notes,
        by: ctx.principal().user_id,
    };
    ctx.state.publish(ctx.tenant, published, now()).await
}

pub(crate) async fn list(ctx: Ctx, request: ListRevisions) -> Result<Page<RevisionSummary>, Error> {
    ctx.state
        .revisions(ctx.tenant, request.flow_id, &request.paging)
        .await
}

pub(crate) async fn get(ctx: Ctx, request: GetRevision) -> Result<Revision, Error> {
    ctx.state
        .revision(ctx.tenant, request.flow_id, request.revision)
        .await
}

pub(crate) async fn restore(ctx: Ctx, request: RestoreRevision) -> Result<Flow, Error> {
    let revision = ctx
        .state
        .revision(ctx.tenant, request.flow_id, request.revision)
        .await?;
    let update = UpdateFlow {
        flow_id: request.flow_id,
        name: None,
        description: None,
        definition: Some(revision.definition),
        if_version: None,
    };
    ctx.state.update(ctx.tenant, update, now()).await
}
