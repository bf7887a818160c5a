//! Calls of tools.

use contracts::{
    page::Page,
    tool::{InvokeTool, ListToolCalls, ToolCallRecord, ToolResult},
};

use crate::{
    calls::{self, Caller},
    domain::arguments,
    error::Error,
    handlers::Ctx,
};

pub(crate) async fn invoke(ctx: Ctx, request: InvokeTool) -> Result<ToolResult, Error> {
    arguments::check_key(request.idempotency_key.as_deref())?;
    let store = &ctx.state.store;
    let tool = store
        .get(ctx.tenant, request.tool_id, request.version)
        .await?;
    let caller = Caller {
        bus: &ctx.bus,
        tenant: ctx.tenant,
        principal: ctx.principal(),
        // The caller is to hear how the call failed, not only that it took too long.
        patience: ctx.remaining().mul_f32(0.95),
        heartbeat: ctx.heartbeat(),
    };
    calls::invoke(&ctx.state, &caller, &tool, &request).await
}

pub(crate) async fn list(ctx: Ctx, request: ListToolCalls) -> Result<Page<ToolCallRecord>, Error> {
    let store = &ctx.state.store;
    store
        .calls(ctx.tenant, request.tool_id, &request.paging)
        .await
}
