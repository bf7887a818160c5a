//! Tools and their versions.

use contracts::{
    id::ToolId,
    page::Page,
    tool::{
        CreateTool, DeleteTool, GetTool, ListToolVersions, ListTools, Tool, ToolSummary,
        ToolValidation, ToolVersion, UpdateTool, ValidateTool,
    },
};

use crate::{
    domain::spec,
    error::Error,
    handlers::{Ctx, now},
    kinds,
};

pub(crate) async fn create(ctx: Ctx, request: CreateTool) -> Result<Tool, Error> {
    spec::check(&request.spec)?;
    let by = ctx.principal().user_id;
    let store = &ctx.state.store;
    store
        .insert(ctx.tenant, ToolId::generate(), request.spec, by, now())
        .await
}

pub(crate) async fn get(ctx: Ctx, request: GetTool) -> Result<Tool, Error> {
    let store = &ctx.state.store;
    store
        .get(ctx.tenant, request.tool_id, request.version)
        .await
}

pub(crate) async fn list(ctx: Ctx, request: ListTools) -> Result<Page<ToolSummary>, Error> {
    ctx.state.store.list(ctx.tenant, &request).await
}

pub(crate) async fn update(ctx: Ctx, request: UpdateTool) -> Result<Tool, Error> {
    spec::check(&request.spec)?;
    let by = ctx.principal().user_id;
    ctx.state.store.update(ctx.tenant, request, by, now()).await
}

pub(crate) async fn delete(ctx: Ctx, request: DeleteTool) -> Result<(), Error> {
    let store = &ctx.state.store;
    store.delete(ctx.tenant, request.tool_id, now()).await
}

pub(crate) async fn versions(
    ctx: Ctx,
    request: ListToolVersions,
) -> Result<Page<ToolVersion>, Error> {
    let store = &ctx.state.store;
    store
        .versions(ctx.tenant, request.tool_id, &request.paging)
        .await
}

/// The rules may have grown since the tool was made, and secrets come and go.
pub(crate) async fn validate(ctx: Ctx, request: ValidateTool) -> Result<ToolValidation, Error> {
    let store = &ctx.state.store;
    let tool = store.get(ctx.tenant, request.tool_id, None).await?;
    let spec = spec::of(tool);
    let mut problems = spec::problems(&spec);
    let needs = kinds::secrets(spec.kind, &spec.config);
    let hosts = store.hosts_of(ctx.tenant, needs.names()).await?;
    problems.extend(needs.problems(&hosts));
    Ok(ToolValidation {
        valid: problems.is_empty(),
        problems,
    })
}
