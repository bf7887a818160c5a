//! Forgetting executions, and how long they are kept.

use std::time::Duration;

use chrono::Utc;
use contracts::{
    ErrorCode,
    execution::{DeleteExecution, GetRetention, Retention, SetRetention},
    owner,
};
use kernel::Ctx;
use tokio::time::{Instant, sleep};

use crate::{Error, State};

/// How long a deletion waits for the end of an execution to come into the archive.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);
/// The longest retention, in days.
const MAX_DAYS: u32 = 3650;

/// What the owner still has in memory is on its way into the archive: it is deleted once it is there.
pub(crate) async fn delete(ctx: Ctx<State>, request: DeleteExecution) -> Result<(), Error> {
    let id = request.execution_id;
    let question = owner::Get {
        tenant: ctx.tenant,
        execution_id: id,
    };
    let until = Instant::now() + PATIENCE;
    loop {
        match ctx.ask_owner(&question).await {
            Ok(execution) if !execution.state.is_final() => return Err(Error::NotEnded(id)),
            Ok(_) if Instant::now() >= until => return Err(Error::BeingArchived(id)),
            Ok(_) => sleep(PAUSE).await,
            Err(problem) if problem.code == ErrorCode::NotFound => break,
            Err(problem) => return Err(Error::Owner(problem)),
        }
    }
    let store = &ctx.state.store;
    match store.find(ctx.tenant, id).await? {
        None => return Err(Error::NotFound(id)),
        Some(header) if !header.state.is_final() => return Err(Error::NotEnded(id)),
        Some(_) => {}
    }
    // What the log's place had of it, where it was not forgotten with the log.
    ctx.bus.forget_payloads(ctx.tenant, id).await?;
    // The row last: where this is cut short, there is still something to be deleted.
    ctx.state.archive.delete_events(ctx.tenant, &[id]).await?;
    store.delete(ctx.tenant, &[id], Utc::now()).await
}

pub(crate) async fn retention(ctx: Ctx<State>, _: GetRetention) -> Result<Retention, Error> {
    let days = ctx.state.store.retention(ctx.tenant).await?;
    Ok(Retention { days })
}

pub(crate) async fn set_retention(
    ctx: Ctx<State>,
    request: SetRetention,
) -> Result<Retention, Error> {
    let days = request.days;
    if days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
        return Err(Error::InvalidRetention);
    }
    ctx.state.store.set_retention(ctx.tenant, days).await?;
    Ok(Retention { days })
}
