//! Executions that have ended: beside each other, and decided once more.

use std::sync::Arc;

use contracts::{
    execution::{
        CompareExecutions, Compared, Comparison, Execution, GetExecution, GetExecutionDefinition,
        ListEvents, ReplayExecution, Replayed,
    },
    flow::Definition,
    id::ExecutionId,
    live::ExecutionEvent,
};
use kernel::Ctx;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Error, State,
    domain::{
        Program, Reused,
        comparing::{self, Side, Story},
        replaying::{self, Replaying},
    },
    handlers,
    history::Histories,
    payloads::Payloads,
    plans::Plans,
};

/// The service with what it answers about them.
pub(crate) fn on(service: kernel::Service<State>) -> kernel::Service<State> {
    service.on(compare).on(replay).on(definition)
}

/// As it was executed, whatever became of its flow.
async fn definition(ctx: Ctx<State>, request: GetExecutionDefinition) -> Result<Definition, Error> {
    let execution_id = request.execution_id;
    let first = ListEvents {
        execution_id,
        after: 0,
        limit: Some(1),
    };
    let events = handlers::events(ctx.clone(), first).await?.items;
    let event = events.into_iter().next().map(|frame| frame.event);
    let Some(ExecutionEvent::ExecutionStarted {
        definition_hash, ..
    }) = event
    else {
        return Err(Error::Gap {
            id: execution_id,
            after: 0,
        });
    };
    let plans = Plans::new(ctx.bus.clone(), ctx.state.archive.clone());
    match plans.executable(&definition_hash).await {
        Ok(executable) => Ok(executable.definition),
        Err(Error::NoDefinition { .. }) => Err(Error::Forgotten(execution_id)),
        Err(error) => Err(error),
    }
}

async fn compare(ctx: Ctx<State>, request: CompareExecutions) -> Result<Comparison, Error> {
    let (one, other) = tokio::try_join!(
        told(&ctx, request.execution_id),
        told(&ctx, request.with_execution_id)
    )?;
    let side = |told: &'_ Told| -> (Arc<Program>, Compared) {
        (told.program.clone(), compared(&told.execution, &told.story))
    };
    let ((program, execution), (other_program, with)) = (side(&one), side(&other));
    let nodes = comparing::compare(
        Side {
            program: &program,
            story: &one.story,
        },
        Side {
            program: &other_program,
            story: &other.story,
        },
    );
    let changed = nodes.iter().filter(|node| !node.same);
    Ok(Comparison {
        same_input: one.story.has_input_of(&other.story),
        same_output: one.story.has_output_of(&other.story),
        changed: changed.map(|node| node.node.clone()).collect(),
        execution,
        with,
        nodes,
    })
}

/// No model, tool or address is asked: the core alone decides, from what is in the archive. Where time runs out, what was
/// looked at until then is told.
async fn replay(ctx: Ctx<State>, request: ReplayExecution) -> Result<Replayed, Error> {
    let (tenant, id) = (ctx.tenant, request.execution_id);
    let until = time_to_read(&ctx);
    let execution = ended(&ctx, id).await?;
    let mut reading = histories(&ctx).read(tenant, id);
    let payloads = Payloads::new(ctx.bus.clone(), ctx.state.archive.clone());
    let mut page = payloads
        .fill_frames(tenant, id, reading.next().await?)
        .await?;
    let first = page.first().cloned();
    let first = first.ok_or(Error::Gap { id, after: 0 })?;
    let event = json!(first.event);
    let vars = match ctx.state.archive.vars(tenant, id).await? {
        Some(vars) => vars,
        None if event["variables"].is_null() => Value::Null,
        None => return Err(Error::NoVariables(id)),
    };
    let hash = event["definition_hash"].as_str().unwrap_or_default();
    let program = Plans::new(ctx.bus.clone(), ctx.state.archive.clone())
        .load(hash)
        .await?;
    let reused = match event["source"].is_null() {
        true => Vec::new(),
        false => all_reused(&ctx, id).await?,
    };
    let replaying = Replaying::begin(&program, (tenant, id), &first, vars, reused);
    let mut replaying = replaying.ok_or(Error::Gap { id, after: 0 })?;
    while !page.is_empty() && !replaying.has_diverged() {
        // Thousands of events take their time: not on a thread that others wait for.
        let work = move || {
            page.iter().for_each(|frame| replaying.take(frame));
            replaying
        };
        let worked = tokio::task::spawn_blocking(work).await;
        replaying = worked.map_err(|_| Error::Gap { id, after: 0 })?;
        if Instant::now() >= until {
            break;
        }
        page = payloads
            .fill_frames(tenant, id, reading.next().await?)
            .await?;
    }
    Ok(replaying.told(id, execution.last_event))
}

/// What an execution had taken over from others.
async fn all_reused(ctx: &Ctx<State>, id: ExecutionId) -> Result<Vec<Reused>, Error> {
    let mut reading = histories(ctx).read(ctx.tenant, id);
    let payloads = Payloads::new(ctx.bus.clone(), ctx.state.archive.clone());
    let mut reused = Vec::new();
    loop {
        let page = reading.next().await?;
        if page.is_empty() {
            return Ok(reused);
        }
        let page = payloads.fill_frames(ctx.tenant, id, page).await?;
        reused.extend(page.iter().filter_map(replaying::reused));
    }
}

/// Until when histories may be read, so that there is time left to answer.
fn time_to_read(ctx: &Ctx<State>) -> Instant {
    Instant::now() + ctx.remaining().mul_f32(0.8)
}

async fn ended(ctx: &Ctx<State>, execution_id: ExecutionId) -> Result<Execution, Error> {
    let execution = handlers::get(ctx.clone(), GetExecution { execution_id }).await?;
    match execution.state.is_final() {
        true => Ok(execution),
        false => Err(Error::NotEnded(execution_id)),
    }
}

/// An execution that has ended, with what it executed.
struct Told {
    execution: Execution,
    story: Story,
    program: Arc<Program>,
}

async fn told(ctx: &Ctx<State>, execution_id: ExecutionId) -> Result<Told, Error> {
    let until = time_to_read(ctx);
    let execution = ended(ctx, execution_id).await?;
    let mut story = Story::default();
    let mut reading = histories(ctx).read(ctx.tenant, execution_id);
    loop {
        let page = reading.next().await?;
        if page.is_empty() {
            break;
        }
        page.iter().for_each(|frame| story.take(frame));
        if Instant::now() >= until {
            return Err(Error::NoTime(execution_id));
        }
    }
    let plans = Plans::new(ctx.bus.clone(), ctx.state.archive.clone());
    let program = plans.load(&story.definition_hash).await?;
    Ok(Told {
        execution,
        story,
        program,
    })
}

fn compared(execution: &Execution, story: &Story) -> Compared {
    Compared {
        id: execution.id,
        origin: execution.origin,
        state: execution.state,
        error: execution.error.clone(),
        usage: execution.usage,
        duration_ms: story.duration_ms(),
    }
}

fn histories(ctx: &Ctx<State>) -> Histories<'_> {
    Histories {
        bus: &ctx.bus,
        store: &ctx.state.store,
        archive: &ctx.state.archive,
    }
}
