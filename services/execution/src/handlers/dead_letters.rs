//! Dead letters: what nobody could do, and putting it back.

use chrono::Utc;
use contracts::{
    ErrorCode,
    dead_letter::{DeadLetter, ListDeadLetters, Redrive},
    owner::Claim,
    page::Page,
    work::WorkItem,
};
use kernel::Ctx;

use crate::{Error, State};

pub(crate) async fn list(
    ctx: Ctx<State>,
    request: ListDeadLetters,
) -> Result<Page<DeadLetter>, Error> {
    ctx.state.store.dead_letters(ctx.tenant, &request).await
}

/// The owner of the execution has the last word: what it no longer waits for is not put back, and what was put back twice
/// because a note of it was lost is refused to the second worker.
pub(crate) async fn redrive(ctx: Ctx<State>, request: Redrive) -> Result<DeadLetter, Error> {
    let (store, tenant, id) = (&ctx.state.store, ctx.tenant, request.dead_letter_id);
    let found = store.dead_letter(tenant, id).await?;
    let kept = found.ok_or(Error::NoDeadLetter(id))?;
    if kept.letter.redriven_at.is_some() {
        return Ok(kept.letter);
    }
    // What cannot be read here may be read by the worker of another version, which asks the owner itself.
    if let Ok(item) = serde_json::from_slice::<WorkItem>(&kept.payload) {
        let claim = Claim {
            tenant,
            execution_id: kept.address.execution,
            node: item.node,
            attempt: kept.address.attempt,
        };
        match ctx.ask_owner(&claim).await {
            Ok(()) => {}
            Err(problem) if problem.code == ErrorCode::NotFound => {
                return Err(Error::NotWanted(id));
            }
            Err(problem) => return Err(Error::Owner(problem)),
        }
    }
    let key = format!("redrive.{id}");
    ctx.bus
        .redispatch(&kept.address, kept.payload.into(), &key)
        .await?;
    let by = ctx.principal().user_id;
    store.redriven(tenant, id, by, Utc::now()).await?;
    let found = store.dead_letter(tenant, id).await?;
    found.map(|kept| kept.letter).ok_or(Error::NoDeadLetter(id))
}
