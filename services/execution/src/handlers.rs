//! Questions about executions. The owner of the partition is asked first; what it no longer has in memory is in the
//! header rows and the archive.

pub(crate) mod dead_letters;
pub(crate) mod events;
pub(crate) mod holding;
pub(crate) mod keeping;
pub(crate) mod looking_back;
pub(crate) mod payloads;

use bus::Bus;
use contracts::{
    ErrorCode, Problem,
    execution::{
        AnswerExecution, Approve, CancelExecution, Events, Execution, ExecutionSummary,
        ExecutionWithEvents, GetExecution, ListEvents, ListExecutions, ReadExecution,
    },
    id::{ExecutionId, TenantId},
    live::{ExecutionEvent, Frame},
    owner,
    page::Page,
    payload::Payload,
};
use kernel::Ctx;
use serde_json::Value;

use crate::{
    Error, State, history,
    log::{partition::answer_of, slots::Header},
    payloads::Payloads,
};

/// Events of one answer, when the caller names no limit and at most.
const DEFAULT_EVENTS: u32 = 200;
const MAX_EVENTS: u32 = 1000;
/// Characters of what is said beside an approval.
const MAX_COMMENT: usize = 1000;

pub(crate) async fn get(ctx: Ctx<State>, request: GetExecution) -> Result<Execution, Error> {
    let id = request.execution_id;
    let question = owner::Get {
        tenant: ctx.tenant,
        execution_id: id,
    };
    match ctx.ask_owner(&question).await {
        Ok(execution) => Ok(execution),
        Err(problem) => ended(&ctx.bus, &ctx.state, ctx.tenant, id, problem).await,
    }
}

pub(crate) async fn list(
    ctx: Ctx<State>,
    request: ListExecutions,
) -> Result<Page<ExecutionSummary>, Error> {
    ctx.state.store.list(ctx.tenant, &request).await
}

pub(crate) async fn events(ctx: Ctx<State>, request: ListEvents) -> Result<Events, Error> {
    let limit = request.limit.unwrap_or(DEFAULT_EVENTS).clamp(1, MAX_EVENTS);
    let (id, after) = (request.execution_id, request.after);
    let question = owner::ReadEvents {
        tenant: ctx.tenant,
        execution_id: id,
        after,
        limit,
    };
    let problem = match ctx.ask_owner(&question).await {
        Ok(events) => return Ok(events),
        Err(problem) => problem,
    };
    let header = header(&ctx.state, ctx.tenant, id, problem.clone()).await?;
    let frames = ctx
        .state
        .archive
        .events(ctx.tenant, id, after, limit)
        .await?;
    if frames.is_empty() && after < header.last_event {
        may_be_forgotten(problem)?;
    }
    history::check_stretch(id, after, &frames)?;
    let last = frames.last().map(|frame| frame.n);
    Ok(Events {
        items: frames,
        next: last.filter(|n| *n < header.last_event),
    })
}

/// Cancelling what is over changes nothing.
pub(crate) async fn cancel(ctx: Ctx<State>, request: CancelExecution) -> Result<Execution, Error> {
    let id = request.execution_id;
    let wish = owner::Cancel {
        tenant: ctx.tenant,
        execution_id: id,
        by: ctx.principal().user_id,
    };
    match ctx.ask_owner(&wish).await {
        Ok(execution) => Ok(execution),
        Err(problem) => ended(&ctx.bus, &ctx.state, ctx.tenant, id, problem).await,
    }
}

pub(crate) async fn approve(ctx: Ctx<State>, request: Approve) -> Result<Execution, Error> {
    if request.comment.chars().count() > MAX_COMMENT {
        return Err(Error::LongComment);
    }
    let id = request.execution_id;
    let given = owner::GiveApproval {
        tenant: ctx.tenant,
        execution_id: id,
        by: ctx.principal().user_id,
        word: request,
    };
    let word = given.word.clone();
    let is_it = |event: &ExecutionEvent| match event {
        ExecutionEvent::ApprovalGiven { node, approved, .. } => {
            *node == word.node && *approved == word.approved
        }
        _ => false,
    };
    told(&ctx, id, ctx.ask_owner(&given).await, is_it).await
}

pub(crate) async fn answer(ctx: Ctx<State>, request: AnswerExecution) -> Result<Execution, Error> {
    if request.comment.chars().count() > MAX_COMMENT {
        return Err(Error::LongComment);
    }
    let id = request.execution_id;
    let given = owner::GiveAnswer {
        tenant: ctx.tenant,
        execution_id: id,
        by: ctx.principal().user_id,
        role: ctx.principal().role,
        answer: request,
    };
    let (asked, answer) = (given.answer.node.clone(), answer_of(&given).output());
    let answer = as_stored(answer);
    let is_it = |event: &ExecutionEvent| match event {
        ExecutionEvent::AnswerGiven { node, output, .. } => *node == asked && *output == answer,
        _ => false,
    };
    told(&ctx, id, ctx.ask_owner(&given).await, is_it).await
}

/// A value as events have it.
pub(crate) fn as_stored(value: Value) -> Value {
    Payload::of(&value).map_or(value, |payload| payload.reference.to_value())
}

