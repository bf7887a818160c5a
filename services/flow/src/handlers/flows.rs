//! Flows and their drafts.

use contracts::{
    flow::{
        CreateFlow, DeleteFlow, Flow, FlowSummary, GetFlow, ListFlows, ListNodeTypes, NodeType,
        UpdateFlow, ValidateFlow, Validation,
    },
    id::FlowId,
    page::Page,
};

use crate::{
    domain,
    error::Error,
    handlers::{Ctx, now, pins},
};

pub(crate) async fn create(ctx: Ctx, request: CreateFlow) -> Result<Flow, Error> {
    store(&ctx, request).await
}

/// Makes a flow at its first version.
pub(super) async fn store(ctx: &Ctx, request: CreateFlow) -> Result<Flow, Error> {
    domain::check_name(&request.name)?;
    domain::check_description(&request.description)?;
    let now = now();
    let mut definition = request.definition;
    graph::pin_versions(&mut definition, None);
    let flow = Flow {
        id: FlowId::generate(),
        name: request.name,
        description: request.description,
        definition,
        version: 1,
        revision: None,
        created_by: ctx.principal().user_id,
        created_at: now,
        updated_at: now,
    };
    ctx.state.insert(ctx.tenant, &flow).await?;
    Ok(flow)
}

pub(crate) async fn get(ctx: Ctx, request: GetFlow) -> Result<Flow, Error> {
    ctx.state.get(ctx.tenant, request.flow_id).await
}

pub(crate) async fn list(ctx: Ctx, request: ListFlows) -> Result<Page<FlowSummary>, Error> {
    ctx.state
        .list(ctx.tenant, request.search.as_deref(), &request.paging)
        .await
}

pub(crate) async fn update(ctx: Ctx, request: UpdateFlow) -> Result<Flow, Error> {
    request.name.as_deref().map_or(Ok(()), domain::check_name)?;
    request
        .description
        .as_deref()
        .map_or(Ok(()), domain::check_description)?;
    ctx.state.update(ctx.tenant, request, now()).await
}

pub(crate) async fn delete(ctx: Ctx, request: DeleteFlow) -> Result<(), Error> {
    ctx.state.delete(ctx.tenant, request.flow_id, now()).await
}

pub(crate) async fn validate(ctx: Ctx, request: ValidateFlow) -> Result<Validation, Error> {
    let flow = ctx.state.get(ctx.tenant, request.flow_id).await?;
    let mut problems = graph::validate(&flow.definition);
    // What a flow names can only be looked up where its configurations can be read.
    if problems.is_empty()
        && let Err(error) = pins::pin(&ctx, flow.definition).await
    {
        match error {
            Error::InvalidFlow(missing) => problems = missing,
            other => return Err(other),
        }
    }
    Ok(Validation {
        valid: problems.is_empty(),
        problems,
    })
}

pub(crate) async fn node_types(_: Ctx, _: ListNodeTypes) -> Result<Page<NodeType>, Error> {
    Ok(Page {
        items: graph::node_types().to_vec(),
        next: None,
    })
}
