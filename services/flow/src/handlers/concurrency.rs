//! How many executions of a flow run at the same time.

use contracts::flow::{Concurrency, GetConcurrency, SetConcurrency};

use crate::{domain::concurrency, error::Error, handlers::Ctx, places};

pub(crate) async fn get(ctx: Ctx, request: GetConcurrency) -> Result<Concurrency, Error> {
    ctx.state.concurrency(ctx.tenant, request.flow_id).await
}

pub(crate) async fn set(ctx: Ctx, request: SetConcurrency) -> Result<Concurrency, Error> {
    let SetConcurrency {
        flow_id,
        concurrency: rules,
    } = request;
    concurrency::check(&rules)?;
    ctx.state
        .set_concurrency(ctx.tenant, flow_id, &rules)
        .await?;
    // Whoever waits may have a place by the new rules.
    places::settle_all(&ctx.bus, &ctx.state, ctx.tenant, flow_id, false).await?;
    Ok(rules)
}
