//! Executions that have ended: beside each other, and decided once more.

use std::sync::Arc;

use contracts::{
    execution::{
        CompareExecutions, Compared, Comparison, Execution, GetExecution, ReplayExecution, Replayed,
    },
    id::ExecutionId,
};
use kernel::Ctx;
use serde_json::{Value, json};

use crate::{
    Error, State,
    domain::{
        Program,
        comparing::{self, Side, Story},
        replaying,
    },
    handlers,
    history::Histories,
    plans::Plans,
};

pub(crate) async fn compare(
    ctx: Ctx<State>,
    request: CompareExecutions,
) -> Result<Comparison, Error> {
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

/// No model, tool or address is asked: the core alone decides, from what is in the archive.
pub(crate) async fn replay(ctx: Ctx<State>, request: ReplayExecution) -> Result<Replayed, Error> {
    let id = request.execution_id;
    let mut frames = Vec::new();
    histories(&ctx)
        .each(ctx.tenant, id, |frame| frames.push(frame))
        .await?;
    let kept = ctx.state.archive.vars(ctx.tenant, id).await?;
    let first = frames.first().map(|frame| json!(frame.event));
    let first = first.unwrap_or_default();
    let vars = match kept {
        Some(vars) => vars,
        None if first["variables"].is_null() => Value::Null,
        None => return Err(Error::NoVariables(id)),
    };
    let hash = first["definition_hash"].as_str().unwrap_or_default();
    let program = Plans::new(ctx.bus.clone(), ctx.state.archive.clone())
        .load(hash)
        .await?;
    let tenant = ctx.tenant;
    // Thousands of events take their time: not on a thread that others wait for.
    let work = move || replaying::replay(&program, (tenant, id), &frames, vars);
    let replayed = tokio::task::spawn_blocking(work).await;
    let replayed = replayed.map_err(|_| Error::Gap { id, after: 0 })?;
    replayed.ok_or(Error::Gap { id, after: 0 })
}

/// An execution that has ended, with what it executed.
struct Told {
    execution: Execution,
    story: Story,
    program: Arc<Program>,
}

async fn told(ctx: &Ctx<State>, execution_id: ExecutionId) -> Result<Told, Error> {
    let execution = handlers::get(ctx.clone(), GetExecution { execution_id }).await?;
    if !execution.state.is_final() {
        return Err(Error::NotEnded(execution_id));
    }
    let mut story = Story::default();
    histories(ctx)
        .each(ctx.tenant, execution_id, |frame| story.take(&frame))
        .await?;
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
