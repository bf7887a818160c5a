//! Events of integrators, on their way to the executions that wait for them.

use chrono::Utc;
use contracts::{
    ErrorCode,
    execution::{DeliverEvent, Delivered, ListEvents},
    live::{ExecutionEvent, Frame},
    owner::Signal,
};
use kernel::Ctx;
use serde_json::json;

use crate::{Error, State};

/// Events of one look into a history.
const PAGE: u32 = 1000;

/// Answered once the execution has the event in its log, or the event is kept; asked again it goes to the same one.
pub(crate) async fn deliver(ctx: Ctx<State>, event: DeliverEvent) -> Result<Delivered, Error> {
    let (store, tenant) = (&ctx.state.store, ctx.tenant);
    let DeliverEvent { name, id, data, at } = event;
    let output = json!({"event": name, "id": id, "data": data, "at": at});
    loop {
        let found = store.hear(tenant, &name, &id, &output, Utc::now()).await?;
        let Some(waiting) = found else {
            return Ok(Delivered { execution_id: None });
        };
        let signal = Signal {
            tenant,
            execution_id: waiting.execution,
            node: waiting.node.clone(),
            output: output.clone(),
        };
        let has_it = match ctx.ask_owner(&signal).await {
            Ok(()) => true,
            Err(problem) if problem.code == ErrorCode::NotFound => took(&ctx, &signal).await?,
            Err(problem) => return Err(Error::Owner(problem)),
        };
        if has_it {
            let execution_id = Some(waiting.execution);
            return Ok(Delivered { execution_id });
        }
        // It was cancelled, or its time was over: the event may end another wait.
        store.waits_no_more(tenant, &name, &id, &waiting).await?;
    }
}

/// Whether an execution that waits no more went on with this very event.
async fn took(ctx: &Ctx<State>, signal: &Signal) -> Result<bool, Error> {
    let output_stored = super::as_stored(signal.output.clone());
    let mut after = 0;
    loop {
        let question = ListEvents {
            execution_id: signal.execution_id,
            after,
            limit: Some(PAGE),
        };
        let page = match super::events(ctx.clone(), question).await {
            Err(Error::NotFound(_)) => return Ok(false),
            page => page?,
        };
        let is_it = |frame: &Frame| match &frame.event {
            ExecutionEvent::StepSucceeded { node, output, .. } => {
                *node == signal.node && *output == output_stored
            }
            _ => false,
        };
        if page.items.iter().any(is_it) {
            return Ok(true);
        }
        match page.next {
            Some(next) => after = next,
            None => return Ok(false),
        }
    }
}