/// What the owner said to a person's word. What is over, and not in its memory any more, took the word if its history has
/// it: the same one once more changes nothing.
async fn told(
    ctx: &Ctx<State>,
    execution_id: ExecutionId,
    said: Result<Execution, Problem>,
    is_it: impl Fn(&ExecutionEvent) -> bool,
) -> Result<Execution, Error> {
    let problem = match said {
        Ok(execution) => return Ok(execution),
        Err(problem) if problem.code == ErrorCode::NotFound => problem,
        Err(problem) => return Err(Error::Owner(problem)),
    };
    let execution = get(ctx.clone(), GetExecution { execution_id }).await?;
    if !execution.state.is_final() {
        return Err(Error::Owner(problem));
    }
    let mut after = 0;
    loop {
        let limit = Some(MAX_EVENTS);
        let question = ListEvents {
            execution_id,
            after,
            limit,
        };
        let page = events(ctx.clone(), question).await?;
        if page.items.iter().any(|frame| is_it(&frame.event)) {
            return Ok(execution);
        }
        match page.next {
            Some(next) => after = next,
            None => {
                let text = "the execution is over, and waits for nobody";
                let problem = Problem::new(ErrorCode::Conflict, text);
                return Err(Error::Owner(problem.with_reason("not_waiting")));
            }
        }
    }
}

/// For services that keep what came of an execution; its start said whose it is.
pub(crate) async fn read(
    ctx: Ctx<State>,
    request: ReadExecution,
) -> Result<ExecutionWithEvents, Error> {
    let (execution_id, after) = (request.execution_id, request.after);
    let execution = get(ctx.clone(), GetExecution { execution_id }).await?;
    let limit = Some(MAX_EVENTS);
    let question = ListEvents {
        execution_id,
        after,
        limit,
    };
    let events = events(ctx, question).await?;
    Ok(ExecutionWithEvents { execution, events })
}

/// An execution that its owner no longer has in memory.
///
/// # Errors
/// `problem`, when it did not end; that the header row or the archive cannot be read.
pub(crate) async fn ended(
    bus: &Bus,
    state: &State,
    tenant: TenantId,
    id: ExecutionId,
    problem: Problem,
) -> Result<Execution, Error> {
    let header = header(state, tenant, id, problem.clone()).await?;
    let first = frame(state, header.tenant, id, 1).await?;
    let last = frame(state, header.tenant, id, header.last_event).await?;
    if last.is_none() {
        may_be_forgotten(problem)?;
    }
    // Past its retention the archive forgets values; the header stays.
    let input = match first.map(|frame| frame.event) {
        Some(ExecutionEvent::ExecutionStarted { input, .. }) => input,
        _ => Value::Null,
    };
    let (output, handled, uncompensated) = match last.map(|frame| frame.event) {
        Some(ExecutionEvent::ExecutionSucceeded { output, .. }) => (Some(output), false, vec![]),
        Some(ExecutionEvent::ExecutionFailed {
            handled,
            output,
            uncompensated,
            ..
        }) => (
            Some(output).filter(|output| !output.is_null()),
            handled,
            uncompensated,
        ),
        Some(ExecutionEvent::ExecutionCancelled { uncompensated, .. }) => {
            (None, false, uncompensated)
        }
        _ => (None, false, vec![]),
    };
    let mut execution = Execution {
        id,
        origin: header.origin,
        parent_id: header.parent_id,
        source: header.source,
        state: header.state,
        input,
        output,
        error: header.error,
        handled,
        uncompensated,
        usage: header.usage,
        last_event: header.last_event,
        approvals: Vec::new(),
        answers: Vec::new(),
        started_by: header.started_by,
        created_at: header.created_at,
        finished_at: header.finished_at,
    };
    let payloads = Payloads::new(bus.clone(), state.archive.clone());
    payloads.fill_shown(tenant, &mut execution).await?;
    Ok(execution)
}

/// What the archive has not is past its retention where an owner knows the execution no more. Where none answers it may not
/// have come there yet, and to say that there is nothing would be wrong.
fn may_be_forgotten(problem: Problem) -> Result<(), Error> {
    if problem.code == ErrorCode::NotFound {
        return Ok(());
    }
    Err(Error::Owner(problem))
}

/// The header row of a finished execution, after its owner answered with `problem`.
async fn header(
    state: &State,
    tenant: TenantId,
    id: ExecutionId,
    problem: Problem,
) -> Result<Header, Error> {
    match problem.code {
        ErrorCode::NotFound | ErrorCode::Unavailable | ErrorCode::Timeout => {}
        ErrorCode::InvalidInput
        | ErrorCode::Unauthenticated
        | ErrorCode::Forbidden
        | ErrorCode::Conflict
        | ErrorCode::RateLimited
        | ErrorCode::Internal => return Err(Error::Owner(problem)),
    }
    let missing = problem.code == ErrorCode::NotFound;
    match state.store.find(tenant, id).await? {
        Some(header) if header.state.is_final() => Ok(header),
        // Its owner will know it again.
        Some(_) if missing => Err(Error::Owner(Problem::new(
            ErrorCode::Unavailable,
            format!("execution `{id}` is not available at present"),
        ))),
        None if missing => Err(Error::NotFound(id)),
        Some(_) | None => Err(Error::Owner(problem)),
    }
}

async fn frame(
    state: &State,
    tenant: TenantId,
    id: ExecutionId,
    n: u64,
) -> Result<Option<Frame>, Error> {
    let after = n.saturating_sub(1);
    let frames = state.archive.events(tenant, id, after, 1).await?;
    Ok(frames.into_iter().find(|frame| frame.n == n))
}
