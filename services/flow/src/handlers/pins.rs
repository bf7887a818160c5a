//! From a definition to what the engine runs: everything it names is pinned.
//!
//! **Invariant:** what is pinned never changes: an execution sees one version of each agent, crew and tool to its end.

use contracts::{
    agent::Resolve,
    flow::{Definition, Executable},
    tool::ResolveTools,
};

use crate::{domain::pins, error::Error, handlers::Ctx, launch};

/// # Errors
/// [`Error::InvalidFlow`] with what is not there; that a service does not answer.
pub(super) async fn pin(ctx: &Ctx, definition: Definition) -> Result<Executable, Error> {
    let names = pins::Names::of(&definition);
    // What is only drawn is nothing to the engine.
    let mut executable = Executable {
        definition: Definition {
            notes: Vec::new(),
            groups: Vec::new(),
            ..definition
        },
        ..Executable::default()
    };
    if names.is_empty() {
        return Ok(executable);
    }
    let bases = resolve(ctx, &names, &mut executable).await?;
    let problems = names.problems(&executable, &bases);
    if !problems.is_empty() {
        return Err(Error::InvalidFlow(problems));
    }
    pin_flows(ctx, &mut executable).await?;
    Ok(executable)
}

async fn resolve(
    ctx: &Ctx,
    names: &pins::Names,
    executable: &mut Executable,
) -> Result<Vec<contracts::id::BaseId>, Error> {
    let request = Resolve {
        agents: pins::pins(&names.agents),
        crews: pins::pins(&names.crews),
        bases: names.bases.clone(),
    };
    let mut bases = Vec::new();
    if request != Resolve::default() {
        let resolved = ctx.call(&request).await.map_err(Error::Unresolved)?;
        let (agents, crews) = (resolved.agents.into_iter(), resolved.crews.into_iter());
        executable.agents = agents.map(|agent| (agent.id, agent)).collect();
        executable.crews = crews.map(|crew| (crew.id, crew)).collect();
        bases = resolved.bases.into_iter().map(|base| base.id).collect();
    }
    let tools = pins::pins(&names.tools);
    if !tools.is_empty() {
        let resolved = ctx.call(&ResolveTools { tools }).await;
        let items = resolved.map_err(Error::Unresolved)?.items;
        executable.tools = items.into_iter().map(|tool| (tool.id, tool)).collect();
    }
    Ok(bases)
}

/// Flows that are tools run at the revision that is newest now.
async fn pin_flows(ctx: &Ctx, executable: &mut Executable) -> Result<(), Error> {
    let mut problems = Vec::new();
    for pin in pins::flow_tools(executable) {
        let flow = match ctx.state.get(ctx.tenant, pin.flow_id).await {
            Ok(flow) => flow,
            Err(Error::FlowNotFound(id)) => {
                problems.push(pins::unpublished(id));
                continue;
            }
            Err(error) => return Err(error),
        };
        let Some(number) = flow.revision else {
            problems.push(pins::unpublished(flow.id));
            continue;
        };
        let called = ctx.state.executable(ctx.tenant, flow.id, number).await?;
        pin.revision = Some(number);
        pin.hash = Some(launch::hand_over(&ctx.bus, &called).await?);
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::InvalidFlow(problems))
    }
}
