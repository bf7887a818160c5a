//! One file per resource; each handler orders a few steps.

pub(crate) mod agents;
pub(crate) mod crews;
pub(crate) mod import;
pub(crate) mod resolve;

use chrono::{DateTime, SubsecRound, Utc};
use contracts::{
    agent::{KnowledgeSnapshot, Pin},
    id::{BaseId, ToolId},
    tool::{ResolveTools, ToolSnapshot},
};

use crate::{State, error::Error};

type Ctx = kernel::Ctx<State>;

/// To the microsecond, as the database keeps it: what is answered now is what is read later.
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// Those of these tools that exist, at their newest versions.
async fn tools(ctx: &Ctx, ids: &[ToolId]) -> Result<Vec<ToolSnapshot>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let newest = |id: &ToolId| Pin {
        id: *id,
        version: None,
    };
    let tools = ids.iter().map(newest).collect();
    Ok(ctx.call(&ResolveTools { tools }).await?.items)
}

/// Those of these knowledge bases that exist.
async fn bases(ctx: &Ctx, ids: &[BaseId]) -> Result<Vec<KnowledgeSnapshot>, Error> {
    ctx.state.knowledge.snapshots(ctx.tenant, ids).await
}
