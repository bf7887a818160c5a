//! `llm.limits` and `llm.set_limits`: what the organization as a whole may ask at a time.

use contracts::llm::{GetLimits, RateLimits, SetLimits};
use kernel::Ctx;

use crate::{Error, State, domain::meter};

pub(crate) async fn limits(ctx: Ctx<State>, _: GetLimits) -> Result<RateLimits, Error> {
    let limits = ctx.state.store.limits(ctx.tenant).await?;
    Ok(limits.unwrap_or_default())
}

pub(crate) async fn set_limits(ctx: Ctx<State>, request: SetLimits) -> Result<RateLimits, Error> {
    let mut problems = Vec::new();
    meter::check(&request.limits, "", &mut problems);
    if !problems.is_empty() {
        return Err(Error::InvalidLimits(problems));
    }
    let store = &ctx.state.store;
    store.set_limits(ctx.tenant, &request.limits).await?;
    ctx.state.forget(ctx.tenant).await;
    Ok(request.limits)
}
