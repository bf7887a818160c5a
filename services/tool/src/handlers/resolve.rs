//! Pinning tools for a run.

use contracts::tool::{ResolveTools, ResolvedTools};

use crate::{error::Error, handlers::Ctx};

const MAX_PINS: usize = 1024;

pub(crate) async fn resolve(ctx: Ctx, request: ResolveTools) -> Result<ResolvedTools, Error> {
    if request.tools.len() > MAX_PINS {
        return Err(Error::TooManyPins);
    }
    let store = &ctx.state.store;
    let items = store.snapshots(ctx.tenant, &request.tools).await?;
    Ok(ResolvedTools { items })
}
