//! Pausing executions, and letting them go on.

use contracts::{
    ErrorCode, Problem,
    execution::{Execution, PauseExecution, ResumeExecution},
    owner,
};
use kernel::Ctx;

use crate::{Error, State, handlers};

pub(crate) async fn pause(ctx: Ctx<State>, request: PauseExecution) -> Result<Execution, Error> {
    let id = request.execution_id;
    let wish = owner::Pause {
        tenant: ctx.tenant,
        execution_id: id,
        by: ctx.principal().user_id,
        parent_event: None,
    };
    let problem = match ctx.ask_owner(&wish).await {
        Ok(execution) => return Ok(execution),
        Err(problem) => problem,
    };
    handlers::ended(&ctx.bus, &ctx.state, ctx.tenant, id, problem).await?;
    let text = "the execution is over, or ends already";
    let problem = Problem::new(ErrorCode::Conflict, text);
    Err(Error::Owner(problem.with_reason("ends")))
}

/// What is over goes on no more: nothing changes.
pub(crate) async fn resume(ctx: Ctx<State>, request: ResumeExecution) -> Result<Execution, Error> {
    let id = request.execution_id;
    let wish = owner::Resume {
        tenant: ctx.tenant,
        execution_id: id,
        by: ctx.principal().user_id,
        parent_event: None,
    };
    match ctx.ask_owner(&wish).await {
        Ok(execution) => Ok(execution),
        Err(problem) => handlers::ended(&ctx.bus, &ctx.state, ctx.tenant, id, problem).await,
    }
}
